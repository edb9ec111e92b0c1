"""The matrix product and the dense layer are their definitions, for every dtype, layout, shape and thread count."""

import math
import random

import pytest
from arrays import NUMBERS, REALS, buf, check_close, check_equal, empty, layouts, out_layouts, write
from hypothesis import given, settings, strategies as st

from minigrad import reference
from minigrad.reference import nested
from minigrad_ext.kernel import Params
from minigrad_ext.parallel import get_num_threads, set_num_threads

# Around the edges of tiles (4, 6 or 8 rows; 4 to 32 lanes), and where dot products or packing take over.
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 32, 33, 40, 65]
NAN, INF = math.nan, math.inf


def random_matrix(shape, dtype, seed=0):
    """Small integers, of which every product is exact."""
    rng = random.Random(f"{seed} {shape} {dtype}")
    low = 0 if dtype == "uint8" else -3
    convert = float if dtype in REALS else int
    high = 1 if dtype == "uint8" else 3
    return nested.unflatten([convert(rng.randint(low, high)) for _ in range(math.prod(shape))], shape)


def fast_product(a, b):
    """The definition for two plain matrices, through columns: quick enough for large ones."""
    columns = list(zip(*b, strict=True))
    return [[sum(map(lambda x, y: x * y, row, column)) for column in columns] for row in a]


@pytest.fixture
def threads():
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_is_its_definition_in_every_layout(kernels, dtype):
    for m, n, k in [(1, 1, 1), (3, 4, 5), (9, 17, 6), (2, 35, 8), (33, 2, 20)]:
        a, b = random_matrix((m, k), dtype), random_matrix((k, n), dtype, 1)
        wanted = reference.matmul(a, b)
        for a_layout, left in layouts(a, dtype):
            for b_layout, right in layouts(b, dtype):
                for out_layout, out in out_layouts((m, n), dtype):
                    kernels["matmul"](out, left, right)
                    check_equal(out, wanted, f"{(m, n, k)}: {a_layout} @ {b_layout} -> {out_layout}")


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("transposed_a", [False, True])
@pytest.mark.parametrize("transposed_b", [False, True])
def test_sizes_around_the_tiles(kernels, dtype, transposed_a, transposed_b):
    rng = random.Random(f"{dtype} {transposed_a} {transposed_b}")
    for _ in range(40):
        m, n, k = (rng.choice(SIZES) for _ in range(3))
        a, b = random_matrix((m, k), dtype), random_matrix((k, n), dtype, 1)
        left = buf(list(map(list, zip(*a, strict=True))), dtype).permute((1, 0)) if transposed_a else buf(a, dtype)
        right = buf(list(map(list, zip(*b, strict=True))), dtype).permute((1, 0)) if transposed_b else buf(b, dtype)
        wanted = fast_product(a, b)
        for out in (empty((m, n), dtype), empty((n, m), dtype).permute((1, 0))):
            kernels["matmul"](out, left, right)
            check_equal(out, wanted, f"{(m, n, k)}")


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("shape", [(5, 9, 2100), (2100, 3, 5), (3, 2100, 4), (40, 70, 1100), (1930, 3, 530)])
def test_more_than_one_block(kernels, dtype, shape):
    """k longer than a panel, more rows and columns than are packed at a time, and both."""
    m, n, k = shape
    a, b = random_matrix((m, k), dtype), random_matrix((k, n), dtype, 1)
    wanted = fast_product(a, b)
    for left in (buf(a, dtype), buf(list(map(list, zip(*a, strict=True))), dtype).permute((1, 0))):
        out = empty((m, n), dtype)
        kernels["matmul"](out, left, buf(b, dtype))
        check_equal(out, wanted)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_batches_broadcast(kernels, dtype):
    for a_shape, b_shape in [((2, 3, 4), (2, 4, 5)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)),
                             ((2, 1, 3, 4), (3, 4, 5)), ((2, 3, 4), (1, 4, 5)), ((1, 2, 3, 3, 4), (3, 1, 1, 4, 2)),
                             ((2, 1, 4), (2, 4, 1))]:
        a, b = random_matrix(a_shape, dtype), random_matrix(b_shape, dtype, 1)
        wanted = reference.matmul(a, b)
        for layout, left in layouts(a, dtype):
            for right_layout, right in layouts(b, dtype):
                out = empty(nested.shape(wanted), dtype)
                kernels["matmul"](out, left, right)
                check_equal(out, wanted, f"{a_shape} {layout} @ {b_shape} {right_layout}")


@pytest.mark.parametrize("dtype", REALS)
def test_repeated_rows_and_columns(kernels, dtype):
    """Operands of stride 0."""
    row, column = buf([[1.0, 2.0, 3.0]], dtype).expand((4, 3)), buf([[1.0], [-1.0], [2.0]], dtype).expand((3, 5))
    out = empty((4, 5), dtype)
    kernels["matmul"](out, row, column)
    assert out.tolist() == [[5.0] * 5] * 4
    one = buf([[2.0]], dtype)
    kernels["matmul"](out, one.expand((4, 7)), one.expand((7, 5)))
    assert out.tolist() == [[28.0] * 5] * 4


@pytest.mark.parametrize("dtype", NUMBERS)
def test_empty(kernels, dtype):
    for m, n, k in [(0, 3, 4), (3, 0, 4), (0, 0, 0), (0, 3, 0)]:
        kernels["matmul"](empty((m, n), dtype), empty((m, k), dtype), empty((k, n), dtype))
    for shape in [(2, 3), (3, 2, 3)]:
        for _, out in out_layouts(shape, dtype):
            kernels["matmul"](out, empty((*shape[:-1], 0), dtype), empty((*shape[:-2], 0, 3), dtype))
            assert not any(nested.flat(out.tolist()))
    kernels["matmul"](empty((0, 2, 3), dtype), empty((0, 2, 4), dtype), empty((0, 4, 3), dtype))


@pytest.mark.parametrize("dtype", REALS)
def test_nan_and_inf_touch_only_their_row_and_column(kernels, dtype):
    """Also at the edges, where a tile reaches over the matrix."""
    for m, n, k in [(2, 3, 5), (9, 33, 20), (33, 9, 20), (1, 20, 70), (17, 40, 3)]:
        for special in (NAN, INF):
            a, b = nested.full((m, k), 1.0), nested.full((k, n), 1.0)
            a[m - 1][k - 1] = special
            out = empty((m, n), dtype)
            kernels["matmul"](out, buf(a, dtype), buf(b, dtype))
            check_equal(out, [[float(k)] * n] * (m - 1) + [[special] * n])
            kernels["matmul"](out, buf(nested.full((m, k), 1.0), dtype),
                              buf([[special if (t, j) == (k - 1, n - 1) else 1.0 for j in range(n)] for t in range(k)],
                                  dtype))
            check_equal(out, [[float(k)] * (n - 1) + [special]] * m)


@pytest.mark.parametrize("dtype", REALS)
def test_accuracy(kernels, dtype):
    rng = random.Random(5)
    for m, n, k in [(3, 5, 3000), (20, 40, 1000)]:
        a = [[rng.uniform(-1, 1) for _ in range(k)] for _ in range(m)]
        b = [[rng.uniform(-1, 1) for _ in range(n)] for _ in range(k)]
        left, right = buf(a, dtype), buf(b, dtype)
        a, b = left.tolist(), right.tolist()
        out = empty((m, n), dtype)
        kernels["matmul"](out, left, right)
        columns = list(zip(*b, strict=True))
        wanted = [[math.fsum(map(lambda x, y: x * y, row, column)) for column in columns] for row in a]
        check_close(out, wanted, absolute=3e-5 if dtype == "float32" else 1e-13)


def operand(kernels, shape, dtype, seed):
    x = empty(shape, dtype)
    if dtype in REALS:
        kernels["uniform"](x, Params((seed, 0)))
    else:
        write(x, random_matrix(shape, dtype, seed))
    return x


@pytest.mark.parametrize(("a_shape", "b_shape"), [((130, 170), (170, 150)), ((40, 20), (20, 3000)),
                                                  ((60, 40, 50), (60, 50, 30)), ((3, 300, 200), (3, 200, 100))])
@pytest.mark.parametrize("dtype", REALS)
def test_same_bits_for_any_number_of_threads(kernels, threads, dtype, a_shape, b_shape):
    a, b = operand(kernels, a_shape, dtype, 1), operand(kernels, b_shape, dtype, 2)
    swap = (*range(b.ndim - 2), b.ndim - 1, b.ndim - 2)
    transposed = operand(kernels, (*b_shape[:-2], b_shape[-1], b_shape[-2]), dtype, 2).permute(swap)
    for right in (b, transposed):
        seen = set()
        for n in (1, 2, 3, 4):
            threads(n)
            out = empty((*a_shape[:-1], b_shape[-1]), dtype)
            kernels["matmul"](out, a, right)
            seen.add(tuple(nested.flat(out.tolist())))
        assert len(seen) == 1


@pytest.mark.parametrize("dtype", NUMBERS)
def test_dense_layer_of_few_rows_on_threads(kernels, threads, dtype):
    """Dot products for float32, plain loops for integers."""
    a, b = operand(kernels, (3, 900), dtype, 1), operand(kernels, (700, 900) if dtype in REALS else (70, 900), dtype, 2)
    seen = set()
    for n in (1, 2, 4):
        threads(n)
        out = empty((3, b.shape[0]), dtype)
        kernels["matmul"](out, a, b.permute((1, 0)))
        seen.add(tuple(nested.flat(out.tolist())))
    assert len(seen) == 1


def affine(x, w, bias):
    """The definition of `linear` for a plain matrix x."""
    product = fast_product(x, list(map(list, zip(*w, strict=True))))
    return [[a + b for a, b in zip(row, bias, strict=True)] for row in product]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_linear_is_its_definition_in_every_layout(kernels, dtype):
    for shape, features in [((5,), 3), ((2, 7), 4), ((3, 2, 5), 1), ((2, 3, 2, 20), 9), ((9, 18), 5)]:
        x, w = random_matrix(shape, dtype), random_matrix((features, shape[-1]), dtype, 1)
        bias = random_matrix((features,), dtype, 2)
        for given_bias in (None, bias):
            wanted = reference.linear(x, w, given_bias)
            more = [] if given_bias is None else [right for _, right in layouts(bias, dtype)]
            for x_layout, left in layouts(x, dtype):
                for w_layout, right in layouts(w, dtype):
                    for out_layout, out in out_layouts((*shape[:-1], features), dtype):
                        kernels["linear"](out, left, right, *more[:1])
                        more = more[1:] + more[:1]
                        check_equal(out, wanted, f"{x_layout} through {w_layout} -> {out_layout}")


@pytest.mark.parametrize("dtype", REALS)
def test_linear_around_the_blocks(kernels, dtype):
    """One row and several, k on both sides of whole vectors, bias added by tiles and by dots, in each orientation."""
    rng = random.Random(dtype)
    for k in (3, 15, 16, 17, 31, 33, 70, 300):
        for _ in range(6):
            m, n = rng.choice(SIZES), rng.choice(SIZES)
            x, w, bias = (random_matrix(shape, dtype, 3) for shape in ((m, k), (n, k), (n,)))
            wanted = affine(x, w, bias)
            columns = buf(list(map(list, zip(*w, strict=True))), dtype).permute((1, 0))
            for right in (buf(w, dtype), columns):
                for out in (empty((m, n), dtype), empty((n, m), dtype).permute((1, 0))):
                    kernels["linear"](out, buf(x, dtype), right, buf(bias, dtype))
                    check_equal(out, wanted, f"{(m, n, k)}")


@pytest.mark.parametrize("dtype", REALS)
def test_linear_of_more_than_one_block(kernels, dtype):
    for m, n, k in [(70, 65, 1100), (3, 2100, 20), (1, 9, 2100), (2100, 5, 18)]:
        x, w, bias = (random_matrix(shape, dtype, 3) for shape in ((m, k), (n, k), (n,)))
        out = empty((m, n), dtype)
        for right in (buf(w, dtype), buf(list(map(list, zip(*w, strict=True))), dtype).permute((1, 0))):
            kernels["linear"](out, buf(x, dtype), right, buf(bias, dtype))
            check_equal(out, affine(x, w, bias), f"{(m, n, k)}")


@pytest.mark.parametrize("dtype", NUMBERS)
def test_linear_of_nothing(kernels, dtype):
    bias = random_matrix((3,), dtype)
    for shape in [(4, 0), (0,), (2, 2, 0)]:
        out = empty((*shape[:-1], 3), dtype)
        kernels["linear"](out, empty(shape, dtype), empty((3, 0), dtype), buf(bias, dtype))
        check_equal(out, reference.linear(nested.full(shape, 0), [[], [], []], bias))
    kernels["linear"](empty((0, 3), dtype), empty((0, 2), dtype), empty((3, 2), dtype), buf(bias, dtype))
    kernels["linear"](empty((2, 0), dtype), empty((2, 2), dtype), empty((0, 2), dtype), empty((0,), dtype))


@pytest.mark.parametrize("dtype", REALS)
def test_linear_keeps_nan_and_inf_in_their_row_and_column(kernels, dtype):
    """Also where the last vector along k shares places with the one before."""
    for m, n, k in [(1, 9, 18), (5, 7, 17), (6, 9, 40), (2, 3, 31)]:
        for special in (NAN, INF):
            for at in (0, k - 1, max(0, k - 16), k // 2):
                x, w = nested.full((m, k), 1.0), nested.full((n, k), 1.0)
                x[m - 1][at] = special
                out = empty((m, n), dtype)
                kernels["linear"](out, buf(x, dtype), buf(w, dtype))
                check_equal(out, [[float(k)] * n] * (m - 1) + [[special] * n])
                x[m - 1][at], w[n - 1][at] = 1.0, special
                kernels["linear"](out, buf(x, dtype), buf(w, dtype))
                check_equal(out, [[float(k)] * (n - 1) + [special]] * m)


@pytest.mark.parametrize("shape", [(1, 3000), (40, 500), (300, 90)])
@pytest.mark.parametrize("dtype", REALS)
def test_linear_same_bits_for_any_number_of_threads(kernels, threads, dtype, shape):
    x, w, bias = (operand(kernels, s, dtype, seed) for seed, s in enumerate((shape, (900, shape[1]), (900,))))
    seen = set()
    for n in (1, 2, 3):
        threads(n)
        out = empty((shape[0], 900), dtype)
        kernels["linear"](out, x, w, bias)
        seen.add(tuple(nested.flat(out.tolist())))
    assert len(seen) == 1


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_shape(kernels, data):
    m, n, k = (data.draw(st.integers(0, 20)) for _ in range(3))
    batch = tuple(data.draw(st.lists(st.integers(0, 3), max_size=2)))
    dtype = data.draw(st.sampled_from(NUMBERS))
    a_shape, b_shape, out_shape = (*batch, m, k), (k, n), (*batch, m, n)
    out = empty(out_shape, dtype)
    a, b = random_matrix(a_shape, dtype), random_matrix(b_shape, dtype, 1)
    kernels["matmul"](out, buf(a, dtype, a_shape), buf(b, dtype, b_shape))
    if 0 in out_shape or k == 0:
        assert not any(nested.flat(out.tolist()))
    else:
        check_equal(out, reference.matmul(a, b))


@pytest.mark.torch
def test_as_in_pytorch(kernels):
    torch = pytest.importorskip("torch")
    rng = random.Random(7)
    for a_shape, b_shape in [((64, 100), (100, 50)), ((4, 10, 20), (20, 30)), ((4, 10, 20), (4, 20, 30))]:
        a, b = (nested.unflatten([rng.gauss(0, 1) for _ in range(math.prod(shape))], shape)
                for shape in (a_shape, b_shape))
        wanted = (torch.tensor(a) @ torch.tensor(b)).tolist()
        out = empty(nested.shape(wanted))
        kernels["matmul"](out, buf(a), buf(b))
        check_close(out, wanted, 1e-5, 1e-5)
