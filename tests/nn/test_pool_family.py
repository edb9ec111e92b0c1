"""Powers, regions, whole channels, and the ways back from a pool: known numbers, PyTorch's, and what is refused."""

import inspect
import math

import pytest
from against_torch import close, numbers, same_twice

import minigrad
from minigrad import nn
from minigrad.autograd import grad
from minigrad.check import adjoint, gradcheck, gradgradcheck
from minigrad.nn import functional as F

SPATIAL = {1: (7,), 2: (5, 6), 3: (3, 4, 5)}
INT64 = minigrad.int64


def test_known_numbers():
    x = minigrad.tensor([[[3.0, -4.0, 0.0, 0.0, 1.0]]])
    assert F.lp_pool1d(x, 2, 2).tolist() == [[[5, 0]]]
    assert F.lp_pool1d(x, 1, 3, 1).tolist() == [[[-1, -4, 1]]]
    assert F.lp_pool1d(x, math.inf, 2).tolist() == [[[4, 0]]]
    assert F.lp_pool1d(x, -math.inf, 2).tolist() == [[[3, 0]]]
    assert F.lp_pool1d(x, 2, 2, 1, padding=((1, 0),), dilation=2).tolist() == [[[4, 3, 4, 1]]]
    assert F.lp_pool1d(x, 2, 2, padding=1).tolist() == [[[3, 4, 1]]]
    # 2x2 values at their places in 4x4.
    x = minigrad.tensor([[[[1.0, 3, 2, 9], [7, 4, 1, 5], [8, 5, 2, 3], [4, 2, 1, 4]]]])
    values, indices = F.max_pool2d(x, 2, return_indices=True)
    assert values.tolist() == [[[[7, 9], [8, 4]]]] and indices.tolist() == [[[[4, 3], [8, 15]]]]
    assert F.max_unpool2d(values, indices, 2).tolist()[0][0] == [
        [0, 0, 0, 9], [7, 0, 0, 0], [8, 0, 0, 0], [0, 0, 0, 4]]
    assert F.avg_unpool(values, 2, divisor_override=1).tolist() == F.nearest_unpool(values, 2).tolist()
    assert F.nearest_unpool(values, 2).tolist()[0][0] == [[7, 7, 9, 9], [7, 7, 9, 9], [8, 8, 4, 4], [8, 8, 4, 4]]
    assert F.nails_unpool(values, (1, 2)).tolist()[0][0] == [[7, 0, 9, 0], [8, 0, 4, 0]]
    assert F.global_max_pool(x).item() == 9 and F.global_avg_pool(x).item() == 61 / 16
    assert F.adaptive_max_pool2d(x, (3, 1)).tolist()[0][0] == [[9], [8], [8]]
    features = minigrad.tensor([3.0, 4.0, 0.0, 4.0, 3.0, 0.0]).reshape(1, 6, 1, 1)
    assert F.lp_pool_features(features, 2, 3).flatten().tolist() == [5, 5]
    assert F.lp_pool_features(features, 2, 2, 1, False, ((1, 0),), 3).flatten().tolist() == [0, 5, 5, 0]


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("arguments", ["2", "3, 2", "2, 3, True", "3, 2, True", "2, 1"])
@pytest.mark.parametrize("p, x", [("2", "x"), ("1", "x"), ("4.0", "x"), ("3", "(x.square() + 0.1)"),
                                  ("1.5", "(x.square() + 0.1)"), ("-2", "x"), ("float('inf')", "x"),
                                  ("-float('inf')", "x")])
def test_lp_pool_as_in_torch(ndim, arguments, p, x):
    pytest.importorskip("torch")
    text = f"F.lp_pool{ndim}d({x}, {p}, {arguments})"
    same_twice(text, x=(2, 2, *SPATIAL[ndim]))
    if p == "2":
        same_twice(text, x=(2, *SPATIAL[ndim]))


@pytest.mark.torch
@pytest.mark.parametrize("ndim, sizes", [(1, [1, 2, 3, 4, 7, 9, 0]), (2, [1, 3, (2, 4), (None, 1), (7, 2), (0, 2)]),
                                         (3, [1, 2, (1, 3, 2), (3, None, 4)])])
def test_adaptive_max_pool_as_in_torch(ndim, sizes):
    torch = pytest.importorskip("torch")
    for size in sizes:
        for lead in ((2, 3), (3,)):
            if size not in (0, (0, 2)):         # of which PyTorch has no gradient
                same_twice(f"F.adaptive_max_pool{ndim}d(x, {size}).pow(2)", x=(*lead, *SPATIAL[ndim]))
                same_twice(f"F.adaptive_avg_pool{ndim}d(x, {size}).pow(2)", x=(*lead, *SPATIAL[ndim]))
            # Few different numbers, so that maxima are equal; and NaN.
            x = (numbers((*lead, *SPATIAL[ndim]), 5) * 2).round()
            x[(0,) * x.ndim] = math.nan
            name = f"adaptive_max_pool{ndim}d"
            y = torch.tensor(x.tolist(), dtype=torch.float64)
            got, wanted = getattr(F, name)(x, size, True), getattr(torch.nn.functional, name)(y, size, True)
            close(got[0], wanted[0])
            assert got[1].tolist() == wanted[1].tolist()


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("pool", ["2", "2, 3", "3, 3, 1", "2, 2, 1", "3, 2", "3, 2, 1"])
def test_max_unpool_as_in_torch(ndim, pool):
    torch = pytest.importorskip("torch")
    for lead in ((2, 3), (3,)):
        shape = (*lead, *SPATIAL[ndim])
        text = (f"F.max_unpool{ndim}d(*F.max_pool{ndim}d(x, {pool}, return_indices=True), {pool}, "
                f"output_size={SPATIAL[ndim]}).pow(3)")
        if not pool.startswith("3, 2"):
            same_twice(text, x=shape)
        else:                       # windows overlap: the values agree, the gradients cannot
            x = numbers(shape, 0)
            close(eval(text, {"F": F, "x": x}),
                  eval(text, {"F": torch.nn.functional, "x": torch.tensor(x.tolist(), dtype=torch.float64)}))
    same_twice(f"F.max_unpool{ndim}d(*F.max_pool{ndim}d(x, 2, return_indices=True), 2)", x=(2, 2, *(4, 2, 6)[:ndim]))


def test_max_unpool_where_windows_overlap():
    """A place named twice holds the last value, once, and passes its gradient to that value alone."""
    x = minigrad.tensor([[[1.0, 2.0, 3.0, 4.0]]], dtype=minigrad.float64, requires_grad=True)
    index = minigrad.tensor([[[1, 1, 5, 1]]])
    out = F.max_unpool1d(x, index, 2)
    assert out.tolist() == [[[0, 4, 0, 0, 0, 3, 0, 0]]]
    assert grad(out.sum(), x)[0].tolist() == [[[0, 0, 1, 1]]]
    assert gradcheck(lambda x: F.max_unpool1d(x, index, 2), (x,))
    pooled = F.max_pool2d(numbers((1, 1, 6, 6), 0), 3, 1, return_indices=True)
    out = F.max_unpool2d(*pooled, 3, 1)
    assert set(out.flatten().tolist()) == {0.0, *pooled[0].flatten().tolist()}


@pytest.mark.parametrize("arguments", [
    (2,), (3, 2), (2, 3, ((1, 0), (0, 1))), (3, 2, 1, True), (3, 2, 1, True, False), (2, 1, 0, False, True, 5, 2),
    ((2, 1), 1, "full")])
def test_avg_unpool_is_the_transpose_of_avg_pool(arguments):
    x = minigrad.arange(2.0 * 2 * 5 * 6).reshape(2, 2, 5, 6).double()
    adjoint(lambda x: F.avg_pool2d(x, *arguments), x, rtol=1e-12,
            transpose=lambda g: F.avg_unpool(g, *arguments, **{"output_size": (5, 6)}))
    g = F.avg_pool2d(x, *arguments)
    assert gradgradcheck(lambda g: F.avg_unpool(g, *arguments, output_size=(5, 6)) ** 2,
                         (g[:1, :1].detach() / 9).requires_grad_())


@pytest.mark.parametrize("name, call", {
    "lp": lambda x: F.lp_pool2d(x, 2, 2, (1, 2), True, ((1, 0), (0, 2)), (2, 1)),
    "lp 4": lambda x: F.lp_pool2d(x, 4, 2, 1, padding="same"),
    "features": lambda x: F.lp_pool_features(x, 2, 2, 1, padding=1),
    "adaptive": lambda x: F.adaptive_max_pool2d(x, (3, 2)),
    "unpool": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, 2, ((0, 1), (0, 0)), return_indices=True), 2, 2),
    "nearest": lambda x: F.nearest_unpool(x, (2, 1)),
    "nails": lambda x: F.nails_unpool(x, (2, 3)),
    "avg": F.global_avg_pool,
    "max": F.global_max_pool,
}.items(), ids=lambda part: part if isinstance(part, str) else "")
def test_derivatives_of_first_and_second_order(name, call):
    x = numbers((1, 2, 5, 4), 3).requires_grad_()
    assert gradcheck(call, (x,))
    assert gradgradcheck(lambda x: call(x) ** 2, (x,))


def test_the_root_of_zero_has_derivative_zero():
    x = minigrad.zeros(1, 1, 4, requires_grad=True)
    (g,) = grad(F.lp_pool1d(x, 2, 2).sum(), x, create_graph=True)
    assert g.tolist() == [[[0, 0, 0, 0]]]
    assert grad((g * g).sum() + g.sum(), x)[0].tolist() == [[[0, 0, 0, 0]]]


@pytest.mark.parametrize("pool", [
    lambda x, **how: F.max_pool2d(x, 2, **how), lambda x, **how: F.avg_pool2d(x, 2, **how),
    lambda x, **how: F.lp_pool2d(x, 2, 2, **how)])
def test_every_pool_takes_every_geometry(pool):
    x = numbers((1, 2, 5, 6), 1)
    assert pool(x, padding=((1, 1), (2, 0)), stride=2, dilation=2).shape == (1, 2, 3, 3)
    assert pool(x, padding=((0, 0), (1, 1)), stride=2, ceil_mode=True).shape == (1, 2, 3, 4)
    assert pool(x, padding="same", stride=1).shape == pool(x, padding="causal", stride=1).shape == x.shape


def test_layers():
    x = numbers((2, 4, 6, 6), 0)
    for layer, text, wanted in [
        (nn.LPPool2d(2, 3), "LPPool2d(norm_type=2, kernel_size=3, stride=None, ceil_mode=False)", F.lp_pool2d(x, 2, 3)),
        (nn.AdaptiveMaxPool2d((2, 3)), "AdaptiveMaxPool2d(output_size=(2, 3))", F.adaptive_max_pool2d(x, (2, 3))),
        (nn.AdaptiveAvgPool2d(1), "AdaptiveAvgPool2d(output_size=1)", F.adaptive_avg_pool2d(x, 1)),
        (nn.AvgPool2d(3, 2, dilation=2), "AvgPool2d(kernel_size=3, stride=2, padding=0)",
         F.avg_pool2d(x, 3, 2, dilation=2)),
        (nn.GlobalAvgPool(), "GlobalAvgPool()", F.global_avg_pool(x)),
        (nn.GlobalMaxPool(), "GlobalMaxPool()", F.global_max_pool(x)),
        (nn.FeatureLPPool(2, 2), "FeatureLPPool(norm_type=2, kernel_size=2, stride=None, ceil_mode=False)",
         F.lp_pool_features(x, 2, 2)),
        (nn.AvgUnpool(2), "AvgUnpool(kernel_size=2, stride=2, padding=0)", F.avg_unpool(x, 2)),
        (nn.NearestUnpool(2), "NearestUnpool(2)", F.nearest_unpool(x, 2)),
        (nn.NailsUnpool(2), "NailsUnpool(2)", F.nails_unpool(x, 2)),
    ]:
        assert repr(layer) == text and layer(x).tolist() == wanted.tolist()
    values, indices = nn.MaxPool2d(2, 2, 0, 1, True, False)(x)
    unpool = nn.MaxUnpool2d(2)
    assert repr(unpool) == "MaxUnpool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))"
    assert unpool(values, indices, output_size=(7, 6)).shape == (2, 4, 7, 6)
    assert nn.AdaptiveMaxPool1d(2, return_indices=True)(x[0])[1].dtype is INT64


X, INDEX = minigrad.ones(1, 1, 2, 2), minigrad.zeros((1, 1, 2, 2), dtype=INT64)

REFUSED = [
    (lambda: F.lp_pool2d(X, 0, 2), ValueError, "lp_pool2d: norm_type: got 0, expected another number"),
    (lambda: F.lp_pool2d(X.to(INT64), 2, 2), TypeError, "lp_pool2d: input: got"),
    (lambda: F.lp_pool1d(X, 2, 2), ValueError, r"lp_pool1d: input: got shape \(1, 1, 2, 2\)"),
    (lambda: F.lp_pool2d(X, 2, 3), ValueError, "lp_pool2d: kernel 3 with dilation 1 covers 3 positions"),
    (lambda: F.lp_pool_features(X[0, 0, 0], 2, 1), ValueError, "lp_pool_features: input: got shape"),
    (lambda: F.adaptive_max_pool2d(X, (1, 2, 3)), ValueError, "adaptive_max_pool2d: output_size: got"),
    (lambda: F.adaptive_max_pool2d(X, -1), ValueError, r"adaptive_max_pool2d: output_size: got \(-1, -1\)"),
    (lambda: F.adaptive_max_pool2d(X.to(INT64), 1), TypeError, "adaptive_max_pool2d: input: got"),
    (lambda: F.adaptive_max_pool2d(X[:, :, :0], 1), ValueError, r"adaptive_max_pool2d: input: got spatial size \(0, "),
    (lambda: F.global_max_pool(X[0, 0]), ValueError, "global_max_pool: input: got shape"),
    (lambda: F.max_unpool2d(X, X, 2), TypeError, "max_unpool2d: indices: got dtype float32, expected int64"),
    (lambda: F.max_unpool2d(X, INDEX[0], 2), ValueError, r"max_unpool2d: indices: got shape \(1, 2, 2\), expected"),
    (lambda: F.max_unpool2d(X, INDEX + 16, 2), IndexError, "max_unpool2d: indices: got 16, expected from 0 to 15"),
    (lambda: F.max_unpool2d(X, INDEX - 1, 2), IndexError, "max_unpool2d: indices: got -1, expected from 0 to 15"),
    (lambda: F.max_unpool2d(X, INDEX, 2, output_size=(6, 4)), ValueError,
     "max_unpool2d: output_size: got size 6 on axis 0 of the output, expected from 3 to 5"),
    (lambda: F.max_unpool2d(X, INDEX, 2, output_size=(4,)), ValueError,
     r"max_unpool2d: output_size: got \(4,\), expected 2 or 4 sizes"),
    (lambda: F.max_unpool2d(X, INDEX, 1, 1, 1), ValueError, "max_unpool2d: input: got size 0 on axis 0 of the output"),
    (lambda: F.max_unpool2d(X, [0], 2), TypeError, "max_unpool2d: indices: got list"),
    (lambda: F.avg_unpool(X, 3, 2, output_size=(4, 5)), ValueError, "avg_unpool: output_size: got .4, 5., which is"),
    (lambda: F.avg_unpool(X, 2, divisor_override=0), ValueError, "avg_unpool: divisor_override: got 0"),
    (lambda: F.nails_unpool(X, 0), ValueError, "nails_unpool: kernel_size: got 0"),
]


@pytest.mark.parametrize("call, kind, text", REFUSED, ids=[text[:40] for _, _, text in REFUSED])
def test_refused(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


@pytest.mark.torch
@pytest.mark.parametrize("text", [
    "F.lp_pool2d(x, 2, 0)", "F.lp_pool2d(x, 2, 7)", "F.lp_pool2d(x, 2, (2, 2, 2))", "F.lp_pool2d(x, 2, 0.5)",
    "F.lp_pool2d(x, 0, 2)", "F.lp_pool1d(x, 2, 2)", "F.adaptive_max_pool2d(x, -1)", "F.adaptive_max_pool2d(x, 1.5)",
    "F.adaptive_max_pool2d(x, (1, 2, 3))", "F.adaptive_max_pool2d(x[:, :, :0], 1)", "F.adaptive_max_pool1d(x, 1)",
    "F.adaptive_max_pool3d(x[0, 0], 1)", "F.max_unpool2d(x, x, 2)", "F.max_unpool2d(x, x.long() + 200, 2)",
    "F.max_unpool2d(x, x.long() - 9, 2)", "F.max_unpool2d(x, x.long()[0], 2)", "F.max_unpool1d(x, x.long(), 2)",
    "F.max_unpool2d(x, x.long(), 2, output_size=(9, 10))", "F.max_unpool2d(x, x.long(), 2, output_size=(12,))"])
def test_what_torch_refuses_is_refused(text):
    torch = pytest.importorskip("torch")
    for library in (torch, minigrad):
        with pytest.raises((ValueError, TypeError, IndexError) if library is minigrad else Exception) as caught:
            eval(text, {"F": library.nn.functional, "x": library.zeros(1, 2, 6, 6)})
    assert str(caught.value).startswith(text[2:].split("(")[0] + ": ")


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("text", [
    "MaxPool{}d(3, 2, 1)", "AvgPool{}d(3, padding=1)", "LPPool{}d(2, 3, ceil_mode=True)", "AdaptiveAvgPool{}d(2)",
    "AdaptiveMaxPool{}d(2)", "MaxUnpool{}d(2, 3)", "MaxUnpool{}d(2)"])
def test_layers_as_in_torch(text, ndim):
    """Arguments, their order and defaults, how it prints, and its result."""
    torch = pytest.importorskip("torch")
    name = text.format(ndim)
    ours, theirs = eval(f"nn.{name}", {"nn": nn}), eval(f"nn.{name}", {"nn": torch.nn})
    assert repr(ours) == repr(theirs)
    wanted = [(p.name, p.default) for p in inspect.signature(type(theirs)).parameters.values()]
    assert [(p.name, p.default) for p in inspect.signature(type(ours)).parameters.values()][:len(wanted)] == wanted
    x = numbers((2, 2, *SPATIAL[ndim]), 0)
    y = torch.tensor(x.tolist(), dtype=torch.float64)
    if "Un" in text:
        places = (numbers(x.shape, 1) * 0).long() + 5
        close(ours(x, places), theirs(y, torch.tensor(places.tolist())))
    else:
        close(ours(x), theirs(y))


CALLS = [lambda x: F.lp_pool2d(x, 2, 2), lambda x: F.adaptive_max_pool2d(x, 3), lambda x: F.adaptive_max_pool2d(x, 2),
         lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), lambda x: F.avg_unpool(x, 2),
         lambda x: F.nails_unpool(x, 2), F.global_avg_pool, F.global_max_pool]


@pytest.mark.parametrize("call", CALLS)
def test_strided_and_empty_inputs(call):
    x = numbers((2, 3, 6, 8), 1).float().permute(0, 1, 3, 2)
    assert call(x).tolist() == call(x.contiguous()).tolist() and call(x).dtype is minigrad.float32
    for shape in ((0, 3, 4, 4), (2, 0, 4, 4)):
        empty = minigrad.zeros(*shape, requires_grad=True)
        call(empty).sum().backward()
        assert empty.grad.shape == shape
