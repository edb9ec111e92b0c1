"""Pictures as SVG: text stays text, light and dark follow the reader's system, nothing is needed to make them.

    window_pair     a convolution and its transpose, with the engine's own numbers
    bars            a bar chart on a logarithmic axis
    graph           a captured function: forward, backward beside it, updates
    lines           line charts on logarithmic axes, one for each quantity
"""

from minigrad.draw.bars import bars
from minigrad.draw.graph import graph
from minigrad.draw.lines import lines
from minigrad.draw.window import window_pair

__all__ = ["bars", "graph", "lines", "window_pair"]
