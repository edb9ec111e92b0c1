"""Rows defined by a formula: their derivatives of any order, with pulls and without, in reverse and in forward mode."""

import pytest
from table import samples

import minigrad
from minigrad import check, func
from minigrad.fused import LAST, fused
from minigrad.kernels import KERNELS
from minigrad.op import OPS

NAMES = ("gate", "gate_pull", "plain_gate")
X, Y = [0.3, -1.2, 2.0], [1.5, 0.4, -0.7]


def compute(formula):
    """A stand-in for a kernel."""
    def run(out, *buffers):
        with minigrad.no_grad():
            KERNELS["copy"](out, formula(*map(minigrad.Tensor, buffers)).buffer)
    return run


@pytest.fixture
def gate():
    """a * sigmoid(b), three ways: as ops, with pulls of which one is a fused row too, and without pulls."""
    def formula(a, b):
        return a * b.sigmoid()

    def pull(g, a, s):
        return g * a * s * (1 - s)

    def shape(*operands):
        return operands[0].shape, operands[0].dtype

    second = fused("gate_pull", formula=pull, shape=shape, compute=compute(pull), doc="g a s (1 - s)")
    with_pulls = fused("gate", lambda g, _a, b, _y: g * b.sigmoid(), lambda g, a, b, _y: second(g, a, b.sigmoid()),
                       formula=formula, shape=shape, compute=compute(formula), doc="a sigmoid(b)")
    yield formula, with_pulls, fused("plain_gate", formula=formula, shape=shape, compute=compute(formula), doc="same")
    for name in NAMES:
        del OPS[name]


def inputs():
    return [minigrad.tensor(v, dtype=minigrad.float64, requires_grad=True) for v in (X, Y)]


def test_all_orders(gate):
    formula, *rows = gate
    for row in rows:
        assert check.gradcheck(row, inputs())
        assert check.gradgradcheck(row, inputs())
        a, b = [x.detach() for x in inputs()]

        def third(f, a=a, b=b):
            first = func.grad(lambda u: f(a * u, u).sum())
            return func.grad(lambda u: func.grad(lambda v: first(v).sum())(u).sum())(b)

        assert (third(row) - third(formula)).abs().max() < 1e-12


def test_forward_over_reverse_over_forward(gate):
    formula, *rows = gate
    a, b = [x.detach() for x in inputs()]

    def nested(f):
        def inner(t):
            return func.jvp(lambda u: f(a * u, u * u), (t,), (minigrad.ones_like(t),))[1].sum()
        return func.jvp(func.grad(inner), (b,), (minigrad.ones_like(b),))[1]

    for row in rows:
        assert (nested(row) - nested(formula)).abs().max() < 1e-12


def test_same_operand_twice(gate):
    formula, *rows = gate
    for row in rows:
        x, z = inputs()[0], inputs()[0]
        row(x, x).sum().backward()
        formula(z, z).sum().backward()
        assert (x.grad - z.grad).abs().max() < 1e-15


def test_history_of_operands_is_not_walked_again(gate):
    """What a pull through a formula differentiates ends at the operands."""
    row = gate[2]
    x = inputs()[0]
    y = x * 2
    y.register_hook(lambda g: seen.append(1))
    seen = []
    row(y, y).sum().backward()
    assert seen == [1]
    assert x.grad is not None


def test_only_what_pulls_read_is_kept(gate):
    a, b = inputs()
    out = gate[1](a, b.detach())
    assert "Meta" in str([type(x).__name__ for x in out.node.operands])
    assert out.node.output is None


FUSED = samples(name for name, row in OPS.items() if row.kind == "fused")


@pytest.mark.parametrize("sample", [pytest.param(sample, id=name) for name, sample in FUSED])
def test_kernel_is_its_formula(sample):
    """In value and, where there is a kernel for them too, in first derivatives; the samples have odd layouts."""
    for dtype, near in ((minigrad.float32, 3e-6), (minigrad.float64, 1e-12)):
        operands = sample.make(dtype)

        def formula(*own, row=sample.row):
            return row.formula(*own, **sample.attrs)

        got, wanted = sample(*operands), formula(*operands)
        assert got.shape == wanted.shape and got.dtype is wanted.dtype
        assert got.allclose(wanted, near, near, equal_nan=True)
        if wanted.numel() and (sample.row.derivatives or sample.row.together):
            slots, g = sample.slots(operands), minigrad.ones_like(wanted) * 0.7
            for create in (False, True):
                pulled = []
                for function in (sample, formula):
                    own = [x.detach().requires_grad_(slot in slots) for slot, x in enumerate(operands)]
                    pulled.append(minigrad.autograd.grad(function(*own), [own[slot] for slot in slots], g,
                                                         create_graph=create, allow_unused=True))
                for a, b in zip(*pulled, strict=True):
                    assert a is not None        # an operand without a part in a formula has a zero derivative
                    b = minigrad.zeros_like(a) if b is None else b
                    assert a.allclose(b, near * 3, near * 3, equal_nan=True)


def test_what_was_pulled_together_goes_with_its_cotangent():
    x, w, b = [minigrad.randn(*shape, requires_grad=True) for shape in ((3, 4), (4,), (4,))]
    y = minigrad.nn.functional.layer_norm(x, (4,), w, b)
    first = minigrad.autograd.grad(y, [b, w], minigrad.ones_like(y), retain_graph=True)
    second = minigrad.autograd.grad(y, [x, w, b], minigrad.ones_like(y) * 2)
    assert (first[1] * 2).tolist() == second[1].tolist() and first[0].tolist() == [3.0] * 4
    assert LAST.entry is None
