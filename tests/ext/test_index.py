"""Gather, scatter, add_into, nonzero and sort are their definitions, and refuse bad indices before they write."""

import itertools
import math
import random

import pytest
from arrays import NAMES, NUMBERS, REALS, buf, check_equal, empty, float32, layouts, out_layouts, write
from hypothesis import given, settings, strategies as st

from minigrad import reference
from minigrad.reference import nested
from minigrad_ext.kernel import Params
from minigrad_ext.parallel import get_num_threads, set_num_threads

NAN, INF = math.nan, math.inf

# (shape of x, shape of the index, axis)
CASES = [
    ((), (), 0), ((5,), (3,), 0), ((4,), (9,), 0), ((3, 4), (3, 7), 1), ((3, 4), (2, 2), 1), ((3, 4), (6, 4), 0),
    ((3, 4), (6, 2), 0), ((2, 3, 4), (2, 5, 4), 1), ((2, 3, 4), (1, 2, 6), 2), ((2, 3, 4), (5, 3, 4), 0),
]


def random_array(shape, dtype, seed=0):
    rng = random.Random(f"{seed} {shape} {dtype}")
    low = 0 if dtype == "uint8" else -9
    draw = {"bool": lambda: rng.random() < 0.5, "float32": lambda: float(rng.randint(-9, 9)),
            "float64": lambda: float(rng.randint(-9, 9))}.get(dtype, lambda: rng.randint(low, 9))
    return nested.unflatten([draw() for _ in range(math.prod(shape))], shape)


def random_index(shape, size, seed=0):
    rng = random.Random(f"{seed} {shape} {size}")
    return nested.unflatten([rng.randrange(size) for _ in range(math.prod(shape))], shape)


def size_along(shape, axis):
    return shape[axis] if shape else 1


@pytest.fixture
def threads():
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


# ---- gather, scatter

@pytest.mark.parametrize("dtype", NAMES)
def test_gather(kernels, dtype):
    for x_shape, index_shape, axis in CASES:
        x, index = random_array(x_shape, dtype), random_index(index_shape, size_along(x_shape, axis))
        wanted = reference.gather(x, index, axis=axis)
        for (layout, xs), (index_layout, indices) in itertools.product(layouts(x, dtype), layouts(index, "int64")):
            out = empty(index_shape, dtype)
            kernels["gather"](out, xs, indices, Params((axis,)))
            check_equal(out, wanted, f"{x_shape} {layout} by {index_shape} {index_layout} along {axis}")
        for layout, out in out_layouts(index_shape, dtype):
            kernels["gather"](out, buf(x, dtype), buf(index, "int64"), Params((axis,)))
            check_equal(out, wanted, f"into {layout}")


@pytest.mark.parametrize("name", ["scatter_add", "scatter"])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_scatter(kernels, name, dtype):
    for into_shape, index_shape, axis in CASES:
        into, src = random_array(into_shape, dtype), random_array(index_shape, dtype, 1)
        if dtype == "uint8":
            into, src = nested.pointwise(lambda v: v % 3, into), nested.pointwise(lambda v: v % 3, src)
        index = random_index(index_shape, size_along(into_shape, axis))
        wanted = reference.KERNELS[name](src, index, axis=axis, into=into)
        sources = itertools.product(layouts(src, dtype), layouts(index, "int64"))
        for (layout, values), (index_layout, indices) in sources:
            out = buf(into, dtype)
            kernels[name](out, values, indices, Params((axis,)))
            check_equal(out, wanted, f"{layout} by {index_shape} {index_layout} along {axis} into {into_shape}")
        for layout, out in out_layouts(into_shape, dtype):
            write(out, into)
            kernels[name](out, buf(src, dtype), buf(index, "int64"), Params((axis,)))
            check_equal(out, wanted, f"into {layout}")


def test_scatter_of_bool(kernels):
    out = buf([False, False, True], "bool")
    kernels["scatter"](out, buf([True, False], "bool"), buf([0, 2], "int64"), Params((0,)))
    assert out.tolist() == [True, False, False]


@pytest.mark.parametrize("axis", [0, 1])
def test_repeated_index(kernels, axis):
    """An index of stride 0 picks whole rows or columns."""
    x = random_array((4, 5), "float32")
    index = buf([[[2], [0], [2]], [[4, 1]]][axis], "int64").expand([(3, 5), (4, 2)][axis])
    for layout, xs in layouts(x):
        out = empty(index.shape)
        kernels["gather"](out, xs, index, Params((axis,)))
        check_equal(out, reference.gather(x, index.tolist(), axis=axis), layout)
    out = buf(x)
    src = random_array(index.shape, "float32", 1)
    kernels["scatter_add"](out, buf(src), index, Params((axis,)))
    check_equal(out, reference.scatter_add(src, index.tolist(), axis=axis, into=x))


@pytest.mark.parametrize("bad", [3, -1, 2**62, -2**63])
@pytest.mark.parametrize("place", [0, 3, 5])
@pytest.mark.parametrize("name", ["gather", "scatter", "scatter_add"])
def test_bad_index_leaves_the_output_alone(kernels, name, bad, place):
    numbers = [0, 1, 2, 0, 1, 2]
    numbers[place] = bad
    for _, index in layouts([numbers[:3], numbers[3:]], "int64"):
        before = [[7.0] * 3] * 2 if name == "gather" else [[7.0] * 3] * 3
        out = buf(before)
        other = buf([[1.0] * 3] * 3) if name == "gather" else buf([[1.0] * 3] * 2)
        with pytest.raises(IndexError, match=rf"{name}: index {bad} is out of range"):
            kernels[name](out, other, index, Params((0,)))
        assert out.tolist() == before


def test_first_bad_index_is_named(kernels):
    with pytest.raises(IndexError, match="index 9 "):
        kernels["gather"](empty((2, 2)), empty((3, 2)), buf([[0, 9], [-4, 8]], "int64"), Params((0,)))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty_index(kernels, shape):
    index = empty(shape, "int64")
    kernels["gather"](empty(shape), empty((3,) * len(shape)), index, Params((0,)))
    out = buf(nested.full((3,) * len(shape), 1.0))
    kernels["scatter_add"](out, empty(shape), index, Params((0,)))
    assert set(nested.flat(out.tolist())) == {1.0}


def test_index_into_nothing(kernels):
    with pytest.raises(IndexError):
        kernels["gather"](empty((2,)), empty((0,)), buf([0, 0], "int64"), Params((0,)))


@pytest.mark.parametrize("axis", [0, 1])
def test_same_bits_for_any_number_of_threads(kernels, threads, axis):
    """Many sources meet in few targets: the order of their sums must not depend on threads."""
    rng = random.Random(8)
    shape, target = ((500, 400), [(20, 400), (500, 20)][axis])
    src = buf(nested.unflatten([rng.gauss(0, 1) for _ in range(200_000)], shape))
    index = buf(nested.unflatten([rng.randrange(20) for _ in range(200_000)], shape), "int64")
    results = []
    for n in (1, 2, 4):
        threads(n)
        out = buf(nested.full(target, 0.0))
        kernels["scatter_add"](out, src, index, Params((axis,)))
        picked = empty(shape)
        kernels["gather"](picked, out, index, Params((axis,)))
        results.append((out.tolist(), picked.tolist()))
    assert results[0] == results[1] == results[2]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_gather_and_scatter_add_are_transposes(kernels, data):
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    axis = data.draw(st.integers(0, len(shape) - 1))
    index_shape = tuple(data.draw(st.integers(0, 7 if j == axis else n)) for j, n in enumerate(shape))
    index = buf(random_index(index_shape, shape[axis]), "int64", index_shape)
    x, g = random_array(shape, "float64"), random_array(index_shape, "float64", 1)
    picked, placed = empty(index_shape, "float64"), buf(nested.full(shape, 0.0), "float64")
    kernels["gather"](picked, buf(x, "float64"), index, Params((axis,)))
    kernels["scatter_add"](placed, buf(g, "float64", index_shape), index, Params((axis,)))

    def dot(a, b):
        return sum(p * q for p, q in zip(nested.flat(a), nested.flat(b), strict=True))
    assert dot(picked.tolist(), g) == dot(x, placed.tolist())


# ---- add_into

def overlapping_views(memory):
    """(name, view) of a flat Buffer of 24 elements, apart and overlapping."""
    square = memory.reshape((4, 6))
    yield "plain", memory
    yield "matrix", square
    yield "transposed", square.permute((1, 0))
    yield "reversed", memory.slice((23,), (-1,), (24,))
    yield "stepped", square.slice((0, 1), (2, 2), (2, 3))
    yield "windows", memory.windows(0, 5, 1)
    yield "windows with steps", memory.windows(0, 4, 3)
    yield "windows apart", memory.windows(0, 3, 4)
    yield "windows of columns", square.windows(0, 2, 1)
    yield "windows of rows", square.windows(1, 4, 1)
    yield "windows of a transposed matrix", square.permute((1, 0)).windows(0, 3, 2)
    yield "windows of windows", square.windows(0, 2, 1).windows(1, 3, 1)
    yield "expanded", memory.slice((3,), (1,), (1,)).expand((7,))
    yield "expanded rows", memory.slice((0,), (1,), (6,)).expand((4, 6))
    yield "expanded columns", square.slice((0, 0), (1, 1), (4, 1)).expand((4, 5))
    yield "diagonal", square.diagonal(0, 0, 1)
    yield "scalar", memory.slice((5,), (1,), (1,)).reshape(())
    yield "entangled", memory.as_strided((2, 2, 2, 2), (3, 5, 4, 1), 0)
    yield "nothing", memory.slice((0,), (1,), (0,))


@pytest.mark.parametrize("dtype", NUMBERS)
def test_add_into(kernels, dtype):
    counters = buf(list(range(24)), "int64")
    for (name, places), number in zip(overlapping_views(counters), itertools.count(), strict=False):
        memory = buf(list(range(24)) if dtype not in REALS else [float(j) for j in range(24)], dtype)
        view = next(itertools.islice(overlapping_views(memory), number, None))[1]
        src = nested.pointwise(lambda v: v % 4, random_array(view.shape, dtype))
        for layout, source in layouts(src, dtype, view.shape):
            wanted = reference.add_into(src, into=memory.tolist(), positions=places.tolist())
            kernels["add_into"](view, source)
            check_equal(memory, wanted, f"{name}, from {layout}")


@pytest.mark.parametrize("shape", [(300_000,), (600, 500), (50, 60, 70)])
def test_add_into_on_threads(kernels, threads, shape):
    size = math.prod(shape)
    src = empty(shape)
    kernels["uniform"](src, Params((1, 0)))
    results = []
    for n in (1, 4):
        threads(n)
        out = buf([1.0] * size).reshape(shape)
        kernels["add_into"](out, src)
        results.append(out.tolist())
    assert results[0] == results[1]
    wanted = [float32(1 + x) for x in nested.flat(src.tolist())]
    assert nested.flat(results[0]) == wanted


def test_add_into_windows_on_threads(kernels, threads):
    src = empty((800, 96, 5))
    kernels["uniform"](src, Params((1, 0)))
    results = []
    for n in (1, 2, 4):
        threads(n)
        out = buf(nested.full((800, 100), 0.0))
        kernels["add_into"](out.windows(1, 5, 1), src)
        results.append(out.tolist())
    assert results[0] == results[1] == results[2]


# ---- nonzero

def test_nonzero(kernels):
    for shape in [(), (1,), (9,), (3, 4), (2, 3, 5), (40, 70)]:
        numbers = random_array(shape, "bool")
        wanted = reference.nonzero(numbers)
        for layout, x in layouts(numbers, "bool"):
            for out_layout, out in out_layouts((len(wanted), len(shape)), "int64"):
                kernels["nonzero"](out, x)
                assert out.tolist() == wanted, f"{shape} {layout} into {out_layout}"


def test_nonzero_of_nothing(kernels):
    for shape in [(0,), (0, 3), (3, 0)]:
        kernels["nonzero"](empty((0, len(shape)), "int64"), empty(shape, "bool"))


# ---- sort

@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("descending", [False, True])
def test_sort(kernels, dtype, descending):
    for shape in [(), (1,), (9,), (3, 4), (2, 3, 5), (70,), (3, 200)]:
        numbers = random_array(shape, dtype)
        for axis in range(max(1, len(shape))):
            wanted, positions = reference.sort(numbers, axis=axis, descending=descending)
            for layout, x in layouts(numbers, dtype):
                values, indices = empty(shape, dtype), empty(shape, "int64")
                kernels["sort"](values, indices, x, Params((axis, descending)))
                check_equal(values, wanted, layout)
                check_equal(indices, positions, layout)


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("descending", [False, True])
def test_sort_of_special_values(kernels, dtype, descending):
    rng = random.Random(11)
    for n in (5, 50):
        numbers = [rng.choice([NAN, INF, -INF, 0.0, -0.0, 1.0, -2.0]) for _ in range(n)]
        wanted, positions = reference.sort(numbers, axis=0, descending=descending)
        values, indices = empty((n,), dtype), empty((n,), "int64")
        kernels["sort"](values, indices, buf(numbers, dtype), Params((0, descending)))
        check_equal(values, wanted)
        assert indices.tolist() == positions


def test_sort_of_nothing(kernels):
    for shape in [(0,), (0, 3), (3, 0)]:
        kernels["sort"](empty(shape), empty(shape, "int64"), empty(shape), Params((0, 0)))


# ---- PyTorch

@pytest.mark.torch
def test_as_in_pytorch(kernels):
    torch = pytest.importorskip("torch")
    rng = random.Random(12)
    numbers = [[rng.choice([NAN, INF, -INF, 0.0, 1.0, -2.0]) for _ in range(40)] for _ in range(3)]
    for axis, descending in itertools.product((0, 1), (False, True)):
        want = torch.sort(torch.tensor(numbers), dim=axis, descending=descending, stable=True)
        values, indices = empty((3, 40)), empty((3, 40), "int64")
        kernels["sort"](values, indices, buf(numbers), Params((axis, descending)))
        check_equal(values, want.values.tolist())
        check_equal(indices, want.indices.tolist())
    for x_shape, index_shape, axis in CASES[1:]:
        x, index = random_array(x_shape, "float32"), random_index(index_shape, x_shape[axis])
        out = empty(index_shape)
        kernels["gather"](out, buf(x), buf(index, "int64"), Params((axis,)))
        assert out.tolist() == torch.gather(torch.tensor(x), axis, torch.tensor(index)).tolist()
        src, out = random_array(index_shape, "float32", 1), buf(x)
        kernels["scatter_add"](out, buf(src), buf(index, "int64"), Params((axis,)))
        assert out.tolist() == torch.tensor(x).scatter_add(axis, torch.tensor(index), torch.tensor(src)).tolist()
