"""The op table, row by row: what is generated from the samples of `table.py`, so that no row can arrive untested."""

import weakref

import pytest
from table import (
    BINARY,
    BITS,
    COMPARE,
    ONLY_INTEGERS,
    REAL,
    ROUNDED,
    SAMPLES,
    TESTS,
    differentiable,
    leaves,
    samples,
    wanted,
)

import minigrad
from minigrad import Tensor, check, func, reference
from minigrad.autograd import grad
from minigrad.kernels import KERNELS
from minigrad.node import Meta
from minigrad.op import OPS, constant, linear, promote
from minigrad.ops import (
    conv as rows_conv,
    index as rows_index,
    linalg as rows_linalg,
    math as rows_math,
    pool as rows_pool,
    reduce as rows_reduce,
    view as rows,
)
from minigrad.reference import nested
from minigrad_ext.buffer import Buffer

FLOATS = (minigrad.float32, minigrad.float64)
FLOAT_ONLY = {"conv", "conv_transpose", "conv_weight", "max_pool_index", "max_pool", "max_unpool", "avg_pool",
              "avg_unpool", "mean", "logsumexp", "resample", "softmax", "log_softmax", "softmax_pull",
              "log_softmax_pull", "class_loss", "class_loss_pull", "loss", "loss_pull", "normalize"}
DIVIDING = {"mean", "avg_pool", "avg_unpool"}      # linear rows that round
# Kernels that are no rows: they draw numbers or change tensors in place; and those that rows of other names run.
BESIDES = {"uniform", "mask", "normal", "randint", "permutation", "sgd", "adam", "rmsprop", "adadelta",
           "track_moments", "normalize_tracking"}
PARTS = {"normalize_pull", "fill", "sum", "add_into", "arange", "scatter", "sort",
         *[f"cast_{dtype.name}" for dtype in minigrad.dtypes.DTYPES]}


def over(pairs):
    return pytest.mark.parametrize("sample", [pytest.param(sample, id=name) for name, sample in pairs])


def dtypes_of(name):
    if name in ONLY_INTEGERS:
        return (minigrad.int64, minigrad.bool) if "shift" not in name else (minigrad.int64, minigrad.int32)
    return FLOATS if name in FLOAT_ONLY else (*FLOATS, minigrad.int64)


def compare(out, numbers, tolerance):
    got, expected = nested.flat(out.tolist()), nested.flat(numbers)
    assert len(got) == len(expected), f"got {out.shape}, the definition gives {nested.shape(numbers)}"
    for j, (a, b) in enumerate(zip(got, expected, strict=True)):
        same = a == b or (a != a and b != b) or abs(a - b) <= tolerance * (1 + abs(b))
        assert same, f"element {j} is {a!r}, expected {b!r}"


# ---- the table is closed ---------------------------------------------------------------------------------------------

def test_every_row_has_samples():
    assert sorted(set(OPS) - set(SAMPLES)) == []
    assert sorted(set(SAMPLES) - set(OPS)) == []
    assert all(SAMPLES.values())


def test_names_of_rows_kernels_and_definitions_coincide():
    assert set(reference.KERNELS) == set(OPS) | set(KERNELS)
    assert sorted(set(KERNELS) - set(OPS)) == sorted(BESIDES | PARTS)


def test_every_row_is_documented_and_moves_or_computes():
    for row in OPS.values():
        assert row.doc, row
        assert (row.view is None) != (row.compute is None), row
        assert repr(row) == f"<{row.kind} op {row.name}>"


def test_attributes_are_hashable():
    for name, sample in samples():
        assert isinstance(hash(tuple(sorted(sample.attrs.items()))), int), name


# ---- values ----------------------------------------------------------------------------------------------------------

@over(samples())
def test_value_is_the_definitions(sample):
    for dtype in dtypes_of(sample.name):
        for whole in (True, False) if dtype.is_floating_point else (True,):
            operands = sample.make(dtype, whole)
            out = sample(*operands)
            promoted = promote(sample.name, tuple(operands), sample.row.promotes) if sample.row.promotes else operands
            attrs = {} if sample.row.elementwise else sample.attrs
            assert sample.row.shape(*promoted, **attrs) == (out.shape, out.dtype)
            exact = whole and sample.name not in ROUNDED
            rounding = 3e-6 if minigrad.float32 in (out.dtype, dtype) or sample.row.promotes == "float" else 1e-13
            compare(out, wanted(sample, promoted, out.shape), 0 if exact else rounding)
            assert not out.requires_grad and out.grad_fn is None


@over(samples(name for name, row in OPS.items() if row.view is not None))
def test_views_share_memory(sample):
    (x,) = sample.make(minigrad.float32)
    out = sample(x)
    assert out.buffer.storage is x.buffer.storage
    if out.numel():
        assert out.buffer.overlaps(x.buffer)


@over(samples(name for name, row in OPS.items() if row.view is None))
def test_results_have_memory_of_their_own(sample):
    operands = sample.make(dtypes_of(sample.name)[0])
    out = sample(*operands)
    assert out.is_contiguous()
    assert not any(out.buffer.overlaps(x.buffer) for x in operands)


# ---- first derivatives -----------------------------------------------------------------------------------------------

def gives_floats(sample):
    return sample.attrs.get("dtype", minigrad.float32).is_floating_point


LINEAR = [*differentiable("linear"), *differentiable("multilinear")]


@over(samples(LINEAR, gives_floats))
def test_adjoint_identity(sample):
    for dtype in FLOATS:
        operands = sample.make(dtype, whole=True)
        for slot in sample.slots(operands):
            others = operands
            if sample.row.kind == "linear":         # in all operands together: the others are zero
                others = [x if j == slot or j in sample.row.constants else x * 0 for j, x in enumerate(operands)]
            affine, (x,) = sample.along(others, [slot])
            offset = affine(x * 0)                  # a bias
            function = lambda x, affine=affine, offset=offset: affine(x) - offset       # noqa: E731
            rounding = 1e-5 if sample.name in DIVIDING else 0     # else exact: the numbers are small integers
            assert check.adjoint(function, x, rtol=rounding, atol=rounding)


@over(samples(differentiable("linear"), gives_floats))
def test_linear_rows_are_linear(sample):
    operands = sample.make(minigrad.float64, whole=True)
    function, xs = sample.along(operands)
    if not xs:
        return
    others = [x * 2 + 1 for x in xs]
    left = function(*[3 * x - y for x, y in zip(xs, others, strict=True)])
    right = 3 * function(*xs) - function(*others)
    compare(left, right.tolist(), 1e-13 if sample.name in DIVIDING else 0)


def hard(sample):
    return sample.derivatives and gives_floats(sample)


@over(samples(differentiable(), hard))
def test_gradcheck(sample):
    operands = sample.make(minigrad.float64)
    function, xs = sample.along(operands)
    if xs:
        assert check.gradcheck(function, leaves(xs), atol=1e-7, rtol=1e-6)


@over(samples(differentiable(), hard))
def test_gradgradcheck(sample):
    minigrad.manual_seed(0)
    operands = sample.make(minigrad.float64)
    function, xs = sample.along(operands)
    if xs:
        assert check.gradgradcheck(function, leaves(xs), atol=1e-7, rtol=1e-6)


THIRD = [pair for name in ("conv", "conv_transpose", "conv_weight", "avg_pool", "resample", "matmul", "tanh", "div",
                           "logsumexp")
         for pair in samples([name], hard)[:1]]


@over(THIRD)
def test_third_order(sample):
    minigrad.manual_seed(0)
    function, xs = sample.along(sample.make(minigrad.float64))
    cotangent = minigrad.randn_like(function(*xs))

    def gradient(*points):
        return grad(function(*points), points, cotangent, create_graph=True)
    assert check.gradgradcheck(gradient, leaves(xs), atol=1e-6, rtol=1e-5)


def test_third_order_of_max_pooling():
    geometry = minigrad.geometry.Geometry.of_pool("max_pool1d", (5,), 2, stride=1)

    def pool(x):
        return rows.reshape(rows_pool.max_pool(x, x.detach(), geometry=geometry), shape=(1, 4))

    x = minigrad.tensor([[[0.3, -1.2, 0.8, 0.1, 1.9]]], dtype=minigrad.float64, requires_grad=True)
    assert check.gradgradcheck(lambda x: grad((pool(x) ** 3).sum(), x, create_graph=True), x)


@over(samples(differentiable(), gives_floats))
def test_forward_and_reverse_agree(sample):
    """<J t, g> == <t, J' g>, in both dtypes, also where no difference is taken; and who has which shape and dtype."""
    for dtype in FLOATS:
        operands = sample.make(dtype)
        function, xs = sample.along(operands)
        if not xs:
            continue
        tangents = [rows.copy(x) * 0.7 + 0.1 for x in xs]
        out, pushed = func.jvp(function, tuple(xs), tuple(tangents))
        assert (pushed.shape, pushed.dtype) == (out.shape, out.dtype)
        g = ((minigrad.arange(out.numel()) * 3 % 5 - 1.5) / 2).reshape(out.shape).to(out.dtype)
        _, pull = func.vjp(function, *xs)
        pulled = pull(g)
        assert [(x.shape, x.dtype) for x in pulled] == [(x.shape, x.dtype) for x in xs]
        left = (pushed.double() * g.double()).sum().item()
        terms = [(t.double() * p.double()).sum().item() for t, p in zip(tangents, pulled, strict=True)]
        scale = 1 + abs(left) + sum(map(abs, terms))
        low = minigrad.float32 in (dtype, out.dtype)
        assert abs(left - sum(terms)) <= (2e-5 if low else 1e-12) * scale


def test_gradients_keep_their_dtype_whatever_the_default():
    minigrad.set_default_dtype(minigrad.float64)
    try:
        for name, sample in samples(differentiable(), hard):
            function, xs = sample.along(sample.make(minigrad.float32))
            if not xs:
                continue
            out, pushed = func.jvp(function, tuple(xs), tuple(xs))
            pulled = func.vjp(function, *xs)[1](out)
            assert (pushed.dtype, [x.dtype for x in pulled]) == (out.dtype, [x.dtype for x in xs]), name
    finally:
        minigrad.set_default_dtype(minigrad.float32)


# ---- what is kept ----------------------------------------------------------------------------------------------------

@over(samples(differentiable("linear"), gives_floats))
def test_linear_rows_keep_no_operand_alive(sample):
    operands = sample.leaves(minigrad.float32)
    operands = [rows.copy(x) if x.requires_grad else x for x in operands]
    out = sample(*operands)
    if out.grad_fn is None:
        return
    constants = sample.row.constants
    assert [type(x) is Meta for x in out.grad_fn.operands] == [slot not in constants for slot in range(len(operands))]
    alive = [weakref.ref(x) for slot, x in enumerate(operands) if slot not in constants]
    del operands
    assert [ref() for ref in alive] == [None] * len(alive)
    out.sum().backward()


@over(samples(differentiable(), lambda sample: sample.derivatives and gives_floats(sample)))
def test_exactly_what_is_read_must_not_change(sample):
    operands = sample.leaves(minigrad.float64)
    slots = sample.slots(operands)
    if not slots:
        return
    reads, reads_output = sample.row.reads(slots, len(operands))
    for slot in range(len(operands)):
        out = sample(*operands)
        operands[slot].buffer.bump()
        if slot in reads:
            with pytest.raises(RuntimeError, match="needs was changed in place after it was used"):
                out.backward(minigrad.ones_like(out))
        else:
            out.backward(minigrad.ones_like(out))
    out = sample(*operands)
    out.buffer.bump()
    if reads_output:
        with pytest.raises(RuntimeError, match=f"backward: {sample.name}: a value of shape"):
            out.backward(minigrad.ones_like(out))
    else:
        out.backward(minigrad.ones_like(out))


@over(samples(differentiable("multilinear"), hard))
def test_multilinear_rows_keep_only_the_other_operand(sample):
    for slot in range(len(sample.operands)):
        operands = sample.make(minigrad.float32)
        operands[slot] = rows.copy(operands[slot].requires_grad_())
        node = sample(*operands).grad_fn
        kept = [type(x) is not Meta for x in node.operands]
        assert kept == [slot == 1, slot == 0, False][:len(operands)]
        alive = weakref.ref(operands[slot])
        operands[slot] = None
        assert alive() is None


KEPT = {"add": (set(), False), "neg": (set(), False), "mul": ({0, 1}, False), "div": ({1}, True), "exp": (set(), True),
        "tanh": (set(), True), "sigmoid": (set(), True), "relu": (set(), True), "sqrt": (set(), True),
        "log": ({0}, False), "sin": ({0}, False), "square": ({0}, False), "amax": ({0}, True), "floor": (set(), False),
        "logsumexp": ({0}, True), "maximum": ({0, 1}, False)}


@pytest.mark.parametrize("name", KEPT)
def test_pointwise_rows_keep_no_more_than_they_must(name):
    n = len(OPS[name].derivatives)
    assert OPS[name].reads(list(range(n)), n) == KEPT[name]


def test_ties_share_the_derivative():
    def slopes(function, *columns):
        xs = leaves([minigrad.tensor(column, dtype=minigrad.float64) for column in columns])
        return [g.tolist() for g in grad(function(*xs).sum(), xs)]
    for row in (rows_math.maximum, rows_math.minimum):
        (a, b), wins = slopes(row, [1.0, 2.0, 0.0], [1.0, 3.0, -1.0]), row is rows_math.minimum
        assert (a, b) == ([0.5, wins, not wins], [0.5, not wins, wins])
    for row in (rows_reduce.amax, rows_reduce.amin):
        assert slopes(lambda x, row=row: row(x, shape=(1,)), [2.0, 2.0, 2.0, 2.0]) == [[0.25] * 4]
    assert slopes(lambda x: rows_reduce.amax(x, shape=(2, 1)), [[1.0, 3.0, 3.0], [5.0, 4.0, 4.0]]) == [
        [[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]]
    assert slopes(rows_math.abs, [0.0, -2.0]) == [[0.0, -1.0]] and slopes(OPS["relu"], [0.0, 2.0]) == [[0.0, 1.0]]
    assert slopes(lambda x: rows_math.clamp(x, -1.0, 1.0), [-1.0, 1.0, 2.0]) == [[1.0, 1.0, 0.0]]
    assert slopes(rows_math.pow, [0.0, 0.0, 2.0], [0.0, 2.0, 0.0]) == [[0.0] * 3, [0.0, 0.0, 0.6931471805599453]]
    assert slopes(rows_math.atan2, [0.0], [0.0]) == [[0.0], [0.0]]


def test_nothing_is_recorded_where_nothing_is_wanted():
    for name, sample in samples(differentiable(), hard):
        with minigrad.no_grad():
            out = sample(*sample.leaves(minigrad.float32))
        assert out.grad_fn is None and not out.requires_grad, name


def test_constant_rows_record_nothing():
    for name, sample in samples(set(OPS) - set(differentiable())):
        out = sample(*leaves(sample.make(dtypes_of(sample.name)[0])))
        assert out.grad_fn is None and not out.requires_grad, name


def test_constant_rows_have_no_derivative():
    for derive in (lambda row: row.vjp(0, None, (Meta((), minigrad.float32),), None, {}),
                   lambda row: row.jvp([None], (), None, {})):
        with pytest.raises(TypeError, match=r"^argmax is not differentiable$"):
            derive(rows_reduce.argmax)


# ---- declaring rows --------------------------------------------------------------------------------------------------

def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match=r"^op table: name: got conv, expected a name that no other row has$"):
        constant("conv", shape=None)
    with pytest.raises(ValueError, match=r"^op table: name: got tanh, expected a name that"):
        linear("tanh", shape=None, transpose=lambda g, x: g)
    assert OPS["conv"] is rows_conv.conv


def test_one_definition_is_a_row_with_all_derivatives():
    """y = 3 x, by what a new row takes: a shape rule, a kernel and its transpose."""
    def triple(out, x):
        KERNELS["mul"](out, x, Buffer.scalar(3, x.dtype))
    row = linear("triple", shape=lambda x: (x.shape, x.dtype), compute=triple, transpose=lambda g, x: row(g))
    try:
        x = minigrad.tensor([1.0, 2.0], dtype=minigrad.float64, requires_grad=True)
        assert row(x).tolist() == [3.0, 6.0]
        assert check.adjoint(row, x.detach()) and check.gradcheck(row, x) and check.gradgradcheck(row, x)
    finally:
        del OPS["triple"]


# ---- errors ----------------------------------------------------------------------------------------------------------

def zeros(*shape, dtype=minigrad.float32):
    return minigrad.zeros(shape, dtype=dtype)


INDEX = zeros(2, 2, dtype=minigrad.int64)
ERRORS = [
    (lambda: rows_math.add(zeros(2, 3), zeros(2)), ValueError,
     "add: shapes (2, 3) and (2,) do not broadcast: on axis -1 sizes 3 and 2 differ and neither is 1"),
    (lambda: rows_math.clamp(zeros(2), zeros(3), 1.0), ValueError,
     "clamp: shapes (2,) and (3,) and () do not broadcast: on axis -1 sizes 2 and 3 differ and neither is 1"),
    (lambda: rows_math.add(zeros(2), "1"), TypeError, "add: operand 1: got str, expected a tensor or a number"),
    (lambda: rows_math.mul([1.0], zeros(2)), TypeError, "mul: operand 0: got list, expected a tensor or a number"),
    (lambda: rows_math.exp(None), TypeError, "exp: operand 0: got NoneType, expected a tensor or a number"),
    (lambda: rows_math.where(zeros(2), 1.0, 2.0), TypeError, "where: condition: got dtype float32, expected bool"),
    (lambda: rows_math.where(zeros(2, dtype=minigrad.bool), zeros(3), 2.0), ValueError,
     "where: shapes (2,) and (3,) and () do not broadcast: on axis -1 sizes 2 and 3 differ and neither is 1"),
    (lambda: rows.sum_to(zeros(2, 3), shape=(2,)), ValueError,
     "sum_to: shapes (2, 3) and (2,) do not broadcast: on axis -1 sizes 3 and 2 differ and neither is 1"),
    (lambda: rows.sum_to(zeros(2, 1), shape=(2, 3)), ValueError,
     "sum_to: shape: got (2, 3), expected one that broadcasts to (2, 1)"),
    (lambda: rows.expand(zeros(2, 3), shape=(2, 1)), ValueError,
     "expand: shape: got (2, 1), expected one to which (2, 3) broadcasts"),
    (lambda: zeros(3, 2).T.view(6), ValueError,
     "view: shape: (2, 3) with strides (1, 2) has no view of shape (6,) without a copy; use reshape"),
    (lambda: rows.cat(zeros(2, 2), zeros(2, 3), axis=0), ValueError,
     "cat: tensors: tensor 1 has shape (2, 3), expected (2, 2) up to the size of axis 0"),
    (lambda: rows.cat(zeros(2), zeros(2), zeros(2, 2), axis=0), ValueError,
     "cat: tensors: tensor 2 has shape (2, 2), expected (2,) up to the size of axis 0"),
    (lambda: rows_index.gather(zeros(2, 2), zeros(2, 2), axis=0), TypeError,
     "gather: index: got dtype float32, expected int64"),
    (lambda: rows_index.gather(zeros(2), INDEX, axis=0), ValueError,
     "gather: index: got shape (2, 2), expected as many axes as the (2,) of the other tensor has, and at most its "
     "sizes but on axis 0"),
    (lambda: rows_index.gather(zeros(2, 1), INDEX, axis=0), ValueError,
     "gather: index: got shape (2, 2), expected as many axes as the (2, 1) of the other tensor has, and at most "
     "its sizes but on axis 0"),
    (lambda: rows_index.scatter_add(zeros(2, 1), INDEX, axis=0, shape=(2, 2)), ValueError,
     "scatter_add: src: got shape (2, 1), expected (2, 2) as the index has"),
    (lambda: rows_index.scatter_add(zeros(2, 2), INDEX, axis=0, shape=(5, 1)), ValueError,
     "scatter_add: index: got shape (2, 2), expected as many axes as the (5, 1) of the other tensor has, and at "
     "most its sizes but on axis 0"),
    (lambda: rows_index.scatter_add(zeros(2, 2), zeros(2, 2), axis=0, shape=(2, 2)), TypeError,
     "scatter_add: index: got dtype float32, expected int64"),
    (lambda: rows_index.nonzero(zeros(2), count=0), TypeError, "nonzero: input: got dtype float32, expected bool"),
    (lambda: rows_linalg.matmul(zeros(2, 3), zeros(2, 3)), ValueError,
     "matmul: shapes (2, 3) and (2, 3) do not fit: expected two axes or more for both, and as many columns in the "
     "first as rows in the second"),
    (lambda: rows_linalg.matmul(zeros(2, 3), zeros(3, 2, dtype=minigrad.float64)), TypeError,
     "matmul: other: got dtype float64, expected float32"),
    (lambda: rows_linalg.matmul(zeros(2, 2, 3), zeros(3, 3, 2)), ValueError,
     "matmul: shapes (2,) and (3,) do not broadcast: on axis -1 sizes 2 and 3 differ and neither is 1"),
    (lambda: rows_linalg.matmul(zeros(3), zeros(3, 3)), ValueError,
     "matmul: shapes (3,) and (3, 3) do not fit: expected two axes or more for both, and as many columns in the "
     "first as rows in the second"),
    (lambda: rows_math.choose(zeros(2, dtype=minigrad.bool), zeros(2), zeros(2, dtype=minigrad.float64)), TypeError,
     "where: other: got dtype float64, expected float32"),
    (lambda: rows.cat(axis=0), ValueError, "cat: tensors: got none, expected at least one"),
    (lambda: rows.cat(zeros(2), zeros(2), axis=1), IndexError,
     "cat: axis: got 1, expected one of the 1 axes of the first tensor"),
    (lambda: rows.cat(zeros(2), zeros(2, dtype=minigrad.float64), axis=0), TypeError,
     "cat: tensors: got dtype float64, expected float32"),
    (lambda: rows.diagonal(zeros(2, 2), offset=0, axis1=0, axis2=2), IndexError,
     "diagonal: axis: got 2, expected from 0 to 1 for 2 axes"),
    (lambda: rows.diagonal_embed(zeros(3), shape=(2, 2), offset=0, axis1=0, axis2=1), ValueError,
     "diagonal_embed: x: got (3,), expected (2,) for a result of shape (2, 2)"),
    (lambda: rows.windows(zeros(3), axis=1, size=2, step=1), IndexError,
     "windows: axis: got 1, expected from 0 to 0 for 1 axes"),
    (lambda: rows.windows(zeros(3), axis=0, size=2, step=0), ValueError,
     "windows: size, step: got 2 and 0, expected a size of 0 to 3, that of axis 0, and a step of at least 1"),
    (lambda: rows.windows(zeros(3), axis=0, size=4, step=1), ValueError,
     "windows: size, step: got 4 and 1, expected a size of 0 to 3, that of axis 0, and a step of at least 1"),
    (lambda: rows.overlap_add(zeros(9, 9), shape=(4,), axis=0, size=2, step=1), ValueError,
     "overlap_add: x: got (9, 9), expected (3, 2) for a result of shape (4,)"),
    (lambda: rows.slice(zeros(4), starts=(3,), steps=(1,), shape=(3,)), ValueError,
     "slice: starts (3,), steps (1,), shape (3,): leaves axis 0 of shape (4,), or repeats an element"),
    (lambda: rows.permute(zeros(2, 3), axes=(0, 0)), ValueError,
     "permute: axes: got (0, 0), expected each axis of shape (2, 3) once"),
    (lambda: rows_reduce.amax(zeros(2, 3), shape=(2, 2)), ValueError,
     "amax: shape: got (2, 2), expected (2, 3) with size 1 on the reduced axes"),
    (lambda: rows_reduce.logsumexp(zeros(2, 3), shape=(3,)), ValueError,
     "logsumexp: shape: got (3,), expected (2, 3) with size 1 on the reduced axes"),
    (lambda: rows_reduce.logsumexp(INDEX, shape=(1, 1)), TypeError,
     "logsumexp: input: got dtype int64, expected float32 or float64"),
    (lambda: rows_reduce.any(zeros(2), shape=(1,)), TypeError, "any: input: got dtype float32, expected bool"),
    (lambda: rows_reduce.all(zeros(2, dtype=minigrad.bool), shape=(4,)), ValueError,
     "all: shape: got (4,), expected (2,) with size 1 on the reduced axes"),
    (lambda: rows_reduce.cumsum(zeros(3), axis=4, reverse=False), IndexError,
     "cumsum: axis: got 4, expected from 0 to 0 for 1 axes"),
    (lambda: rows_reduce.argmax(zeros(3), axis=-1), IndexError,
     "argmax: axis: got -1, expected from 0 to 0 for 1 axes"),
    (lambda: rows_index.gather(zeros(2, 2), INDEX, axis=2), IndexError,
     "gather: axis: got 2, expected from 0 to 1 for 2 axes"),
    (lambda: rows_index.scatter_add(zeros(2, 2), INDEX, axis=-1, shape=(2, 2)), IndexError,
     "scatter_add: axis: got -1, expected from 0 to 1 for 2 axes"),
    (lambda: rows_reduce.amax(zeros(0, 2), shape=(1, 2)), ValueError,
     "amax: the input of shape (0, 2) has no element to choose from; expected sizes of 1 or more on the reduced axes"),
    (lambda: rows_reduce.argmin(zeros(2, 0), axis=1), ValueError,
     "argmin: dim: axis 1 of shape (2, 0) is empty, expected a size of 1 or more"),
]


@pytest.mark.parametrize("call, kind, text", ERRORS, ids=[text[:24] for _, _, text in ERRORS])
def test_error_text(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize("value", [3, -1])
def test_an_index_out_of_range_is_an_index_error(value):
    index = minigrad.tensor([0, value])
    with pytest.raises(IndexError):
        rows_index.gather(zeros(3), index, axis=0)
    with pytest.raises(IndexError):
        rows_index.scatter_add(zeros(2), index, axis=0, shape=(3,))


@pytest.mark.parametrize("name", sorted({*REAL, *BINARY, *TESTS, *COMPARE, *BITS, "neg", "where", "clamp"}))
def test_a_wrong_number_of_operands_is_a_type_error(name):
    n = len(SAMPLES[name][0].operands)
    for given in (n - 1, n + 1):
        with pytest.raises(TypeError):
            OPS[name](*[zeros(2, dtype=minigrad.bool if name == "where" else minigrad.int64)] * given)


def test_division_of_integers_by_zero():
    for name in ("floor_divide", "remainder", "fmod"):
        with pytest.raises(ZeroDivisionError):
            OPS[name](minigrad.tensor([1, 2]), minigrad.tensor([1, 0]))


def test_rows_take_scalars_where_they_promote():
    x = minigrad.tensor([1.0, 2.0], dtype=minigrad.float64, requires_grad=True)
    out = rows_math.sub(3, rows_math.mul(x, 2))
    assert isinstance(out, Tensor) and out.tolist() == [1.0, -1.0] and out.dtype is minigrad.float64
    out.sum().backward()
    assert x.grad.tolist() == [-2.0, -2.0]


def test_mixed_dtypes_cast_and_the_gradient_is_cast_back():
    a = minigrad.ones(2, requires_grad=True)
    b = minigrad.ones(2, dtype=minigrad.float64, requires_grad=True)
    out = rows_math.mul(a, b)
    assert out.dtype is minigrad.float64
    out.sum().backward()
    assert (a.grad.dtype, b.grad.dtype) == (minigrad.float32, minigrad.float64)
