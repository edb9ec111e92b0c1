"""The worked examples of the source texts: what the engine gives is what they say, or what they should say."""

import re
import runpy
from pathlib import Path

import pytest
from worked_examples import EXAMPLES, TEXTS
from worked_examples.registry import VISIN

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.compute.__name__)
def test_what_the_text_says(example):
    found = example.compute()
    assert found == example.gives
    assert example.printed is None or found != example.printed, "printed as an error, but right"
    assert (example.printed is None) == (not example.erratum)


def test_all_texts_figures_and_relationships_are_there():
    assert {example.text for example in EXAMPLES} == set(TEXTS)
    assert len({example.compute.__name__ for example in EXAMPLES}) == len(EXAMPLES)
    places = " ".join(example.place for example in EXAMPLES if example.text is VISIN)
    figures = {int(number) for number in re.findall(r"figure 2\.(\d+)", places)}
    assert figures >= set(range(6, 27))
    assert {int(number) for number in re.findall(r"Relationship (\d+)", places)} == set(range(1, 15))
    drawn = runpy.run_path(str(DOCS / "figures.py"))["FIGURES"]
    assert {example.figure for example in EXAMPLES} - {""} >= {name for name in drawn if name != "2_09b"}


def test_drawings_hold_the_numbers_of_their_examples():
    """2.6, 2.7, 2.10 and 2.11, whose cells have numbers: as they are written in the cells of the result."""
    drawn = runpy.run_path(str(DOCS / "figures.py"))["FIGURES"]
    gives = {example.figure: example.gives for example in EXAMPLES}
    for name in ("2_06", "2_07", "2_10", "2_11"):
        words = drawn[name][1]().target.words
        assert [[round(float(word), 1) for word in row] for row in words] == gives[name]


def test_the_page_lists_them_all():
    page = (DOCS / "worked.md").read_text(encoding="utf-8")
    assert page == runpy.run_path(str(DOCS / "worked.py"))["page"](), "run python docs/worked.py"
    assert all(f"[{example.name}]" in page for example in EXAMPLES)
