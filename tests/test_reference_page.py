"""The page of all public names is made from the source and leaves no name out.

Whether the committed page is what the source says now is asked by `python docs/reference.py --check`, not here: a
change of a docstring shall not fail a test.
"""

import runpy
from pathlib import Path

import pytest

from minigrad import func, functions, nn, optim
from minigrad.op import OPS

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def page():
    return runpy.run_path(str(DOCS / "reference.py"))["page"]()


def test_every_name_is_there(page):
    for owner in (functions, nn, nn.functional, nn.utils, optim, optim.lr_scheduler, func):
        part = {line.split("`")[1].split("(")[0] for line in page.splitlines() if line.startswith("- **`")}
        names = {name for name in owner.__all__ if not hasattr(getattr(owner, name), "__path__")}
        assert names - part - {"functional", "init", "lr_scheduler"} == set(), owner.__name__
    for name in OPS:
        assert f"\n| `{name}` |" in page


@pytest.mark.parametrize("line", [
    "| `exp` | pointwise | e^x | ∂/∂x = `y` |",
    "| `mul` | pointwise | a * b (logical and, for bool) | ∂/∂a = `b`; ∂/∂b = `a` |",
    "in x: g ↦ `conv_transpose(g, w)`; in w: g ↦ `conv_weight(x, g)`; in operand 2: g ↦ sum over n, o of g[n,k,o] |",
    "in g: x ↦ `conv(x, w)`; in w: x ↦ `conv_weight(x, g)`; in operand 2: g ↦ sum over n, o of g[n,k,o] |",
    "g ↦ `avg_pool(g, **attrs)` |",
    "- **`softsign(input)`** `x / (1 + |x|)`. Derivative: through `abs`, `add`, `div`.",
])
def test_known_lines(page, line):
    assert line in page


def test_committed_page_is_whole():
    lines = (DOCS / "reference.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Reference" and "## The op table" in lines and len(lines) > 500
