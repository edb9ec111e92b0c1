"""Convolutions as functions: known numbers, PyTorch's values and gradients, and what is refused."""

import pytest
from against_torch import compare, numbers

import minigrad
from minigrad.autograd import grad
from minigrad.check import gradcheck, gradgradcheck
from minigrad.nn import functional as F

SPATIAL = {1: (11,), 2: (7, 8), 3: (5, 4, 6)}
KERNEL = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}


def test_known_numbers():
    """A worked example: the sums of a 3x3 window over 0..15."""
    x = minigrad.arange(16.0).reshape(1, 1, 4, 4)
    w = minigrad.ones(1, 1, 3, 3)
    assert F.conv2d(x, w).tolist() == [[[[45, 54], [81, 90]]]]
    assert F.conv2d(x, w, minigrad.tensor([1.0])).tolist() == [[[[46, 55], [82, 91]]]]
    assert F.conv2d(x, w, stride=2, padding="same").tolist() == [[[[45, 39], [66, 50]]]]
    assert F.conv2d(x, w, dilation=2, padding=1).shape == (1, 1, 2, 2)
    assert F.conv2d(x, w, padding="full").shape == (1, 1, 6, 6)
    assert F.conv2d(x, w, padding=((0, 2), (1, 0))).shape == (1, 1, 4, 3)
    assert F.conv2d(x, w, padding=9).sum().item() == 120 * 9


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("stride, padding, dilation, groups", [
    (1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 2, 1), (3, 3, 1, 2), (2, 1, 2, 4), (1, "same", 1, 1), (1, "valid", 1, 2),
])
@pytest.mark.parametrize("bias", [False, True])
def test_conv_as_in_torch(ndim, stride, padding, dilation, groups, bias):
    torch = pytest.importorskip("torch")
    shapes = [(2, 4, *SPATIAL[ndim]), (8, 4 // groups, *KERNEL[ndim])] + [(8,)] * bias
    name = f"conv{ndim}d"

    def call(function):
        return lambda x, w, b=None: function(x, w, b, stride, padding, dilation, groups)

    compare(call(getattr(F, name)), call(getattr(torch.nn.functional, name)), shapes)


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("stride, padding, extra, groups, dilation", [
    (1, 0, 0, 1, 1), (2, 1, 1, 1, 1), (3, 0, 2, 2, 1), (2, 2, 0, 4, 2), (1, 1, 1, 1, 3), (3, 1, 0, 1, 2),
])
@pytest.mark.parametrize("bias", [False, True])
def test_conv_transpose_as_in_torch(ndim, stride, padding, extra, groups, dilation, bias):
    torch = pytest.importorskip("torch")
    shapes = [(2, 4, *SPATIAL[ndim]), (4, 8 // groups, *KERNEL[ndim])] + [(8,)] * bias
    name = f"conv_transpose{ndim}d"

    def call(function):
        return lambda x, w, b=None: function(x, w, b, stride, padding, extra, groups, dilation)

    compare(call(getattr(F, name)), call(getattr(torch.nn.functional, name)), shapes)


@pytest.mark.torch
def test_a_realistic_layer_in_float32():
    torch = pytest.importorskip("torch")
    x, w, b = (numbers(shape, seed).to(minigrad.float32) for seed, shape in
               enumerate([(4, 16, 14, 14), (32, 16, 3, 3), (32,)]))
    wanted = torch.nn.functional.conv2d(*(torch.tensor(t.tolist()) for t in (x, w, b)), padding=1)
    got = torch.tensor(F.conv2d(x, w, b, padding=1).tolist())
    assert (got - wanted).abs().max() < 1e-4


@pytest.mark.torch
def test_second_order_as_in_torch():
    torch = pytest.importorskip("torch")

    def penalty(library, conv, x, w):
        """The gradient of |d loss / dx|^2 in w: it needs the derivative of a transposed convolution."""
        x.requires_grad_()
        w.requires_grad_()
        loss = (conv(x, w, stride=2, padding=1) ** 2).sum()
        (gx,) = library.autograd.grad(loss, [x], create_graph=True)
        return library.autograd.grad((gx ** 2).sum(), [x, w])

    shapes = [(2, 2, 6, 7), (3, 2, 3, 3)]
    mine = [numbers(shape, seed) for seed, shape in enumerate(shapes)]
    theirs = [torch.tensor(x.tolist(), dtype=torch.float64) for x in mine]
    for got, wanted in zip(penalty(minigrad, F.conv2d, *mine),
                           penalty(torch, torch.nn.functional.conv2d, *theirs), strict=True):
        assert (torch.tensor(got.tolist(), dtype=torch.float64) - wanted).abs().max() < 1e-9 * wanted.abs().max()


@pytest.mark.parametrize("padding", [((0, 1), (2, 0)), "same", "full"])
@pytest.mark.parametrize("call", [
    lambda x, w, padding: F.conv2d(x, w, stride=(2, 1), padding=padding, dilation=(1, 2), groups=2),
    lambda x, w, padding: F.conv_transpose2d(x, w, None, (2, 1), ((0, 1), (2, 0)), (1, 0), 2, (1, 2)),
])
def test_derivatives_of_first_and_second_order(call, padding):
    """Where PyTorch has no counterpart: asymmetric padding, "same" with stride, "full"."""
    x, w = numbers((1, 4, 4, 5), 1).requires_grad_(), numbers((4, 2, 2, 2), 2).requires_grad_()
    assert gradcheck(lambda x, w: call(x, w, padding), (x, w))
    assert gradgradcheck(lambda x, w: call(x, w, padding), (x, w))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_unbatched(ndim):
    x, w, b = (numbers(shape, 0) for shape in [(4, *SPATIAL[ndim]), (4, 4, *KERNEL[ndim]), (4,)])
    for name in (f"conv{ndim}d", f"conv_transpose{ndim}d"):
        function = getattr(F, name)
        assert function(x, w, b).tolist() == function(x.reshape(1, *x.shape), w, b).tolist()[0]


def test_output_size():
    x, w = minigrad.ones(1, 3, 5, 5), minigrad.ones(3, 2, 3, 3)
    assert F.conv_transpose2d(x, w, stride=2, output_size=(12, 11)).shape == (1, 2, 12, 11)
    assert F.conv_transpose2d(x, w, stride=2, output_size=[1, 2, 11, 12]).shape == (1, 2, 11, 12)
    assert F.conv_transpose2d(x, w, stride=2, padding="same").shape == (1, 2, 10, 10)


def test_depth_axes_are_the_lower_dimensional_case():
    """A 3-d convolution over axes of size 1 is the 2-d one."""
    x, w = numbers((2, 3, 6, 7), 1), numbers((4, 3, 3, 2), 2)
    deep = F.conv3d(x.reshape(2, 3, 1, 6, 7), w.reshape(4, 3, 1, 3, 2), stride=(1, 2, 1))
    assert deep.reshape(2, 4, 2, 6).tolist() == F.conv2d(x, w, stride=(2, 1)).tolist()


def test_empty_batch_has_gradients():
    x, w = minigrad.zeros(0, 3, 5, 5, requires_grad=True), minigrad.ones(4, 3, 3, 3, requires_grad=True)
    out = F.conv2d(x, w)
    assert out.shape == (0, 4, 3, 3)
    out.sum().backward()
    assert x.grad.shape == x.shape and w.grad.sum().item() == 0


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("function", [F.conv2d, F.conv_transpose2d])
def test_activation_is_that_function_of_the_result(function, activation):
    """The same numbers, nodes and derivatives of any order, forward and reverse, as of two calls."""
    operands = [minigrad.randn(*shape, dtype=minigrad.float64, generator=minigrad.Generator().manual_seed(seed))
                for seed, shape in enumerate([(1, 2, 3, 3), (2, 2, 2, 2), (2,)])]

    def fused(x, w, b):
        return function(x, w, b, padding=1, activation=activation)

    def plain(x, w, b):
        return getattr(minigrad, activation)(function(x, w, b, padding=1))

    assert fused(*operands).tolist() == plain(*operands).tolist()
    assert fused(*operands).grad_fn is None
    xs = [x.requires_grad_() for x in operands]
    nodes = [[repr(node) for node in minigrad.node.order([minigrad.node.origin(call(*xs))])] for call in (fused, plain)]
    assert nodes[0] == nodes[1] and len(nodes[0]) == 2
    assert gradcheck(fused, xs) and gradgradcheck(fused, xs)
    tangents = tuple([x.detach() * 0.5 + 1 for x in xs])
    third = [minigrad.func.jvp(lambda *xs, call=call: grad(grad(call(*xs).square().sum(), xs[0], create_graph=True)[0]
                                                           .square().sum(), xs[1], create_graph=True)[0],
                               tuple(xs), tangents)[1].tolist() for call in (fused, plain)]
    assert third[0] == third[1]


X, W = minigrad.ones(2, 3, 5, 5), minigrad.ones(4, 3, 3, 3)

REFUSED = [
    (lambda: F.conv2d(X, minigrad.ones(4, 2, 3, 3)), ValueError,
     "conv2d: input of shape (2, 3, 5, 5) has 3 channels, but the weight of shape (4, 2, 3, 3) with groups = 1 "
     "expects 2*1 = 2"),
    (lambda: F.conv2d(X, minigrad.ones(4, 1, 3, 3), groups=3), ValueError,
     "conv2d: weight of shape (4, 1, 3, 3): got 4 channels, expected a multiple of groups = 3"),
    (lambda: F.conv2d(X, W, minigrad.ones(3)), ValueError,
     "conv2d: bias: got shape (3,), expected (4,)"),
    (lambda: F.conv2d(X, W, minigrad.ones(4, dtype=minigrad.float64)), TypeError,
     "conv2d: bias: got dtype float64, expected float32 as the input"),
    (lambda: F.conv2d(X, W.to(minigrad.float64)), TypeError,
     "conv2d: weight: got dtype float64, expected float32"),
    (lambda: F.conv2d(X.to(minigrad.int64), W.to(minigrad.int64)), TypeError,
     "conv2d: input: got dtype int64, expected float32 or float64"),
    (lambda: F.conv2d(minigrad.ones(5, 5), W), ValueError,
     "conv2d: input: got shape (5, 5), expected (N, C, ...) or (C, ...) with 2 spatial axes"),
    (lambda: F.conv2d(X, minigrad.ones(4, 3, 3)), ValueError,
     "conv2d: weight: got 1 spatial axes (3,), expected 2 as the input's (5, 5)"),
    (lambda: F.conv2d([[1.0]], W), TypeError, "conv2d: input: got list, expected a tensor"),
    (lambda: F.conv2d(X, 3), TypeError, "conv2d: weight: got int, expected a tensor"),
    (lambda: F.conv2d(X, W, 3), TypeError, "conv2d: bias: got int, expected a tensor"),
    (lambda: F.conv2d(X, W, activation="gelu"), ValueError,
     "conv2d: activation: got 'gelu', expected one of 'relu', 'sigmoid', 'tanh'"),
    (lambda: F.conv2d(X, W, dilation=3), ValueError,
     "conv2d: kernel 3 with dilation 3 covers 7 positions, but the padded input has 5+0+0 = 5 on axis 0: "
     "the output would have floor((5 - 7)/1) + 1 = -1 positions"),
    (lambda: F.conv_transpose2d(X, W), ValueError,
     "conv_transpose2d: input of shape (2, 3, 5, 5) has 3 channels, but the weight of shape (4, 3, 3, 3) expects 4"),
    (lambda: F.conv_transpose2d(X, minigrad.ones(3, 4, 3, 3), groups=2), ValueError,
     "conv_transpose2d: input of shape (2, 3, 5, 5): got 3 channels, expected a multiple of groups = 2"),
    (lambda: F.conv_transpose2d(X, minigrad.ones(3, 4, 3, 3), output_padding=1), ValueError,
     "conv_transpose2d: output_padding: got 1 on axis 0, expected between 0 and 0: "
     "max(stride, dilation) = 1 sizes fit"),
]


@pytest.mark.parametrize("call, kind, text", REFUSED, ids=[text[:50] for _, _, text in REFUSED])
def test_refused(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text
