"""Reductions give what their definitions give, for every dtype, layout, set of axes and number of threads."""

import itertools
import math
import random

import pytest
from arrays import NAMES, NUMBERS, REALS, buf, check_close, check_equal, empty, layouts, out_layouts, rounded
from hypothesis import given, settings, strategies as st

from minigrad import reference
from minigrad.reference import nested
from minigrad_ext.kernel import Params
from minigrad_ext.parallel import get_num_threads, set_num_threads

NAN, INF = math.nan, math.inf
SUMMED = ["int32", "int64", "float32", "float64"]
DTYPES = {"sum": SUMMED, "mean": REALS, "amax": NAMES, "amin": NAMES, "any": ["bool"], "all": ["bool"],
          "logsumexp": REALS}
SHAPES = [(), (1,), (7,), (3, 4), (2, 3, 5), (40, 3), (3, 40), (2, 1, 3, 2), (2, 33, 9), (33, 2, 17)]


def random_array(shape, dtype, seed=0):
    """Small integers, of which every sum is exact."""
    rng = random.Random(f"{seed} {shape} {dtype}")
    if dtype == "bool":
        choices = [False, True]
    elif dtype == "uint8":
        choices = range(10)
    else:
        choices = range(-9, 10)
    convert = float if dtype in REALS else lambda x: x
    return nested.unflatten([convert(rng.choice(choices)) for _ in range(math.prod(shape))], shape)


def subsets(ndim):
    return [axes for n in range(ndim + 1) for axes in itertools.combinations(range(ndim), n)]


def without(shape, axes):
    return tuple(1 if j in axes else n for j, n in enumerate(shape))


@pytest.fixture
def threads():
    """Sets the number of threads for a test, and puts it back."""
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


@pytest.mark.parametrize(("name", "dtype"), [(name, dtype) for name in DTYPES for dtype in DTYPES[name]])
def test_is_its_definition(kernels, name, dtype):
    for shape in SHAPES:
        numbers = random_array(shape, dtype)
        for axes in subsets(len(shape)):
            wanted = rounded(reference.KERNELS[name](numbers, shape=without(shape, axes)), dtype)
            for layout, x in layouts(numbers, dtype):
                out = empty(without(shape, axes), dtype)
                kernels[name](out, x)
                context = f"{name} {dtype} {shape} over {axes}, {layout}"
                if name == "logsumexp":
                    check_close(out, wanted, 3e-7 if dtype == "float32" else 1e-15, 1e-7, context)
                else:
                    check_equal(out, wanted, context)


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "logsumexp"])
def test_writes_into_every_layout(kernels, name):
    numbers = random_array((3, 4, 5), "float64")
    wanted = reference.KERNELS[name](numbers, shape=(3, 1, 5))
    for layout, out in out_layouts((3, 1, 5), "float64"):
        kernels[name](out, buf(numbers, "float64"))
        check_close(out, wanted, 1e-14, context=layout)


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "logsumexp"])
def test_many_runs(kernels, name):
    """They are taken in blocks, the last being smaller: runs apart, and overlapping by all but 2 or 3 elements."""
    for count, n in [(513, 16), (90, 197), (3, 4100), (2, 8193)]:
        whole = buf(random_array((count * n,), "float32", seed=count))
        overlapping = [whole.windows(0, n, step).slice((0, 0), (1, 1), (min(count, 60), n)) for step in (2, 3)]
        for x in [whole.reshape((count, n)), *overlapping]:
            out = empty((x.shape[0], 1))
            kernels[name](out, x)
            check_close(out, reference.KERNELS[name](x.tolist(), shape=out.shape), 3e-7, 1e-7, f"{x.shape} {x.strides}")


def test_leading_axes_that_the_result_lacks(kernels):
    numbers = random_array((4, 3, 5), "float32")
    for shape in [(), (5,), (1,), (3, 1), (1, 5), (1, 3, 5)]:
        out = empty(shape)
        kernels["sum"](out, buf(numbers))
        wanted = reference.KERNELS["sum"](numbers, shape=(1,) * (3 - len(shape)) + shape)
        assert nested.flat(out.tolist()) == nested.flat(wanted)


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "logsumexp"])
def test_repeated_elements(kernels, name):
    """A stride of 0 on a kept axis, a reduced axis, and both."""
    x = buf([[1.0], [2.0], [-3.0]], "float64").expand((3, 20))
    full = [[1.0] * 20, [2.0] * 20, [-3.0] * 20]
    for shape in [(1, 20), (3, 1), (1, 1), (3, 20)]:
        out = empty(shape, "float64")
        kernels[name](out, x)
        check_close(out, reference.KERNELS[name](full, shape=shape), 1e-14)


@pytest.mark.parametrize(("name", "dtype", "start"), [
    ("sum", "float32", 0.0), ("sum", "int64", 0), ("any", "bool", False), ("all", "bool", True),
    ("logsumexp", "float64", -INF)])
def test_of_nothing(kernels, name, dtype, start):
    for shape, out_shape in [((0,), (1,)), ((3, 0), (3, 1)), ((0, 3), (1, 3)), ((2, 0, 3), (2, 1, 3)),
                             ((0, 0), (1, 1))]:
        out = empty(out_shape, dtype)
        kernels[name](out, empty(shape, dtype))
        assert out.tolist() == nested.full(out_shape, start)
    for shape, out_shape in [((0, 3), (0, 1)), ((3, 0), (1, 0)), ((0, 0), (0, 1))]:
        kernels[name](empty(out_shape, dtype), empty(shape, dtype))


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin"])
def test_choosing_from_nothing_does_no_harm(kernels, name):
    for shape, out_shape in [((0,), (1,)), ((3, 0), (3, 1)), ((0, 3), (1, 3))]:
        axis = shape.index(0)
        kernels[name](empty(out_shape, "int64" if "arg" in name else "float32"), empty(shape), Params((axis,)))


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("n", [3, 40, 300])
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "logsumexp"])
def test_special_values(kernels, name, dtype, n):
    for specials in [(NAN,), (INF,), (-INF,), (INF, -INF), (NAN, INF), (-INF, NAN)]:
        for places in [range(len(specials)), range(n - len(specials), n)]:
            numbers = [float(j % 5) for j in range(n)]
            for j, special in zip(places, specials, strict=True):
                numbers[j] = special
            wanted = reference.KERNELS[name](numbers, shape=(1,))
            out = empty((1,), dtype)
            kernels[name](out, buf(numbers, dtype))
            check_close(out, wanted, 1e-6, context=f"{specials} at {places}")
            column = empty((1, 2), dtype)       # the same down columns
            kernels[name](column, buf([[x, x] for x in numbers], dtype))
            check_close(column, [wanted * 2], 1e-6, context=f"columns, {specials} at {places}")
    out = empty((1,), dtype)
    kernels[name](out, buf([-INF] * n, dtype))
    assert out.tolist() == [-INF]


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions(kernels, name, dtype):
    for shape in SHAPES:
        numbers = random_array(shape, dtype)
        for axis in range(max(1, len(shape))):
            wanted = reference.KERNELS[name](numbers, axis=axis)
            for layout, x in layouts(numbers, dtype):
                out = empty(without(shape, (axis,)), "int64")
                kernels[name](out, x, Params((axis,)))
                check_equal(out, wanted, f"{shape} along {axis}, {layout}")


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("n", [5, 100])
def test_positions_of_nan_and_ties(kernels, name, n):
    for numbers in [[1.0] * n, [NAN] * n, [1.0] * (n - 2) + [NAN, NAN], [INF, NAN, -INF] + [0.0] * n,
                    [0.0, INF, INF, -INF, -INF] * n]:
        wanted = reference.KERNELS[name](numbers, axis=0)
        out = empty((1,), "int64")
        kernels[name](out, buf(numbers), Params((0,)))
        assert out.tolist() == wanted
        pair = empty((1, 2), "int64")
        kernels[name](pair, buf([[x, x] for x in numbers]), Params((0,)))
        assert pair.tolist() == [wanted * 2]


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("reverse", [False, True])
def test_cumsum(kernels, dtype, reverse):
    for shape in SHAPES[:-2]:
        numbers = nested.pointwise(lambda x: x % 3, random_array(shape, dtype))
        for axis in range(max(1, len(shape))):
            wanted = reference.KERNELS["cumsum"](numbers, axis=axis, reverse=reverse)
            for layout, x in layouts(numbers, dtype):
                for out_layout, out in out_layouts(shape, dtype):
                    kernels["cumsum"](out, x, Params((axis, reverse)))
                    check_equal(out, wanted, f"{shape} along {axis}, {layout} into {out_layout}")
    kernels["cumsum"](empty((0, 3), dtype), empty((0, 3), dtype), Params((0, reverse)))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integer_sums_wrap(kernels, dtype):
    bits = 32 if dtype == "int32" else 64
    out = empty((1,), dtype)
    kernels["sum"](out, buf([2**(bits - 1) - 1, 1], dtype))
    assert out.tolist() == [-2**(bits - 1)]


def test_float32_sums_are_exact_sums_rounded(kernels):
    numbers = [1e8 if j == 0 else 1.0 for j in range(100_001)]
    out = empty((1,))
    kernels["sum"](out, buf(numbers))
    assert out.tolist() == [1e8 + 100_000]
    columns = empty((1, 2))
    kernels["sum"](columns, buf([[x, -x] for x in numbers]))
    assert columns.tolist() == [[1e8 + 100_000, -1e8 - 100_000]]


def test_float64_sums_keep_their_accuracy(kernels):
    rng = random.Random(1)
    numbers = [rng.uniform(0, 1) for _ in range(200_000)]
    out = empty((1,), "float64")
    kernels["sum"](out, buf(numbers, "float64"))
    exact = math.fsum(numbers)
    assert abs(out.tolist()[0] - exact) <= 1e-14 * exact


def test_logsumexp_does_not_overflow(kernels):
    out = empty((1,))
    kernels["logsumexp"](out, buf([1000.0, 1000.0, -1000.0]))
    check_close(out, [1000 + math.log(2)])


def uniform(kernels, shape):
    x = empty(shape)
    kernels["uniform"](x, Params((1, 0)))
    return x


@pytest.mark.parametrize(("shape", "out_shape"), [
    ((1_000_000,), (1,)), ((5000, 200), (1, 200)), ((5000, 200), (5000, 1)), ((100, 100, 100), (1, 100, 1)),
    ((200, 5000), (1, 1))])
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "logsumexp"])
def test_same_bits_for_any_number_of_threads(kernels, threads, name, shape, out_shape):
    x = uniform(kernels, shape)
    seen = set()
    for n in (1, 2, 3, 4):
        threads(n)
        out = empty(out_shape)
        kernels[name](out, x)
        seen.add(tuple(nested.flat(out.tolist())))
    assert len(seen) == 1


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["argmax", "cumsum"])
def test_lines_on_threads(kernels, threads, name, axis):
    x = uniform(kernels, (400, 600))
    shape, dtype = ((400, 600), "float32") if name == "cumsum" else (without((400, 600), (axis,)), "int64")
    results = []
    for n in (1, 4):
        threads(n)
        out = empty(shape, dtype)
        kernels[name](out, x, Params((axis, 0)))
        results.append(out.tolist())
    assert results[0] == results[1]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_shape_any_axes(kernels, data):
    shape = tuple(data.draw(st.lists(st.integers(0, 6), max_size=4)))
    axes = data.draw(st.sets(st.integers(0, 3))) & set(range(len(shape)))
    name = data.draw(st.sampled_from(["sum", "amax", "amin"]))
    dtype = data.draw(st.sampled_from(DTYPES[name]))
    if name != "sum" and any(shape[axis] == 0 for axis in axes):
        return
    numbers = random_array(shape, dtype)
    order = data.draw(st.permutations(range(len(shape))))
    if math.prod(shape) == 0:
        out = empty(without(shape, axes), dtype)
        kernels[name](out, empty(shape, dtype))
        assert set(nested.flat(out.tolist())) <= {0}
        return
    x = buf(numbers, dtype).permute(tuple(order))
    shape = x.shape
    out = empty(without(shape, axes), dtype)
    kernels[name](out, x)
    check_equal(out, reference.KERNELS[name](x.tolist(), shape=without(shape, axes)))


@pytest.mark.torch
@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin", "logsumexp", "cumsum"])
def test_special_values_as_in_pytorch(kernels, name):
    torch = pytest.importorskip("torch")
    rng = random.Random(4)
    for n in (4, 70):
        for trial in range(20):
            numbers = [[rng.choice([NAN, INF, -INF, 0.0, 1.5, -2.0, 3.0]) if trial % 2 else rng.choice([-INF, 1.0, INF])
                        for _ in range(n)] for _ in range(3)]
            x = torch.tensor(numbers)
            for axis in (0, 1):
                keep = {} if name == "cumsum" else {"keepdim": True}
                wanted = getattr(torch, name)(x, axis, **keep).tolist()
                shape = (3, n) if name == "cumsum" else without((3, n), (axis,))
                out = empty(shape, "int64" if "arg" in name else "float32")
                kernels[name](out, buf(numbers), Params((axis, 0)))
                check_close(out, wanted, 1e-6)
