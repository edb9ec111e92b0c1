"""Derivatives as functions of functions: they nest, in both modes, and leave nothing behind."""

import math

import pytest

import minigrad
from minigrad import func
from minigrad.func import grad, grad_and_value, jvp, vjp
from minigrad.grad import push_forward

f64 = minigrad.float64


def number(value, requires_grad=False):
    return minigrad.tensor(value, dtype=f64, requires_grad=requires_grad)


def vector(*values):
    return minigrad.tensor(values, dtype=f64)


def fails(kind, text, call, *args, **kwargs):
    with pytest.raises(kind) as caught:
        call(*args, **kwargs)
    assert str(caught.value) == text


def plain(*values):
    assert all(not x.requires_grad and x.grad_fn is None for x in values)


# ---- vjp -------------------------------------------------------------------------------------------------------------

def test_vjp():
    y, pull = vjp(lambda a, b: a * b, vector(1, 2), vector(3, 4))
    assert y.tolist() == [3.0, 8.0]
    ga, gb = pull(vector(1, 10))
    assert (ga.tolist(), gb.tolist()) == ([3.0, 40.0], [1.0, 20.0])
    assert [g.tolist() for g in pull(vector(1, 0))] == [[3.0, 0.0], [1.0, 0.0]]      # again, with another cotangent
    plain(y, ga, gb)


def test_vjp_of_several_outputs():
    outs, pull = vjp(lambda x: (x * 2, [x][0] * x), vector(1, 2))
    assert [out.tolist() for out in outs] == [[2.0, 4.0], [1.0, 4.0]]
    assert pull(vector(1, 1), vector(1, 1))[0].tolist() == [4.0, 6.0]
    assert pull((vector(1, 1), vector(1, 1)))[0].tolist() == [4.0, 6.0]


def test_vjp_of_an_ignored_input_is_zero():
    _, pull = vjp(lambda a, b: a * 2, vector(1), vector(3, 4))
    assert [g.tolist() for g in pull(vector(1))] == [[2.0], [0.0, 0.0]]
    _, pull = vjp(lambda a: vector(5), vector(1, 2))
    assert pull(vector(1))[0].tolist() == [0.0, 0.0]


def test_vjp_of_vjp():
    def once(x):
        return vjp(lambda x: x ** 3, x)[1](vector(1, 1))[0]
    y, pull = vjp(once, vector(2, 3))
    assert y.tolist() == [12.0, 27.0]
    assert pull(vector(1, 1))[0].tolist() == [12.0, 18.0]
    twice = vjp(lambda x: vjp(once, x)[1](vector(1, 1))[0], vector(2, 3))[1]
    assert twice(vector(1, 1))[0].tolist() == [6.0, 6.0]


def test_vjp_is_differentiated_by_its_cotangent():
    g = number(2.0, requires_grad=True)
    _, pull = vjp(lambda x: x * x, number(3.0))
    pull(g)[0].backward()
    assert g.grad.item() == 6.0


# ---- jvp -------------------------------------------------------------------------------------------------------------

def test_jvp():
    y, t = jvp(lambda a, b: a * b, (vector(1, 2), vector(3, 4)), (vector(1, 0), vector(0, 1)))
    assert (y.tolist(), t.tolist()) == ([3.0, 8.0], [3.0, 2.0])
    plain(y, t)


def test_jvp_of_several_outputs_and_of_ignored_inputs():
    outs, ts = jvp(lambda a, b: (a * 3, vector(7), a), (number(1), number(2)), (number(1), number(5)))
    assert [out.tolist() for out in outs] == [3.0, [7.0], 1.0]
    assert [t.tolist() for t in ts] == [3.0, [0.0], 1.0]


def test_jvp_of_the_same_tensor_twice():
    x = vector(2, 3)
    _, t = jvp(lambda a, b: a * b, (x, x), (vector(1, 1), vector(0, 0)))
    assert t.tolist() == [2.0, 3.0]


def test_jvp_through_a_broadcast():
    _, t = jvp(lambda a, b: a + b, (number(1), vector(1, 2)), (number(10), vector(1, 2)))
    assert t.tolist() == [11.0, 12.0]
    _, t = jvp(lambda a, b: a - b, (number(1), vector(1, 2)), (number(10), vector(0, 0)))
    assert t.tolist() == [10.0, 10.0]


def test_jvp_reshapes_a_tangent_whose_strides_allow_no_view():
    out, tangent = func.jvp(lambda x: (minigrad.zeros(2, 2) + x).flatten(), (minigrad.ones(2),), (minigrad.ones(2),))
    assert out.tolist() == tangent.tolist() == [1.0] * 4
    turned = minigrad.arange(4.0).reshape(2, 2).t()
    assert func.jvp(lambda x: x.view(4), (minigrad.ones(2, 2),), (turned,))[1].tolist() == [0.0, 2.0, 1.0, 3.0]


def test_jvp_of_jvp():
    def once(x):
        return jvp(lambda x: x ** 4, (x,), (number(1),))[1]
    y, t = jvp(once, (number(2),), (number(1),))
    assert (y.item(), t.item()) == (32.0, 48.0)
    assert jvp(lambda x: jvp(once, (x,), (number(1),))[1], (number(2),), (number(1),))[1].item() == 48.0


def test_tangents_pushed_along_a_graph():
    """A tangent that is given for an inner value replaces what would come from before it; twice given adds up."""
    x = number(3.0, requires_grad=True)
    y = x * x
    z = y * x

    def pushed(inputs, tangents):
        return push_forward([z], inputs, [number(t) for t in tangents])[0].item()
    assert pushed([x], [1.0]) == 27.0
    assert pushed([y], [1.0]) == 3.0
    assert pushed([x, y], [1.0, 2.0]) == 9.0 + 6.0
    assert pushed([x, x], [1.0, 2.0]) == 3 * 27.0
    assert push_forward([z], [number(1.0)], [number(1.0)]) == [None]


# ---- grad ------------------------------------------------------------------------------------------------------------

def test_grad():
    g = grad(lambda x: (x * x).sum())(vector(1, 2))
    assert g.tolist() == [2.0, 4.0]
    plain(g)


def test_argnums():
    def f(a, b, *, scale):
        return (a * b * b).sum() * scale
    a, b = vector(1, 2), vector(3, 4)
    assert grad(f)(a, b, scale=2).tolist() == [18.0, 32.0]
    assert grad(f, argnums=1)(a, b, scale=1).tolist() == [6.0, 16.0]
    assert grad(f, argnums=-1)(a, b, scale=1).tolist() == [6.0, 16.0]
    ga, gb = grad(f, argnums=(0, 1))(a, b, scale=1)
    assert (ga.tolist(), gb.tolist()) == ([9.0, 16.0], [6.0, 16.0])
    assert grad(lambda x, n: (x ** n).sum())(vector(2.0), 3).tolist() == [12.0]     # others need not be tensors


def test_aux_and_value():
    g, aux = grad(lambda x: (x * x, {"hi": x + 1}), has_aux=True)(number(3))
    assert g.item() == 6.0 and aux["hi"].item() == 4.0
    g, value = grad_and_value(lambda x: x * x)(number(3))
    assert (g.item(), value.item()) == (6.0, 9.0)
    g, (value, aux) = grad_and_value(lambda x: (x * x, "aux"), has_aux=True)(number(3))
    assert (g.item(), value.item(), aux) == (6.0, 9.0, "aux")
    plain(g, value)


def test_grad_of_an_ignored_input_is_zero():
    assert grad(lambda a, b: (a * a).sum(), argnums=1)(vector(1), vector(1, 2)).tolist() == [0.0, 0.0]
    assert grad(lambda a: number(3))(vector(1, 2)).tolist() == [0.0, 0.0]


def test_grad_to_the_fourth_order():
    f, x = minigrad.sin, number(0.7)
    for expected in (math.cos(0.7), -math.sin(0.7), -math.cos(0.7), math.sin(0.7)):
        f = grad(f)
        assert f(x).item() == pytest.approx(expected, rel=1e-12)
    plain(f(x))


def test_modes_mix_to_the_fourth_order():
    """d4/dx4 of e^(2x), by every mix of forward and reverse."""
    x, one = number(0.3), number(1.0)

    def forward(f):
        return lambda x: jvp(f, (x,), (one,))[1]

    def pulled(f):
        return lambda x: vjp(f, x)[1](one)[0]

    for mix in ((grad, forward, grad, forward), (forward, grad, forward, grad), (pulled, pulled, forward, forward),
                (forward, forward, grad, grad), (pulled, forward, grad, pulled), (forward,) * 4):
        f = lambda x: (2 * x).exp()         # noqa: E731
        for order, derive in enumerate(mix, 1):
            f = derive(f)
            assert f(x).item() == pytest.approx(2 ** order * math.exp(0.6), rel=1e-12), mix
        plain(f(x))


def test_hessian_vector_product_both_ways():
    def f(x):
        return (x[0] * x[0] * x[1]).sin()
    x, v = vector(0.5, -1.2), vector(0.3, 2.0)
    forward = jvp(grad(f), (x,), (v,))[1]
    reverse = vjp(grad(f), x)[1](v)[0]
    nested = grad(lambda x: jvp(f, (x,), (v,))[1])(x)
    for other in (reverse, nested):
        assert forward.tolist() == pytest.approx(other.tolist(), rel=1e-12)


def test_no_confusion_of_nested_variables():
    """d/dx (x * d/dy (x + y)) = 1: the inner derivative must not see x."""
    x, one = number(3.0), number(1.0)

    def forward(f, x):
        return jvp(f, (x,), (one,))[1]
    assert grad(lambda x: x * grad(lambda y: x + y)(one))(x).item() == 1.0
    assert forward(lambda x: x * forward(lambda y: x + y, one), x).item() == 1.0
    assert grad(lambda x: x * forward(lambda y: x * y, one))(x).item() == 6.0
    assert forward(lambda x: x * grad(lambda y: x * y * y)(x), x).item() == 6 * 9.0


# ---- the world around ------------------------------------------------------------------------------------------------

def test_closures_that_want_gradients():
    w = number(3.0, requires_grad=True)
    g = grad(lambda x: w * x * x)(number(2.0))
    assert g.item() == 12.0 and g.requires_grad
    g.backward()
    assert w.grad.item() == 4.0
    _, t = jvp(lambda x: w * w * x, (number(2.0),), (number(1.0),))
    assert minigrad.autograd.grad(t, w)[0].item() == 6.0
    y, pull = vjp(lambda x: w * x, number(2.0))
    assert minigrad.autograd.grad(y, w, retain_graph=True)[0].item() == 2.0
    assert minigrad.autograd.grad(pull(number(5.0))[0], w)[0].item() == 5.0


def test_primals_that_want_gradients():
    x = number(2.0, requires_grad=True)
    g = grad(lambda x: x ** 3)(x)
    g.backward()
    assert x.grad.item() == 12.0
    inner = x * 2
    assert minigrad.autograd.grad(grad(lambda v: v ** 3)(inner), x, retain_graph=True)[0].item() == 2 * 24.0
    _, t = jvp(lambda v: v ** 3, (inner,), (number(1.0),))
    assert minigrad.autograd.grad(t, x)[0].item() == 2 * 24.0


def test_tangents_that_want_gradients():
    v = number(2.0, requires_grad=True)
    _, t = jvp(lambda x: x * x, (number(3.0),), (v,))
    t.backward()
    assert v.grad.item() == 6.0


def test_under_no_grad():
    w = number(3.0, requires_grad=True)
    with minigrad.no_grad():
        g = grad(lambda x: w * x * x)(number(2.0))
        y, t = jvp(lambda x: w * x * x, (number(2.0),), (number(1.0),))
        assert not minigrad.is_grad_enabled()
    assert g.item() == 12.0 and t.item() == 12.0
    plain(g, y, t)
    inside = grad(lambda x: x * minigrad.no_grad()(lambda: x * 1)())(number(3.0))
    assert inside.item() == 3.0                 # the second factor was a constant


def test_inputs_are_left_alone():
    x = number(2.0, requires_grad=True)
    grad(lambda x: x * x)(x)
    assert x.grad is None
    y = vector(1, 2)
    grad(lambda x: (x * x).sum())(y)
    plain(y)


def test_the_functions_value_may_be_its_input():
    assert grad(lambda x: x)(number(3.0)).item() == 1.0
    y, t = jvp(lambda x: x, (number(3.0),), (number(2.0),))
    assert (y.item(), t.item()) == (3.0, 2.0)
    assert vjp(lambda a, b: (b, a), number(1), number(2))[1](number(3), number(4))[0].item() == 4.0


def test_backward_inside():
    """A function that uses .backward() itself: its leaves are its own."""
    def f(x):
        y = number(2.0, requires_grad=True)
        (y * y * 3).backward()
        return x * y.grad
    assert grad(f)(number(5.0)).item() == 12.0


def test_float32():
    x = minigrad.tensor([1.0, 2.0])
    assert grad(lambda x: (x ** 3).sum())(x).dtype is minigrad.float32
    assert jvp(minigrad.exp, (x,), (x,))[1].dtype is minigrad.float32


# ---- errors ----------------------------------------------------------------------------------------------------------

def test_errors():
    x = vector(1, 2)
    fails(ValueError, "grad: the function's result: got (2,), expected a tensor with one element", grad(lambda x: x), x)
    fails(TypeError, "grad: the function's result: got float as item 0, expected a tensor", grad(lambda x: 3.0), x)
    fails(ValueError, "grad: the function's result: got tuple, expected a tensor with one element",
          grad(lambda x: (x[0], x[1])), x)
    fails(TypeError, "grad: arguments: got float as item 0, expected a tensor", grad(lambda x: x), 3.0)
    fails(IndexError, "grad: argnums: got 1, expected a place among the 1 arguments", grad(lambda x: x, argnums=1), x)
    fails(TypeError, "grad: input 0: got dtype int64, expected float32 or float64",
          grad(lambda x: x), minigrad.tensor(1))
    fails(TypeError, "vjp: primals: got int as item 1, expected a tensor", vjp, lambda x, y: x, x, 3)
    fails(TypeError, "vjp: the function's result: got list as item 0, expected a tensor", vjp, lambda x: ([x],), x)
    _, pull = vjp(lambda x: (x, x), x)
    fails(ValueError, "vjp: cotangents: got 1, expected 2, one tensor each", pull, x)
    fails(ValueError, "vjp: cotangents: got shape (), expected (2,)", pull, x, number(1))
    fails(TypeError, "vjp: cotangents: got dtype float32, expected float64", pull, x, minigrad.ones(2))
    fails(TypeError, "vjp: cotangents: got int, expected a tensor of shape (2,)", pull, x, 3)
    fails(ValueError, "jvp: tangents: got shape (), expected (2,)",
          jvp, minigrad.exp, (x,), (number(1),))
    fails(ValueError, "jvp: tangents: got 2, expected 1, one tensor each",
          jvp, minigrad.exp, (x,), (x, x))
    fails(TypeError, "jvp: tangents: got dtype float32, expected float64",
          jvp, minigrad.exp, (x,), (minigrad.ones(2),))
    fails(TypeError, "jvp: primals: got str as item 0, expected a tensor", jvp, minigrad.exp, "x", (x,))


def test_an_error_inside_leaves_recording_as_it_was():
    def broken(x):
        raise KeyError
    with minigrad.no_grad():
        with pytest.raises(KeyError):
            grad(broken)(number(1.0))
        assert not minigrad.is_grad_enabled()
    assert minigrad.is_grad_enabled()


def test_public_names():
    assert {"grad", "grad_and_value", "jvp", "vjp"} <= set(func.__all__)
    assert [name for name in func.__all__ if not getattr(func, name).__doc__] == []
