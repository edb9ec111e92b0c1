"""One step of each optimiser equals its definition, and PyTorch's step where PyTorch is installed."""

import itertools

import pytest
from arrays import buf, check_close, check_equal, empty, layouts, write
from hypothesis import given, settings, strategies as st

from minigrad import reference
from minigrad.reference import nested
from minigrad_ext.kernel import Params

TOLERANCE = {"float32": (2e-6, 1e-7), "float64": (1e-14, 1e-15)}
SGD_FLAGS = list(itertools.product((False, True), repeat=3))
ADAM_FLAGS = list(itertools.product((False, True), repeat=3))


def array(shape, start):
    count = len(list(nested.indices(shape)))
    return nested.unflatten([((start + 5 * j) % 17 - 8) / 4 for j in range(count)], shape)


def positive(shape, start):
    return nested.pointwise(lambda x: abs(x) / 8, array(shape, start))


def sgd_params(lr=0.5, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, first_step=False,
               maximize=False):
    return Params((nesterov, first_step, maximize, momentum != 0), (lr, momentum, dampening, weight_decay))


def adam_params(lr=0.01, beta1=0.75, beta2=0.875, eps=1e-3, weight_decay=0.25, step=3, amsgrad=False, maximize=False,
                decoupled=False):
    return Params((amsgrad, maximize, decoupled),
                  (lr, beta1, beta2, eps, weight_decay, 1 - beta1**step, 1 - beta2**step))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("shape", [(), (7,), (3, 4), (2, 0), (3, 500)])
def test_plain_sgd(kernels, shape, maximize, dtype):
    p, g = array(shape, 1), array(shape, 2)
    out = buf(p, dtype, shape)
    kernels["sgd"](out, buf(g, dtype, shape), sgd_params(0.5, weight_decay=0.25, maximize=maximize))
    if 0 not in shape:      # powers of two: exact
        check_equal(out, reference.sgd(p, g, lr=0.5, weight_decay=0.25, maximize=maximize)[0])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("nesterov, first_step, maximize", SGD_FLAGS)
def test_sgd_with_momentum(kernels, nesterov, first_step, maximize, dtype):
    p, g, b = array((3, 5), 1), array((3, 5), 2), array((3, 5), 3)
    options = {"lr": 0.5, "momentum": 0.5, "dampening": 0.0 if nesterov else 0.25, "weight_decay": 0.125,
               "nesterov": nesterov, "first_step": first_step, "maximize": maximize}
    out, buffer = buf(p, dtype), buf(b, dtype)
    kernels["sgd"](out, buf(g, dtype), buffer, sgd_params(**options))
    wanted = reference.sgd(p, g, b, **options)
    check_equal(out, wanted[0])
    check_equal(buffer, wanted[1])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("amsgrad, maximize, decoupled", ADAM_FLAGS)
def test_adam(kernels, amsgrad, maximize, decoupled, dtype):
    shape = (4, 5)
    arrays = [array(shape, 1), array(shape, 2), array(shape, 3), positive(shape, 4), positive(shape, 9)]
    arrays = arrays if amsgrad else arrays[:4]
    buffers = [buf(x, dtype) for x in arrays]
    params = adam_params(amsgrad=amsgrad, maximize=maximize, decoupled=decoupled)
    kernels["adam"](*buffers, params)
    wanted = reference.adam(*arrays, **adam_options(params), maximize=maximize, decoupled=decoupled)
    for k, new in zip((0, 2, 3, 4), wanted, strict=False):
        check_close(buffers[k], new, *TOLERANCE[dtype], f"array {k}")
    assert buffers[1].tolist() == arrays[1], "the gradient is left alone"


def adam_options(params):
    names = ("lr", "beta1", "beta2", "eps", "weight_decay", "bias_correction1", "bias_correction2")
    return dict(zip(names, params.floats, strict=True))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("centered, momentum, maximize", ADAM_FLAGS)
def test_rmsprop(kernels, centered, momentum, maximize, dtype):
    shape = (4, 5)
    p, g, v = array(shape, 1), array(shape, 2), nested.pointwise(lambda x: x + 20, positive(shape, 4))
    mean, b = (array(shape, 3) if centered else None), (array(shape, 6) if momentum else None)
    options = {"lr": 0.01, "keep": 0.75, "fresh": 0.25, "eps": 1e-3, "weight_decay": 0.25, "momentum": 0.5 * momentum}
    arrays = [p, g, v, *[each for each in (mean, b) if each is not None]]
    buffers = [buf(each, dtype) for each in arrays]
    kernels["rmsprop"](*buffers, Params((centered, momentum, maximize), tuple(options.values())))
    wanted = reference.rmsprop(p, g, v, mean, b, **options, maximize=maximize)
    assert len(wanted) == len(arrays) - 1
    for found, new in zip([buffers[0], *buffers[2:]], wanted, strict=True):
        check_close(found, new, *TOLERANCE[dtype])
    assert buffers[1].tolist() == g, "the gradient is left alone"


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("shape", [(), (3, 4), (2, 0), (700,)])
def test_adadelta(kernels, shape, maximize, dtype):
    arrays = [array(shape, 1), array(shape, 2), positive(shape, 4), positive(shape, 9)]
    buffers = [buf(each, dtype, shape) for each in arrays]
    options = {"lr": 0.5, "rho": 0.75, "eps": 1e-3, "weight_decay": 0.25}
    kernels["adadelta"](*buffers, Params((maximize,), tuple(options.values())))
    if 0 not in shape:
        wanted = reference.adadelta(*arrays, **options, maximize=maximize)
        for found, new in zip([buffers[0], *buffers[2:]], wanted, strict=True):
            check_close(found, new, *TOLERANCE[dtype])


@pytest.mark.parametrize("shape", [(6,), (3, 4), (2, 3, 4)])
def test_every_layout(kernels, shape):
    p, g, b = array(shape, 1), array(shape, 2), array(shape, 3)
    wanted = reference.sgd(p, g, b, lr=0.5, momentum=0.5)
    for (p_layout, out), (g_layout, gradient), (b_layout, buffer) in itertools.product(
            layouts(p), layouts(g), layouts(b)):
        write(out, p)
        write(buffer, b)
        kernels["sgd"](out, gradient, buffer, sgd_params(0.5, 0.5))
        check_equal(out, wanted[0], f"{p_layout} {g_layout} {b_layout}")
        check_equal(buffer, wanted[1], f"{p_layout} {g_layout} {b_layout}")


def test_an_expanded_gradient(kernels):
    p, out = array((5, 700), 1), buf(array((5, 700), 1))
    kernels["sgd"](out, buf([[2.0]]).expand((5, 700)), sgd_params(0.5))
    check_equal(out, nested.pointwise(lambda x: x - 1.0, p))


@settings(max_examples=25, deadline=None)
@given(shape=st.lists(st.integers(0, 6), max_size=4), flags=st.tuples(st.booleans(), st.booleans()))
def test_adam_over_shapes(kernels, shape, flags):
    shape = tuple(shape)
    arrays = [array(shape, 1), array(shape, 2), array(shape, 3), positive(shape, 4)]
    buffers = [buf(x, "float64", shape) for x in arrays]
    params = adam_params(maximize=flags[0], decoupled=flags[1])
    kernels["adam"](*buffers, params)
    if 0 not in shape:
        wanted = reference.adam(*arrays, **adam_options(params), maximize=flags[0], decoupled=flags[1])
        check_close(buffers[0], wanted[0], 1e-13, 1e-14)


def test_first_step_does_not_read_the_buffer(kernels):
    out, buffer = buf([1.0, 2.0]), buf([float("nan"), float("inf")])
    kernels["sgd"](out, buf([0.5, 0.25]), buffer, sgd_params(1.0, 0.5, first_step=True))
    assert out.tolist() == [0.5, 1.75]
    assert buffer.tolist() == [0.5, 0.25]


def test_dtypes(kernels):
    with pytest.raises(TypeError, match="sgd: no loop for dtype int64"):
        kernels["sgd"](empty((2,), "int64"), empty((2,), "int64"), sgd_params())


@pytest.mark.torch
@pytest.mark.parametrize("nesterov, maximize", list(itertools.product((False, True), repeat=2)))
def test_sgd_like_pytorch(kernels, nesterov, maximize):
    torch = pytest.importorskip("torch")
    start, options = array((4, 3), 1), {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}
    weight = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimiser = torch.optim.SGD([weight], nesterov=nesterov, maximize=maximize, **options)
    p, b = buf(start, "float64"), empty((4, 3), "float64")
    for step in range(4):
        g = array((4, 3), 5 + step)
        weight.grad = torch.tensor(g, dtype=torch.float64)
        optimiser.step()
        kernels["sgd"](p, buf(g, "float64"), b, sgd_params(**options, nesterov=nesterov, maximize=maximize,
                                                          first_step=step == 0))
        check_close(p, weight.tolist(), 1e-13, 1e-15)


@pytest.mark.torch
@pytest.mark.parametrize("amsgrad, maximize, decoupled", ADAM_FLAGS)
def test_adam_like_pytorch(kernels, amsgrad, maximize, decoupled):
    torch = pytest.importorskip("torch")
    shape = (4, 3)
    start = array(shape, 1)
    weight = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    optimiser = (torch.optim.AdamW if decoupled else torch.optim.Adam)(
        [weight], lr=0.1, betas=(0.8, 0.9), eps=1e-8, weight_decay=0.01, amsgrad=amsgrad, maximize=maximize)
    p = buf(start, "float64")
    state = [buf(nested.full(shape, 0.0), "float64") for _ in range(3 if amsgrad else 2)]
    for step in range(1, 5):
        g = array(shape, 5 + step)
        weight.grad = torch.tensor(g, dtype=torch.float64)
        optimiser.step()
        kernels["adam"](p, buf(g, "float64"), *state,
                        adam_params(0.1, 0.8, 0.9, 1e-8, 0.01, step, amsgrad, maximize, decoupled))
        check_close(p, weight.tolist(), 1e-12, 1e-14)
