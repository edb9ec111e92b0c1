"""Pools as functions: known numbers, PyTorch's values and gradients, and what is refused."""

import itertools

import pytest
from against_torch import close, compare, numbers

import minigrad
from minigrad.check import gradcheck, gradgradcheck
from minigrad.nn import functional as F

SPATIAL = {1: (11,), 2: (7, 8), 3: (5, 4, 6)}


def test_known_numbers():
    x = minigrad.tensor([[[[1.0, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]]])
    assert F.max_pool2d(x, 2).tolist() == [[[[6, 8]]]]
    assert F.max_pool2d(x, 2, ceil_mode=True).tolist() == [[[[6, 8], [10, 12]]]]
    assert F.avg_pool2d(x, 2).tolist() == [[[[3.5, 5.5]]]]
    assert F.avg_pool2d(x, 2, ceil_mode=True).tolist() == [[[[3.5, 5.5], [9.5, 11.5]]]]
    assert F.avg_pool2d(x, 2, divisor_override=2).tolist() == [[[[7, 11]]]]
    assert F.avg_pool2d(x, 2, dilation=2, stride=1).tolist() == [[[[6, 7]]]]
    assert F.max_pool2d(x, (1, 3), stride=1, padding="same").tolist()[0][0][0] == [2, 3, 4, 4]
    assert F.max_pool2d(x, 3, stride=1, padding=((0, 2), (0, 0))).tolist() == [[[[11, 12], [11, 12], [11, 12]]]]


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("kernel, stride, padding, dilation, ceil", [
    (2, None, 0, 1, False), (3, 2, 1, 1, False), (3, 1, 1, 1, True), (2, 1, 1, 2, False), (2, 3, 1, 1, True),
    (3, 2, 1, 1, True),
])
def test_max_pool_as_in_torch(ndim, kernel, stride, padding, dilation, ceil):
    torch = pytest.importorskip("torch")
    shape = (2, 3, *SPATIAL[ndim])
    name = f"max_pool{ndim}d"
    ours, theirs = getattr(F, name), getattr(torch.nn.functional, name)
    arguments = (kernel, stride, padding, dilation, ceil)
    compare(lambda x: ours(x, *arguments), lambda x: theirs(x, *arguments), [shape])
    x = numbers(shape, 5)
    _, index = ours(x, *arguments, return_indices=True)
    _, wanted = theirs(torch.tensor(x.tolist()), *arguments, return_indices=True)
    assert index.tolist() == wanted.tolist()


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("kernel, stride, padding, ceil", [
    (2, None, 0, False), (3, 2, 1, False), (3, 1, 1, True), (2, 3, 1, True), (3, 2, 1, True),
])
@pytest.mark.parametrize("count_include_pad, divisor", [(True, None), (False, None), (True, 5)])
def test_avg_pool_as_in_torch(ndim, kernel, stride, padding, ceil, count_include_pad, divisor):
    torch = pytest.importorskip("torch")
    if ndim == 1 and divisor:
        pytest.skip("PyTorch's avg_pool1d takes no divisor_override")
    name = f"avg_pool{ndim}d"
    arguments = (kernel, stride, padding, ceil, count_include_pad) + (() if ndim == 1 else (divisor,))
    compare(lambda x: getattr(F, name)(x, *arguments), lambda x: getattr(torch.nn.functional, name)(x, *arguments),
            [(2, 3, *SPATIAL[ndim])])


@pytest.mark.torch
def test_ceil_mode_for_every_small_size():
    torch = pytest.importorskip("torch")
    for size, kernel, stride, padding in itertools.product(range(1, 9), range(1, 5), range(1, 5), range(3)):
        if padding > kernel // 2 or size + 2 * padding < kernel:
            continue
        x = numbers((1, 1, size), size)
        theirs = torch.nn.functional.max_pool1d(torch.tensor(x.tolist(), dtype=torch.float64), kernel, stride, padding,
                                                1, True)
        close(F.max_pool1d(x, kernel, stride, padding, 1, True), theirs)
        theirs = torch.nn.functional.avg_pool1d(torch.tensor(x.tolist(), dtype=torch.float64), kernel, stride, padding,
                                                True)
        close(F.avg_pool1d(x, kernel, stride, padding, True), theirs)


@pytest.mark.torch
def test_nan_and_infinity_as_in_torch():
    torch = pytest.importorskip("torch")
    inf, nan = float("inf"), float("nan")
    x = [[[-inf, -inf, 1.0, nan, inf, inf, -inf, 2.0]]]
    for kernel, stride in [(2, 2), (3, 1), (4, 2)]:
        close(F.max_pool1d(minigrad.tensor(x), kernel, stride),
              torch.nn.functional.max_pool1d(torch.tensor(x), kernel, stride))
    ours, theirs = minigrad.tensor(x), torch.tensor(x)
    assert F.max_pool1d(ours, 2, return_indices=True)[1].tolist() \
        == torch.nn.functional.max_pool1d(theirs, 2, return_indices=True)[1].tolist()


def test_ties_give_their_gradient_to_the_first():
    x = minigrad.ones(1, 1, 2, 4, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0]]]]


def test_overlapping_windows_add_their_gradients():
    x = minigrad.tensor([[[0.0, 5.0, 0.0, 1.0]]], requires_grad=True)
    F.max_pool1d(x, 2, stride=1).sum().backward()
    assert x.grad.tolist() == [[[0, 2, 0, 1]]]


@pytest.mark.parametrize("call", [
    lambda x: F.max_pool2d(x, 2, (1, 2), ((1, 0), (0, 1)), (1, 2), True),
    lambda x: F.avg_pool2d(x, (2, 3), 2, ((1, 0), (0, 2)), True, False, None, (2, 1)),
    lambda x: F.avg_pool2d(x, 2, 1, "full"),
    lambda x: F.max_pool2d(x, 3, 2, "same"),
])
def test_derivatives_of_first_and_second_order(call):
    x = numbers((2, 2, 5, 6), 3).requires_grad_()
    assert gradcheck(call, (x,))
    assert gradgradcheck(lambda x: call(x) ** 2, (x,))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_unbatched(ndim):
    x = numbers((3, *SPATIAL[ndim]), 0)
    batch = x.reshape(1, *x.shape)
    for name in (f"max_pool{ndim}d", f"avg_pool{ndim}d"):
        function = getattr(F, name)
        assert function(x, 2).tolist() == function(batch, 2).tolist()[0]
    out, index = getattr(F, f"max_pool{ndim}d")(x, 2, return_indices=True)
    assert out.shape == index.shape and out.ndim == ndim + 1


def test_strided_input():
    x = numbers((2, 3, 6, 8), 1)
    turned = x.permute(0, 1, 3, 2)
    assert F.max_pool2d(turned, 2).tolist() == F.max_pool2d(turned.contiguous(), 2).tolist()
    assert F.avg_pool2d(turned, 2).tolist() == F.avg_pool2d(turned.contiguous(), 2).tolist()


def test_empty_batch():
    for function in (F.max_pool2d, F.avg_pool2d):
        x = minigrad.zeros(0, 3, 4, 4, requires_grad=True)
        out = function(x, 2)
        assert out.shape == (0, 3, 2, 2)
        out.sum().backward()
        assert x.grad.shape == x.shape


X = minigrad.ones(2, 3, 4, 4)

REFUSED = [
    (lambda: F.max_pool2d(X, 2, padding=2), ValueError,
     "max_pool2d: padding: window 0 of axis 0 would hold nothing but padding: it begins at 0*2 - 2 = -2 and covers 2 "
     "positions, the input has 4; expected at least one element of the input in each"),
    (lambda: F.max_pool2d(X, 5), ValueError,
     "max_pool2d: kernel 5 with dilation 1 covers 5 positions, but the padded input has 4+0+0 = 4 on axis 0: "
     "the output would have floor((4 - 5)/5) + 1 = 0 positions"),
    (lambda: F.max_pool2d(X.to(minigrad.int32), 2), TypeError,
     "max_pool2d: input: got dtype int32, expected float32 or float64"),
    (lambda: F.avg_pool2d(X.to(minigrad.int32), 2), TypeError,
     "avg_pool2d: input: got dtype int32, expected float32 or float64"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=0), ValueError,
     "avg_pool2d: divisor_override: got 0, expected another int or None"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=1.5), TypeError,
     "avg_pool2d: divisor_override: got 1.5, expected an int"),
    (lambda: F.avg_pool2d(X, (2, 2, 2)), ValueError,
     "avg_pool2d: kernel_size: got (2, 2, 2), expected one int, or one for each of 2 axes"),
    (lambda: F.avg_pool2d(X, 2, 0), ValueError, "avg_pool2d: stride: got 0, expected at least 1"),
    (lambda: F.avg_pool2d(3, 2), TypeError, "avg_pool2d: input: got int, expected a tensor"),
    (lambda: F.max_pool1d(X, 2), ValueError,
     "max_pool1d: input: got shape (2, 3, 4, 4), expected (N, C, ...) or (C, ...) with 1 spatial axes"),
]


@pytest.mark.parametrize("call, kind, text", REFUSED, ids=[text[:50] for _, _, text in REFUSED])
def test_refused(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text
