"""The geometry of windows: published sizes, brute force, and every complaint."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from minigrad.geometry import Geometry

# The figures of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning":
# (input, kernel, stride, padding, dilation) -> output.
FIGURES = {
    "2.1 no padding, unit strides": ((4, 3, 1, 0, 1), 2),
    "2.2 arbitrary padding, unit strides": ((5, 4, 1, 2, 1), 6),
    "2.3 half padding, unit strides": ((5, 3, 1, 1, 1), 5),
    "2.4 full padding, unit strides": ((5, 3, 1, 2, 1), 7),
    "2.5 no padding, strides": ((5, 3, 2, 0, 1), 2),
    "2.6 padding, strides": ((5, 3, 2, 1, 1), 3),
    "2.7 padding, strides, odd": ((6, 3, 2, 1, 1), 3),
    "5.1 dilated": ((7, 3, 1, 0, 2), 3),
}

# Transposed convolutions: (input, kernel, stride, padding, output_padding) -> output.
TRANSPOSED = {
    "4.1 no padding, unit strides": ((2, 3, 1, 0, 0), 4),
    "4.2 arbitrary padding, unit strides": ((6, 4, 1, 2, 0), 5),
    "4.3 half padding, unit strides": ((5, 3, 1, 1, 0), 5),
    "4.4 full padding, unit strides": ((7, 3, 1, 2, 0), 5),
    "4.5 no padding, strides": ((2, 3, 2, 0, 0), 5),
    "4.6 padding, strides": ((3, 3, 2, 1, 0), 5),
    "4.7 padding, strides, odd": ((3, 3, 2, 1, 1), 6),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_published_convolutions(figure):
    (size, kernel, stride, padding, dilation), output = FIGURES[figure]
    geometry = Geometry.of_conv("conv2d", (size, size), (kernel, kernel), stride, padding, dilation)
    assert geometry.output == (output, output)


@pytest.mark.parametrize("figure", TRANSPOSED)
def test_published_transposed_convolutions(figure):
    (size, kernel, stride, padding, extra), output = TRANSPOSED[figure]
    geometry = Geometry.of_transpose("t", (size,), (kernel,), stride, padding, extra)
    assert geometry.input == (output,) and geometry.output == (size,)
    assert Geometry.of_conv("c", (output,), (kernel,), stride, padding) == geometry


@pytest.mark.parametrize("name", ["LeNet", "AlexNet", "ResNet"])
def test_published_first_layers(name):
    first = {"LeNet": ((32, 5, 1, 0), 28), "AlexNet": ((227, 11, 4, 0), 55), "ResNet": ((224, 7, 2, 3), 112)}[name]
    (size, kernel, stride, padding), output = first
    assert Geometry.of_conv("conv2d", (size,) * 2, (kernel,) * 2, stride, padding).output == (output,) * 2


def windows_that_fit(size, kernel, stride, low, high, dilation):
    """Brute force: how many steps until a window's last tap leaves the padded input."""
    return sum(1 for o in range(1000) if o * stride + (kernel - 1) * dilation < size + low + high)


small = st.integers(1, 5)
padding = st.integers(0, 9)


@settings(max_examples=300, deadline=None)
@given(size=st.integers(0, 30), kernel=small, stride=small, low=padding, high=padding, dilation=small)
def test_output_by_enumeration(size, kernel, stride, low, high, dilation):
    expected = windows_that_fit(size, kernel, stride, low, high, dilation)
    try:
        geometry = Geometry.of_conv("conv1d", (size,), (kernel,), stride, ((low, high),), dilation)
    except ValueError:
        assert expected == 0
    else:
        assert geometry.output == (expected,)


@settings(max_examples=300, deadline=None)
@given(size=st.integers(1, 30), kernel=small, stride=small, low=padding, high=padding, dilation=small)
def test_ceil_mode_by_enumeration(size, kernel, stride, low, high, dilation):
    """One more window where positions are left over, if it begins inside the input or its low padding."""
    span = (kernel - 1) * dilation + 1
    if size + low + high < span:
        return
    geometry = Geometry.of_pool("p", (size,), kernel, stride, ((low, high),), dilation, True)
    floor = windows_that_fit(size, kernel, stride, low, high, dilation)
    over = (size + low + high - span) % stride != 0
    assert geometry.output[0] == floor + (over and floor * stride < size + low)


@settings(max_examples=200, deadline=None)
@given(size=st.integers(1, 20), kernel=small, stride=small, low=padding, high=padding, dilation=small)
def test_empty_windows_by_enumeration(size, kernel, stride, low, high, dilation):
    try:
        geometry = Geometry.of_pool("p", (size,), kernel, stride, ((low, high),), dilation)
    except ValueError:
        return
    empty = [o for o in range(geometry.output[0])
             if not any(0 <= o * stride + t * dilation - low < size for t in range(kernel))]
    assert geometry.empty_window == ((0, empty[0]) if empty else None)


@settings(max_examples=200, deadline=None)
@given(size=st.integers(1, 20), kernel=small, stride=small, dilation=small)
def test_same_and_full(size, kernel, stride, dilation):
    same = Geometry.of_conv("c", (size,), (kernel,), stride, "same", dilation)
    assert same.output == (-(-size // stride),)
    assert same.high[0] - same.low[0] in (0, 1)
    full = Geometry.of_conv("c", (size,), (kernel,), 1, "full", dilation)
    assert full.output == (size + full.span[0] - 1,)
    assert Geometry.of_conv("c", (size,), (kernel,), 1, ((kernel * dilation, 0),), dilation).output[0] >= size


@pytest.mark.parametrize("size, kernel, stride, low, high", [
    (5, 3, 1, 1, 1), (5, 2, 1, 0, 1), (5, 4, 1, 1, 2), (6, 3, 2, 0, 1), (7, 3, 2, 1, 1), (4, 1, 3, 0, 0),
    (224, 7, 2, 2, 3),
])
def test_same_pads_the_high_side_more(size, kernel, stride, low, high):
    """The rule that TensorFlow and ONNX (SAME_UPPER) publish."""
    geometry = Geometry.of_conv("c", (size,), (kernel,), stride, "same")
    assert (geometry.low, geometry.high) == ((low,), (high,))


@settings(max_examples=200, deadline=None)
@given(size=st.integers(1, 9), kernel=small, stride=small, padding=st.integers(0, 3), dilation=small,
       extra=st.integers(0, 4))
def test_transpose_is_the_geometry_of_a_convolution(size, kernel, stride, padding, dilation, extra):
    try:
        geometry = Geometry.of_transpose("t", (size,), (kernel,), stride, padding, extra, None, dilation)
    except ValueError:
        return
    assert geometry.input == ((size - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding + extra,)
    assert Geometry.of_transpose("t", (size,), (kernel,), stride, padding, 0, geometry.input, dilation) == geometry
    if extra < stride and geometry.input[0] + 2 * padding >= geometry.span[0]:
        assert Geometry.of_conv("c", geometry.input, (kernel,), stride, padding, dilation) == geometry


def test_output_size_forms():
    wanted = Geometry.of_transpose("t", (4, 4), (3, 3), 2, 1, 1)
    for size in ((8, 8), [8, 8], (2, 5, 8, 8)):
        assert Geometry.of_transpose("t", (4, 4), (3, 3), 2, 1, 0, size) == wanted
    assert Geometry.of_transpose("t", (4,), (3,), 2, "same").input == (8,)
    assert Geometry.of_transpose("t", (4,), (1,), 3, "same").input == (12,)
    assert Geometry.of_transpose("t", (4,), (3,), 2, "same", 0, (7,)).input == (7,)
    assert Geometry.of_transpose("t", (4,), (3,), 1, "full").input == (2,)
    assert Geometry.of_transpose("t", (4,), (3,), 1, "valid").input == (6,)


def test_spellings_of_padding():
    def pads(padding, ndim=2):
        geometry = Geometry.of_conv("c", (9,) * ndim, (2,) * ndim, 1, padding)
        return geometry.low, geometry.high

    assert pads(1) == pads((1,)) == pads((1, 1)) == pads([1, 1]) == pads(((1, 1), (1, 1))) == ((1, 1), (1, 1))
    assert pads((1, 2)) == ((1, 2), (1, 2))                     # per axis, as in PyTorch
    assert pads(((1, 2),)) == ((1, 1), (2, 2))
    assert pads(((1, 2), (3, 4))) == pads([[1, 2], [3, 4]]) == ((1, 3), (2, 4))
    assert pads((1, (3, 4))) == ((1, 3), (1, 4))
    assert pads(((1, 2),), 1) == ((1,), (2,))
    assert pads("valid") == ((0, 0), (0, 0))
    assert pads(("causal", 1)) == ((1, 1), (0, 1)) and pads(["same", (2, 3)]) == ((0, 2), (1, 3))


def test_params_are_right_aligned():
    geometry = Geometry.of_pool("p", (9, 8), (2, 3), (3, 1), ((1, 2), (0, 4)), (1, 2))
    assert geometry.params.ints == (1, 3, 1, 1, 1, 2, 0, 1, 0, 1, 1, 2, 3, 0, 2, 4, 1, 0)
    assert geometry.pool_params(False, 7).ints[16:] == (0, 7)
    assert geometry.pool_params(False, 7) is geometry.pool_params(False, 7)


def test_cached_hashable_and_frozen():
    one = Geometry.of_conv("c", (9, 9), (3, 3), [1, 1], 1)
    assert one is Geometry.of_conv("c", (9, 9), (3, 3), (1, 1), 1)
    assert one == Geometry.of_conv("other", (9, 9), (3, 3), 1, (1, 1))
    assert len({one, Geometry.of_conv("other", (9, 9), (3, 3), 1, (1, 1))}) == 1
    with pytest.raises(AttributeError):
        one.groups = 2


C, P, T = Geometry.of_conv, Geometry.of_pool, Geometry.of_transpose

ERRORS = [
    (lambda: C("conv2d", (4, 9), (5, 5), 1, 1, 2), ValueError,
     "conv2d: kernel 5 with dilation 2 covers 9 positions, but the padded input has 4+1+1 = 6 on axis 0: "
     "the output would have floor((6 - 9)/1) + 1 = -2 positions"),
    (lambda: C("conv1d", (2,), (4,), 1, ((1, 0),)), ValueError,
     "conv1d: kernel 4 with dilation 1 covers 4 positions, but the padded input has 2+1+0 = 3 on axis 0: "
     "the output would have floor((3 - 4)/1) + 1 = 0 positions"),
    (lambda: P("max_pool2d", (4, 1), 2), ValueError,
     "max_pool2d: kernel 2 with dilation 1 covers 2 positions, but the padded input has 1+0+0 = 1 on axis 1: "
     "the output would have floor((1 - 2)/2) + 1 = 0 positions"),
    (lambda: C("conv4d", (4,) * 4, (1,) * 4), ValueError, "conv4d: input: got 4 spatial axes, expected 1 to 3"),
    (lambda: C("conv2d", (4, 4), (3,)), ValueError,
     "conv2d: weight: got 1 spatial axes (3,), expected 2 as the input's (4, 4)"),
    (lambda: C("conv2d", (4, 4), (3, 0)), ValueError,
     "conv2d: kernel: got size (3, 0), expected at least 1 on each axis"),
    (lambda: P("avg_pool1d", (4,), 0), ValueError, "avg_pool1d: kernel_size: got 0, expected at least 1"),
    (lambda: C("conv2d", (4, 4), (3, 3), 0), ValueError, "conv2d: stride: got 0, expected at least 1"),
    (lambda: C("conv2d", (4, 4), (3, 3), (1, 2, 3)), ValueError,
     "conv2d: stride: got (1, 2, 3), expected one int, or one for each of 2 axes"),
    (lambda: C("conv2d", (4, 4), (3, 3), 1.5), TypeError, "conv2d: stride: got 1.5, expected an int"),
    (lambda: C("conv2d", (4, 4), (3, 3), True), TypeError, "conv2d: stride: got True, expected an int"),
    (lambda: C("conv2d", (4, 4), (3, 3), 1, 0, 0), ValueError, "conv2d: dilation: got 0, expected at least 1"),
    (lambda: C("conv2d", (4, 4), (3, 3), 1, -1), ValueError, "conv2d: padding: got -1, expected at least 0"),
    (lambda: C("conv2d", (4, 4), (3, 3), 1, ((0, 1), (0, -2))), ValueError,
     "conv2d: padding: got -2, expected at least 0"),
    (lambda: C("conv2d", (4, 4), (3, 3), 1, 2**31), ValueError,
     "conv2d: padding: got 2147483648, expected at most 2147483647"),
    (lambda: C("conv1d", (4,), (3,), 1, (1, 2)), ValueError,
     "conv1d: padding: got (1, 2), expected one int, or one int or (low, high) pair for each of 1 axes; "
     "a pair is nested: ((low, high),)"),
    (lambda: C("conv2d", (4, 4), (3, 3), 1, (1, 2, 3, 4)), ValueError,
     "conv2d: padding: got (1, 2, 3, 4), expected one int, or one int or (low, high) pair for each of 2 axes; "
     "a pair is nested: ((low, high),)"),
    (lambda: C("conv2d", (4, 4), (3, 3), 1, ((1, 2, 3), 1)), ValueError,
     "conv2d: padding: got (1, 2, 3), expected an int or a (low, high) pair for one axis"),
    (lambda: C("conv2d", (4, 4), (3, 3), 1, "half"), ValueError,
     "conv2d: padding: got 'half', expected one of 'valid', 'same', 'causal', 'full'"),
    (lambda: C("conv2d", (4, 4), (3, 3), 1, None), TypeError, "conv2d: padding: got None, expected an int"),
    (lambda: C("conv2d", (4, 4), (3, 3), groups=0), ValueError, "conv2d: groups: got 0, expected at least 1"),
    (lambda: T("conv_transpose1d", (4,), (3,), 2, 0, 2), ValueError,
     "conv_transpose1d: output_padding: got 2 on axis 0, expected between 0 and 1: "
     "max(stride, dilation) = 2 sizes fit"),
    (lambda: T("conv_transpose1d", (4,), (3,), 2, 1, 0, (9,)), ValueError,
     "conv_transpose1d: output_size: got 9 on axis 0, expected between 7 and 8: "
     "max(stride, dilation) = 2 sizes fit"),
    (lambda: T("conv_transpose2d", (4, 4), (3, 3), 2, 1, 0, (9, 9, 9)), ValueError,
     "conv_transpose2d: output_size: got (9, 9, 9), expected one int, or one for each of 2 axes"),
    (lambda: T("conv_transpose1d", (1,), (3,), 1, 2), ValueError,
     "conv_transpose1d: padding: got (2, 2) on axis 0, expected less: the output would have "
     "(1-1)*1 + 3 - 2 - 2 + 0 = -1 positions"),
    (lambda: T("conv_transpose1d", (0,), (3,)), ValueError,
     "conv_transpose1d: input: got spatial size (0,), expected at least 1 on each axis"),
]


@pytest.mark.parametrize("call, kind, text", ERRORS, ids=[text[:60] for _, _, text in ERRORS])
def test_errors(call, kind, text):
    for _ in range(2):      # also when asked again: a cache must not hide it
        with pytest.raises(kind) as caught:
            call()
        assert str(caught.value) == text


def test_large_numbers_do_not_overflow():
    geometry = C("c", (3,), (1,), 2**31 - 1, 2**31 - 1, 2**31 - 1)
    assert geometry.output == (3,)
    assert all(abs(n) < 2**62 for n in itertools.chain(geometry.span, geometry.params.ints))
