"""The picture of nodes shows the engine's values, slopes, gradients and tangents, in places where they can be read."""

import pytest
from svg_shapes import inside, overlapping, shapes

from minigrad.draw import tape


def product(a, b):
    return {"p": (p := a * b), "q": (q := a * a), "y": p + q}


def words(sheet):
    return [box.words for box in shapes(sheet.svg())[1] if box.words]


def test_values_gradients_and_slopes_are_those_of_calculus():
    shown = words(tape(product, a=3.0, b=4.0))
    for name, value, gradient in (("a input", "3", "10"), ("b input", "4", "3"), ("p mul", "12", "1"),
                                  ("q mul", "9", "1"), ("y add", "21", "1")):
        at = shown.index(name)
        assert shown[at + 1:at + 3] == [value, f"gradient {gradient}"]
    assert sorted(word for word in shown if word.startswith("×")) == ["×1", "×1", "×3", "×3", "×3", "×4"]


def test_tangents_are_those_of_forward_mode():
    shown = words(tape(product, "", {"b": 2.0}, a=3.0, b=4.0))
    assert [shown[shown.index(name) + 2] for name in ("a input", "b input", "p mul", "q mul", "y add")] == [
        "tangent 0", "tangent 2", "tangent 6", "tangent 0", "tangent 6"]


def test_turns_count_users_before_what_they_use_and_forwards_the_other_way():
    shown = words(tape(product, a=3.0, b=4.0))
    turn = {name: shown[shown.index(name) + 3] for name in ("p mul", "q mul", "y add")}
    assert turn["y add"] == "1" and {turn["p mul"], turn["q mul"]} == {"2", "3"}
    shown = words(tape(product, "", {"a": 1.0}, a=3.0, b=4.0))
    assert shown[shown.index("y add") + 3] == "3"


@pytest.mark.parametrize("function", [
    product,
    lambda a, b: {"y": a * b + (a - b).exp() * a + b},
    lambda a, b: {"u": (u := a + a), "v": (v := u + u), "y": v + v * b},
    lambda a, b: {"y": a * 1000000.25},
])
def test_nothing_lies_outside_or_on_something_else(function):
    size, boxes, _ = shapes(tape(function, a=1.5, b=-2.0).svg())
    assert all(inside(box, size) for box in boxes)
    assert not overlapping([box for box in boxes if box.words])


def test_refusals_name_the_argument():
    with pytest.raises(ValueError, match="tape: function: got a result that no op made of the inputs"):
        tape(lambda a: {"y": a}, a=1.0)
    with pytest.raises(ValueError, match="tape: function: got 31 values, expected at most 24"):
        tape(lambda a: {"y": sum([a] * 30, a)}, a=1.0)
