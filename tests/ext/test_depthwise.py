"""Convolutions with one input channel per group, which have loops of their own, against their definitions."""

import importlib
import math
from itertools import product

import pytest
from arrays import REALS, buf, check_equal, empty, layouts, out_layouts
from hypothesis import given, settings, strategies as st
from test_conv_kernels import OPS, check, operands, reference, shape
from windows import conv_geometries

from minigrad.geometry import Geometry
from minigrad_ext.kernel import Params
from minigrad_ext.parallel import get_num_threads, set_num_threads

nested = importlib.import_module("minigrad.reference.nested")


@settings(max_examples=60, deadline=None)
@given(geometry=conv_geometries(), batch=st.integers(1, 3), groups=st.sampled_from([2, 3, 5]),
       k=st.sampled_from([1, 2]), dtype=st.sampled_from(REALS))
def test_any_window(kernels, geometry, batch, groups, k, dtype):
    grouped = Geometry.of_conv("conv", geometry.input, geometry.kernel, geometry.stride,
                               tuple(zip(geometry.low, geometry.high, strict=True)), geometry.dilation, groups)
    check(kernels, grouped, batch, 1, k, dtype)


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 9, 14, 15, 16, 17, 28, 31, 32, 33, 40])
def test_rows_around_a_vector(kernels, width, dtype):
    """A row shorter than a vector is stored over the next one, which comes later; the last pieces of longer ones
    overlap."""
    for height in (1, 2, 5):
        check(kernels, Geometry.of_conv("conv2d", (height, width), (3, 3), 1, 1, 1, 3), 2, 1, 1, dtype)


@pytest.mark.parametrize("taps", [(1, 1), (2, 2), (3, 3), (1, 9), (5, 2), (5, 5), (7, 3)])
@pytest.mark.parametrize("k", [1, 2])
def test_numbers_of_taps(kernels, taps, k):
    """A weight gradient takes nine at a time."""
    check(kernels, Geometry.of_conv("conv2d", (6, 9), taps, 1, "full", 1, 2), 2, 1, k, "float32")


@pytest.mark.parametrize("stride, dilation", list(product([1, 2, 3], [1, 2, 3])))
def test_strides_and_dilation(kernels, stride, dilation):
    check(kernels, Geometry.of_conv("conv2d", (11, 19), (3, 2), stride, ((3, 1), (0, 2)), dilation, 4), 2, 1, 2,
          "float64")


def test_more_images_than_are_summed_at_a_time(kernels):
    check(kernels, Geometry.of_conv("conv2d", (6, 7), (3, 3), 1, 1, 1, 2), 101, 1, 1, "float32")


def test_planes_beyond_the_first_cache(kernels):
    check(kernels, Geometry.of_conv("conv2d", (70, 75), (2, 3), 1, 1, 1, 2), 2, 1, 1, "float32")


@pytest.mark.parametrize("op", OPS)
def test_every_memory_layout(kernels, op):
    for how in (((2, 1), ((1, 0), (2, 1)), (1, 2)), (1, 1, 1)):
        geometry = Geometry.of_conv("conv2d", (5, 6), (2, 3), *how, 3)
        arrays = operands(geometry, 2, 1, 2)
        first, second, result = (arrays[name] for name in OPS[op])
        wanted = getattr(reference, op)(first, second, geometry=geometry)
        for (name_a, a), (name_b, b) in product(layouts(first), layouts(second)):
            for name, out in out_layouts(shape(result)):
                kernels[op](out, a, b, geometry.params)
                check_equal(out, wanted, f"{op} of {name_a} and {name_b} into {name}")


@pytest.mark.parametrize("batch, size", [(0, (4, 5)), (2, (0, 5)), (0, (0, 0))])
def test_nothing(kernels, batch, size):
    """No images, or images that are all padding."""
    geometry = Geometry.of_conv("conv2d", size, (2, 2), 1, 2, 1, 3)
    shapes = {"x": (batch, 3, *size), "w": (6, 1, 2, 2), "g": (batch, 6, *geometry.output)}
    for op, (first, second, result) in OPS.items():
        out = empty(shapes[result])
        kernels[op](out, empty(shapes[first]), empty(shapes[second]), geometry.params)
        assert not any(nested.flat(out.tolist())), op


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("width", [3, 14, 16, 19])
@pytest.mark.parametrize("padding", [0, 1])
def test_infinities_stay_where_they_are(kernels, bad, width, padding):
    geometry = Geometry.of_conv("conv2d", (5, width), (3, 3), 1, padding, 1, 3)
    for op, (first, second, result) in OPS.items():
        for place in ((1, 1, 2, 0), (0, 2, 0, -1), (1, 0, -1, -1)):
            arrays = operands(geometry, 2, 1, 1)
            numbers = arrays[first]
            for index in place[:-1]:
                numbers = numbers[index]
            numbers[place[-1]] = bad
            out = empty(shape(arrays[result]))
            kernels[op](out, buf(arrays[first]), buf(arrays[second]), geometry.params)
            wanted = getattr(reference, op)(arrays[first], arrays[second], geometry=geometry)
            for got, want in zip(nested.flat(out.tolist()), nested.flat(wanted), strict=True):
                assert got == want if math.isfinite(want) else not math.isfinite(got), op


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("k, size, stride", [(1, (30, 31), 1), (2, (30, 31), 2), (1, (7, 7), 1)])
def test_same_bits_for_any_number_of_threads(kernels, k, size, stride, dtype):
    geometry = Geometry.of_conv("conv2d", size, (3, 3), stride, 1, 1, 40)
    shapes = {"x": (9, 40, *size), "w": (40 * k, 1, 3, 3), "g": (9, 40 * k, *geometry.output)}
    arrays = {name: empty(s, dtype) for name, s in shapes.items()}
    for seed, array in enumerate(arrays.values()):
        kernels["normal"](array, Params((seed, 0)))
    before, seen = get_num_threads(), set()
    try:
        for threads in (1, 2, 3, 5):
            set_num_threads(threads)
            run = []
            for op, (first, second, result) in OPS.items():
                out = empty(shapes[result], dtype)
                kernels[op](out, arrays[first], arrays[second], geometry.params)
                run.append(tuple(nested.flat(out.tolist())))
            seen.add(tuple(run))
    finally:
        set_num_threads(before)
    assert len(seen) == 1
