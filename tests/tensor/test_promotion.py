"""What mixing dtypes gives: every pair of dtypes, tensors with axes against 0-d tensors and Python scalars."""

import itertools

import pytest

import minigrad
from minigrad.dtypes import DTYPES

NAMES = [dtype.name for dtype in DTYPES]
# Row and column in the order of NAMES: the result for two tensors with axes.
TABLE = """
bool    uint8   int32   int64   float32 float64
uint8   uint8   int32   int64   float32 float64
int32   int32   int32   int64   float32 float64
int64   int64   int64   int64   float32 float64
float32 float32 float32 float32 float32 float64
float64 float64 float64 float64 float64 float64
"""
PAIRS = {(a, b): result for a, row in zip(NAMES, TABLE.strip().splitlines(), strict=True)
         for b, result in zip(NAMES, row.split(), strict=True)}
CATEGORY = {"bool": 0, "uint8": 1, "int32": 1, "int64": 1, "float32": 2, "float64": 2}
SCALARS = [True, 2, 2.5]
SCALAR_NAMES = {bool: "bool", int: "int64", float: "float32"}
BINARY = ["add", "mul", "sub", "div", "maximum", "pow", "floor_divide", "remainder", "eq", "where", "atan2",
          "logical_or",
          "bitwise_and", "fmod"]


def operand(library, kind, name):
    dtype = getattr(library, name)
    return library.ones(2, dtype=dtype) if kind == "axes" else library.tensor(1, dtype=dtype)


@pytest.mark.parametrize("a, b", PAIRS)
def test_two_tensors(a, b):
    expected = PAIRS[a, b]
    assert minigrad.promote_types(getattr(minigrad, a), getattr(minigrad, b)).name == expected
    for kind in ("axes", "0-d"):
        x, y = operand(minigrad, kind, a), operand(minigrad, kind, b)
        assert minigrad.result_type(x, y).name == expected
        assert (x * y).dtype.name == expected
    x, y = operand(minigrad, "axes", a), operand(minigrad, "0-d", b)
    weaker = b if CATEGORY[b] > CATEGORY[a] else a
    assert minigrad.result_type(x, y).name == minigrad.result_type(y, x).name == weaker
    assert (x * y).dtype.name == (y * x).dtype.name == weaker


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scalar", SCALARS)
@pytest.mark.parametrize("kind", ["axes", "0-d"])
def test_a_tensor_and_a_number(name, scalar, kind):
    own = SCALAR_NAMES[type(scalar)]
    expected = own if CATEGORY[own] > CATEGORY[name] else name
    x = operand(minigrad, kind, name)
    assert (x * scalar).dtype.name == (scalar * x).dtype.name == minigrad.result_type(x, scalar).name == expected


# Where minigrad differs on purpose: bools have no powers and no sign, any and all always answer in bool.
DIFFERS = {("pow", "bool"), ("x.pow(x)", "bool"), ("m.sign(x)", "bool"), ("x.any()", "uint8"), ("x.all()", "uint8"),
           ("x.any(0)", "uint8"), ("x.sign()", "bool"), ("m.square(x)", "bool"), ("x ** 2", "bool")}


def agrees(ours, theirs):
    """Equal, or given where PyTorch refuses: subtracting bools, functions of two numbers or of mixed dtypes."""
    return theirs is None or ours == theirs


def calls(library, x, y):
    """Each binary function's result dtype, or None where it is refused."""
    found = {}
    for name in BINARY:
        function = getattr(library, name)
        try:
            value = function(library.ones(2, dtype=library.bool), x, y) if name == "where" else function(x, y)
            found[name] = str(value.dtype).split(".")[-1]
        except (RuntimeError, TypeError, ValueError):
            found[name] = None
    return found


@pytest.mark.torch
@pytest.mark.parametrize("a, b", PAIRS)
def test_every_binary_function_agrees_with_torch(a, b):
    torch = pytest.importorskip("torch")
    for one, two in itertools.product(["axes", "0-d"], repeat=2):
        ours = calls(minigrad, operand(minigrad, one, a), operand(minigrad, two, b))
        theirs = calls(torch, operand(torch, one, a), operand(torch, two, b))
        for key in BINARY:
            assert agrees(ours[key], theirs[key]) or (key, a) in DIFFERS, (key, one, two)


@pytest.mark.torch
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scalar", SCALARS)
def test_every_binary_function_of_a_number_agrees_with_torch(name, scalar):
    torch = pytest.importorskip("torch")
    for kind in ("axes", "0-d"):
        ours = calls(minigrad, operand(minigrad, kind, name), scalar)
        theirs = calls(torch, operand(torch, kind, name), scalar)
        for key in BINARY:
            assert agrees(ours[key], theirs[key]) or (key, name) in DIFFERS, (key, kind)


@pytest.mark.torch
@pytest.mark.parametrize("name", NAMES)
def test_every_function_of_one_tensor_gives_the_dtype_of_torch(name):
    torch = pytest.importorskip("torch")
    from calls import REDUCTIONS, UNARY
    texts = [f"m.{function}(x)" for function in UNARY] + [text for text in REDUCTIONS if "norm" not in text] + [
        "x.sum(0)", "x.prod(0)", "x.cumsum(0)", "x.max(0)", "x.argmin(0)", "x.any(0)", "x.mean(0)", "x.softmax(0)",
        "x.logsumexp(0)", "x.amax(0)", "x.clamp(0, 1)", "x.clamp(min=0.5)", "x ** 2", "x ** 0.5", "x / 2", "x // 2",
        "x % 2", "x + True", "x + 1", "x + 1.5", "x == 1", "-x", "~x", "x & x", "x << 1", "x.masked_fill(x > 0, 1)",
        "x.tril()", "x.repeat(2, 1)", "x.float()", "x.lerp(x, 0.5)", "x @ x", "x.round()", "x.var()", "abs(x)",
        "x.sigmoid()",
        "m.cat([x, x.float()])", "m.stack([x, x])", "m.full_like(x, 1)", "x.pow(x)", "m.zeros_like(x)", "x.sqrt()",
        "m.randint_like(x, 2)", "m.arange(x.sum().item())", "x.t().contiguous()", "m.where(x > 0, x, 0)",
        "m.where(x > 0, x, 0.5)", "m.addcmul(x, x, x)", "x.new_zeros(2)", "x.nonzero()", "x.gather(0, x.long() * 0)",
        "m.nn.functional.pad(x, (1, 1))", "m.nn.functional.pad(x, (1, 1), value=3.)",
        "m.div(x, 2, rounding_mode='floor')", "m.div(x, 2, rounding_mode='trunc')"]
    for text in texts:
        results = []
        for m in (minigrad, torch):
            try:
                value = eval(text, {"m": m, "x": m.ones(3, 3, dtype=getattr(m, name))})
                value = value[0] if isinstance(value, tuple) else value
                results.append(str(getattr(value, "dtype", type(value))).split(".")[-1])
            except (RuntimeError, TypeError, ValueError, IndexError):
                results.append(None)
        assert agrees(*results) or (text, name) in DIFFERS, (text, results)


def test_default_dtype():
    try:
        minigrad.set_default_dtype(minigrad.float64)
        assert minigrad.tensor([1.5]).dtype is minigrad.zeros(1).dtype is minigrad.rand(1).dtype is minigrad.float64
        assert (minigrad.ones(2, dtype=minigrad.int32) * 1.5).dtype is minigrad.float64
        assert minigrad.arange(2).div(2).dtype is minigrad.tensor(1.5).dtype is minigrad.float64
    finally:
        minigrad.set_default_dtype(minigrad.float32)
    with pytest.raises(TypeError, match="set_default_dtype: dtype: got"):
        minigrad.set_default_dtype(minigrad.int64)
