"""Views against a model in plain Python: a view is a shape and a mapping from indices to positions in the storage."""

import copy
import doctest
import importlib
import itertools
import math
import operator
import pickle
import sys

import pytest
from hypothesis import given, strategies as st

from minigrad_ext.buffer import Buffer, Exporter

BOOL, UINT8, INT32, INT64, FLOAT32, FLOAT64 = range(6)


def indices(shape):
    return itertools.product(*map(range, shape))


class Model:
    """What a Buffer over the numbers 0, 1, 2, ... should be: `at[index]` is the number at an index."""

    def __init__(self, shape, at):
        self.shape, self.at = tuple(shape), at

    @classmethod
    def fresh(cls, shape):
        return cls(shape, {index: number for number, index in enumerate(indices(shape))})

    def tolist(self, prefix=()):
        if len(prefix) == len(self.shape):
            return self.at[prefix]
        return [self.tolist((*prefix, j)) for j in range(self.shape[len(prefix)])]

    def mapped(self, shape, source):
        return Model(shape, {index: self.at[source(index)] for index in indices(shape)})

    def reshaped(self, shape):
        return Model(shape, dict(zip(indices(shape), self.at.values(), strict=True)))

    def has_strides(self):
        """Whether some strides express this mapping."""
        if not self.at:
            return True
        zero = (0,) * len(self.shape)
        start = self.at[zero]
        strides = [self.at[(*zero[:a], 1, *zero[a + 1:])] - start if n > 1 else 0 for a, n in enumerate(self.shape)]
        return all(number == start + sum(map(operator.mul, index, strides)) for index, number in self.at.items())


def random_permute(draw, model):
    axes = draw(st.permutations(range(len(model.shape))))
    def source(index):
        return tuple(index[axes.index(a)] for a in range(len(axes)))
    return "permute", (tuple(axes),), model.mapped([model.shape[a] for a in axes], source)


def random_slice(draw, model):
    picked = [range(n)[draw(st.slices(n))] for n in model.shape]
    args = tuple(r.start for r in picked), tuple(max(-2**63, min(r.step, 2**63 - 1)) for r in picked)
    shape = tuple(map(len, picked))
    return "slice", (*args, shape), model.mapped(
        shape, lambda index: tuple(r[i] for r, i in zip(picked, index, strict=True)))


def random_expand(draw, model):
    lead = draw(st.lists(st.integers(0, 2), max_size=2 if len(model.shape) < 5 else 0))
    tail = [draw(st.integers(0, 3)) if n == 1 else n for n in model.shape]
    def source(index):
        return tuple(0 if n == 1 else i for n, i in zip(model.shape, index[len(lead):], strict=True))
    return "expand", ((*lead, *tail),), model.mapped((*lead, *tail), source)


def random_reshape(draw, model):
    """Axes merged at random, then factors split off."""
    sizes = [1]
    for n in model.shape:
        if draw(st.booleans()):
            sizes[-1] *= n
        else:
            sizes.append(n)
    shape = []
    for n in sizes:
        divisor = draw(st.sampled_from([d for d in range(1, n + 1) if n % d == 0] or [1]))
        shape += [divisor, n // divisor] if divisor > 1 else [n]
    return "reshape", (tuple(shape[:8]),), model.reshaped(shape) if len(shape) <= 8 else None


def random_diagonal(draw, model):
    if len(model.shape) < 2:
        return None
    a, b = draw(st.permutations(range(len(model.shape))))[:2]
    offset = draw(st.integers(-4, 4))
    shape = [n for axis, n in enumerate(model.shape) if axis not in (a, b)]
    rows = [i for i in range(model.shape[a]) if 0 <= i + offset < model.shape[b]]
    def source(index):
        rest = iter(index[:-1])
        row = rows[index[-1]]
        return tuple(row if axis == a else row + offset if axis == b else next(rest)
                     for axis in range(len(model.shape)))
    return "diagonal", (offset, a, b), model.mapped((*shape, len(rows)), source)


def random_windows(draw, model):
    if not 0 < len(model.shape) < 6:
        return None
    axis = draw(st.integers(0, len(model.shape) - 1))
    size = draw(st.integers(0, model.shape[axis]))
    step = draw(st.integers(1, 3))
    count = len(range(0, model.shape[axis] - size + 1, step))
    shape = (*model.shape[:axis], count, *model.shape[axis + 1:], size)
    def source(index):
        return (*index[:axis], index[axis] * step + index[-1], *index[axis + 1:-1])
    return "windows", (axis, size, step), model.mapped(shape, source)


OPERATIONS = [random_permute, random_slice, random_expand, random_reshape, random_diagonal, random_windows]
SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)
CODES = st.integers(UINT8, FLOAT64)


@given(SHAPES, CODES, st.data())
def test_views_are_what_the_model_says(shape, code, data):
    model = Model.fresh(shape)
    buffer = Buffer.from_nested(model.tolist(), code).reshape(shape)
    storage = buffer.storage
    for _ in range(4):
        made = data.draw(st.sampled_from(OPERATIONS))(data.draw, model)
        if made is None or made[2] is None or len(made[2].at) > 500:
            continue
        name, args, expected = made
        view = getattr(buffer, name)(*args)
        if view is None:
            assert name == "reshape" and not expected.has_strides()
            break
        assert expected.has_strides()
        assert view.tolist() == expected.tolist()
        assert view.shape == expected.shape and view.ndim == len(expected.shape)
        assert view.storage is storage and view.dtype == code
        assert view.size == len(expected.at)
        assert memoryview(view).tolist() == expected.tolist()
        assert view.tobytes() == Buffer.from_nested(expected.tolist(), code).tobytes()
        numbers = list(expected.at.values())
        assert view.is_contiguous() == (not numbers or numbers == list(range(numbers[0], numbers[0] + len(numbers))))
        buffer, model = view, expected
    if buffer.size:
        first = model.at[(0,) * buffer.ndim]
        assert buffer.offset == first
        assert buffer.data_ptr == buffer.as_strided((), (), first).data_ptr
        assert buffer.as_strided(buffer.shape, buffer.strides, buffer.offset).same_view(buffer)


def factorisations(n, most):
    """All shapes of n elements with 1 to `most` axes."""
    yield (n,)
    if most > 1:
        for first in range(1, n + 1):
            if n % first == 0:
                yield from ((first, *rest) for rest in factorisations(n // first, most - 1))


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("steps", [(1, 1, 1), (1, -1, 1), (-1, -1, -1), (1, 1, 2), (1, 2, 1)])
def test_reshape_is_a_view_just_where_strides_allow(axes, steps):
    picked = [range(n)[::step] for n, step in zip((2, 4, 4), steps, strict=True)]
    starts, shape = tuple(r.start for r in picked), tuple(map(len, picked))
    model = Model.fresh((2, 4, 4)).mapped(
        shape, lambda index: tuple(r[i] for r, i in zip(picked, index, strict=True)))
    model = model.mapped([shape[a] for a in axes], lambda index: tuple(index[axes.index(a)] for a in range(3)))
    view = Buffer.from_nested(Model.fresh((2, 4, 4)).tolist()).slice(starts, steps, shape).permute(axes)
    assert view.tolist() == model.tolist()
    for wanted in set(factorisations(view.size, 4)):
        expected = model.reshaped(wanted)
        reshaped = view.reshape(wanted)
        assert (reshaped is not None) == expected.has_strides(), wanted
        assert reshaped is None or reshaped.tolist() == expected.tolist()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("offset", range(-5, 6))
def test_every_diagonal(turned, offset):
    rows = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    buffer = Buffer.from_nested(rows)
    if turned:
        buffer, rows = buffer.permute((1, 0)), list(map(list, zip(*rows, strict=True)))
    wanted = [rows[i][i + offset] for i in range(len(rows)) if 0 <= i + offset < len(rows[0])]
    assert buffer.diagonal(offset).tolist() == buffer.diagonal(-offset, 1, 0).tolist() == wanted
    assert buffer.diagonal(offset, -2, -1).tolist() == wanted


@given(st.integers(0, 6), *[st.lists(st.integers(-3, 4), max_size=3)] * 2, st.integers(-3, 8))
def test_as_strided_allows_just_what_stays_inside(count, shape, strides, offset):
    base = Buffer.from_nested(range(count), INT64)
    size = min(len(shape), len(strides))
    shape, strides = tuple(map(abs, shape[:size])), tuple(strides[:size])
    at = {index: offset + sum(map(operator.mul, index, strides)) for index in indices(shape)}
    if all(0 <= position < count for position in at.values()):
        assert base.as_strided(shape, strides, offset).tolist() == Model(shape, at).tolist()
    else:
        with pytest.raises(ValueError, match=rf"leaves the storage of {count} elements"):
            base.as_strided(shape, strides, offset)


HUGE = st.sampled_from([0, 1, -1, 2**31, 2**59, 2**60, 2**62, 2**63 - 1, -2**63, 2**63, -2**64, 10**30])


@given(st.data())
def test_no_integer_however_large_gets_past_the_checks(data):
    """Each view is refused, or reaches only elements of the storage."""
    base = Buffer.from_nested([[1, 2, 3], [4, 5, 6]])
    def huge(n):
        return tuple(data.draw(st.lists(HUGE | st.integers(-2, 4), min_size=n, max_size=n)))
    name, args = data.draw(st.sampled_from([
        ("slice", lambda: (huge(2), huge(2), huge(2))), ("expand", lambda: (huge(3),)), ("reshape", lambda: (huge(2),)),
        ("as_strided", lambda: (huge(2), huge(2), huge(1)[0])), ("diagonal", lambda: huge(3)),
        ("windows", lambda: huge(3)), ("permute", lambda: (huge(2),))]))
    try:
        view = getattr(base, name)(*args())
    except (ValueError, IndexError):
        return
    if view is not None and view.size:
        corners = [view.offset + sum(map(operator.mul, corner, view.strides))
                   for corner in itertools.product(*[(0, n - 1) for n in view.shape])]
        assert min(corners) >= 0 and max(corners) < 6


@pytest.mark.parametrize("name", ["buffer", "allocator", "cpu", "parallel"])
def test_examples_in_docstrings(name):
    module = importlib.import_module(f"minigrad_ext.{name}")
    assert doctest.testmod(module).failed == 0


def test_every_public_function_has_a_docstring():
    for name, member in vars(Buffer).items():
        plain = name in ("shape", "ndim")
        assert name.startswith("_") or plain or name == "storage" or getattr(Buffer, name).__doc__, member


# -------------------------------------------------------------------------------- making

def test_empty_is_contiguous_aligned_and_its_own():
    for code, itemsize in enumerate((1, 1, 4, 8, 4, 8)):
        buffer = Buffer.empty((2, 3, 4), code)
        assert (buffer.shape, buffer.strides, buffer.ndim, buffer.size) == ((2, 3, 4), (12, 4, 1), 3, 24)
        assert (buffer.dtype, len(buffer.tobytes()), buffer.offset) == (code, 24 * itemsize, 0)
        assert buffer.is_contiguous() and buffer.data_ptr % 64 == 0
        assert not buffer.overlaps(Buffer.empty((2, 3, 4), code))
    assert Buffer.empty([2, True], 0).shape == (2, 1)
    assert repr(Buffer.empty((2, 3), 4).permute((1, 0))) == "<Buffer float32 (3, 2) strides (1, 3)>"
    assert Buffer().tolist() == [] and Buffer().dtype == FLOAT32


@pytest.mark.parametrize(("shape", "code", "error", "text"), [
    ((2, -1), 4, ValueError, "empty: shape: got (2, -1), expected sizes of at least 0, and at most 2**59 elements"),
    ((1,) * 9, 4, ValueError, r"empty: shape: got 9 entries, expected at most 8"),
    ((2**40, 2**40), 4, ValueError, f"empty: shape: got ({2**40}, {2**40}), expected sizes of"),
    ((2**40, 2**40, 0), 4, ValueError, "at most 2**59 elements"),
    ((2**63,), 4, ValueError, f"empty: shape: got ({2**63},), expected integers of 64 bits"),
    ((2.0,), 4, TypeError, "'float' object cannot be interpreted as an integer"),
    ((2**50,), 5, MemoryError, f"cannot allocate {2**53} bytes"),
    ((2**44,), 5, MemoryError, f"cannot allocate {2**47} bytes ("),
    ((2,), 6, TypeError, "Buffer: dtype: got code 6, expected 0 to 5"),
    ((2,), -1, TypeError, "Buffer: dtype: got code -1, expected 0 to 5"),
    ((2,), "float32", TypeError, "integer"),
])
def test_empty_refuses(shape, code, error, text):
    with pytest.raises(error) as caught:
        Buffer.empty(shape, code)
    assert text in str(caught.value)


@pytest.mark.parametrize(("data", "code", "shape", "values"), [
    (True, BOOL, (), True), (3, INT64, (), 3), (1.5, FLOAT32, (), 1.5), ([], FLOAT32, (0,), []),
    ([[], []], FLOAT32, (2, 0), [[], []]), ([True, 2], INT64, (2,), [1, 2]), ([1, 2.5], FLOAT32, (2,), [1.0, 2.5]),
    (((1, 2), [3, 4]), INT64, (2, 2), [[1, 2], [3, 4]]), (range(3), INT64, (3,), [0, 1, 2]),
    ([[range(2)], [range(2, 4)]], INT64, (2, 1, 2), [[[0, 1]], [[2, 3]]]),
    ([[[[[[[[7]]]]]]]], INT64, (1,) * 8, [[[[[[[[7]]]]]]]]),
])
def test_from_nested_finds_shape_and_dtype(data, code, shape, values):
    buffer = Buffer.from_nested(data)
    assert (buffer.dtype, buffer.shape, buffer.tolist()) == (code, shape, values)


class Holds:
    def __init__(self, value):
        self.value = value

    def item(self):
        return self.value


class Index:
    def __index__(self):
        return 4


class Real:
    def __float__(self):
        return 0.5


@pytest.mark.parametrize(("element", "code", "value"), [
    (Holds(True), BOOL, True), (Holds(2), INT64, 2), (Holds(1.5), FLOAT32, 1.5), (Index(), INT64, 4),
    (Real(), FLOAT32, 0.5),
])
def test_from_nested_takes_what_stands_for_a_number(element, code, value):
    buffer = Buffer.from_nested([element])
    assert (buffer.dtype, buffer.tolist()) == (code, [value])


@pytest.mark.parametrize(("code", "data", "values"), [
    (BOOL, [0, 2, 0.0, 0.5, False], [False, True, False, True, False]), (UINT8, [0, 255, 3.9, True], [0, 255, 3, 1]),
    (INT32, [-2**31, 2**31 - 1, -3.9], [-2**31, 2**31 - 1, -3]), (INT64, [-2**63, 2**63 - 1], [-2**63, 2**63 - 1]),
    (FLOAT32, [0.1, 1e300, 2**53], [0.10000000149011612, math.inf, float(2**53)]), (FLOAT64, [0.1, 3], [0.1, 3.0]),
])
def test_numbers_become_the_dtype(code, data, values):
    result = Buffer.from_nested(data, code).tolist()
    assert result == values and list(map(type, result)) == list(map(type, values))
    assert [Buffer.scalar(x, code).item() for x in data] == values


SELF = [1, 2]
SELF.append(SELF)
DEEP = []
DEEP.append(DEEP)


@pytest.mark.parametrize(("data", "code", "error", "text"), [
    ([[1, 2], [3]], None, ValueError, "data[1]: got length 1, expected a sequence of 2: the data is ragged"),
    ([[[1], [2]], [[3], [4, 5]]], None, ValueError,
     "data[1][1]: got length 2, expected a sequence of 1: the data is ragged"),
    ([1, [2]], None, ValueError, "data[1]: got a sequence, expected a number: the data is ragged"),
    ([[1], 2], None, ValueError, "data[1]: got int, expected a sequence of 1: the data is ragged"),
    (SELF, None, ValueError, "data[2]: got a sequence, expected a number: the data is ragged"),
    (DEEP, None, ValueError, "the lists are nested deeper than 8 axes"),
    ("ab", None, TypeError, "from_nested: data: got an element of type str, expected bool, int or float"),
    ([1, [2, None]], None, ValueError, "data[1]: got a sequence"),
    ([[1, 2], [2, None]], None, TypeError, "data[1][1]: got an element of type NoneType, expected bool, int or float"),
    ([1j], None, TypeError, "data[0]: got an element of type complex"),
    ([Holds("x")], None, TypeError, "data[0]: got an element of type str"),
    ([1, 2**63], None, ValueError, f"data[1]: {2**63} is out of range for int64"),
    ([[300]], UINT8, ValueError, "data[0][0]: 300 is out of range for uint8"),
    ([-1], UINT8, ValueError, "data[0]: -1 is out of range for uint8"),
    ([2**31], INT32, ValueError, f"data[0]: {2**31} is out of range for int32"),
    ([1e30], INT64, ValueError, "is out of range for int64"),
    ([math.nan], INT32, ValueError, "data[0]: cannot convert float NaN to integer"),
    ([10**400], FLOAT32, ValueError, f"data[0]: {10**400} is out of range for float32"),
    ([math.inf], INT32, ValueError, "data[0]: inf is out of range for int32"),
])
def test_from_nested_refuses(data, code, error, text):
    with pytest.raises(error) as caught:
        Buffer.from_nested(data, code)
    assert str(caught.value).startswith("from_nested: ") and text in str(caught.value)


def test_a_list_that_changes_while_it_is_read():
    class Shrinks:
        def __float__(self):
            data[:] = []
            return 1.0

    data = [Shrinks(), 2.0, 3.0]
    assert Buffer.from_nested(data, FLOAT32).tolist() == [1.0, 2.0, 3.0] and data == []
    data[:] = [2.0, Shrinks(), 3.0]
    assert Buffer.from_nested(data, FLOAT32).tolist() == [2.0, 1.0, 3.0] and data == []
    data[:] = [[Shrinks()], [2.0]]
    assert Buffer.from_nested(data, FLOAT32).tolist() == [[1.0], [2.0]] and data == []


def test_a_list_whose_length_is_not_what_it_says():
    class Longer(list):
        def __iter__(self):
            return iter([1.0] * 1000)

    for data in (Longer([2.0]), [[1.0], Longer([2.0])], [Longer([2.0]), [1.0]]):
        with pytest.raises(ValueError, match=r"from_nested: data.*: got length 1000, expected a sequence of 1"):
            Buffer.from_nested(data)


# -------------------------------------------------------------------------------- views

@pytest.mark.parametrize(("name", "args", "error", "text"), [
    ("permute", ((0,),), ValueError, "permute: axes: got 1 entries, expected 2"),
    ("permute", ((0, 0),), ValueError, "permute: axes: got (0, 0), expected each axis of shape (2, 3) once"),
    ("permute", ((0, -2),), ValueError, "permute: axes: got (0, -2), expected each axis of shape (2, 3) once"),
    ("permute", ((0, 2),), ValueError, "permute: axes: got (0, 2), expected each axis of shape (2, 3) once"),
    ("slice", ((0,), (1,), (1,)), ValueError, "slice: starts: got 1 entries, expected 2"),
    ("slice", ((0, 3), (1, 1), (1, 1)), ValueError,
     "slice: starts (0, 3), steps (1, 1), shape (1, 1): leaves axis 1 of shape (2, 3)"),
    ("slice", ((-1, 0), (1, 1), (1, 1)), ValueError, "shape (1, 1): leaves axis 0 of shape (2, 3)"),
    ("slice", ((0, 0), (1, 2), (1, 3)), ValueError, "steps (1, 2), shape (1, 3): leaves axis 1 of shape (2, 3)"),
    ("slice", ((0, 1), (1, -1), (1, 3)), ValueError, "steps (1, -1), shape (1, 3): leaves axis 1 of shape (2, 3)"),
    ("slice", ((0, 0), (1, 0), (1, 2)), ValueError,
     "steps (1, 0), shape (1, 2): leaves axis 1 of shape (2, 3), or repeats an element"),
    ("slice", ((0, 0), (1, 1), (1, -1)), ValueError, "slice: shape: got (1, -1), expected sizes of at least 0"),
    ("expand", ((3,),), ValueError, "expand: shape: got (3,), expected one to which (2, 3) broadcasts"),
    ("expand", ((4, 3),), ValueError, "expand: shape: got (4, 3), expected one to which (2, 3) broadcasts"),
    ("expand", ((1,) * 9,), ValueError, "expand: shape: got 9 entries, expected at most 8"),
    ("expand", ((2**60, 2, 3),), ValueError, "at most 2**59 elements"),
    ("expand", ((-1, 2, 3),), ValueError, "expand: shape: got (-1, 2, 3), expected sizes of at least 0"),
    ("reshape", ((4,),), ValueError, "reshape: shape: got (4,), expected the 6 elements of (2, 3)"),
    ("reshape", ((-1, 6),), ValueError, "reshape: shape: got (-1, 6), expected sizes of at least 0"),
    ("as_strided", ((2,), (1, 1), 0), ValueError, "as_strided: strides: got 2 entries, expected 1"),
    ("as_strided", ((2, 4), (3, 1), 0), ValueError,
     "as_strided: shape (2, 4), strides (3, 1), offset 0: leaves the storage of 6 elements"),
    ("diagonal", (0, 1, 1), ValueError, "diagonal: axis1, axis2: got 1 and 1, expected two different axes"),
    ("diagonal", (0, 0, 2), IndexError, "tuple index out of range"),
    ("windows", (1, 4, 1), ValueError, "windows: size, step: got 4 and 1, expected a size of 0 to 3, that of axis 1"),
    ("windows", (1, 2, 0), ValueError,
     "windows: size, step: got 2 and 0, expected a size of 0 to 3, that of axis 1, and a step of at least 1"),
    ("windows", (-3, 2, 1), IndexError, "tuple index out of range"),
    ("item", (), ValueError, "item: got a buffer of shape (2, 3), expected one with a single element"),
    ("set_item", (1,), ValueError, "set_item: got a buffer of shape (2, 3), expected one with a single element"),
])
def test_views_refuse(name, args, error, text):
    with pytest.raises(error) as caught:
        getattr(Buffer.empty((2, 3), FLOAT32), name)(*args)
    assert text in str(caught.value)


def test_windows_need_room_for_their_axis():
    with pytest.raises(ValueError, match="shape: got 9 entries, expected at most 8"):
        Buffer.empty((1,) * 8, FLOAT32).windows(0, 1, 1)


def test_views_write_through_and_share_a_version():
    base = Buffer.from_nested([[1, 2], [3, 4]])
    view = base.permute((1, 0)).slice((0, 1), (1, 1), (1, 1))
    assert (view.item(), base.storage.version) == (3, 0)
    view.set_item(9)
    assert base.tolist() == [[1, 2], [9, 4]]
    assert base.storage.version == view.storage.version == 1
    base.bump()
    assert view.storage.version == 2
    with pytest.raises(TypeError, match="got an element of type str"):
        view.set_item("x")


def test_views_keep_their_memory():
    view = Buffer.from_nested([[1.0, 2.0], [3.0, 4.0]]).diagonal()
    others = [Buffer.from_nested([0.0] * 4) for _ in range(8)]
    assert view.tolist() == [1.0, 4.0] and len(others) == 8


def test_overlaps_and_same_view():
    base = Buffer.empty((4, 4), FLOAT32)
    upper, lower = (base.slice((start, 0), (1, 1), (2, 4)) for start in (0, 2))
    assert not upper.overlaps(lower) and upper.overlaps(base) and lower.overlaps(base)
    assert upper.slice((1, 3), (-1, -1), (2, 4)).overlaps(upper)
    assert not base.slice((0, 0), (1, 1), (0, 4)).overlaps(base)
    assert base.same_view(base.reshape((4, 4))) and not base.same_view(base.permute((1, 0)))
    assert not upper.same_view(lower) and not base.same_view(base.reshape((16,)))
    assert upper.slice((0, 0), (1, 1), (1, 4)).same_view(base.slice((0, 0), (3, 1), (1, 4)))
    with pytest.raises(TypeError):
        base.overlaps(None)


def test_copies_and_pickles():
    base = Buffer.from_nested([[1, 2, 3], [4, 5, 6]])
    view = base.permute((1, 0)).slice((2, 0), (-2, 1), (2, 2))
    for other in (copy.deepcopy(view), copy.copy(view), pickle.loads(pickle.dumps(view))):
        assert other.tolist() == view.tolist() == [[3, 6], [1, 4]]
        assert other.dtype == INT64 and other.is_contiguous() and not other.overlaps(base)
    assert copy.deepcopy(Buffer.scalar(True, BOOL)).item() is True
    rebuild, (data, shape, code) = view.__reduce__()
    with pytest.raises(ValueError, match=r"got \(2, 2\), expected the 3 elements of \(3,\)"):
        rebuild(data[8:], shape, code)
    with pytest.raises(TypeError, match="length is not a multiple of itemsize"):
        rebuild(data[1:], shape, code)
    with pytest.raises(TypeError, match="dtype: got code 6"):
        rebuild(data, shape, 6)


def test_references_are_balanced():
    shape, before = (2, 3), sys.getrefcount(None)
    count = sys.getrefcount(shape)
    for _ in range(1000):
        buffer = Buffer.empty(shape, FLOAT32)
        buffer.shape, buffer.permute((1, 0)).tolist(), memoryview(buffer).tolist(), Buffer.from_nested([1, 2.0])
        with pytest.raises(ValueError):
            buffer.reshape((7,))
    assert sys.getrefcount(shape) == count and abs(sys.getrefcount(None) - before) < 500


def test_an_exporter_without_a_buffer():
    with pytest.raises(BufferError, match="there is no buffer to export"):
        memoryview(Exporter())
    with pytest.raises(AttributeError, match="__dlpack__"):
        Exporter().__dlpack__()
    with pytest.raises(TypeError):
        Exporter().buffer = 3
