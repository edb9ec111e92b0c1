"""Interpolation, borders, regions, windows as columns, sampling: known numbers, PyTorch's, and what is refused."""

import itertools

import pytest
from against_torch import close, compare, numbers

import minigrad
from minigrad.autograd import grad
from minigrad.axismap import axis_map
from minigrad.check import adjoint, gradcheck, gradgradcheck
from minigrad.kernels import KERNELS
from minigrad.nn import functional as F
from minigrad.ops.resample import resample

SPATIAL = {1: (5,), 2: (4, 5), 3: (3, 4, 2)}
NAMES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def compare_twice(ours, theirs, shape, limit=1e-9):
    """Values, gradients, and the gradients of a gradient, for a function of one tensor."""
    import torch
    compare(ours, theirs, [shape], limit)
    x = numbers(shape, 3).requires_grad_()
    y = torch.tensor(x.tolist(), dtype=torch.float64).reshape(shape).requires_grad_()
    (g,) = grad((ours(x) ** 3).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad((theirs(y) ** 3).sum(), y, create_graph=True)
    close(g, h, limit)
    (g * numbers(shape, 4)).sum().backward()
    (h * torch.tensor(numbers(shape, 4).tolist(), dtype=torch.float64).reshape(shape)).sum().backward()
    close(x.grad, y.grad, limit)


# ---- interpolate -----------------------------------------------------------------------------------------------------

def test_known_numbers():
    x = minigrad.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert F.interpolate(x, scale_factor=2).tolist()[0][0] == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert F.interpolate(x, scale_factor=2, mode="bilinear").tolist()[0][0] == [
        [1, 1.25, 1.75, 2], [1.5, 1.75, 2.25, 2.5], [2.5, 2.75, 3.25, 3.5], [3, 3.25, 3.75, 4]]
    assert F.interpolate(x, (3, 3), mode="bilinear", align_corners=True).tolist()[0][0] == [
        [1, 1.5, 2], [2, 2.5, 3], [3, 3.5, 4]]
    assert F.interpolate(x, 1, mode="area").item() == 2.5
    assert F.interpolate(x.to(minigrad.uint8), (2, 3)).tolist()[0][0] == [[1, 1, 2], [3, 3, 4]]
    assert F.interpolate(x, (1, 2), mode="nearest-exact").tolist()[0][0] == [[3, 4]]


HOW = [{"size": 7}, {"size": 3}, {"size": 1}, {"scale_factor": 2}, {"scale_factor": 1.7}, {"scale_factor": 0.6},
       {"scale_factor": 1.1}, {"scale_factor": 1.7, "recompute_scale_factor": True}]


@pytest.mark.torch
@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize("ndim, mode, corners", [
    *[(ndim, mode, None) for ndim in (1, 2, 3) for mode in ("nearest", "nearest-exact", "area")],
    *[(ndim, NAMES[ndim], corners) for ndim in (1, 2, 3) for corners in (False, True)],
    (2, "bicubic", False), (2, "bicubic", True)])
def test_interpolate_as_in_torch(ndim, mode, corners, how):
    torch = pytest.importorskip("torch")
    arguments = {**how, "mode": mode, "align_corners": corners}
    if how.get("scale_factor") == 1.1 and mode in ("nearest", "bicubic"):
        # Sizes stay while places move: PyTorch's gradient is then that of the identity, not of what it computed
        # (nearest in two dimensions computes the identity too, and so do we in any).
        if mode == "nearest" and ndim != 2:
            pytest.skip("PyTorch's gradient is not that of its result")
        x = numbers((2, 3, *SPATIAL[ndim]), 0)
        y = torch.tensor(x.tolist(), dtype=torch.float64)
        return close(F.interpolate(x, **arguments), torch.nn.functional.interpolate(y, **arguments))
    compare_twice(lambda x: F.interpolate(x, **arguments),
                  lambda x: torch.nn.functional.interpolate(x, **arguments), (2, 3, *SPATIAL[ndim]))


@pytest.mark.torch
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("size", [(3, 2), (7, 3), (2, 11)])
def test_antialias_as_in_torch(mode, corners, size):
    torch = pytest.importorskip("torch")
    arguments = {"size": size, "mode": mode, "align_corners": corners, "antialias": True}
    compare(lambda x: F.interpolate(x, **arguments), lambda x: torch.nn.functional.interpolate(x, **arguments),
            [(1, 2, 6, 7)])


@pytest.mark.torch
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "area"])
def test_every_small_size(mode):
    torch = pytest.importorskip("torch")
    for old, new in itertools.product(range(1, 13), range(1, 13)):
        x = numbers((1, 1, old), old)
        close(F.interpolate(x, new, mode=mode),
              torch.nn.functional.interpolate(torch.tensor(x.tolist(), dtype=torch.float64), new, mode=mode))


def test_infinity_stays_where_it_is():
    inf = float("inf")
    assert F.interpolate(minigrad.tensor([[[inf, 1.0, 2.0]]]), 3, mode="linear").tolist() == [[[inf, 1, 2]]]
    out = F.interpolate(minigrad.tensor([[[inf, 1.0, 2.0, 4.0]]]), scale_factor=2, mode="linear").tolist()[0][0]
    assert out == [inf, inf, inf, 1.25, 1.75, 2.5, 3.5, 4]


# ---- the kernel ------------------------------------------------------------------------------------------------------

KEYS = [("linear", 9, 18, 0.5, False), ("linear", 9, 4, 2.25, False), ("cubic", 9, 20, 0.45, False), ("area", 9, 2),
        ("nearest", 9, 30, 0.3), ("reflect", 9, 15, 3)]


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("dtype", [minigrad.float32, minigrad.float64])
def test_kernel_on_every_axis_and_layout(key, dtype):
    from minigrad import reference
    from minigrad.reference import nested
    for rows in (axis_map(*key), axis_map(*key).T):
        for axis in range(3):
            shape = [3, 5, 2]
            shape[axis] = rows.size
            for order in itertools.permutations(range(3)):
                x = minigrad.randn(*[shape[j] for j in order], dtype=dtype)
                x = x.permute(*[order.index(j) for j in range(3)])
                got = nested.flat(resample(x, axis=axis, rows=rows).tolist())
                wanted = nested.flat(reference.resample(x.tolist(), axis=axis, rows=rows))
                limit = 1e-5 if dtype is minigrad.float32 else 1e-13
                assert all(abs(a - b) <= limit * (1 + abs(b)) for a, b in zip(got, wanted, strict=True))
        y = minigrad.randn(2, rows.size, 700, dtype=dtype)[:, :, 3:]      # more than a block of columns
        got = resample(y, axis=1, rows=rows)
        assert got[:, :, ::50].tolist() == resample(y[:, :, ::50], axis=1, rows=rows).tolist() \
            or (got[:, :, ::50] - resample(y[:, :, ::50], axis=1, rows=rows)).abs().max().item() < 1e-5


def test_threads_change_no_bit():
    x = minigrad.randn(8, 16, 30, 31)
    before = minigrad.get_num_threads()
    results = []
    for threads in (1, 2, 3):
        minigrad.set_num_threads(threads)
        results.append([resample(x, axis=axis, rows=axis_map("linear", x.shape[axis], 64, x.shape[axis] / 64, False))
                        for axis in (2, 3)])
    minigrad.set_num_threads(before)
    for others in results[1:]:
        assert all((a == b).all().item() for a, b in zip(results[0], others, strict=True))


def test_maps_are_made_once_and_equal_by_key():
    assert axis_map("area", 4, 2) is axis_map("area", 4, 2)
    assert hash(axis_map("area", 4, 2).T) == hash(axis_map("area", 4, 2).T)
    assert axis_map("area", 4, 2) != axis_map("area", 4, 2).T
    assert repr(axis_map("area", 4, 2)) == "AxisMap('area', 4, 2)"
    assert "resample" in KERNELS


# ---- borders ---------------------------------------------------------------------------------------------------------

@pytest.mark.torch
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("ndim, amounts", [
    (1, (2, 1)), (1, (0, 3)), (1, (-1, 2)), (1, (2, -2)), (1, (-1, -1)), (2, (1, 2, 3, 0)), (2, (-1, 2, 1, -1)),
    (2, (3, 3, 2, 2)), (3, (1, 0, 2, 1, 1, 2)), (3, (1, -1, -1, 2, 0, 1))])
def test_pad_as_in_torch(mode, ndim, amounts):
    torch = pytest.importorskip("torch")
    for lead in ((2, 3), (2,)):
        compare_twice(lambda x: F.pad(x, amounts, mode), lambda x: torch.nn.functional.pad(x, amounts, mode),
                      (*lead, *SPATIAL[ndim]))


def test_pad_of_integers_and_of_any_axis():
    x = minigrad.tensor([[1, 2], [3, 4]])
    assert F.pad(x, (1, 1, 1, 0), "reflect").tolist() == [[4, 3, 4, 3], [2, 1, 2, 1], [4, 3, 4, 3]]
    assert F.pad(x > 2, (0, 0, 2, 0), "replicate").tolist() == [[False] * 2] * 3 + [[True] * 2]
    assert F.pad(minigrad.tensor([1.0, 2.0, 3.0]), (3, 3), "circular").tolist() == [1, 2, 3] * 3
    assert F.pad(x, (1, 0), value=7).tolist() == [[7, 1, 2], [7, 3, 4]]


# ---- adaptive pools, shuffles ----------------------------------------------------------------------------------------

@pytest.mark.torch
@pytest.mark.parametrize("ndim, size", [(1, 3), (1, 7), (2, 1), (2, (3, None)), (2, (7, 2)), (3, (2, 3, 1)), (3, 4)])
def test_adaptive_avg_pool_as_in_torch(ndim, size):
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(F, f"adaptive_avg_pool{ndim}d"), getattr(torch.nn.functional, f"adaptive_avg_pool{ndim}d")
    for lead in ((2, 3), (3,)):
        compare_twice(lambda x: ours(x, size), lambda x: theirs(x, size), (*lead, *SPATIAL[ndim]))


def test_no_regions_at_all():
    x = minigrad.ones(1, 2, 3, 3, requires_grad=True)
    out = F.adaptive_avg_pool2d(x, (0, 2))
    out.sum().backward()
    assert out.shape == (1, 2, 0, 2) and x.grad.tolist() == minigrad.zeros(1, 2, 3, 3).tolist()


@pytest.mark.torch
@pytest.mark.parametrize("shape, r", [((1, 8, 2, 3), 2), ((9, 2, 1), 3), ((2, 3, 4, 2, 2), 2), ((2, 1, 3, 3), 1)])
def test_pixel_shuffle_as_in_torch(shape, r):
    torch = pytest.importorskip("torch")
    compare_twice(lambda x: F.pixel_shuffle(x, r), lambda x: torch.nn.functional.pixel_shuffle(x, r), shape)
    wide = (*shape[:-2], shape[-2] * r, shape[-1] * r)
    compare_twice(lambda x: F.pixel_unshuffle(x, r), lambda x: torch.nn.functional.pixel_unshuffle(x, r), wide)
    if shape[1] % 2 == 0 and len(shape) > 2:
        compare(lambda x: F.channel_shuffle(x, 2), lambda x: torch.nn.functional.channel_shuffle(x, 2), [shape])


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_pixel_shuffle_and_back(axes):
    x = numbers((2, 2 * 2 ** axes, *(3, 2, 1)[:axes]), 0)
    wide = F.pixel_shuffle(x, 2, axes=axes)
    assert wide.shape == (2, 2, *[2 * n for n in (3, 2, 1)[:axes]])
    assert F.pixel_unshuffle(wide, 2, axes=axes).tolist() == x.tolist()


# ---- unfold and fold -------------------------------------------------------------------------------------------------

WINDOWS = [(2, 1, 0, 1), (3, 1, 1, 2), ((2, 3), (2, 1), (1, 2), (1, 3)), (2, 2, 1, 2), ((3, 1), 1, (0, 1), 1)]


@pytest.mark.torch
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_unfold_and_fold_as_in_torch(window):
    torch = pytest.importorskip("torch")
    for shape in ((2, 3, 5, 6), (3, 5, 6)):
        compare_twice(lambda x: F.unfold(x, *window), lambda x: torch.nn.functional.unfold(x, *window), shape)
        columns = F.unfold(numbers(shape, 0), *window).shape
        compare_twice(lambda x: F.fold(x, (5, 6), *window), lambda x: torch.nn.functional.fold(x, (5, 6), *window),
                      columns)


@pytest.mark.parametrize("shape, window", [((2, 3, 7), ((3,), 2, 1, 2)), ((1, 2, 4, 3, 5), (2, 1, 1, 2)),
                                           ((1, 3, 2, 3), ((1, 2, 3), 1, ((0, 1), (1, 0), (2, 1)), 1))])
def test_fold_is_the_transpose_of_unfold(shape, window):
    x = numbers(shape, 0)
    assert adjoint(lambda x: F.unfold(x, *window), x, rtol=1e-12, atol=1e-12)
    g = numbers(F.unfold(x, *window).shape, 1)
    x.requires_grad_()
    F.unfold(x, *window).backward(g)
    ndim = len(window[0]) if isinstance(window[0], tuple) else 3
    close_enough = (F.fold(g, shape[-ndim:], *window) - x.grad).abs().max().item()
    assert close_enough < 1e-12
    assert gradgradcheck(lambda g: F.fold(g, shape[-ndim:], *window) ** 2, g.requires_grad_())


def test_a_convolution_is_a_product_with_the_unfolded_input():
    x, w = numbers((2, 3, 6, 5), 0), numbers((4, 3, 3, 2), 1)
    out = (w.reshape(4, -1) @ F.unfold(x, (3, 2), padding=1, stride=2)).reshape(2, 4, 3, 3)
    assert (out - F.conv2d(x, w, padding=1, stride=2)).abs().max().item() < 1e-12


# ---- sampling --------------------------------------------------------------------------------------------------------

@pytest.mark.torch
@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("corners", [False, True])
def test_grid_sample_as_in_torch(ndim, mode, padding_mode, corners):
    torch = pytest.importorskip("torch")
    if ndim == 3 and mode == "bicubic":
        pytest.skip("PyTorch has bicubic sampling in two dimensions only")
    compare(lambda x, grid: F.grid_sample(x, grid * 2.7, mode, padding_mode, corners),
            lambda x, grid: torch.nn.functional.grid_sample(x, grid * 2.7, mode, padding_mode, corners),
            [(2, 3, *SPATIAL[ndim]), (2, *(3, 4, 2)[:ndim], ndim)])


@pytest.mark.torch
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (1, 1, 1, 3), (2, 1, 3, 2, 4)])
def test_affine_grid_as_in_torch(size, corners):
    torch = pytest.importorskip("torch")
    ndim = len(size) - 2
    compare(lambda theta: F.affine_grid(theta, size, corners),
            lambda theta: torch.nn.functional.affine_grid(theta, size, corners), [(size[0], ndim, ndim + 1)])


@pytest.mark.torch
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_places_on_pixels_and_borders_as_in_torch(padding_mode):
    torch = pytest.importorskip("torch")
    for places in ([-1.0, -0.5, 0.0, 0.5, 1.0], [-1.5, 1.5, 2.0, -3.0, 1.25]):
        rows = [[[[a, b] for a in places] for b in places]]
        x = numbers((1, 2, 5, 5), 0)
        ours, theirs = minigrad.tensor(rows, dtype=minigrad.float64), torch.tensor(rows, dtype=torch.float64)
        y = torch.tensor(x.tolist(), dtype=torch.float64).requires_grad_()
        x.requires_grad_(), ours.requires_grad_(), theirs.requires_grad_()
        out = F.grid_sample(x, ours, "bilinear", padding_mode, True)
        wanted = torch.nn.functional.grid_sample(y, theirs, "bilinear", padding_mode, True)
        close(out, wanted)
        out.sum().backward()
        wanted.sum().backward()
        close(x.grad, y.grad)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_grid_sample_has_every_derivative(mode, ndim):
    minigrad.manual_seed(0)
    x = numbers((1, 1, 3, 2, 2)[:ndim + 2], 0).requires_grad_()
    grid = (numbers((*(1, 2, 1, 1)[:ndim + 1], ndim), 1) * 0.9).requires_grad_()
    assert gradcheck(lambda x, g: F.grid_sample(x, g, mode), (x, grid), atol=1e-6)
    assert gradgradcheck(lambda x, g: F.grid_sample(x, g, mode), (x, grid), atol=1e-6)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_far_places(mode):
    far = [float("inf"), -float("inf"), 1e30, -1e30, 7.0]      # where PyTorch crashes
    grid = minigrad.tensor([[[[a, 0.0] for a in far]]], requires_grad=True)
    x = minigrad.ones(1, 1, 3, 3, requires_grad=True)
    out = F.grid_sample(x, grid, mode)
    out.sum().backward()
    assert out.tolist() == [[[[0.0] * 5]]] and not grid.grad.isnan().any() and x.grad.abs().sum() == 0
    assert F.grid_sample(x, grid, mode, "border").tolist() == [[[[1.0] * 5]]]


def test_the_identity_is_sampled_as_it_is():
    x = numbers((2, 3, 4, 5), 0)
    theta = minigrad.tensor([[[1.0, 0, 0], [0, 1, 0]]] * 2, dtype=minigrad.float64)
    for corners in (False, True):
        assert (F.grid_sample(x, F.affine_grid(theta, x.shape, corners), align_corners=corners) - x).abs().max() < 1e-12


# ---- layers ----------------------------------------------------------------------------------------------------------

LAYERS = [
    ("Upsample(scale_factor=2)", 2), ("Upsample((3, 7), mode='bilinear', align_corners=True)", 2),
    ("Upsample(scale_factor=(1.5, 2.0), mode='nearest')", 2), ("UpsamplingNearest2d(scale_factor=3)", 2),
    ("UpsamplingBilinear2d(size=(5, 5))", 2), ("PixelShuffle(2)", 2), ("PixelUnshuffle(2)", 2),
    ("ChannelShuffle(2)", 2), ("Unfold(2, padding=1)", 2), ("Unfold((2, 3), dilation=(1, 2), stride=2)", 2),
    *[(f"{kind}Pad{ndim}d({amount})", ndim) for kind in ("Zero", "Reflection", "Replication", "Circular")
      for ndim, amount in ((1, 2), (1, (1, 2)), (2, 1), (2, (1, 0, 2, -1)), (3, (1, 1, 1, 0, 0, 1)))],
    ("ConstantPad1d(1, 3.5)", 1), ("ConstantPad2d((1, 0, -1, 2), 3.5)", 2), ("ConstantPad3d(1, -1.0)", 3)]


@pytest.mark.torch
@pytest.mark.parametrize("text, ndim", LAYERS, ids=[text for text, _ in LAYERS])
def test_layers_as_in_torch(text, ndim):
    torch = pytest.importorskip("torch")
    ours, theirs = eval(f"nn.{text}", {"nn": minigrad.nn}), eval(f"nn.{text}", {"nn": torch.nn})
    assert repr(ours) == repr(theirs)
    compare(ours, theirs, [(2, 4, *{1: (5,), 2: (4, 6), 3: (3, 4, 2)}[ndim])])


@pytest.mark.torch
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("how", [{"padding": 1}, {"padding": "same", "dilation": 2, "kernel_size": 2},
                                 {"padding": 1, "stride": 2, "bias": False}], ids=str)
def test_conv_layers_with_other_borders_as_in_torch(ndim, mode, how):
    torch = pytest.importorskip("torch")
    how = {"kernel_size": 3, **how, "padding_mode": mode}
    theirs = getattr(torch.nn, f"Conv{ndim}d")(2, 3, dtype=torch.float64, **how)
    ours = getattr(minigrad.nn, f"Conv{ndim}d")(2, 3, dtype=minigrad.float64, **how)
    ours.load_state_dict({name: minigrad.tensor(value.tolist(), dtype=minigrad.float64)
                          for name, value in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    for lead in ((2, 2), (2,)):
        compare(ours, theirs, [(*lead, *{1: (5,), 2: (4, 5), 3: (3, 4, 3)}[ndim])])


@pytest.mark.torch
def test_fold_layer_as_in_torch():
    torch = pytest.importorskip("torch")
    ours, theirs = minigrad.nn.Fold((4, 5), 2, stride=2, padding=1), torch.nn.Fold((4, 5), 2, stride=2, padding=1)
    assert repr(ours) == repr(theirs)
    compare(ours, theirs, [(2, 8, 9)])


def test_a_pair_of_paddings_with_another_border():
    layer = minigrad.nn.Conv1d(1, 1, 2, padding=((2, 1),), padding_mode="circular", bias=False)
    layer.weight.data = minigrad.tensor([[[1.0, 10.0]]])
    assert layer(minigrad.tensor([[[1.0, 2.0, 3.0]]])).tolist() == [[[32, 13, 21, 32, 13]]]


# ---- what is refused -------------------------------------------------------------------------------------------------

X = minigrad.ones(2, 4, 4, 4)
GRID = minigrad.zeros(2, 3, 3, 2)

REFUSED = [
    (lambda: F.interpolate(X), ValueError,
     "interpolate: size: got None, expected either this or scale_factor"),
    (lambda: F.interpolate(X, 2, 2), ValueError,
     "interpolate: size: got 2, expected either this or scale_factor"),
    (lambda: F.interpolate(X, (2, 2, 2)), ValueError,
     "interpolate: size: got (2, 2, 2), expected one number, or one for each axis"),
    (lambda: F.interpolate(X, 0), ValueError,
     "interpolate: size: got 4 places to be resampled to 0, expected at least 1 of each"),
    (lambda: F.interpolate(X, 2.5), TypeError, "interpolate: size: got 2.5, expected an int"),
    (lambda: F.interpolate(X, scale_factor=-1), ValueError,
     "interpolate: scale_factor: got -1, expected positive numbers"),
    (lambda: F.interpolate(X, scale_factor="2", recompute_scale_factor=True, size=3), ValueError,
     "interpolate: size: got 3, expected either this or scale_factor"),
    (lambda: F.interpolate(X, scale_factor="2"), TypeError,
     "interpolate: scale_factor: got '2', expected numbers"),
    (lambda: F.interpolate(X, scale_factor=float("nan")), ValueError,
     "interpolate: scale_factor: got nan, expected positive numbers"),
    (lambda: F.interpolate(X, 10**12), ValueError,
     "nearest: size: got 4 places to be mapped to 1000000000000, expected at most 16777216"),
    (lambda: F.pad(X, (0, 10**12), "replicate"), ValueError,
     "replicate: size: got 4 places to be mapped to 1000000000004, expected at most 16777216"),
    (lambda: F.pixel_shuffle(X, 1, axes=4), ValueError,
     "pixel_shuffle: input: got shape (2, 4, 4, 4), expected channels and 1 to 3 spatial axes"),
    (lambda: F.interpolate(X, 3, recompute_scale_factor=True), ValueError,
     "interpolate: recompute_scale_factor: got True, expected a scale_factor with it, no size"),
    (lambda: F.interpolate(X, 3, mode="linear"), ValueError,
     "interpolate: input: got shape (2, 4, 4, 4), expected (N, C, ...) with as many spatial axes as the mode is for"),
    (lambda: F.interpolate(X, 3, mode="square"), ValueError,
     "interpolate: mode: got 'square', expected one of 'nearest', 'nearest-exact', 'area', 'linear', 'bilinear', "
     "'trilinear', 'bicubic'"),
    (lambda: F.interpolate(X, 3, align_corners=True), ValueError,
     "interpolate: align_corners: got True, expected None, as the mode has no corners"),
    (lambda: F.interpolate(X, 3, antialias=True), ValueError,
     "interpolate: antialias: got True, expected mode bilinear or bicubic"),
    (lambda: F.interpolate(X.long(), 3, mode="bilinear"), TypeError,
     "interpolate: input: got dtype int64, expected float32 or float64"),
    (lambda: F.interpolate([1.0], 3), TypeError, "interpolate: input: got list, expected a tensor"),
    (lambda: F.pad(X, (4, 0), "reflect"), ValueError,
     "pad: pad: got (4, 0) on axis 3 of 4 elements, expected at most 3 in mode 'reflect'"),
    (lambda: F.pad(X, (5, 0), "circular"), ValueError,
     "pad: pad: got (5, 0) on axis 3 of 4 elements, expected at most 4 in mode 'circular'"),
    (lambda: F.pad(minigrad.zeros(0), (1, 0), "replicate"), ValueError,
     "pad: pad: got (1, 0) on axis 0 of 0 elements, expected at most 0 in mode 'replicate'"),
    (lambda: F.pad(X, (1, 0), "mirror"), ValueError,
     "pad: mode: got 'mirror', expected one of 'constant', 'reflect', 'replicate', 'circular'"),
    (lambda: F.pad(X, (1, 0), "reflect", 3.0), ValueError, "pad: value: got 3.0, expected None in mode 'reflect'"),
    (lambda: F.pad(X, (1,)), ValueError,
     "pad: pad: got 1 numbers, expected a (low, high) pair for some of the 4 last axes"),
    (lambda: F.adaptive_avg_pool2d(X, (2, 2, 2)), ValueError,
     "adaptive_avg_pool2d: output_size: got (2, 2, 2), expected one int, or one for each axis"),
    (lambda: F.adaptive_avg_pool2d(X[0, 0], 2), ValueError,
     "adaptive_avg_pool2d: input: got shape (4, 4), expected (N, C, ...) or (C, ...) with 2 spatial axes"),
    (lambda: F.adaptive_avg_pool2d(X[..., :0], 2), ValueError,
     "adaptive_avg_pool2d: input: got spatial size (4, 0), expected at least 1 on each axis"),
    (lambda: F.adaptive_avg_pool2d(X, -1), ValueError,
     "adaptive_avg_pool2d: output_size: got (-1, -1), expected sizes of 0 or more, for at most 8 axes and 2^59 "
     "elements"),
    (lambda: F.pixel_shuffle(X, 3), ValueError,
     "pixel_shuffle: input: got shape (2, 4, 4, 4), expected a multiple of 3^2 channels"),
    (lambda: F.pixel_unshuffle(X, 3), ValueError,
     "pixel_unshuffle: input: got shape (2, 4, 4, 4), expected multiples of 3"),
    (lambda: F.pixel_shuffle(X[0, 0], 1), ValueError,
     "pixel_shuffle: input: got shape (4, 4), expected channels and 1 to 3 spatial axes"),
    (lambda: F.channel_shuffle(X, 3), ValueError,
     "channel_shuffle: input: got shape (2, 4, 4, 4), expected (N, C, ...) with a multiple of 3 channels"),
    (lambda: F.unfold(X, 5), ValueError,
     "unfold: kernel 5 with dilation 1 covers 5 positions, but the padded input has 4+0+0 = 4 on axis 0: "
     "the output would have floor((4 - 5)/1) + 1 = 0 positions"),
    (lambda: F.unfold(X, (2, 2, 2, 2)), ValueError,
     "unfold: input: got shape (2, 4, 4, 4), expected (N, C, ...) or (C, ...) with as many spatial axes as "
     "kernel_size has"),
    (lambda: F.fold(minigrad.zeros(1, 5, 9), 4, 2), ValueError,
     "fold: input: got shape (1, 5, 9), expected (N, C*4, 9) or (C*4, 9): 4 taps, (3, 3) windows in (4, 4)"),
    (lambda: F.grid_sample(X, GRID, "cubic"), ValueError,
     "grid_sample: mode: got 'cubic', expected one of 'bilinear', 'nearest', 'bicubic'"),
    (lambda: F.grid_sample(X, GRID, padding_mode="wrap"), ValueError,
     "grid_sample: padding_mode: got 'wrap', expected one of 'zeros', 'border', 'reflection'"),
    (lambda: F.grid_sample(X, GRID.double()), TypeError,
     "grid_sample: grid: got minigrad.float64, expected minigrad.float32 as the input's"),
    (lambda: F.grid_sample(X, GRID[:1]), ValueError,
     "grid_sample: grid: got shape (1, 3, 3, 2), expected (N, ..., 2) with 2 axes between, for an input (2, 4, 4, 4)"),
    (lambda: F.grid_sample(X[:, :, :0], GRID), ValueError,
     "grid_sample: input: got shape (2, 4, 0, 4), expected (N, C, ...) with 1 to 3 spatial axes that are not empty"),
    (lambda: F.affine_grid(minigrad.zeros(2, 2, 2), (2, 1, 3, 3)), ValueError,
     "affine_grid: theta: got shape (2, 2, 2), expected (2, 2, 3) for size (2, 1, 3, 3)"),
    (lambda: F.affine_grid(minigrad.zeros(2, 2, 3), (2, 1, 0, 3)), ValueError,
     "affine_grid: size: got (2, 1, 0, 3), expected (N, C, ...) and no empty axes"),
    (lambda: minigrad.nn.ZeroPad2d((1, 2)), ValueError,
     "ZeroPad2d: padding: got (1, 2), expected an int or 4 ints"),
    (lambda: minigrad.nn.ReflectionPad1d(1.5), TypeError, "ReflectionPad1d: padding: got 1.5, expected an int"),
    (lambda: resample(X, axis=3, rows=axis_map("area", 5, 2)), ValueError,
     "resample: input: got shape (2, 4, 4, 4), expected 5 places on axis 3"),
    (lambda: resample(X.long(), axis=3, rows=axis_map("area", 4, 2)), TypeError,
     "resample: input: got dtype int64, expected float32 or float64"),
]


@pytest.mark.parametrize("call, kind, text", REFUSED, ids=[text[:60] for _, _, text in REFUSED])
def test_refused(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text
