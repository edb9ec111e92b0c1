"""The gallery shows every public drawing; its calls are Python, and nothing in it overlaps or is cut off."""

import re
import runpy
from pathlib import Path

import pytest
from svg_shapes import inside, overlapping, shapes

from minigrad import draw

DOCS = Path(__file__).resolve().parent.parent / "docs"
DRAWN = runpy.run_path(str(DOCS / "figures.py"))["gallery"]()
PAGE = DRAWN.pop("gallery.md")
CALLS = re.findall(r"```python\n(.*?)\n```", PAGE, re.S)


def test_every_public_drawing_is_shown():
    named = {name for call in CALLS for name in re.findall(r"\b[a-z_]\w*(?=\()", call)}
    assert set(draw.__all__) - named == {"Steps"}       # which conv_steps and its like give
    assert all(f"]({name})" in PAGE for name in DRAWN)


@pytest.mark.parametrize("call", CALLS)
def test_a_call_stands_there_as_python(call):
    compile(call, "gallery.md", "eval")
    assert max(map(len, call.split("\n"))) <= 110


# Those of the book and of other pages, as they are in their files.
OTHERS = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.svg"))
          if not path.name.startswith("2_")} | DRAWN


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_is_cut_off_or_lies_on_another_text(name):
    size, still, steps = shapes(OTHERS[name])
    assert len(OTHERS[name]) < 60_000
    for boxes in [[], *steps]:
        assert [box for box in [*still, *boxes] if not inside(box, size)] == []
        assert overlapping([*still, *boxes]) == []
