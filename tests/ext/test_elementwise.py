"""Every elementwise kernel gives what its definition gives, for every dtype, memory layout and broadcast."""

import math
import struct

import pytest
from arrays import (
    CODES,
    INTS,
    NAMES,
    NUMBERS,
    REALS,
    buf,
    check_close,
    check_equal,
    empty,
    float32,
    layouts,
    out_layouts,
    rounded,
    write,
)
from from_benchmarks import load
from hypothesis import given, settings, strategies as st

from minigrad import Tensor, reference
from minigrad.reference import nested
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params
from minigrad_ext.parallel import get_num_threads, set_num_threads

worst = load("accuracy").worst
NAN, INF = math.nan, math.inf
EXTREMES = {"uint8": [255, 254, 128, 127], "int32": [-2**31, 2**31 - 1, 1 - 2**31],
            "int64": [-2**63, 2**63 - 1, 1 - 2**63]}
VALUES = {
    "bool": [False, True],
    "uint8": [0, 1, 2, 3, 7, 100, *EXTREMES["uint8"]],
    "int32": [0, 1, -1, 2, 3, -3, 7, -100, *EXTREMES["int32"]],
    "int64": [0, 1, -1, 2, 3, -3, 7, -100, *EXTREMES["int64"]],
    "float32": [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, 10.25, -7.75, 80.0, -80.0, 0.0009765625, NAN,
                INF, -INF],
}
VALUES["float64"] = [*VALUES["float32"], 700.0, 1e-300, 1e300]

ARITHMETIC = ["add", "sub", "mul", "maximum", "minimum"]
DIVISIONS = ["floor_divide", "remainder", "fmod"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"]
PREDICATES = ["isnan", "isinf", "isfinite", "logical_not"]
BITS = ["bitwise_and", "bitwise_or", "bitwise_xor"]
SHIFTS = ["bitwise_left_shift", "bitwise_right_shift"]
EXACT = ["neg", "abs", "square", "sign", "relu"]
EXACT_REAL = ["sqrt", "rsqrt", "reciprocal", "floor", "ceil", "round", "trunc"]
TRANSCENDENTAL = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
                  "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sigmoid", "erf", "erfc"]
WIDTH = {"uint8": 8, "int32": 32, "int64": 64}


def fits(numbers, dtype):
    """What a dtype makes of a definition's exact numbers: integers wrap, float32 rounds."""
    return rounded(reference.KERNELS[f"cast_{dtype}"](numbers), dtype)


def pairs(dtype, divisor=False):
    """All pairs of interesting values, as a column against a row."""
    values = VALUES[dtype]
    row = [v for v in values if v != 0] if divisor and dtype in INTS else values
    return [[v] for v in values], row


def run(kernel, shape, dtype, *operands, params=None):
    out = empty(shape, dtype)
    kernel(out, *operands, *([params] if params else []))
    return out


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic(kernels, name, dtype):
    column, row = pairs(dtype)
    operands = buf(column, dtype), buf(row, dtype)
    if dtype == "bool" and name == "sub":
        with pytest.raises(TypeError, match="sub: no loop for dtype bool; it has uint8, int32"):
            run(kernels[name], (len(column), len(row)), dtype, *operands)
        return
    out = run(kernels[name], (len(column), len(row)), dtype, *operands)
    check_equal(out, fits(reference.KERNELS[name](column, row), dtype), f"{name} {dtype}")


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("name", DIVISIONS)
def test_divisions(kernels, name, dtype):
    column, row = pairs(dtype, divisor=True)
    if dtype in REALS:      # quotients that float32 cannot hold exactly are rounded twice
        column, row = [[v] for [v] in column if abs(v) != 1e300], [v for v in row if abs(v) not in (1e300, 1e-300)]
    out = run(kernels[name], (len(column), len(row)), dtype, buf(column, dtype), buf(row, dtype))
    check_equal(out, fits(reference.KERNELS[name](column, row), dtype), f"{name} {dtype}")


@pytest.mark.parametrize("limit", [60, 2**31 - 1, 2**52 - 1, 2**52, 2**62])
@pytest.mark.parametrize("name", DIVISIONS)
def test_divisions_of_small_and_large_integers(kernels, name, limit):
    """Quotients of which doubles can tell the integer, up to where they no longer can."""
    near = [limit - j for j in range(8)] + [limit // 2, limit // 3, 3, 2, 1]
    column, row = [[sign * v] for v in [*near, 0] for sign in (1, -1)], [sign * v for v in near for sign in (1, -1)]
    for dtype in ("int32", "int64") if limit < 2**31 else ("int64",):
        out = run(kernels[name], (len(column), len(row)), dtype, buf(column, dtype), buf(row, dtype))
        check_equal(out, reference.KERNELS[name](column, row), f"{name} {dtype}")


@pytest.mark.parametrize("dtype", REALS)
def test_div(kernels, dtype):
    column, row = pairs(dtype)
    out = run(kernels["div"], (len(column), len(row)), dtype, buf(column, dtype), buf(row, dtype))
    check_equal(out, fits(reference.div(column, row), dtype))


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("name", ["pow", "atan2"])
def test_binary_functions(kernels, name, dtype):
    column, row = pairs(dtype)
    out = run(kernels[name], (len(column), len(row)), dtype, buf(column, dtype), buf(row, dtype))
    check_close(out, fits(reference.KERNELS[name](column, row), dtype), 1e-15 if dtype == "float64" else 1e-6)


@pytest.mark.parametrize("dtype", INTS)
def test_integer_power(kernels, dtype):
    bases, exponents = [[b] for b in VALUES[dtype]], [0, 1, 2, 3, 5, 31, 200]
    out = run(kernels["pow"], (len(bases), 7), dtype, buf(bases, dtype), buf(exponents, dtype))
    check_equal(out, fits(reference.pow(bases, exponents), dtype))


@pytest.mark.parametrize("name", DIVISIONS)
@pytest.mark.parametrize("dtype", INTS)
def test_integer_division_by_zero(kernels, name, dtype):
    out = buf([[5, 6], [7, 8]], dtype)
    divisor = buf([[1, 2], [3, 0]], dtype).permute((1, 0))
    with pytest.raises(ZeroDivisionError, match=f"{name}: integer division by zero"):
        kernels[name](out, out, divisor)
    assert out.tolist() == [[5, 6], [7, 8]]
    kernels[name](empty((0, 2), dtype), empty((0, 2), dtype), buf([0, 0], dtype))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_negative_integer_power(kernels, dtype):
    out = buf([5, 6], dtype)
    with pytest.raises(ValueError, match="negative integer powers"):
        kernels["pow"](out, out, buf([2, -1], dtype))
    assert out.tolist() == [5, 6]


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(kernels, name, dtype):
    column, row = pairs(dtype)
    out = run(kernels[name], (len(column), len(row)), "bool", buf(column, dtype), buf(row, dtype))
    check_equal(out, reference.KERNELS[name](column, row), f"{name} {dtype}")


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("name", PREDICATES)
def test_predicates(kernels, name, dtype):
    values = VALUES[dtype]
    check_equal(run(kernels[name], (len(values),), "bool", buf(values, dtype)), reference.KERNELS[name](values))


@pytest.mark.parametrize("dtype", ["bool", *INTS])
@pytest.mark.parametrize("name", BITS)
def test_bits(kernels, name, dtype):
    column, row = pairs(dtype)
    out = run(kernels[name], (len(column), len(row)), dtype, buf(column, dtype), buf(row, dtype))
    check_equal(out, reference.KERNELS[name](column, row), f"{name} {dtype}")


@pytest.mark.parametrize("dtype", ["bool", *INTS])
def test_bitwise_not(kernels, dtype):
    values = VALUES[dtype]
    out = run(kernels["bitwise_not"], (len(values),), dtype, buf(values, dtype))
    check_equal(out, fits(reference.bitwise_not(values), dtype))


@pytest.mark.parametrize("dtype", INTS)
@pytest.mark.parametrize("name", SHIFTS)
def test_shifts(kernels, name, dtype):
    column, row = [[v] for v in VALUES[dtype]], [v for v in [0, 1, 5, 7, 8, 31, 32, 63, 64, 200, -1, -64]
                                                 if v >= 0 or dtype != "uint8"]
    out = run(kernels[name], (len(column), len(row)), dtype, buf(column, dtype), buf(row, dtype))
    check_equal(out, fits(reference.KERNELS[name](column, row, bits=WIDTH[dtype]), dtype), f"{name} {dtype}")


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("name", EXACT)
def test_exact_functions(kernels, name, dtype):
    values = VALUES[dtype]
    out = run(kernels[name], (len(values),), dtype, buf(values, dtype))
    check_equal(out, fits(reference.KERNELS[name](values), dtype), f"{name} {dtype}")


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("name", EXACT_REAL)
def test_exact_real_functions(kernels, name, dtype):
    values = VALUES[dtype]
    out = run(kernels[name], (len(values),), dtype, buf(values, dtype))
    wanted = fits(reference.KERNELS[name](values), dtype)
    check_equal(out, wanted, f"{name} {dtype}")
    signs = [math.copysign(1, v) for v in out.tolist() if v == v]
    assert signs == [math.copysign(1, v) for v in wanted if v == v], name


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("name", TRANSCENDENTAL)
def test_transcendental_functions(kernels, name, dtype):
    values = VALUES[dtype] + [j / 16 for j in range(-200, 200)]
    out = run(kernels[name], (len(values),), dtype, buf(values, dtype))
    relative, absolute = (4e-16, 1e-300) if dtype == "float64" else (2.5e-7, 1e-40)
    check_close(out, fits(reference.KERNELS[name](values), dtype), relative, absolute, f"{name} {dtype}")


# What `python -m benchmarks.accuracy` finds, rounded up.
WORST = {"exp": 0.95, "exp2": 1.2, "expm1": 1.9, "tanh": 1.4, "log1p": 1.2, "sigmoid": 1.7, "erfc": 0.8}


@pytest.mark.parametrize("name", [*TRANSCENDENTAL, "pow"])
def test_errors_in_units_in_the_last_place(kernels, name):
    """Of one float32 in 4099, of all signs and exponents: against the C library's functions of float64."""
    def function(*operands):
        out = Buffer.empty(operands[0].shape, operands[0].buffer.dtype)
        kernels[name](out, *[x.buffer for x in operands])
        return Tensor(out)

    error, at, wrong = worst(function, 4099, binary=name == "pow")
    assert error <= WORST.get(name, 0.6) and not wrong, (error, at, wrong)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_clamp(kernels, dtype):
    values = VALUES[dtype]
    low, high = [[[v]] for v in values], [[v] for v in values]
    n = len(values)
    out = run(kernels["clamp"], (n, n, n), dtype, buf(values, dtype), buf(low, dtype), buf(high, dtype))
    check_equal(out, rounded(reference.clamp(values, low, high), dtype))


@pytest.mark.parametrize("dtype", NAMES)
def test_where(kernels, dtype):
    column, row = pairs(dtype)
    condition = [[j % 3 == 0 for j in range(len(row))]]
    out = run(kernels["where"], (len(column), len(row)), dtype, buf(condition, "bool"), buf(column, dtype),
              buf(row, dtype))
    check_equal(out, rounded(reference.where(condition, column, row), dtype))


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_casts(kernels, source, target):
    values = list(VALUES[source])
    if source in REALS:
        values += [float32(v) for v in (255.0, 255.9, 256.0, -0.9, 2**31 - 1, 2.0**31, -2.0**31, -2.1e9 * 2, 2.0**62,
                                        2.0**63, -2.0**63, 9.3e18, -1e19, 3e38)]
    if source == "float64":
        values += [2147483647.5, 2147483646.5, -2147483648.5, 9223372036854774784.0]
    name = f"cast_{target}"
    out = run(kernels[name], (len(values),), target, buf(values, source))
    check_equal(out, rounded(reference.KERNELS[name](values), target), f"{source} to {target}")


@pytest.mark.parametrize("dtype", NAMES)
def test_copy_keeps_every_bit(kernels, dtype):
    values = VALUES[dtype]
    out = run(kernels["copy"], (len(values),), dtype, buf(values, dtype))
    assert bytes(memoryview(out)) == bytes(memoryview(buf(values, dtype)))


@pytest.mark.parametrize("dtype", NAMES)
def test_fill(kernels, dtype):
    for value in VALUES[dtype]:
        params = Params((), (value,)) if dtype in REALS else Params((value,))
        for layout, out in out_layouts((2, 3), dtype):
            kernels["fill"](out, params)
            check_equal(out, reference.fill((2, 3), value), layout)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_arange(kernels, dtype):
    params = Params((), (3.0, 0.5)) if dtype in REALS else Params((3, 2))
    wanted = reference.arange(10, 3, 0.5 if dtype in REALS else 2)
    for layout, out in out_layouts((10,), dtype):
        kernels["arange"](out, params)
        check_equal(out, wanted, layout)
    kernels["arange"](empty((0,), dtype), params)


# ---- layouts, broadcasts, sizes

def numbered(shape, start=0):
    return nested.unflatten([float((7 * j + start) % 23 - 11) for j in range(math.prod(shape))], shape)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4), (2, 3, 4), (2, 1, 3, 2)])
def test_every_layout_of_inputs_and_output(kernels, shape):
    x, y = numbered(shape), numbered(shape, 3)
    wanted = reference.sub(x, y)
    for x_layout, a in layouts(x):
        for y_layout, b in layouts(y):
            for out_layout, out in out_layouts(shape):
                kernels["sub"](out, a, b)
                check_equal(out, wanted, f"{out_layout} = {x_layout} - {y_layout}")


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 4)])
def test_layouts_of_mixed_dtypes(kernels, shape):
    x = numbered(shape)
    for x_layout, a in layouts(x, "float64"):
        for layout, out in out_layouts(shape, "bool"):
            kernels["gt"](out, a, Buffer.scalar(2.0, CODES["float64"]))
            check_equal(out, reference.gt(x, 2.0), f"{layout} = {x_layout} > 2")
        for layout, out in out_layouts(shape, "int64"):
            kernels["cast_int64"](out, a)
            check_equal(out, reference.cast_int64(x), f"{layout} = int({x_layout})")


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (70, 3), (3, 700)])
def test_in_place(kernels, shape):
    x = numbered(shape)
    for layout, a in layouts(x):
        kernels["add"](a, a, a)
        check_equal(a, reference.add(x, x), layout)
        write(a, x)
        kernels["square"](a, a)
        check_equal(a, reference.square(x), layout)
        write(a, x)
        kernels["sub"](a, Buffer.scalar(1.0, CODES["float32"]), a)
        check_equal(a, reference.sub(1.0, x), layout)


# Rows around the lengths where the driver changes its ways: packed and whole blocks, short rows and long ones.
@pytest.mark.parametrize("shape", [(1023,), (1025,), (5000,), (63, 65), (65, 63), (1025, 3), (3, 1025), (2, 4097),
                                   (5, 7, 130), (40, 5, 6), (300, 200)])
def test_blocks(kernels, shape):
    count = math.prod(shape)
    numbers = [float((7 * j) % 23 - 11) for j in range(count)]
    x = Buffer.from_nested(numbers, CODES["float32"]).reshape(shape)
    reversed_axes = tuple(range(len(shape)))[::-1]
    back = Buffer.from_nested(numbers, CODES["float32"]).reshape(shape[::-1]).permute(reversed_axes)
    row = Buffer.from_nested([float(j) for j in range(shape[-1])], CODES["float32"])
    y = nested.flat(back.tolist())
    for out in (empty(shape), empty(shape[::-1]).permute(reversed_axes)):
        kernels["sub"](out, x, back)
        assert nested.flat(out.tolist()) == [a - b for a, b in zip(numbers, y, strict=True)]
        kernels["sub"](out, back, row)
        assert nested.flat(out.tolist()) == [b - j % shape[-1] for j, b in enumerate(y)]
    if len(shape) > 1:
        column = Buffer.from_nested([[float(j)] for j in range(shape[-2])], CODES["float32"])
        out = empty(shape)
        kernels["add"](out, x, column)
        assert nested.flat(out.tolist()) == [a + j // shape[-1] % shape[-2] for j, a in enumerate(numbers)]


# Transposed operands of rows long enough for tiles, with whole tiles and tails.
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", [(32, 32), (33, 95), (70, 40), (2, 40, 33), (40, 3, 70)])
def test_tiles(kernels, shape, dtype):
    count, ndim = math.prod(shape), len(shape)
    numbers = [j * 7 % 101 for j in range(count)]
    for axis in range(ndim - 1):        # the axis that is contiguous in memory
        order = [*[a for a in range(ndim) if a != axis], axis]
        back = tuple(order.index(a) for a in range(ndim))
        x = buf(nested.unflatten(numbers, [shape[a] for a in order]), dtype).permute(back)
        row = buf(list(range(shape[-1])), dtype)
        wanted = [a + j % shape[-1] for j, a in enumerate(nested.flat(x.tolist()))]
        for out in (empty(shape, dtype), empty([shape[a] for a in order], dtype).permute(back)):
            kernels["add"](out, x, row)
            assert nested.flat(out.tolist()) == wanted
        mask = empty(shape, "bool")
        kernels["lt"](mask, x, row)
        assert nested.flat(mask.tolist()) == [a - j % shape[-1] < j % shape[-1] for j, a in enumerate(wanted)]


@pytest.mark.parametrize("case", ["whole", "rows", "short rows", "tiles", "repeated"])
def test_results_do_not_depend_on_the_threads(kernels, case):
    shape = {"rows": (900, 301), "short rows": (90_000, 3)}.get(case, (500, 600))
    x, y = empty(shape[::-1] if case == "tiles" else shape), empty(shape)
    kernels["uniform"](x, Params((1, 0)))
    kernels["uniform"](y, Params((2, 0)))
    if case == "tiles":
        x = x.permute((1, 0))
    elif case == "repeated":
        x = x.slice((0, 0), (1, 1), (500, 1))
    elif case != "whole":
        x = x.slice((0, 1), (1, 1), (shape[0], shape[1] - 1))
        y = y.slice((0, 0), (1, 1), x.shape)
    before, results = get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            for name, *inputs in (("sub", x, y), ("tanh", x.expand(y.shape)), ("sub", y, x)):
                out = empty(y.shape)
                kernels[name](out, *inputs)
                results.append(bytes(memoryview(out)))
    finally:
        set_num_threads(before)
    assert results[:3] == results[3:6] == results[6:]
    if case == "whole":
        assert results[0] == reference_bytes(x, y)


def reference_bytes(x, y):
    pairs = zip(nested.flat(x.tolist()), nested.flat(y.tolist()), strict=True)
    return struct.pack(f"{x.size}f", *[a - b for a, b in pairs])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4)])
def test_empty_arrays(kernels, shape):
    for _, out in out_layouts(shape):
        for name, inputs in (("add", 2), ("exp", 1), ("clamp", 3), ("copy", 1)):
            kernels[name](out, *[empty(shape)] * inputs)
        kernels["add"](out, empty(shape), Buffer.scalar(1.0, CODES["float32"]))
        kernels["fill"](out, Params((), (1.0,)))


@st.composite
def broadcasts(draw):
    """An output shape of up to four axes, and two operand shapes that broadcast to it."""
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=4)))
    operands = []
    for _ in range(2):
        own = [n if draw(st.booleans()) else 1 for n in shape]
        operands.append(tuple(own[draw(st.integers(0, len(own))):]))
    return shape, operands


@settings(max_examples=60, deadline=None)
@given(data=st.data(), case=broadcasts())
def test_broadcasts(kernels, data, case):
    shape, (x_shape, y_shape) = case
    x, y = numbered(x_shape), numbered(y_shape, 5)
    a = data.draw(st.sampled_from([view for _, view in layouts(x, shape=x_shape)]))
    b = data.draw(st.sampled_from([view for _, view in layouts(y, shape=y_shape)]))
    out = data.draw(st.sampled_from([view for _, view in out_layouts(shape)]))
    kernels["sub"](out, a, b)
    if math.prod(shape):
        wanted = nested.pointwise(lambda p, q, _: p - q, x, y, nested.full(shape, 0))
        check_equal(out, wanted, f"{shape} = {x_shape} - {y_shape}")


def test_dtype_without_a_loop(kernels):
    with pytest.raises(TypeError, match="exp: no loop for dtype int64; it has float32, float64"):
        kernels["exp"](empty((2,), "int64"), empty((2,), "int64"))
    with pytest.raises(TypeError, match="sub: no loop for dtype bool"):
        kernels["sub"](empty((2,), "bool"), empty((2,), "bool"), empty((2,), "bool"))


def test_every_kernel_has_a_definition_and_a_test(kernels):
    elementwise = {*ARITHMETIC, *DIVISIONS, *COMPARISONS, *PREDICATES, *BITS, *SHIFTS, *EXACT, *EXACT_REAL,
                   *TRANSCENDENTAL, *[f"cast_{name}" for name in NAMES], "div", "pow", "atan2", "bitwise_not", "clamp",
                   "where", "copy", "fill", "arange"}
    assert elementwise <= kernels.keys()
    assert elementwise <= reference.KERNELS.keys()
