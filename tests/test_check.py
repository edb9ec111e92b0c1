"""The checks of derivatives must fail on wrong derivatives: each is run on rows that are wrong on purpose."""

import pytest

import minigrad
from minigrad import check
from minigrad.check import GradcheckError, adjoint, gradcheck, gradgradcheck
from minigrad.kernels import KERNELS
from minigrad.op import OPS, Pointwise, linear, pointwise
from minigrad.ops import math as rows, view

f64 = minigrad.float64


def point(*values):
    return minigrad.tensor(values, dtype=f64, requires_grad=True)


@pytest.fixture
def wrong():
    """Declares rows for one test."""
    made = []

    def declare(kind, name, *args, **row):
        made.append(name)
        return kind(name, *args, **{"arity": len(args) or 1, **row})
    yield declare
    for name in made:
        del OPS[name]


def fails(text, call, *args, **kwargs):
    with pytest.raises(GradcheckError) as caught:
        call(*args, **kwargs)
    assert str(caught.value).startswith(text), str(caught.value)
    assert call(*args, **kwargs, raise_exception=False) is False


# ---- gradcheck -------------------------------------------------------------------------------------------------------

def test_gradcheck_finds_a_wrong_factor(wrong):
    row = wrong(pointwise, "wrong_sin", lambda x, _y: rows.sin(x), compute=KERNELS["sin"])
    fails("gradcheck: reverse mode: d output 0[0] / d input 0[0] (flat positions) is 0.29", gradcheck, row,
          point(0.3, 1.0))
    assert gradcheck(minigrad.sin, point(0.3, 1.0))


def test_gradcheck_finds_the_second_operand(wrong):
    row = wrong(pointwise, "wrong_sub", 1, 1, compute=KERNELS["sub"])
    a, b = point(1.0), point(2.0)
    fails("gradcheck: reverse mode: d output 0[0] / d input 1[0] (flat positions) is 1.0, but central differences give "
          "-1.0", gradcheck, row, (a, b))
    assert gradcheck(row, (a, b.detach()))              # which is not asked for here


def test_gradcheck_finds_a_single_wrong_element(wrong):
    row = wrong(linear, "wrong_negation", compute=KERNELS["neg"],
                transpose=lambda g, x: -g * minigrad.tensor([1.0, 1.0, 1.01], dtype=f64))
    fails("gradcheck: reverse mode: d output 0[2] / d input 0[2] (flat positions) is -1.01", gradcheck, row,
          point(1.0, 2.0, 3.0))


def test_gradcheck_finds_a_wrong_place(wrong):
    row = wrong(linear, "wrong_flip", view=lambda x: x.slice((2,), (-1,), (3,)), transpose=lambda g, x: g)
    fails("gradcheck: reverse mode: d output 0[0] / d input 0[0] (flat positions) is 1.0, but central differences give "
          "0.0", gradcheck, row, point(1.0, 2.0, 3.0))


def test_gradcheck_finds_a_missing_dependence():
    fails("gradcheck: reverse mode: d output 0[0] / d input 0[0] (flat positions) is 0.0, but central differences give",
          gradcheck, lambda x: x.detach() * 2, point(1.0))


class Tripled(Pointwise):
    def jvp(self, tangents, operands, out, attrs):
        return tangents[0] * 3


def test_forward_mode_can_be_left_out(wrong):
    row = wrong(Tripled, "wrong_way", lambda x, y: y, compute=KERNELS["exp"])
    assert gradcheck(row, point(1.0), check_forward_ad=False)
    assert not gradcheck(row, point(1.0), raise_exception=False)


def test_gradcheck_reports_forward_mode(wrong):
    row = wrong(Tripled, "wrong_forward", lambda x, y: y, compute=KERNELS["exp"])
    fails("gradcheck: forward mode: d output 0[0] / d input 0[0] (flat positions) is 3.0, but central differences give "
          "2.718", gradcheck, row, point(1.0))


def test_gradcheck_names_the_output():
    fails("gradcheck: reverse mode: d output 1[0] / d input 0[0]", gradcheck,
          lambda x: (x * 2, x.detach() * 3 + x), point(1.0))


def test_gradcheck_sees_nan(wrong):
    row = wrong(pointwise, "wrong_nan", lambda x, _y: rows.log(rows.neg(x)), compute=KERNELS["square"])
    fails("gradcheck: reverse mode: d output 0[0] / d input 0[0] (flat positions) is nan", gradcheck, row, point(1.0))
    assert gradcheck(minigrad.sqrt, point(-1.0))            # no number on either side


def test_tolerances():
    def nearly(x):
        return x * 2 + (x * 1e-4).detach()
    x = point(1.0)
    assert gradcheck(nearly, x, check_forward_ad=False)
    assert not gradcheck(nearly, x, atol=1e-6, rtol=1e-6, raise_exception=False, check_forward_ad=False)


def test_gradcheck_of_what_should_pass():
    a, b = point(0.5, -1.0), point(2.0, 3.0)
    assert gradcheck(lambda a, b: (a * b, a.sum(), (b > 0)), (a, b))
    assert gradcheck(lambda a, b: a.detach() + b, (minigrad.ones(2, dtype=f64), b))
    assert gradcheck(lambda a, n: a ** n, (a, 3))
    strided = minigrad.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=f64).T.requires_grad_()
    assert gradcheck(lambda x: x * x[0], strided)
    assert a.grad is None and a.tolist() == [0.5, -1.0]


def test_nothing_to_check():
    for run in (gradcheck, gradgradcheck):
        with pytest.raises(ValueError) as caught:
            run(minigrad.exp, minigrad.ones(2))
        assert str(caught.value) == f"{run.__name__}: inputs: got none that requires a gradient, expected at least one"


# ---- gradgradcheck ---------------------------------------------------------------------------------------------------

def test_gradgradcheck_finds_what_gradcheck_cannot(wrong):
    """The derivative has the right value but a part of it is detached."""
    row = wrong(pointwise, "wrong_cube", lambda x, _y: 3 * x * x.detach(),
                compute=lambda out, x: (KERNELS["square"](out, x), KERNELS["mul"](out, out, x)))
    x = point(1.5)
    assert gradcheck(row, x)
    fails("gradcheck: reverse mode: d output 0[0] / d input 0[0] (flat positions) is", gradgradcheck, row, x)
    assert gradgradcheck(lambda x: x * x * x, x)


def test_gradgradcheck_differentiates_by_the_cotangent_too(wrong):
    row = wrong(linear, "wrong_transpose", compute=KERNELS["neg"], transpose=lambda g, x: g.detach() * -1)
    x = point(1.5)
    assert gradcheck(row, x)
    fails("gradcheck: reverse mode: d output 0[0] / d input 1[0] (flat positions) is 0.0", gradgradcheck, row, x)


def test_gradgradcheck_of_what_should_pass():
    minigrad.manual_seed(0)
    a, b = point(0.5, -1.0), point(2.0, 3.0)
    assert gradgradcheck(lambda a, b: (a * b, a.exp().sum()), (a, b))
    assert gradgradcheck(lambda a: a ** 3, a, grad_outputs=point(1.0, 2.0))
    assert gradgradcheck(lambda a, b: a * b, (a, b.detach()))


# ---- adjoint ---------------------------------------------------------------------------------------------------------

def test_adjoint_finds_a_wrong_transpose(wrong):
    row = wrong(linear, "wrong_adjoint", view=lambda x: x.slice((2,), (-1,), (3,)), transpose=lambda g, x: g)
    x = minigrad.tensor([1.0, 2.0, 3.0])
    fails("adjoint: <f(x), y> = -12.0, but <x, f'(y)> = -4.0", adjoint, row, x, minigrad.tensor([-3.0, -2.0, 1.0]))
    assert adjoint(lambda x: x.flip(0), x)


def test_adjoint_finds_a_wrong_shape():
    x = minigrad.ones(2, 3)
    fails("adjoint: the transpose gives shape (3,), expected (2, 3)", adjoint, lambda x: x.sum(0), x,
          transpose=lambda y: y)
    assert adjoint(lambda x: x.sum(0), x, transpose=lambda y: y.expand(2, 3))


def test_adjoint_finds_what_is_not_linear():
    fails("adjoint: <f(x), y> = ", adjoint, lambda x: x * x, minigrad.tensor([1.0, 2.0, 5.0]))
    fails("adjoint: <f(x), y> = ", adjoint, lambda x: x + 1, minigrad.tensor([1.0, 2.0, 5.0]))


def test_adjoint_is_exact_unless_told():
    x = minigrad.tensor([0.1, 0.7], dtype=f64)
    third = minigrad.tensor([1 / 3, 1 / 7], dtype=f64)
    y = minigrad.tensor([1.1, 1.3], dtype=f64)
    assert adjoint(lambda x: x * third, x, y, rtol=1e-12)
    assert not adjoint(lambda x: x * third, x, y, transpose=lambda y: y * third * (1 + 1e-9), raise_exception=False)
    assert adjoint(lambda x: x * third, x, y, transpose=lambda y: y * third * (1 + 1e-9), rtol=1e-8)
    assert adjoint(view.alias, minigrad.ones(0))


def test_a_gradcheck_error_is_a_runtime_error():
    assert issubclass(check.GradcheckError, RuntimeError)
