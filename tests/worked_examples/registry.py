"""An example: what a text says at a place, and the function by which the engine says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Text:
    """A source text."""

    author: str
    title: str


@dataclass(frozen=True)
class Example:
    """One statement of a text.

    `compute` asks the engine and must give `gives`; where the text is wrong, `erratum` says how, and `printed`, what it
    has instead, must not be what the engine gives.  `note` is a remark of ours; `shown` stands for a value that is too
    long for a table; `figure` names the drawing of docs/figures.py.
    """

    text: Text
    place: str
    says: str
    compute: Callable[[], Any]
    gives: Any
    printed: Any = None
    erratum: str = ""
    note: str = ""
    shown: str = ""
    figure: str = ""

    @property
    def name(self) -> str:
        """The function's name in words."""
        return self.compute.__name__.replace("_", " ")


EXAMPLES: list[Example] = []
VISIN = Text("Francesco Visin", "Deep learning for visual structured prediction, thesis, chapter 2 (after Dumoulin and "
             "Visin, A guide to convolution arithmetic for deep learning)")
LAROCHELLE = Text("Hugo Larochelle", "Convolutional networks, slides")
BATRA = Text("Dhruv Batra", "CS 7643 Deep learning, Georgia Tech: Toeplitz matrices, dilated convolutions, "
             "backpropagation, transposed convolutions")
BREFELD = Text("Ulf Brefeld and Soham Majumder", "Deep learning: convolutions, Leuphana University")
DILATED = Text("Lecture slides, no author named", "Deep learning: dilated and transposed convolutions")
TEXTS = (VISIN, LAROCHELLE, BATRA, BREFELD, DILATED)


def worked(text: Text, place: str, says: str, gives: Any, **more: Any) -> Callable[[Callable], Callable]:
    """Enters a function of no arguments as the example of that place."""
    def enter(compute: Callable) -> Callable:
        EXAMPLES.append(Example(text, place, says, compute, gives, **more))
        return compute
    return enter
