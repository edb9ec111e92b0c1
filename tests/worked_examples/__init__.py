"""The worked numbers, formulas and figures of five texts, each computed by the engine: the one table of them.

    registry            what an example is: its place in a text, what the text says, what the engine computes
    by_the_engine       the engine asked with plain lists, and matrices written with letters
    visin               Visin's thesis, the chapter on convolutional networks: figures 2.6 to 2.26, Relationships 1-14
    larochelle          Larochelle's slides on convolutional networks
    batra               Batra's lecture: convolution as a matrix, dilation, backpropagation, transposed convolution
    brefeld             Brefeld and Majumder's lecture on convolutions
    dilated             the lecture on dilated and transposed convolutions

tests/test_worked.py runs all of them, docs/worked.py writes the page that lists them.
"""

from worked_examples import batra, brefeld, dilated, larochelle, visin
from worked_examples.registry import EXAMPLES, TEXTS, Example, Text

__all__ = ["EXAMPLES", "TEXTS", "Example", "Text"]
