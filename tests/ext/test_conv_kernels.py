"""conv, conv_transpose and conv_weight against their definitions, exactly: all inputs are small integers."""

import functools
import importlib
import math
import operator
from itertools import product

import pytest
from arrays import REALS, buf, check_equal, empty, layouts, out_layouts
from hypothesis import given, settings, strategies as st
from windows import conv_geometries, inner, integers

from minigrad.geometry import Geometry
from minigrad_ext.kernel import Params
from minigrad_ext.parallel import get_num_threads, set_num_threads

reference = importlib.import_module("minigrad.reference.conv")

OPS = {"conv": ("x", "w", "g"), "conv_transpose": ("g", "w", "x"), "conv_weight": ("x", "g", "w")}


def operands(geometry, batch, c, k, seed=0):
    """x, w and g of c and k channels per group."""
    groups = geometry.groups
    return {"x": integers((batch, c * groups, *geometry.input), seed),
            "w": integers((k * groups, c, *geometry.kernel), seed + 1),
            "g": integers((batch, k * groups, *geometry.output), seed + 2),
            "conv": integers((k * groups,), seed + 3), "conv_transpose": integers((c * groups,), seed + 4)}    # biases


def shape(nested):
    return importlib.import_module("minigrad.reference.nested").shape(nested)


@functools.cache
def wanted(op, geometry, batch, c, k, biased):
    """By definition; remembered, since every variant and dtype is compared with the same numbers."""
    arrays = operands(geometry, batch, c, k)
    first, second, _ = OPS[op]
    return getattr(reference, op)(arrays[first], arrays[second], *([arrays[op]] if biased else []), geometry=geometry)


def check(kernels, geometry, batch, c, k, dtype):
    """All three, and with a bias."""
    arrays = operands(geometry, batch, c, k)
    for op, biased in (("conv", False), ("conv", True), ("conv_transpose", False), ("conv_transpose", True),
                       ("conv_weight", False)):
        first, second, result = OPS[op]
        out = empty(shape(arrays[result]), dtype)
        given = [buf(arrays[name], dtype) for name in (first, second, *[op] * biased)]
        kernels[op](out, *given, geometry.params)
        check_equal(out, wanted(op, geometry, batch, c, k, biased),
                    f"{op} {dtype} {geometry} batch {batch}, channels {c} and {k}, bias {biased}")


@settings(max_examples=40, deadline=None)
@given(geometry=conv_geometries(), batch=st.integers(1, 3), c=st.sampled_from([1, 2, 5]),
       k=st.sampled_from([1, 2, 3, 9]), dtype=st.sampled_from(REALS))
def test_any_window(kernels, geometry, batch, c, k, dtype):
    check(kernels, geometry, batch, c, k, dtype)


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("c, k, groups", [
    (1, 1, 1), (1, 40, 1), (3, 17, 1), (2, 8, 2), (1, 1, 7), (1, 2, 5), (20, 3, 1), (2, 2, 1), (3, 4, 2), (2, 5, 1),
])
@pytest.mark.parametrize("stride, padding, dilation", [(1, 1, 1), (2, 1, 1), (3, 4, 2)])
def test_each_block_of_sums(kernels, c, k, groups, stride, padding, dilation, dtype):
    """Channel counts on both sides of every block size, on rows longer than a vector."""
    geometry = Geometry.of_conv("conv2d", (4, 21), (3, 3), stride, padding, dilation, groups)
    check(kernels, geometry, 1, c, k, dtype)


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("size, kernel, stride, groups", [
    ((9, 40), (3, 3), 1, 1),        # rows with gaps between them
    ((9, 8), (3, 3), 1, 2),         # pixels that follow one another
    ((3, 2), (2, 2), 2, 1),         # fewer of them than a vector has lanes; each phase of the transpose alone
    ((9, 8), (3, 3), 1, 3)])        # groups of one channel
def test_activations_are_those_of_the_elementwise_kernels(kernels, size, kernel, stride, groups, activation, dtype):
    geometry = Geometry.of_conv("conv2d", size, kernel, stride, 1, 1, groups)
    c = 6 // groups if groups < 3 else 1
    arrays = operands(geometry, 2, c, 4)
    for op in ("conv", "conv_transpose"):
        given = [buf(arrays[name], dtype) for name in (*OPS[op][:2], op)]
        for inputs in (given, given[:2]):
            plain, wanted, out = [empty(shape(arrays[OPS[op][2]]), dtype) for _ in range(3)]
            kernels[op](plain, *inputs, geometry.params)
            kernels[activation](wanted, plain)
            kernels[op](out, *inputs, geometry.conv_params(activation))
            assert out.tolist() == wanted.tolist()


def test_a_tap_that_meets_padding_alone(kernels):
    geometry = Geometry(input=(2, 1), kernel=(1, 2), stride=(1, 1), dilation=(1, 1), low=(0, 0), high=(0, 1),
                        output=(2, 1), groups=2)
    check(kernels, geometry, 1, 2, 1, "float32")


@pytest.mark.parametrize("height, width", [(1, 1), (1, 40), (8, 8), (17, 33)])
def test_depthwise(kernels, height, width):
    check(kernels, Geometry.of_conv("conv2d", (height, width), (3, 3), 1, 1, 1, 6), 2, 1, 1, "float32")


def test_many_images_in_chunks(kernels):
    """More images than fit the scratch at once."""
    check(kernels, Geometry.of_conv("conv2d", (6, 6), (2, 2), 2, 1, 1, 1), 700, 1, 1, "float64")


@pytest.mark.parametrize("padding", [0, 1])
def test_images_that_exceed_the_cache_are_summed_as_each_alone(kernels, padding):
    """From 1 MB on the next image is fetched while one is worked on; there is none after the last."""
    geometry = Geometry.of_conv("conv2d", (250, 300), (2, 3), 1, padding)
    arrays = {name: buf(integers(size, seed)) for seed, (name, size) in enumerate(
        {"x": (4, 1, 250, 300), "w": (2, 1, 2, 3), "g": (4, 2, *geometry.output)}.items())}
    for op in ("conv", "conv_transpose"):
        source, w, result = (arrays[name] for name in OPS[op])
        together = empty(result.shape)
        kernels[op](together, source, w, geometry.params)
        for n in range(4):
            one, alone = (of_all.slice((n, 0, 0, 0), (1, 1, 1, 1), (1, *of_all.shape[1:]))
                          for of_all in (source, together))
            out = empty(alone.shape)
            kernels[op](out, one, w, geometry.params)
            assert out.tolist() == alone.tolist()


@pytest.mark.parametrize("remainder", range(4))
def test_input_that_windows_do_not_use_up(kernels, remainder):
    """(i + 2p - k) mod s != 0: the last inputs meet no window, so their gradient is zero, not garbage."""
    geometry = Geometry.of_conv("conv1d", (9 + remainder,), (3,), 4)
    assert (9 + remainder - 3) % 4 == (2 + remainder) % 4
    check(kernels, geometry, 2, 2, 3, "float32")


def test_stride_larger_than_kernel_leaves_holes(kernels):
    geometry = Geometry.of_conv("conv2d", (11, 12), (2, 1), (5, 4))
    check(kernels, geometry, 1, 2, 3, "float32")


def test_output_padding_beyond_the_stride(kernels):
    """output_padding < dilation may exceed the stride: the convolution then has fewer outputs than would fit."""
    geometry = Geometry.of_transpose("conv_transpose1d", (4,), (3,), stride=1, output_padding=2, dilation=4)
    assert geometry.output == (4,) and geometry.input == (14,)
    check(kernels, geometry, 2, 2, 3, "float32")


@pytest.mark.parametrize("op", OPS)
def test_every_memory_layout(kernels, op):
    geometry = Geometry.of_conv("conv2d", (5, 6), (2, 3), (2, 1), ((1, 0), (2, 1)), (1, 2), 2)
    arrays = operands(geometry, 2, 2, 3)
    first, second, result = (arrays[name] for name in OPS[op])
    wanted = getattr(reference, op)(first, second, geometry=geometry)
    for (name_a, a), (name_b, b) in product(layouts(first), layouts(second)):
        out = empty(shape(result))
        kernels[op](out, a, b, geometry.params)
        check_equal(out, wanted, f"{op} of {name_a} and {name_b}")
    for name, out in out_layouts(shape(result)):
        kernels[op](out, buf(first), buf(second), geometry.params)
        check_equal(out, wanted, f"{op} into {name}")


def test_expanded_inputs(kernels):
    """Stride 0: one image for the whole batch, one number for the whole gradient."""
    geometry = Geometry.of_conv("conv2d", (4, 5), (3, 3), 1, 1)
    x, w = integers((1, 2, 4, 5), 0), integers((3, 2, 3, 3), 1)
    out = empty((4, 3, 4, 5))
    kernels["conv"](out, buf(x).expand((4, 2, 4, 5)), buf(w), geometry.params)
    check_equal(out, reference.conv(x * 4, w, geometry=geometry))
    out = empty((3, 2, 3, 3))
    ones = buf([[[[1]]]]).expand((1, 3, 4, 5))
    kernels["conv_weight"](out, buf(x), ones, geometry.params)
    check_equal(out, reference.conv_weight(x, ones.tolist(), geometry=geometry))


@pytest.mark.parametrize("batch, c, k", [(0, 2, 3), (2, 0, 3), (2, 2, 0), (0, 0, 0)])
@pytest.mark.parametrize("dtype", REALS)
def test_empty_axes(kernels, batch, c, k, dtype):
    """No images, no input channels, no output channels: what has elements left is zero."""
    geometry = Geometry.of_conv("conv2d", (4, 5), (2, 2), 2, 1)
    shapes = {"x": (batch, c, 4, 5), "w": (k, c, 2, 2), "g": (batch, k, *geometry.output)}
    for op, (first, second, result) in OPS.items():
        out = empty(shapes[result], dtype)
        kernels[op](out, empty(shapes[first], dtype), empty(shapes[second], dtype), geometry.params)
        assert all(n == 0 for n in importlib.import_module("minigrad.reference.nested").flat(out.tolist())), op


def test_empty_image_within_padding(kernels):
    geometry = Geometry.of_conv("conv1d", (0,), (2,), 1, 2)
    out = empty((1, 1, *geometry.output))
    kernels["conv"](out, empty((1, 1, 0)), buf([[[1, 2]]]), geometry.params)
    assert out.tolist() == [[[0, 0, 0]]]


@settings(max_examples=30, deadline=None)
@given(geometry=conv_geometries(), batch=st.integers(1, 2), c=st.integers(1, 4), k=st.integers(1, 4),
       dtype=st.sampled_from(REALS))
def test_the_three_are_one_trilinear_form(kernels, geometry, batch, c, k, dtype):
    """<conv(x, w), g> = <x, conv_transpose(g, w)> = <w, conv_weight(x, g)>, exactly."""
    arrays = {name: buf(a, dtype) for name, a in operands(geometry, batch, c, k, seed=7).items()}
    forms = []
    for op, (first, second, result) in OPS.items():
        out = empty(arrays[result].shape, dtype)
        kernels[op](out, arrays[first], arrays[second], geometry.params)
        forms.append(inner(out, arrays[result]))
    assert forms[0] == forms[1] == forms[2]


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("width", [5, 16, 19])
@pytest.mark.parametrize("channels", [1, 6, 20])
def test_infinities_stay_where_they_are(kernels, bad, width, channels):
    """A block of sums reads beyond the ends of rows; what it finds there must not reach a result."""
    geometry = Geometry.of_conv("conv2d", (5, width), (3, 3))
    for op, (first, second, result) in OPS.items():
        arrays = operands(geometry, 2, 1, channels)
        plain = getattr(reference, op)(arrays[first], arrays[second], geometry=geometry)
        if first == "x":
            arrays["x"][1][0][2][0] = bad
        else:
            arrays["g"][1][0][1][0] = bad
        out = empty(shape(arrays[result]))
        kernels[op](out, buf(arrays[first]), buf(arrays[second]), geometry.params)
        wanted = getattr(reference, op)(arrays[first], arrays[second], geometry=geometry)
        flat = importlib.import_module("minigrad.reference.nested").flat
        for got, want, before in zip(flat(out.tolist()), flat(wanted), flat(plain), strict=True):
            if math.isfinite(want):
                assert got == want == before, op
            else:
                assert not math.isfinite(got), op


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("c, k, groups, stride", [
    (16, 32, 1, 1), (1, 8, 1, 1), (1, 1, 24, 1), (3, 20, 1, 2), (4, 4, 4, 3),
])
def test_bitwise_the_same_for_every_thread_count(kernels, c, k, groups, stride, dtype):
    geometry = Geometry.of_conv("conv2d", (24, 23), (3, 3), stride, 1, 1, groups)
    shapes = {"x": (5, c * groups, *geometry.input), "w": (k * groups, c, *geometry.kernel),
              "g": (5, k * groups, *geometry.output)}
    arrays = {name: empty(s, dtype) for name, s in shapes.items()}
    before = get_num_threads()
    results = []
    for seed, array in enumerate(arrays.values()):
        kernels["normal"](array, Params((seed, 0)))
    try:
        for threads in (1, 2, 3, 5):
            set_num_threads(threads)
            run = []
            for op, (first, second, result) in OPS.items():
                out = empty(shapes[result], dtype)
                kernels[op](out, arrays[first], arrays[second], geometry.params)
                run.append(bytes(memoryview_of(out)))
            results.append(run)
    finally:
        set_num_threads(before)
    assert all(run == results[0] for run in results)


def memoryview_of(buffer):
    from minigrad_ext.buffer import Exporter

    class Holder(Exporter):
        requires_grad = False

    holder = Holder()
    holder.buffer = buffer
    return memoryview(holder)


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("width", [16, 19])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_weight_gradients_of_many_runs(kernels, channels, width, dtype):
    """Pixels of more than one piece of sums and of more than one chunk of images, in runs of a row or a plane."""
    geometry = Geometry.of_conv("conv2d", (96, width), (1, 1))
    x, g = integers((20, 2, 96, width), 1), integers((20, channels, 96, width), 2)
    out = empty((channels, 2, 1, 1), dtype)
    kernels["conv_weight"](out, buf(x, dtype), buf(g, dtype), geometry.params)
    flat = importlib.import_module("minigrad.reference.nested").flat
    want = [[[[sum(sum(map(operator.mul, flat(g[n][k]), flat(x[n][c]))) for n in range(20))]] for c in range(2)]
            for k in range(channels)]
    check_equal(out, want)


def test_long_sums_keep_their_digits(kernels):
    """The weight gradient sums over every pixel of a batch; in float32 it must not lose more than a few units."""
    geometry = Geometry.of_conv("conv2d", (64, 64), (1, 1))
    n = 16 * 64 * 64
    x = buf([[[[0.1]]]]).expand((16, 1, 64, 64))
    g = buf([[[[1.0]]]]).expand((16, 40, 64, 64))
    out = empty((40, 1, 1, 1))
    kernels["conv_weight"](out, x, g, geometry.params)
    assert all(abs(row[0][0][0] / (n * 0.1) - 1) < 1e-5 for row in out.tolist())
