"""The figures of the documentation have the numbers of the chapter they redraw, and files are small."""

import runpy
from pathlib import Path

import pytest
from svg_shapes import inside, overlapping, shapes

from minigrad.draw import Steps

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parent.parent / "docs" / "figures.py"))
FIGURES = {name: draw() for part in ("FIGURES", "MORE") for name, (_, draw) in SCRIPT[part].items()}

# As the captions of the chapter say: side of the board that is slid over (padding and inserted zeros too), side of
# the kernel, steps apart, side of the output, cells that hold input, and the title's letters.
CHAPTER = {
    "2_06": (5, 3, 1, 3, 25, "i = 5, k = 3, s = 1, p = 0"), "2_07": (7, 3, 2, 3, 25, "i = 5, k = 3, s = 2, p = 1"),
    "2_09a": (5, 3, 2, 2, 25, "i = 5, k = 3, s = 2, p = 0"), "2_10": (5, 3, 1, 3, 25, "i = 5, k = 3, s = 1, p = 0"),
    "2_11": (5, 3, 1, 3, 25, "i = 5, k = 3, s = 1, p = 0"), "2_12": (4, 3, 1, 2, 16, "i = 4, k = 3, s = 1, p = 0"),
    "2_13": (9, 4, 1, 6, 25, "i = 5, k = 4, s = 1, p = 2"), "2_14": (7, 3, 1, 5, 25, "i = 5, k = 3, s = 1, p = 1"),
    "2_15": (9, 3, 1, 7, 25, "i = 5, k = 3, s = 1, p = 2"), "2_16": (5, 3, 2, 2, 25, "i = 5, k = 3, s = 2, p = 0"),
    "2_17": (7, 3, 2, 3, 25, "i = 5, k = 3, s = 2, p = 1"), "2_18": (8, 3, 2, 3, 36, "i = 6, k = 3, s = 2, p = 1"),
    "2_20": (6, 3, 1, 4, 4, "i = 4, k = 3, s = 1, p = 0"), "2_21": (8, 4, 1, 5, 36, "i = 5, k = 4, s = 1, p = 2"),
    "2_22": (7, 3, 1, 5, 25, "i = 5, k = 3, s = 1, p = 1"), "2_23": (7, 3, 1, 5, 49, "i = 5, k = 3, s = 1, p = 2"),
    "2_24": (7, 3, 1, 5, 4, "i = 5, k = 3, s = 2, p = 0"), "2_25": (7, 3, 1, 5, 9, "i = 5, k = 3, s = 2, p = 1"),
    "2_26": (8, 3, 1, 6, 9, "i = 6, k = 3, s = 2, p = 1"),
}


@pytest.mark.parametrize("name", CHAPTER)
def test_a_figure_has_the_numbers_of_its_caption(name):
    slid, kernel, apart, output, cells, letters = CHAPTER[name]
    steps = FIGURES[name]
    assert steps.title.endswith(letters)
    assert (steps.source.rows, steps.source.columns) == (slid, slid)
    assert (steps.target.rows, steps.target.columns) == (output, output)
    assert sum(kind == "cell" for row in steps.source.kinds for kind in row) == cells
    for (r, c), step in zip([(r, c) for r in range(output) for c in range(output)], steps.steps, strict=True):
        assert sorted(step.window) == [(r * apart + a, c * apart + b) for a in range(kernel) for b in range(kernel)]
        assert (1, (r, c)) in step.points


def test_figures_of_the_chapter_are_all_there():
    numbers = {int(name[2:4]) for name in SCRIPT["FIGURES"]}
    assert numbers == set(range(6, 27))


def test_zeros_stand_where_the_transpose_of_a_strided_convolution_puts_them():
    kinds = FIGURES["2_26"].source.kinds
    at = [[place for place, kind in enumerate(row) if kind == "cell"] for row in kinds]
    # One zero between inputs, a border of one, and one more at the bottom and on the right.
    assert at == [[], [1, 3, 5], [], [1, 3, 5], [], [1, 3, 5], [], []]
    assert kinds[2] == ["pad", *["zero"] * 5, "pad", "pad"]


def test_the_stride_seen_as_what_is_kept():
    kinds = FIGURES["2_09b"].target.kinds
    assert kinds == [["cell", "pad", "cell"], ["pad"] * 3, ["cell", "pad", "cell"]]


def test_counting_places():
    assert FIGURES["2_19a"].title.startswith("The window fits 3 times")
    assert FIGURES["2_19b"].title.startswith("The window fits 2 times")


@pytest.mark.parametrize("name", FIGURES)
def test_files_are_small_and_whole(name):
    figure = FIGURES[name]
    for sheet in [figure.animation(), figure.strip()] if isinstance(figure, Steps) else [figure]:
        assert len(sheet.svg()) < 60_000
        size, still, steps = shapes(sheet.svg())
        for boxes in [[], *steps]:
            assert all(inside(box, size) for box in [*still, *boxes]) and overlapping([*still, *boxes]) == []


def test_the_page_shows_every_file():
    files = SCRIPT["files"]()
    page = files.pop("figures.md")
    assert all(f"({name})" in page for name in files) and page.count("](figures/") == len(files)
