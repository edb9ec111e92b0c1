"""Wild arguments: whatever a call is given, it answers or raises a documented error, and reads nowhere else."""

import math

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import minigrad
from minigrad import functions
from minigrad.dtypes import DTYPES

DOCUMENTED = (ValueError, TypeError, IndexError, RuntimeError, ZeroDivisionError, MemoryError, BufferError,
              OverflowError)          # int() of an infinite tensor, as of a float
NAMES = sorted(name for name in functions.__all__ if callable(getattr(functions, name)) and name != "Extreme")
METHODS = sorted(name for name in dir(minigrad.Tensor) if not name.startswith("_") and name not in ("numpy",
"backward")
                 and callable(getattr(minigrad.Tensor, name)))

SHAPES = st.sampled_from([(), (1,), (3,), (0,), (2, 3), (3, 3), (0, 2), (2, 3, 2), (1, 1, 0, 2), (2,) * 8])


@st.composite
def tensors(draw):
    dtype, shape = draw(st.sampled_from(DTYPES)), draw(SHAPES)
    x = minigrad.arange(math.prod(shape)).sub(1).reshape(shape).to(dtype)
    view = draw(st.sampled_from(["", "flip", "transpose", "expand", "step"]))
    if view == "flip" and shape:
        x = x.flip(0)
    elif view == "transpose" and len(shape) > 1:
        x = x.transpose(0, -1)
    elif view == "expand" and len(shape) < 8:
        x = x.expand(2, *shape)
    elif view == "step" and shape:
        x = x[::2]
    if dtype.is_floating_point and draw(st.booleans()):
        x = x.detach().requires_grad_()
    return x


SMALL = st.integers(-9, 9)
# Sizes are small or impossible, never such as would really fill the memory of the machine.
HUGE = st.sampled_from([2**62, 2**63 - 1, -2**63, 2**64, 10**30])
FLOATS = st.one_of(st.floats(-9, 9), st.sampled_from([math.inf, -math.inf, math.nan, 1e300, 5e-324]))
WILD = st.one_of(
    tensors(), SMALL, HUGE, st.booleans(), st.none(),
    FLOATS, st.text(max_size=3), st.sampled_from(["cpu", "cuda", "fro", "floor", "trunc", "constant", "same"]),
    st.lists(SMALL, max_size=4), st.tuples(SMALL, SMALL), st.lists(tensors(), max_size=3),
    st.sampled_from(DTYPES),
    st.just(...), st.slices(5), st.just(object()), st.complex_numbers(), st.binary(max_size=9),
    st.lists(st.lists(SMALL, max_size=2), max_size=2), st.sampled_from([int, float, bool, str]))
KEYWORDS = st.dictionaries(st.sampled_from(
    ["dim", "keepdim", "dtype", "axis", "out", "device", "p", "alpha", "value", "index", "size", "generator", "steps",
     "correction", "requires_grad", "min", "max", "as_tuple", "rounding_mode", "other"]), WILD, max_size=2)
HARD = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def attempt(call, *args, **kwargs):
    try:
        result = call(*args, **kwargs)
        if isinstance(result, minigrad.Tensor) and result.numel() < 10**6:
            result.tolist()
            repr(result)
    except DOCUMENTED as error:
        assert str(error), f"{call} raised {type(error).__name__} without a word"


@pytest.mark.parametrize("name", NAMES)
@HARD
@given(args=st.lists(WILD, max_size=4), kwargs=KEYWORDS)
def test_function(name, args, kwargs):
    attempt(getattr(minigrad, name, None) or getattr(functions, name), *args, **kwargs)


@pytest.mark.parametrize("name", METHODS)
@HARD
@given(x=tensors(), args=st.lists(WILD, max_size=3), kwargs=KEYWORDS)
def test_method(name, x, args, kwargs):
    attempt(getattr(x, name), *args, **kwargs)


@HARD
@given(x=tensors(), key=st.one_of(WILD, st.lists(WILD, max_size=4).map(tuple)), value=WILD)
def test_indexing(x, key, value):
    attempt(x.__getitem__, key)
    attempt(x.__setitem__, key, value)


@HARD
@given(x=tensors(), other=WILD)
def test_operators(x, other):
    for name in (
                 "add", "radd", "sub", "rsub",
                 "mul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "pow",
                 "rpow", "matmul", "and", "or", "xor", "lshift", "rshift", "eq", "ne", "lt", "le", "gt", "ge", "iadd",
                 "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor"):
        attempt(getattr(x, f"__{name}__"), other)
    for convert in (bool, int, float, len, iter, repr, hash, memoryview, abs):
        attempt(convert, x)
