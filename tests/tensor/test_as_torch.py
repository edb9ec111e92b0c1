"""Every function and method gives what PyTorch gives: values, dtypes, shapes and gradients, on shapes of every kind.

Without PyTorch, the part that needs none still runs: memory layouts must not matter.
"""

import pytest
from both import LAYOUTS, assert_same, close, run
from calls import (
    ELEMENTWISE,
    LINALG,
    MATMUL,
    MATMUL_SHAPES,
    PAIR_SHAPES,
    PAIRS,
    REDUCTIONS,
    REDUCTIONS_DIM,
    REDUCTIONS_DIMS,
    SHAPE,
    SHAPE_2D,
    SHAPE_DIM,
    SHAPES,
)

import minigrad

ONE = ELEMENTWISE + REDUCTIONS + SHAPE


def along(text, shape):
    """The call for every axis of the shape, counted from the front and from the back, and for one that is too far."""
    n = max(len(shape), 1)
    too_far = 0 not in shape            # (PyTorch does not always look at the axis where there are no elements)
    return [text.replace("{d}", str(dim)) for dim in range(-n - too_far, n + too_far)]


@pytest.mark.torch
@pytest.mark.parametrize("text", ONE)
def test_one_tensor(text):
    for shape in SHAPES:
        assert_same(text, (shape,))


@pytest.mark.torch
@pytest.mark.parametrize("text", REDUCTIONS_DIM + SHAPE_DIM)
def test_along_an_axis(text):
    for shape in SHAPES:
        for call in along(text, shape):
            assert_same(call, (shape,))


@pytest.mark.torch
@pytest.mark.parametrize("text", REDUCTIONS_DIMS + SHAPE_2D)
def test_over_two_axes(text):
    for shape in SHAPES:
        if len(shape) > 1:
            assert_same(text, (shape,))


@pytest.mark.torch
@pytest.mark.parametrize("text", PAIRS)
def test_two_tensors_broadcast(text):
    for shapes in PAIR_SHAPES:
        assert_same(text, shapes)


@pytest.mark.torch
@pytest.mark.parametrize("text", MATMUL)
@pytest.mark.parametrize("shapes", MATMUL_SHAPES, ids=str)
def test_matmul(text, shapes):
    for layout in LAYOUTS:
        assert_same(text, shapes, layout)


@pytest.mark.torch
@pytest.mark.parametrize("text, shapes", [(text, tuple(shapes)) for text, *shapes in LINALG])
def test_linear_algebra(text, shapes):
    assert_same(text, shapes)


def same_in_every_layout(text, shapes):
    try:
        expected = run(minigrad, text, shapes)
    except (ValueError, TypeError, IndexError):
        return
    for layout in LAYOUTS[1:]:
        assert close(run(minigrad, text, shapes, layout), expected), (text, shapes, layout)


@pytest.mark.parametrize("text", [text for text in ONE if "is_contiguous" not in text])
def test_layout_of_one_tensor_does_not_matter(text):
    for shape in [(3,), (2, 3), (2, 3, 2), (2, 1, 0)]:
        same_in_every_layout(text, (shape,))


@pytest.mark.parametrize("text", REDUCTIONS_DIM + SHAPE_DIM)
def test_layout_does_not_matter_along_an_axis(text):
    for dim in range(3):
        same_in_every_layout(text.replace("{d}", str(dim)), ((2, 3, 2),))


@pytest.mark.parametrize("text", PAIRS)
def test_layout_of_two_tensors_does_not_matter(text):
    for shapes in [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3))]:
        same_in_every_layout(text, shapes)
