"""x[key] and x[key] = value for generated keys, against a model on nested lists and, where installed, PyTorch."""

import itertools
import math

import pytest
from hypothesis import given, settings, strategies as st

import minigrad

try:
    import torch
except ImportError:
    torch = None

SHAPES = st.sampled_from([(), (1,), (4,), (0,), (3, 4), (1, 3), (2, 0), (2, 3, 4), (2, 1, 3, 2)])
CHECKED = settings(max_examples=300, deadline=None)


class Ints(list):
    """Nested lists that stand for a tensor of integers in a key."""


class Mask(list):
    """Nested lists that stand for a tensor of bools in a key."""


def grid(shape, start=0):
    """Nested lists of 0, 1, 2, ... of that shape."""
    if not shape:
        return start
    step = math.prod(shape[1:])
    return [grid(shape[1:], start + j * step) for j in range(shape[0])]


def nested(draw, elements, shape):
    return draw(elements) if not shape else [nested(draw, elements, shape[1:]) for _ in range(shape[0])]


@st.composite
def keys(draw, shape):
    """A key for a tensor of that shape: mostly valid parts, in every mixture."""
    parts, axis, dots = [], 0, False
    index_shape = draw(st.sampled_from([(2,), (1,), (3,), (2, 2), (2, 1), (0,)]))
    while axis <= len(shape):
        kind = draw(st.sampled_from(["int", "slice", "slice", "slice", "none", "dots", "ints", "mask", "list",
        "stop"]))
        size = shape[axis] if axis < len(shape) else 0
        if kind == "none" and len(parts) < 3:
            parts.append(None)
        elif kind == "dots" and not dots:
            parts.append(...)
            dots, axis = True, draw(st.integers(axis, len(shape)))
        elif axis == len(shape) or (kind == "stop" and not dots):       # (what follows "..." ends at the last axis)
            break
        elif kind == "slice":
            bound = st.one_of(st.none(), st.integers(-size - 1, size + 1))
            parts.append(slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2, 3]))))
            axis += 1
        elif kind == "mask" and axis < len(shape):
            spans = draw(st.integers(1, min(2, len(shape) - axis)))
            parts.append(Mask(nested(draw, st.booleans(), shape[axis:axis + spans])))
            axis += spans
        elif size and kind in ("ints", "list"):
            chosen = index_shape if kind == "ints" else index_shape[-1:]
            parts.append(Ints(nested(draw, st.integers(-size, size - 1), chosen)))
            axis += 1
        elif size and kind == "int":
            parts.append(draw(st.integers(-size, size - 1)))
            axis += 1
    return parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)


@st.composite
def cases(draw):
    shape = draw(SHAPES)
    return shape, draw(keys(shape))


def as_key(library, key):
    """The key with its stand-ins as that library's tensors."""
    if isinstance(key, tuple):
        return tuple(as_key(library, part) for part in key)
    if isinstance(key, Mask):
        return library.tensor(list(key), dtype=library.bool)
    return library.tensor(list(key), dtype=library.int64) if isinstance(key, Ints) else key


# The model ------------------------------------------------------------------------------------------------------------

def sizes(x):
    shape = []
    while isinstance(x, list):
        shape.append(len(x))
        if not x:
            break
        x = x[0]
    return tuple(shape)


def at(x, index):
    for j in index:
        x = x[j]
    return x


def model(shape, key):
    """(the result's shape, the index in x of each of its elements in row-major order), from the definition."""
    parts = list(key) if isinstance(key, tuple) else [key]
    used = sum(len(sizes(p)) if isinstance(p, Mask) else p is not None and p is not ... for p in parts)
    spot = next((j for j, part in enumerate(parts) if part is ...), len(parts))
    parts[spot:spot + 1] = [slice(None)] * (len(shape) - used)
    axes, axis, picks = [], 0, []           # one entry for each axis of the view, and where the index lists stand
    for part in parts:
        if part is None:
            axes.append(None)
        elif isinstance(part, slice):
            axes.append((axis, range(shape[axis])[part]))
            axis += 1
        elif isinstance(part, int):
            axes.append((axis, part % shape[axis]))
            axis += 1
        else:
            spans = len(sizes(part)) if isinstance(part, Mask) else 1
            hits = [p for p in itertools.product(*map(range, shape[axis:axis + spans])) if at(part, p)] \
                if isinstance(part, Mask) else None
            for j in range(spans):
                column = [p[j] for p in hits] if hits is not None else list(part)
                picks.append((len(axes), axis + j, column))
                axes.append("pick")
            axis += spans
    return place(shape, axes, picks)


def place(shape, axes, picks):
    """Puts the axes of the index lists together, in place where they neighbour, else in front."""
    stays = [entry for entry in axes if not isinstance(entry, tuple) or not isinstance(entry[1], int)]
    fixed = {entry[0]: entry[1] for entry in axes if isinstance(entry, tuple) and isinstance(entry[1], int)}
    spots = [j for j, entry in enumerate(stays) if entry == "pick"]
    joint = sizes_of_picks([column for _, _, column in picks]) if picks else ()
    together = all(b - a == 1 for a, b in itertools.pairwise(spots))
    front = spots[0] if picks and together else 0
    rest = [entry for entry in stays if entry != "pick"]
    order = [("axis", entry) for entry in rest]
    order[front:front] = [("joint", n) for n in range(len(joint))]
    result = tuple(joint[entry] if kind == "joint" else 1 if entry is None else len(entry[1]) for kind, entry in order)
    elements = []
    for position in itertools.product(*map(range, result)):
        index, chosen = dict(fixed), []
        for j, (kind, entry) in zip(position, order, strict=True):
            if kind == "joint":
                chosen.append(j)
            elif entry is not None:
                index[entry[0]] = entry[1][j]
        for _, axis, column in picks:
            own = sizes(column)
            index[axis] = at(column, [c if n > 1 else 0 for c, n in
                                      zip(chosen[len(chosen) - len(own):], own, strict=True)]) % shape[axis]
        elements.append(tuple(index[axis] for axis in range(len(shape))))
    return result, elements


def sizes_of_picks(columns):
    """The shape the index lists broadcast to; ValueError if they do not."""
    ndim = max(len(sizes(column)) for column in columns)
    shape = [1] * ndim
    for column in columns:
        own = (1,) * (ndim - len(sizes(column))) + sizes(column)
        for j, n in enumerate(own):
            if n != 1:
                if shape[j] not in (1, n):
                    raise ValueError("the index lists do not broadcast")
                shape[j] = n
    return tuple(shape)


# The tests ------------------------------------------------------------------------------------------------------------

def tensor_of(shape, library=minigrad, dtype="int64"):
    return library.arange(math.prod(shape), dtype=getattr(library, dtype)).reshape(shape)


@CHECKED
@given(cases())
def test_get_is_the_model(case):
    shape, key = case
    x = tensor_of(shape)
    try:
        expected, elements = model(shape, key)
    except ValueError:
        with pytest.raises(IndexError):
            x[as_key(minigrad, key)]
        return
    got = x[as_key(minigrad, key)]
    assert got.shape == expected
    assert got.flatten().tolist() == [x[index].item() for index in elements]


@CHECKED
@given(cases(), st.sampled_from(["number", "whole", "row"]))
def test_set_is_the_model(case, kind):
    shape, key = case
    x = tensor_of(shape)
    try:
        result, elements = model(shape, key)
    except ValueError:
        with pytest.raises(IndexError):
            x[as_key(minigrad, key)] = 0
        return
    target = result if kind == "whole" else result[-1:] if kind == "row" else ()
    value = tensor_of(target) + 100
    x[as_key(minigrad, key)] = value if kind != "number" else 100
    values = value.expand(result).flatten().tolist()
    expected = {}
    for index, v in zip(elements, values, strict=True):
        expected.setdefault(index, []).append(v)
    for index in itertools.product(*map(range, shape)):     # where a place is named twice, any of its values may stay
        flat = sum(j * math.prod(shape[axis + 1:]) for axis, j in enumerate(index))
        assert x[index].item() in expected.get(index, [flat])


@pytest.mark.torch
@CHECKED
@given(cases())
def test_get_and_its_gradient_are_those_of_torch(case):
    pytest.importorskip("torch")
    shape, key = case
    ours = tensor_of(shape, dtype="float64").requires_grad_()
    theirs = tensor_of(shape, torch, "float64").requires_grad_()
    try:
        expected = theirs[as_key(torch, key)]
    except IndexError:
        with pytest.raises(IndexError):
            ours[as_key(minigrad, key)]
        return
    got = ours[as_key(minigrad, key)]
    assert got.tolist() == expected.tolist() and got.shape == tuple(expected.shape)
    (got * got).sum().backward()
    (expected * expected).sum().backward()
    assert ours.grad.tolist() == theirs.grad.tolist()


@given(SHAPES, st.lists(st.integers(-6, 6), min_size=1, max_size=5))
def test_integers_out_of_range_are_index_errors(shape, key):
    x = tensor_of(shape)
    fits = len(key) <= len(shape) and all(-n <= j < n for j, n in zip(key, shape, strict=False))
    if fits:
        x[tuple(key)]
    else:
        with pytest.raises(IndexError, match="indexing: "):
            x[tuple(key)]


def test_views_share_memory_and_copies_do_not():
    x = minigrad.zeros(3, 4)
    x[1, ::2][0] = 5
    x[..., None, 3][2] = 7
    x[[0]][0, 0] = 9
    assert x.tolist() == [[0, 0, 0, 0], [5, 0, 0, 0], [0, 0, 0, 7]]


def test_negative_steps_are_views_too():
    x = minigrad.arange(5)
    assert x[::-1].tolist() == [4, 3, 2, 1, 0] and x[3:0:-2].tolist() == [3, 1]
    x[::-1][0] = 9
    assert x.tolist() == [0, 1, 2, 3, 9]


def test_assignment_from_itself_reads_before_it_writes():
    x = minigrad.arange(5)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3]
    x[:] = x[::-1]
    assert x.tolist() == [3, 2, 1, 0, 0]


@pytest.mark.parametrize("key, text", [
    (1.5, "expected integers"), ("a", "expected integers"), ((0, 0, 0), "3 indices for the 2 axes"),
    ((..., ...), "got 2 ellipses, expected at most one"), (3, "index 3 is out of range for axis 0 of size 2"),
    (slice(None, None, 0), "step"), ([0, 5], "index 5 is out of range"), (object(), "expected integers"),
    ([1.5], "float32"), ([[True, False]], "mask"), (slice("a", None), "slice"), ({}, "expected integers")])
def test_bad_keys_say_what_is_wrong(key, text):
    x = minigrad.zeros(2, 3)
    for call in (lambda: x[key], lambda: x.__setitem__(key, 0)):
        with pytest.raises((IndexError, TypeError, ValueError), match=text):
            call()


def test_bad_values_say_what_is_wrong():
    x = minigrad.zeros(2, 3)
    with pytest.raises(ValueError, match=r"assignment: value: got shape \(4,\), expected one that"):
        x[0] = minigrad.ones(4)
    with pytest.raises(TypeError):
        x[0] = "a"
    with pytest.raises(RuntimeError, match="requires a gradient"):
        minigrad.zeros(2, requires_grad=True)[0] = 1
    with pytest.raises(RuntimeError, match="requires a gradient"):
        x[0] = minigrad.ones(3, requires_grad=True)
    with minigrad.no_grad():
        x[0] = minigrad.ones(3, requires_grad=True)
    assert x[0].tolist() == [1, 1, 1]


@pytest.mark.torch
def test_bools_and_zero_axes_tensors_in_keys_are_those_of_torch():
    pytest.importorskip("torch")
    for text in ("x[True]", "x[False]", "x[None, True]", "x[m.tensor(True)]", "x[m.tensor(1)]", "x[m.tensor(1), 2]",
                 "x[m.tensor(1), m.tensor([0, 1])]", "x[[True, False]]", "x[[0, 1], [1, 2]]",
                 "x[m.tensor([1, 0]).int()]",
                 "x[:, m.tensor(1)]", "x[x > 2]", "x[(x > 2).any(1)]", "x[range(2)]", "x[()]", "x[...]",
                 "x[[0, 1]]", "x[[[0], [1]], [0, 1]]"):
        ours, theirs = (eval(text, {"m": m, "x": tensor_of((2, 3), m)}) for m in (minigrad, torch))
        assert (ours.tolist(), ours.shape) == (theirs.tolist(), tuple(theirs.shape)), text
