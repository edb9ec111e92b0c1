"""Matrices of linear functions: against the function on every basis vector, names, structure, refusals, work."""

import sys

import pytest
import table
from hypothesis import given, settings, strategies as st

import minigrad
import minigrad.nn.functional as F
from minigrad.matrix import Matrix, matrix_of
from minigrad.matrix.form import Form, Named, collected, plus, times, words
from minigrad.op import OPS

DTYPES = (minigrad.float32, minigrad.float64)
LINEAR = sorted(name for name, row in OPS.items() if row.kind in ("linear", "multilinear"))
STEPS = {"neg": (0,), "add": (0, 1), "sub": (0, 1), "mul": (0, 1), "div": (0,), "linear": (0, 1), "softmax_pull": (0,),
         "log_softmax_pull": (0,), "relu_pull": (0,), "class_loss_pull": (0,)}
CORNER = minigrad.arange(1., 10.).reshape(1, 1, 3, 3)


def by_basis(fn, shape, dtype, out_size):
    """The dense matrix, a column for each basis vector."""
    n = minigrad.zeros(*shape).numel()
    columns = [fn(minigrad.eye(n, dtype=dtype)[j].reshape(shape)).reshape(-1) for j in range(n)]
    return minigrad.stack(columns, 1) if n else minigrad.zeros(out_size, 0)


def one_operand(sample, slot, dtype):
    """The call as a function of one operand, and its shape: the others fixed, or 0 where they are only added."""
    operands = sample.make(dtype)
    for j, x in enumerate(operands):
        if j != slot and x.dtype.is_floating_point and (
                sample.name in ("add", "sub") or (sample.row.kind == "linear" and j not in sample.row.constants)
                or slot == 2 or (j == 2 and sample.name in ("conv", "conv_transpose", "linear"))):
            operands[j] = x * 0
    return lambda x: sample(*operands[:slot], x, *operands[slot + 1:]), operands[slot].shape


CALLS = [pytest.param(sample, slot, dtype, id=f"{name}-{slot}-{dtype.name}")
         for dtype in DTYPES
         for name, sample in table.samples(sorted({*LINEAR, *STEPS}))
         for slot in STEPS.get(sample.name, range(len(sample.operands)))
         if slot not in getattr(sample.row, "constants", ()) and sample.operands[slot].dtype is None
         and sample.attrs.get("dtype", dtype).is_floating_point]


@pytest.mark.parametrize("sample, slot, dtype", CALLS)
def test_every_linear_row_is_its_matrix(sample, slot, dtype):
    fn, shape = one_operand(sample, slot, dtype)
    out = fn(minigrad.zeros(*shape, dtype=dtype))
    A = matrix_of(fn, shape, dtype)
    assert A.shape == (out.numel(), minigrad.zeros(*shape).numel())
    assert (A.input_shape, A.output_shape, A.dtype) == (tuple(shape), tuple(out.shape), out.dtype)
    dense = A.to_dense()
    assert dense.dtype is out.dtype and tuple(dense.shape) == A.shape
    wanted = by_basis(fn, shape, dtype, out.numel()).to(out.dtype)
    assert minigrad.allclose(dense, wanted, rtol=1e-5, atol=1e-6)
    assert minigrad.allclose(A.T.to_dense(), wanted.T)
    assert A.nnz >= int((wanted != 0).sum())
    rows, columns, values = A.coo()
    places = list(zip(rows.tolist(), columns.tolist(), strict=True))
    assert places == sorted(set(places)) and len(places) == A.nnz == values.numel()


def test_every_linear_row_is_tried():
    assert {call.values[0].name for call in CALLS} >= set(LINEAR)


# ---- names: the matrix of the texts ----------------------------------------------------------------------------------

TEXTBOOK = """
00 01 02 .  10 11 12 .  20 21 22 .  .  .  .  .
.  00 01 02 .  10 11 12 .  20 21 22 .  .  .  .
.  .  .  .  00 01 02 .  10 11 12 .  20 21 22 .
.  .  .  .  .  00 01 02 .  10 11 12 .  20 21 22
"""


def test_the_matrix_of_a_3x3_kernel_on_4x4_prints_as_the_texts_print_it():
    A = matrix_of(lambda x: F.conv2d(x, CORNER), (1, 1, 4, 4))
    wanted = [["0" if place == "." else f"w[{place[0]},{place[1]}]" for place in line.split()]
              for line in TEXTBOOK.strip().splitlines()]
    assert [line.split() for line in str(A).splitlines()] == wanted
    assert [[A.name(o, i) for i in range(16)] for o in range(4)] == wanted
    assert len({len(line) for line in str(A).splitlines()}) == 1           # aligned
    assert [line.split() for line in A.text(names=False).splitlines()] == [
        [str(3 * int(name[2]) + int(name[4]) + 1) if name != "0" else "0" for name in row] for row in wanted]


def test_its_transpose_is_the_transposed_convolution_by_name():
    A = matrix_of(lambda x: F.conv2d(x, CORNER), (1, 1, 4, 4))
    back = matrix_of(lambda g: F.conv_transpose2d(g, CORNER), (1, 1, 2, 2))
    assert str(A.T) == str(back) and A.T.T is A


@settings(max_examples=60, deadline=None)
@given(i=st.integers(1, 6), j=st.integers(1, 5), k=st.integers(1, 3), stride=st.integers(1, 3),
       padding=st.integers(0, 3), dilation=st.integers(1, 3), groups=st.integers(1, 2), data=st.data())
def test_the_transpose_of_any_convolution_is_the_engine_s(i, j, k, stride, padding, dilation, groups, data):
    if min(i, j) + 2 * padding < dilation * (k - 1) + 1:
        return
    w = minigrad.randn(2, 2 // groups, k, k, dtype=minigrad.float64)
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    A = matrix_of(lambda x: F.conv2d(x, w, **how), (1, 2, i, j), minigrad.float64)
    g = minigrad.randn(*A.output_shape, dtype=minigrad.float64)
    (back,) = minigrad.func.linear_transpose(lambda x: F.conv2d(x, w, **how),
                                             minigrad.zeros(1, 2, i, j, dtype=minigrad.float64))(g)
    assert minigrad.allclose(A.T @ g.reshape(-1), back.reshape(-1))
    x = minigrad.randn(*A.input_shape, dtype=minigrad.float64)
    assert minigrad.allclose(A @ x.reshape(-1), F.conv2d(x, w, **how).reshape(-1))


def test_channels_are_in_the_names_where_there_are_several():
    w = minigrad.ones(2, 1, 1, 2)
    A = matrix_of(lambda x: F.conv2d(x, w), (1, 1, 1, 3))
    assert str(A).split("\n")[2].split() == ["w[1,0,0,0]", "w[1,0,0,1]", "0"]


def test_compositions_are_formulas_of_the_weights():
    w, v = minigrad.tensor([[[2., 3.]]]), minigrad.tensor([[[5., 7.]]])
    A = matrix_of(lambda x: F.conv1d(F.conv1d(x, w), v), (1, 1, 3))
    assert [A.name(0, i) for i in range(3)] == ["w2[0]w[0]", "w2[0]w[1]+w2[1]w[0]", "w2[1]w[1]"]
    assert A.to_dense().tolist() == [[10., 29., 21.]]
    twice = matrix_of(lambda x: F.conv1d(x, w) - 3 * F.conv1d(x, w), (1, 1, 2))
    assert [twice.name(0, i) for i in range(2)] == ["w[0]-3w[0]", "w[1]-3w[1]"]


def test_a_weight_of_zero_keeps_its_place():
    A = matrix_of(lambda x: F.conv1d(x, minigrad.tensor([[[0., 1.]]])), (1, 1, 2))
    assert A.nnz == 2 and A.name(0, 0) == "w[0]" and A.to_dense().tolist() == [[0., 1.]]
    assert matrix_of(lambda x: x * 0, (2,)).nnz == 0 and matrix_of(lambda x: x - x, (2,)).nnz == 0


def test_as_a_function_of_the_weights_a_convolution_is_the_matrix_of_patches():
    x = minigrad.arange(9.).reshape(1, 1, 3, 3)
    A = matrix_of(lambda w: F.conv2d(x, w), (1, 1, 2, 2))
    assert str(A).splitlines()[1].split() == ["x[0,1]", "x[0,2]", "x[1,1]", "x[1,2]"]


def test_names_of_sums_and_products():
    a, b = Named.of(2., "a"), Named.of(3., "b")
    assert words(times(a, plus(a, b))) == "a(a+b)" and float(times(a, plus(a, b))) == 10
    assert words(plus(a, a)) == "2a" and words(times(a, -1)) == "-a" and words(times(1, a)) == "a"
    assert words(plus(a, times(-1, b))) == "a-b"
    assert not isinstance(times(Named.of(2., "x" * 40), Named.of(3., "y" * 40)), Named)
    form = Form((), {1: 1, 0: 2})
    assert collected([(1, form), (-1, form)]) == {}


# ---- the matrix as a matrix ------------------------------------------------------------------------------------------

def test_products():
    A = matrix_of(lambda x: F.conv2d(x, CORNER, padding=1), (1, 1, 4, 3))
    B = matrix_of(lambda x: x.cumsum(3).flip(2), (1, 1, 4, 3))
    dense = A.to_dense() @ B.to_dense()
    both = A @ B
    assert isinstance(both, Matrix) and minigrad.allclose(both.to_dense(), dense)
    assert (both.input_shape, both.output_shape) == (B.input_shape, A.output_shape)
    x = minigrad.randn(12, 5)
    assert minigrad.allclose(both @ x, dense @ x, atol=1e-4)
    assert minigrad.allclose(both @ x[:, 0], dense @ x[:, 0], atol=1e-4)
    assert (both @ x.double()).dtype is minigrad.float64
    leaf = minigrad.randn(12, requires_grad=True)
    (A @ leaf).sum().backward()
    assert minigrad.allclose(leaf.grad, A.T @ minigrad.ones(12))


def test_wrong_products_are_refused():
    A = matrix_of(lambda x: x[:2], (3,))
    with pytest.raises(ValueError, match=r"Matrix @: other: got shape \(2,\), expected \(3,\) or \(3, k\)"):
        A @ minigrad.ones(2)
    with pytest.raises(ValueError, match=r"Matrix @: other: got shape \(2, 3\), expected 3 rows"):
        A @ A
    with pytest.raises(TypeError):
        A @ 3


def test_empty_axes():
    assert matrix_of(lambda x: x, (0, 3)).shape == (0, 0)
    A = matrix_of(lambda x: x.sum(), (0, 3))
    assert A.shape == (1, 0) and A.nnz == 0 and A.to_dense().shape == (1, 0) and str(A) == ""
    assert A.T.shape == (0, 1) and (A @ minigrad.zeros(0)).tolist() == [0.]
    assert str(A.structure()) and repr(A) == "<Matrix 1 x 0, 0 entries>"


def test_long_matrices_are_cut():
    A = matrix_of(lambda x: x, (9,))
    assert A.text(limit=2) == "1 0 ...\n0 1 ...\n..."
    with pytest.raises(ValueError, match="limit"):
        A.text(limit=0)


# ---- structure -------------------------------------------------------------------------------------------------------

def conv(size, **how):
    w = minigrad.randn(1, 1, *(3,) * len(size))
    run = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(size)]
    return matrix_of(lambda x: run(x, w, **how), (1, 1, *size))


@pytest.mark.parametrize("A, words", [
    (conv((6,)), "Toeplitz"), (conv((6,), padding=2), "Toeplitz"), (conv((7,), dilation=2), "Toeplitz"),
    (conv((7,), stride=2), "Toeplitz with stride 2"), (conv((7,), stride=2).T, "Toeplitz with transposed stride 2"),
    (conv((4, 5)), "doubly block Toeplitz"),
    (conv((7, 5), stride=(2, 1)), "doubly block Toeplitz with stride 2 x 1"),
    (conv((3, 3, 4), padding=1), "triply block Toeplitz"),
    (matrix_of(lambda x: x, (4,)), "Toeplitz"), (matrix_of(lambda x: x.cumsum(0), (4,)), "Toeplitz"),
    (matrix_of(lambda x: x.roll(1, 0), (4,)), "Toeplitz"), (matrix_of(lambda x: x.flip(0), (4,)), ""),
    (matrix_of(lambda x: x * minigrad.tensor([1., 2., 3.]), (3,)), ""),
    (matrix_of(lambda x: F.conv1d(x, minigrad.ones(3, 2, 3)), (1, 2, 5)), "blocks that are Toeplitz"),
])
def test_toeplitz(A, words):
    assert A.structure().toeplitz == words


@pytest.mark.parametrize("A", [conv((6,), stride=2, padding=1), conv((4, 5)), conv((5,), stride=3).T])
def test_a_move_leaves_every_entry_as_it_is(A):
    """What a level says, checked on the dense matrix of places."""
    at = [j for j, (m, n) in enumerate(zip(A.output_shape, A.input_shape, strict=True)) if (m, n) != (1, 1)]
    dense = A.to_dense().reshape(*A.output_shape, *A.input_shape)
    for axis, level in zip(at, A.structure().levels, strict=True):
        (p, q), there = level.move, axis + len(A.output_shape)
        later = dense.narrow(axis, p, level.rows - p).narrow(there, q, level.columns - q)
        assert (dense.narrow(axis, 0, level.rows - p).narrow(there, 0, level.columns - q) == later).all()


def test_structure_in_words():
    A = matrix_of(lambda x: F.conv2d(x, CORNER), (1, 1, 4, 4))
    found = A.structure()
    assert found.diagonals == tuple(sorted({i - o for o, row in enumerate(A.rows) for i in row}))
    assert found.weights[:4] == ("w[0,0]", "w[0,1]", "w[0,2]", "w[1,0]")
    assert [(level.rows, level.columns, level.move) for level in found.levels] == [(2, 4, (1, 1))] * 2


# ---- what is no matrix -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fn, says", [
    (lambda x: x * x, "mul, whose derivative depends"), (lambda x: x ** 2, "square, whose"),
    (lambda x: x.relu() * 2, "relu, whose"), (lambda x: x.exp(), "exp, whose"), (lambda x: x.abs(), "abs, whose"),
    (lambda x: 1 / x, "div, whose"), (lambda x: x.max(), "amax, whose"), (lambda x: x.clamp(0, 1), "clamp, whose"),
    (lambda x: x.sign(), "sign, which does more than add and scale"),
    (lambda x: x.floor(), "floor, which does more than add and scale"),
    (lambda x: F.softmax(x, 0), "softmax, whose"), (lambda x: F.layer_norm(x, (3,)), "normalize, whose"),
    (lambda x: x + 1, "add, which adds what does not depend on the argument: affine"),
    (lambda x: F.linear(x, minigrad.ones(2, 3), minigrad.ones(2)), "linear, which adds"),
    (lambda x: F.conv1d(x.reshape(1, 1, 3), minigrad.ones(1, 1, 2), minigrad.ones(1)), "conv, which adds"),
    (lambda x: minigrad.cat([x, minigrad.ones(1)]), "cat, which adds"),
    (lambda x: minigrad.ones(2), "a result, which adds"),
    (lambda x: x.sort()[0], "argsort chooses"), (lambda x: x[x.argmax()], "argmax chooses"),
    (lambda x: F.max_pool1d(x.reshape(1, 1, 3), 2, 1), "max_pool chooses"),
    (lambda x: minigrad.where(x > 0, x, 2 * x), "gt chooses"), (lambda x: (x > 0).float(), "gt chooses"),
    (lambda x: x if x[0] >= 0 else 2 * x, "Python code reads numbers"),
    (lambda x: x * x.sum().item(), "Python code reads numbers"),
    (lambda x: x.detach(), "where no gradient does"), (lambda x: x.long().float(), "rounds"),
    (lambda x: F.dropout(x), "changes from call to call"), (lambda x: (x, x), "several results"),
])
def test_what_is_not_linear_is_refused_with_the_reason(fn, says):
    with pytest.raises(ValueError, match=says) as error:
        matrix_of(fn, (3,))
    assert str(error.value).startswith("matrix_of: fn: got ") and "expected a linear function" in str(error.value)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="matrix_of: dtype"):
        matrix_of(lambda x: x, (3,), minigrad.int64)
    with pytest.raises(TypeError, match="matrix_of"):
        matrix_of(lambda x: 3, (3,))
    with pytest.raises(ValueError, match="input_shape"):
        matrix_of(lambda x: x, (-1,))
    with pytest.raises(TypeError, match="matrix_of: input_shape: got 4, expected the sizes of all axes"):
        matrix_of(lambda x: x, 4)
    captured = minigrad.compile(lambda x: 2 * x)
    with pytest.raises(ValueError, match=r"got a captured function, .* expected the function that was captured"):
        matrix_of(lambda x: captured(x) + x, (3,))


# ---- layers and derivatives are linear too ---------------------------------------------------------------------------

def test_a_batch_norm_that_has_learnt_is_diagonal():
    norm = minigrad.nn.BatchNorm1d(3).eval()
    assert matrix_of(norm, (1, 3)).structure().diagonals == (0,)


def test_the_derivative_of_a_function_is_linear():
    x = minigrad.tensor([1., 2., 3.])
    A = matrix_of(lambda t: minigrad.func.jvp(lambda y: (y * y).cumsum(0), (x,), (t,))[1], (3,))
    assert minigrad.allclose(A.to_dense(), minigrad.func.jacrev(lambda y: (y * y).cumsum(0))(x))


# ---- work ------------------------------------------------------------------------------------------------------------

def calls(fn):
    """How many calls, of Python and of compiled functions, it takes."""
    count = 0

    def seen(_frame, event, _arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        fn()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("fn, shape", [
    (lambda x: F.conv1d(x, CORNER[0, :, :1].reshape(1, 1, 3), padding=1), lambda n: (1, 1, n)),
    (lambda x: F.conv1d(x, CORNER[0, :, :1].reshape(1, 1, 3), stride=2), lambda n: (1, 1, n)),
    (lambda x: F.interpolate(x, scale_factor=2., mode="linear"), lambda n: (1, 1, n)),
    (lambda x: F.avg_pool2d(x, 2), lambda n: (1, 1, n, 4)), (lambda x: x.flip(0)[::2].repeat(2), lambda n: (n,)),
    (lambda x: x.cumsum(1), lambda n: (n, 5)), (lambda x: x.sum(), lambda n: (n,)),
])
def test_work_grows_with_the_entries(fn, shape):
    """Twice the entries, twice the work, where a run for each basis vector would take four times that."""
    matrix_of(fn, shape(8))         # what is made once is made
    (first, few), (second, many) = measured(fn, shape)
    assert second / first < 1.3 * many / few


def measured(fn, shape):
    found = []
    for n in (64, 256):
        made = []
        found.append((calls(lambda n=n, made=made: made.append(matrix_of(fn, shape(n)))), made[0].nnz))
    return found
