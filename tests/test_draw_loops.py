"""Pictures of loops on a machine: the walk through memory, multiply-adds in flight, the block of sums."""

from itertools import pairwise

import pytest
from svg_shapes import inside, overlapping, shapes

import minigrad
from minigrad.draw import pipeline, registers, walk
from minigrad.draw.pipeline import schedule
from minigrad.draw.walk import fetched

X = minigrad.arange(24.0).reshape(4, 6)


def cells(sheet):
    """The cells of a walk in the order of memory: the words in each, and its fill."""
    _, still, _ = shapes(sheet.svg())
    boxes = sorted([box for box in still if box.width == box.height == 34], key=lambda box: (box.y, box.x))
    texts = [box for box in still if box.words]
    return [(next((text.words for text in texts if box.x < text.x < box.x + 34 and box.y < text.y < box.y + 34), ""),
             box.kind.split()[0]) for box in boxes]


@pytest.mark.parametrize(("view", "line", "kept"), [(X, 6, 1), (X.T, 6, 2), (X[1:, ::2], 4, 2), (X[:, 1:4].T, 8, 1),
                                                    (X.unfold(1, 3, 1), 6, 2)])
def test_a_walk_shows_each_visit_where_it_lies(view, line, kept):
    places = [int(value) for value in view.flatten().tolist()]      # X[i][j] is 6i + j: its place in X's memory
    fetches = fetched([place // line for place in places], kept)
    shown, first = cells(walk(view, line, kept)), min(places) // line * line
    assert len(shown) == (max(places) // line + 1) * line - first
    for n, (words, fill) in enumerate(shown, first):
        visits = [at for at, place in enumerate(places) if place == n]
        assert words == (f"{visits[0] + 1}" + "…" * (len(visits) > 1) if visits else "")
        assert fill == (("f-kernel" if any(fetches[at] for at in visits) else "f-output") if visits else "none")


def test_neighbours_share_a_fetch_and_columns_do_not():
    x = minigrad.arange(64.0).reshape(8, 8)
    assert walk(x).title == "64 visits fetch 8 lines"
    assert walk(x.T).title == "64 visits fetch 64 lines"
    assert walk(x[:, 0], line=8).title == "8 visits fetch 8 lines"


def test_what_was_used_last_is_at_hand():
    assert fetched([0, 1, 0, 2, 0, 1], 2) == [True, True, False, True, False, True]


@pytest.mark.parametrize("sums", range(1, 13))
def test_a_schedule_keeps_to_latency_and_units(sums):
    begun = schedule(sums, 4, 2, 40)
    assert all(b - a >= 4 for starts in begun for a, b in pairwise(starts))
    each = [sum(cycle in starts for starts in begun) for cycle in range(40)]
    assert max(each) <= 2 and sum(each) == min(sums * 10, 80)       # 8 sums keep two units of latency 4 busy


def test_a_pipeline_has_a_bar_for_each_multiply_add():
    _, still, _ = shapes(pipeline(3, latency=2, units=1, cycles=6).svg())
    assert len([box for box in still if "s-accent" in box.kind]) == 6


def test_registers_count_loads_and_registers():
    sheet = registers(4, 4)
    assert sheet.title == "4 x 4 sums: 8 loads for 16 multiply-adds"
    assert "16 + 4 + 1 = 21 registers of 32" in sheet.svg()
    assert "16 + 2 + 1 = 19 registers, and there are 16" in registers(8, 2, 8, 16).svg()


@pytest.mark.parametrize("sheet", [walk(X), walk(X.T, 3, 1), pipeline(1), pipeline(12, 5, 3, 30), registers(1, 1),
                                   registers(16, 2), registers(3, 4, 4, 16)])
def test_nothing_is_cut_off_or_overlaps(sheet):
    size, still, _ = shapes(sheet.svg())
    assert all(inside(box, size) for box in still) and not overlapping(still)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: walk(X, line=0), "walk: line: got 0, expected at least 1"),
    (lambda: walk(X, kept=0), "walk: kept: got 0, expected at least 1"),
    (lambda: walk(X[:0]), "walk: view: got shape .0, 6., expected 1 to 1024 numbers"),
    (lambda: walk(minigrad.zeros(33, 33)), "walk: view: got shape .33, 33., expected 1 to 1024 numbers"),
    (lambda: walk(minigrad.zeros(1).expand(10**14)), "walk: view: got shape .100000000000000,., expected 1 to 1024"),
    (lambda: walk(minigrad.zeros(1025)[::1024]), "walk: view: got 2 numbers in 129 lines of 8, expected at most 1024"),
    (lambda: pipeline(0), "pipeline: sums: got 0, expected 1 to 64"),
    (lambda: pipeline(1, units=65), "pipeline: units: got 65, expected 1 to 64"),
    (lambda: registers(17, 1), "registers: channels: got 17, expected 1 to 16"),
    (lambda: registers(1, 1, lanes=0), "registers: lanes: got 0, expected at least 1"),
])
def test_what_makes_no_picture_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
