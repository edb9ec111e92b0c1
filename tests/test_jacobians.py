"""Jacobians, Hessians, transposes and checkpoints: known numbers, against each other, nested, and against PyTorch."""

import pytest

import minigrad
from minigrad import nn
from minigrad.func import checkpoint, grad, hessian, hvp, jacfwd, jacrev, jvp, linear_transpose, vjp
from minigrad.nn import functional as F

f64 = minigrad.float64


def number(value, requires_grad=False):
    return minigrad.tensor(value, dtype=f64, requires_grad=requires_grad)


def drawn(*shape, seed=0, requires_grad=False):
    generator = minigrad.Generator().manual_seed(seed)
    return minigrad.randn(*shape, dtype=f64, generator=generator).requires_grad_(requires_grad)


def close(a, b, rel=1e-10):
    assert a.shape == b.shape
    assert a.flatten().tolist() == pytest.approx(b.flatten().tolist(), rel=rel, abs=1e-12)


MODES = pytest.mark.parametrize("jacobian", [jacrev, jacfwd])


# ---- Jacobians -------------------------------------------------------------------------------------------------------

@MODES
def test_known_jacobian(jacobian):
    a = number([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert jacobian(lambda x: a @ x)(number([1.0, 1.0, 1.0])).tolist() == a.tolist()
    j = jacobian(lambda x: x * x.sum())(number([1.0, 2.0]))
    assert j.tolist() == [[4.0, 1.0], [2.0, 5.0]] and not j.requires_grad


@MODES
def test_shapes_of_results_and_arguments(jacobian):
    x, y = drawn(2, 3), drawn(4, seed=1)
    assert jacobian(lambda x, y: x.sum(0))(x, y).shape == (3, 2, 3)
    assert jacobian(lambda x, y: x.sum() * y, 1)(x, y).shape == (4, 4)
    assert [j.shape for j in jacobian(lambda x, y: x.sum() * y, (0, -1))(x, y)] == [(4, 2, 3), (4, 4)]
    both = jacobian(lambda x, y: (x.sum(1), y.sum()), (0, 1))(x, y)
    assert [[j.shape for j in row] for row in both] == [[(2, 2, 3), (2, 4)], [(2, 3), (4,)]]
    j, aux = jacobian(lambda x: (x * 2, "aux"), has_aux=True)(y)
    assert aux == "aux" and j.tolist() == (2 * minigrad.eye(4, dtype=f64)).tolist()
    assert jacobian(lambda x: x[:0])(y).shape == (0, 4)
    assert jacobian(lambda x: x * 2)(minigrad.zeros(0)).shape == (0, 0)
    assert jacobian(lambda x: minigrad.ones(2, dtype=f64))(y).tolist() == [[0.0] * 4] * 2


def test_both_modes_agree_on_a_network():
    x, w, b = drawn(2, 1, 5, 5), drawn(2, 1, 3, 3, seed=1), drawn(2, seed=2)

    def net(x, w, b):
        return F.avg_pool2d(F.conv2d(x, w, b, padding=1).tanh(), 2).flatten(1).softmax(1)
    for slot in range(3):
        close(jacrev(net, slot)(x, w, b), jacfwd(net, slot)(x, w, b))


def test_jacobian_runs_the_function_once():
    runs = []
    jacrev(lambda x: runs.append(1) or x * 2)(drawn(5))
    jacfwd(lambda x: runs.append(1) or x * 2)(drawn(5))
    assert len(runs) == 2


def test_hessian():
    x = number([0.5, -1.0, 2.0])

    def f(x):
        return (x[0] * x[1]).sin() + x[2] ** 3 * x[0]
    close(hessian(f)(x), jacrev(jacrev(f))(x))
    close(hessian(f)(x), jacfwd(jacfwd(f))(x))
    close(hessian(f)(x), jacrev(jacfwd(f))(x))
    h = hessian(lambda x, y: (x * y).sum() * y[0], (0, 1))(number([1.0, 2.0]), number([3.0, 4.0]))
    assert h[0][0].tolist() == [[0.0, 0.0], [0.0, 0.0]] and h[0][1].tolist() == [[6.0, 0.0], [4.0, 3.0]]
    assert h[1][1].tolist() == [[2.0, 2.0], [2.0, 0.0]]


def test_third_derivatives_by_every_mix():
    x = number([0.3, 0.8])

    def f(x):
        return (x[0] * x[1] * x[1]).exp()
    wanted = jacrev(jacrev(jacrev(f)))(x)
    for a in (jacrev, jacfwd):
        for b in (jacrev, jacfwd):
            close(a(hessian(f))(x), wanted)
            close(a(b(grad(f)))(x), wanted)
    close(jvp(hessian(f), (x,), (number([1.0, 0.0]),))[1], wanted[..., 0])
    close(vjp(grad(lambda x: hvp(f, (x,), (number([0.0, 1.0]),))[0]), x)[1](number([1.0, 0.0]))[0],
          jacrev(jacrev(jacrev(jacrev(f))))(x)[0, 1, :, 0])


def test_hvp():
    x, v = drawn(4), drawn(4, seed=1)

    def f(x):
        return (x.sin() * x.flip(0)).sum()
    close(hvp(f, (x,), (v,)), hessian(f)(x) @ v)
    close(hvp(f, x, v), hessian(f)(x) @ v)
    y, w = drawn(2, seed=2), drawn(2, seed=3)

    def g(x, y):
        return (x[:2] * y * y).sum() * x[3]
    h, both = hessian(g, (0, 1))(x, y), hvp(g, (x, y), (v, w))
    close(both[0], h[0][0] @ v + h[0][1] @ w)
    close(both[1], h[1][0] @ v + h[1][1] @ w)


def test_what_a_closure_wants_goes_through():
    w = number(2.0, requires_grad=True)
    for jacobian in (jacrev, jacfwd):
        j = jacobian(lambda x: x * x * w * w)(number([1.0, 3.0]))
        assert minigrad.autograd.grad(j.sum(), w)[0].item() == 32.0
    assert hvp(lambda x: (x ** 3).sum() * w, (number([1.0]),), (number([1.0]),)).requires_grad


# ---- linear_transpose ------------------------------------------------------------------------------------------------

def test_linear_transpose():
    w = drawn(3, 2, 3, 3, seed=1)
    forward = lambda x: F.conv2d(x, w, stride=2, padding=1)         # noqa: E731
    x = drawn(1, 2, 6, 6)
    g = drawn(*forward(x).shape, seed=2)
    (back,) = linear_transpose(forward, minigrad.empty(1, 2, 6, 6, dtype=f64))(g)
    close((back * x).sum(), (forward(x) * g).sum())
    close(linear_transpose(lambda g: linear_transpose(forward, x)(g)[0], g)(x)[0], forward(x))
    a, b = linear_transpose(lambda a, b: 2 * a - b.sum(), minigrad.empty(2), minigrad.empty(3))(minigrad.ones(2))
    assert (a.tolist(), b.tolist()) == ([2.0, 2.0], [-2.0] * 3)


@pytest.mark.parametrize("function, message", [
    (lambda x: x * x, "mul, which"), (lambda x: x.exp() - 1, "exp, which"),
    (lambda x: x + 1, "a result at 0 that is not 0"), (lambda x: F.relu(x), "relu, which"),
    (lambda x: F.conv1d(x, x), "conv, which")])
def test_what_is_not_linear_is_refused(function, message):
    with pytest.raises(ValueError, match=f"linear_transpose: func: got {message}"):
        linear_transpose(function, minigrad.empty(1, 1, 3))


# ---- checkpoint ------------------------------------------------------------------------------------------------------

def block(x, w):
    return (x @ w).tanh() @ w


def test_checkpoint_is_the_function():
    x, w = drawn(2, 3, requires_grad=True), drawn(3, 3, seed=1, requires_grad=True)
    for outer in (lambda x: x, lambda x: (x * w[0]).sin()):         # also of an argument with a history through w
        plain = block(outer(x), w)
        kept = checkpoint(block, outer(x), w)
        assert plain.tolist() == kept.tolist() and kept.grad_fn.op.name == "checkpoint"
        wanted = minigrad.autograd.grad((plain ** 2).sum(), (x, w), create_graph=True)
        found = minigrad.autograd.grad((kept ** 2).sum(), (x, w), create_graph=True)
        for a, b in zip(found, wanted, strict=True):
            close(a, b)
        second = [minigrad.autograd.grad(sum((g * g).sum() for g in gs), (x, w)) for gs in (found, wanted)]
        for a, b in zip(*second, strict=True):
            close(a, b)


def test_checkpoint_of_a_closure_over_parameters():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to(f64)
    x = drawn(5, 3, requires_grad=True)
    results = []
    for run in (net, lambda x: checkpoint(net, x)):
        for twice in (False, True):
            for each in (x, *net.parameters()):
                each.grad = None
            hidden = run(x * net[0].weight.sum())                     # a parameter before and inside
            loss = (hidden ** 2).sum()
            if twice:
                (g,) = minigrad.autograd.grad(loss, x, create_graph=True)
                loss = (g ** 2).sum()
            loss.backward()
            results.append([x.grad, *(p.grad for p in net.parameters())])
    for plain, kept in ((results[0], results[2]), (results[1], results[3])):
        for a, b in zip(plain, kept, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                close(a, b)


def test_checkpoint_in_every_transform():
    x, w = drawn(3), drawn(3, 3, seed=1)

    def f(x):
        return checkpoint(lambda x: (x @ w).sin() @ w, x).exp()
    plain = lambda x: ((x @ w).sin() @ w).exp()                     # noqa: E731
    close(jacrev(f)(x), jacrev(plain)(x))
    close(jacfwd(f)(x), jacfwd(plain)(x))
    close(hessian(lambda x: f(x).sum())(x), hessian(lambda x: plain(x).sum())(x))
    close(jacfwd(jacfwd(f))(x), jacfwd(jacfwd(plain))(x))
    close(jacrev(hessian(lambda x: f(x).sum()))(x), jacrev(hessian(lambda x: plain(x).sum()))(x))
    nested = lambda x: checkpoint(lambda x: checkpoint(f, x) * 2, x)     # noqa: E731
    close(jacrev(jacrev(nested))(x), jacrev(jacrev(lambda x: plain(x) * 2))(x))


def test_checkpoint_keeps_no_value_in_between_and_runs_again():
    runs = []

    def f(x, y, *, scale):
        runs.append(1)
        return (x.exp() * y).sum() * scale, x + 1, "text"
    x, y = drawn(4, requires_grad=True), drawn(4, seed=1, requires_grad=True)
    total, plus, text = checkpoint(f, x, y, scale=2)
    assert len(runs) == 1 and text == "text" and len(total.grad_fn.saved) == 2
    total.backward()
    assert len(runs) == 2
    close(x.grad, 2 * x.detach().exp() * y.detach())
    plus.sum().backward()
    close(x.grad, 2 * x.detach().exp() * y.detach() + 1)


def test_checkpoint_repeats_its_random_numbers():
    x = minigrad.ones(1000, requires_grad=True)
    minigrad.manual_seed(3)
    kept = checkpoint(lambda x: F.dropout(x, 0.5), x)
    after = minigrad.rand(3).tolist()
    kept.sum().backward()
    assert x.grad.tolist() == kept.tolist()
    assert minigrad.rand(3).tolist() != after
    minigrad.manual_seed(3)
    assert F.dropout(x, 0.5).tolist() == kept.tolist() and minigrad.rand(3).tolist() == after


def test_checkpoint_where_nothing_is_recorded():
    x = drawn(2)
    assert checkpoint(lambda x, n: x * n, x, 2).grad_fn is None
    with minigrad.no_grad():
        assert checkpoint(lambda x: x * 2, drawn(2, requires_grad=True)).grad_fn is None
    w = drawn(2, requires_grad=True)
    out = checkpoint(lambda x: x * 2, w)
    with minigrad.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        out.sum().backward()
    assert minigrad.utils.checkpoint.checkpoint is checkpoint


# ---- PyTorch ---------------------------------------------------------------------------------------------------------

@pytest.mark.torch
def test_against_torch():
    torch = pytest.importorskip("torch")
    x, w = drawn(2, 4), drawn(3, 2, 2, seed=1)
    tx, tw = (torch.tensor(t.tolist(), dtype=torch.float64) for t in (x, w))

    def f(lib):
        return lambda x, w: lib.nn.functional.conv1d(x[None], w).tanh().sum(0)

    def same(a, b):
        assert tuple(a.shape) == tuple(b.shape)
        assert a.flatten().tolist() == pytest.approx(b.flatten().tolist(), rel=1e-9, abs=1e-12)
    for slot in (0, 1):
        same(jacrev(f(minigrad), slot)(x, w), torch.func.jacrev(f(torch), slot)(tx, tw))
        same(jacfwd(f(minigrad), slot)(x, w), torch.func.jacfwd(f(torch), slot)(tx, tw))
        same(hessian(f(minigrad), slot)(x, w), torch.func.hessian(f(torch), slot)(tx, tw))
    ours, theirs = jacrev(f(minigrad), (0, 1))(x, w), torch.func.jacrev(f(torch), (0, 1))(tx, tw)
    for a, b in zip(ours, theirs, strict=True):
        same(a, b)


# ---- Refusals --------------------------------------------------------------------------------------------------------

@MODES
def test_jacobian_refuses(jacobian):
    x, name = drawn(2), jacobian.__name__
    for kind, message, call in (
            (IndexError, "argnums: got 1, expected a place among the 1 arguments", lambda: jacobian(F.relu, 1)(x)),
            (TypeError, "arguments: got float as item 0, expected a tensor", lambda: jacobian(F.relu)(3.0)),
            (TypeError, "the function's result: got int as item 0, expected a tensor",
             lambda: jacobian(lambda x: 3)(x)),
            (TypeError, "input 0: got dtype int64, expected float32 or float64",
             lambda: jacobian(lambda x: x)(minigrad.arange(3)))):
        with pytest.raises(kind) as caught:
            call()
        assert str(caught.value) == f"{name}: {message}"


def test_products_refuse():
    x = drawn(2)
    with pytest.raises(ValueError, match=r"grad: the function's result: got \(2,\)"):
        hvp(lambda x: x * x, (x,), (x,))
    with pytest.raises(ValueError, match=r"jvp: tangents: got shape \(3,\), expected \(2,\)"):
        hvp(lambda x: x.sum(), (x,), (drawn(3),))
    with pytest.raises(TypeError, match="linear_transpose: primals: got int as item 0"):
        linear_transpose(lambda x: x, 3)
    with pytest.raises(ValueError, match=r"vjp: cotangents: got shape \(3,\), expected \(2,\)"):
        linear_transpose(lambda x: x * 2, x)(drawn(3))
