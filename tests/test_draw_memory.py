"""The picture of a view in memory: every element at the address where the engine finds it."""

import re

import pytest
from hypothesis import given, settings, strategies as st
from svg_shapes import inside, overlapping, shapes

import minigrad
from minigrad.draw import memory

X = minigrad.arange(12.0).reshape(3, 4)
VIEWS = [X, X.T, X[::2, 1:3], X.flip(1), X.flip(0, 1), X[1], X[:, :1].expand(3, 4), X[0].unfold(0, 3, 1),
         minigrad.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)]


def columns(sheet):
    """{what is written in a cell: the number of memory that it stands under}, from the drawing alone."""
    _, boxes, _ = shapes(sheet.svg())
    top = min(box.y for box in boxes if box.words == "memory")
    numbers = {round(box.x + box.width / 2): box.words for box in boxes
               if abs(box.y - top) < 4 and re.fullmatch(r"[\d.]+", box.words)}
    return {box.words: numbers[round(box.x + box.width / 2)] for box in boxes
            if re.fullmatch(r"\d(,\d)*…?", box.words) and box.y > top + 20}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.shape} {view.stride()}")
def test_an_element_stands_under_its_number(view):
    found = columns(memory(view))
    assert found
    for words, number in found.items():
        value = view[tuple(map(int, words.rstrip("…").split(",")))].item()
        assert f"{value:g}" == number


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.shape} {view.stride()}")
def test_nothing_overlaps_or_is_cut_off(view):
    size, boxes, _ = shapes(memory(view).svg())
    assert all(inside(box, size) for box in boxes) and overlapping(boxes) == []


def test_offset_is_counted_from_the_tensor_that_is_viewed():
    assert memory(X[1:, 1:], of=X).title == "shape (2, 3), strides (4, 1), offset 5"
    assert memory(X[1:, 1:]).title == "shape (2, 3), strides (4, 1), offset 0"
    assert "[r, c] lies at 3 + 4·r − 1·c" in memory(X.flip(1), of=X).svg()
    assert "[o, t] lies at 0 + 2·o + 1·t" in memory(X[0].unfold(0, 2, 2), letters="ot").svg()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_view_of_a_small_tensor_is_drawn(data):
    shape = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    whole = minigrad.arange(float(minigrad.zeros(*shape).numel())).reshape(*shape)
    view = whole.permute(*data.draw(st.permutations(range(len(shape)))))
    for axis in range(len(shape)):
        view = view.narrow(axis, data.draw(st.integers(0, view.shape[axis] - 1)), 1) if data.draw(st.booleans()) else (
            view.flip(axis))
    for words, number in columns(memory(view, of=whole)).items():
        assert f"{view[tuple(map(int, words.split(',')))].item():g}" == number


@pytest.mark.parametrize(("view", "more", "says"), [
    (minigrad.zeros(0), {}, "memory: view: .*at least one element"),
    (minigrad.tensor(1.0), {}, "1 to 4 axes"),
    (minigrad.zeros(41), {}, "41 addresses, expected at most 40"),
    (minigrad.zeros(1).expand(10**7, 10**7), {}, "at most 16 rows and 640 elements"),        # nothing of it is counted
    (minigrad.zeros(1).expand(10**14), {}, "at most 16 rows and 640 elements"),
    (minigrad.zeros(2), {"of": minigrad.zeros(41)}, "memory: of: got 41 numbers, expected at most 40"),
    (minigrad.zeros(17, 1), {}, "shape .17, 1., expected at most 16 rows"),
    (X, {"letters": "r"}, "one for each of 2 axes"),
    (X, {"of": X.T}, "a contiguous tensor"),
    (X, {"of": minigrad.zeros(3, 4)}, "one that view is a view of"),
    (X, {"of": X[:2]}, "one that view is a view of"),
])
def test_errors_say_what_was_wanted(view, more, says):
    with pytest.raises(ValueError, match=says):
        memory(view, **more)
