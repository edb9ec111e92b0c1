"""Pools against their definitions."""

import importlib
import math

import pytest
from arrays import REALS, buf, check_close, check_equal, empty, layouts, out_layouts
from hypothesis import given, settings, strategies as st
from windows import integers, pool_geometries

from minigrad.geometry import Geometry
from minigrad_ext.kernel import Params
from minigrad_ext.parallel import get_num_threads, set_num_threads

reference = importlib.import_module("minigrad.reference.pool")
flat = importlib.import_module("minigrad.reference.nested").flat


@settings(max_examples=80, deadline=None)
@given(geometry=pool_geometries(), batch=st.integers(1, 2), channels=st.integers(1, 3), dtype=st.sampled_from(REALS))
def test_max_pool_index(kernels, geometry, batch, channels, dtype):
    """Ties are common among small integers: the first one counts."""
    x = integers((batch, channels, *geometry.input), 3)
    out = empty((batch, channels, *geometry.output), "int64")
    kernels["max_pool_index"](out, buf(x, dtype), geometry.params)
    check_equal(out, reference.max_pool_index(x, geometry=geometry), str(geometry))


@settings(max_examples=40, deadline=None)
@given(geometry=pool_geometries(), values=st.lists(st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0]),
                                                   min_size=250, max_size=250), dtype=st.sampled_from(REALS))
def test_max_pool_index_of_nan_and_infinity(kernels, geometry, values, dtype):
    unflatten = importlib.import_module("minigrad.reference.nested").unflatten
    n = math.prod(geometry.input)
    x = unflatten((values * 3)[:n], (1, 1, *geometry.input))
    out = empty((1, 1, *geometry.output), "int64")
    kernels["max_pool_index"](out, buf(x, dtype), geometry.params)
    check_equal(out, reference.max_pool_index(x, geometry=geometry), str(geometry))


@settings(max_examples=80, deadline=None)
@given(geometry=pool_geometries(), batch=st.integers(1, 2), channels=st.integers(1, 3), dtype=st.sampled_from(REALS))
def test_max_pool_and_its_transpose(kernels, geometry, batch, channels, dtype):
    """What stands where x is largest, and, where that is asked of x itself, by a way of its own."""
    x, t = integers((batch, channels, *geometry.input), 3), integers((batch, channels, *geometry.input), 4)
    g = integers((batch, channels, *geometry.output), 5)
    out, back = empty((batch, channels, *geometry.output), dtype), empty((batch, channels, *geometry.input), dtype)
    same = buf(x, dtype)
    kernels["max_pool"](out, buf(t, dtype), same, geometry.params)
    check_equal(out, reference.max_pool(t, x, geometry=geometry), str(geometry))
    kernels["max_unpool"](back, buf(g, dtype) if math.prod(geometry.output) else empty(out.shape, dtype), same,
                          geometry.params)
    check_equal(back, reference.max_unpool(g, x, geometry=geometry), str(geometry))
    places = flat(reference.max_pool_index(x, geometry=geometry))
    kernels["max_pool"](out, same, same, geometry.params)
    wanted = flat(reference.max_pool(x, x, geometry=geometry))
    assert flat(out.tolist()) == [value if i >= 0 else -math.inf for value, i in zip(wanted, places, strict=True)]


@settings(max_examples=80, deadline=None)
@given(geometry=pool_geometries(), batch=st.integers(1, 2), channels=st.integers(1, 3), dtype=st.sampled_from(REALS),
       count_include_pad=st.booleans(), divisor=st.sampled_from([None, 3, -2]))
def test_avg_pool_and_its_transpose(kernels, geometry, batch, channels, dtype, count_include_pad, divisor):
    attrs = {"count_include_pad": count_include_pad, "divisor_override": divisor}
    params = geometry.pool_params(count_include_pad, divisor)
    close = 1e-6 if dtype == "float32" else 1e-14
    x = integers((batch, channels, *geometry.input), 4)
    out = empty((batch, channels, *geometry.output), dtype)
    kernels["avg_pool"](out, buf(x, dtype), params)
    check_close(out, reference.avg_pool(x, geometry=geometry, **attrs), close, close, f"{geometry} {attrs}")
    g = integers((batch, channels, *geometry.output), 5)
    out = empty((batch, channels, *geometry.input), dtype)
    kernels["avg_unpool"](out, buf(g, dtype), params)
    check_close(out, reference.avg_unpool(g, geometry=geometry, **attrs), 4 * close, 4 * close, f"{geometry} {attrs}")


@settings(max_examples=40, deadline=None)
@given(geometry=pool_geometries())
def test_adjoint(kernels, geometry):
    """<avg_pool(x), g> = <x, avg_unpool(g)>, exactly: a power of two divides without rounding."""
    params = geometry.pool_params(True, 4)
    x, g = integers((2, 2, *geometry.input), 6), integers((2, 2, *geometry.output), 7)
    pooled, spread = empty((2, 2, *geometry.output)), empty((2, 2, *geometry.input))
    kernels["avg_pool"](pooled, buf(x), params)
    kernels["avg_unpool"](spread, buf(g), params)
    left = sum(a * b for a, b in zip(flat(pooled.tolist()), flat(g), strict=True))
    assert left == sum(a * b for a, b in zip(flat(x), flat(spread.tolist()), strict=True))


@pytest.mark.parametrize("op", ["max_pool_index", "avg_pool", "avg_unpool"])
@pytest.mark.parametrize("dtype", REALS)
def test_every_memory_layout(kernels, op, dtype):
    geometry = Geometry.of_pool("pool", (5, 7), (2, 3), (2, 1), ((1, 0), (1, 1)), (1, 2))
    inside, outside = ((2, 3, *sizes) for sizes in (geometry.input, geometry.output))
    source, target = (outside, inside) if op == "avg_unpool" else (inside, outside)
    attrs = {} if op == "max_pool_index" else {"count_include_pad": True, "divisor_override": 4}
    params = geometry.pool_params(True, 4)
    x = integers(source, 8)
    wanted = getattr(reference, op)(x, geometry=geometry, **attrs)
    kind = "int64" if op == "max_pool_index" else dtype
    for name, view in layouts(x, dtype):
        out = empty(target, kind)
        kernels[op](out, view, params)
        check_equal(out, wanted, f"{op} of {name}")
    for name, out in out_layouts(target, kind):
        kernels[op](out, buf(x, dtype), params)
        check_equal(out, wanted, f"{op} into {name}")


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("size", [(2, 2), (5, 7), (4, 40), (3, 2, 34), (6, 1100)])
@pytest.mark.parametrize("stride, padding, dilation", [(2, 0, 1), (2, 1, 1), ((1, 2), 0, (2, 1))])
def test_windows_of_two_by_two(kernels, size, stride, padding, dilation, dtype):
    """The common pool has a loop of its own, for the rows that lie inside."""
    if len(size) == 3:
        kernel, stride, padding, dilation = (1, 2, 2), 2, (0, 1, 0), 1
    else:
        kernel = (2, 2)
    if size[0] == 2 and dilation != 1:
        padding = (1, 0)
    geometry = Geometry.of_pool("pool", size, kernel, stride, padding, dilation)
    odd = {-3: -math.inf, 3: math.nan}
    plain = integers((2, 2, *size), 11)
    special = importlib.import_module("minigrad.reference.nested").pointwise(lambda x: odd.get(x, x), plain)
    for x in (plain, special):
        out = empty((2, 2, *geometry.output), "int64")
        kernels["max_pool_index"](out, buf(x, dtype), geometry.params)
        check_equal(out, reference.max_pool_index(x, geometry=geometry), str(geometry))
    out = empty((2, 2, *geometry.output), dtype)
    kernels["avg_pool"](out, buf(plain, dtype), geometry.pool_params(True, 4))
    check_equal(out, reference.avg_pool(plain, geometry=geometry, divisor_override=4), str(geometry))
    g = integers((2, 2, *geometry.output), 12)
    out = empty((2, 2, *size), dtype)
    kernels["avg_unpool"](out, buf(g, dtype), geometry.pool_params(True, 4))
    check_equal(out, reference.avg_unpool(g, geometry=geometry, divisor_override=4), str(geometry))


@settings(max_examples=40, deadline=None)
@given(geometry=pool_geometries(), seed=st.integers(0, 1000), dtype=st.sampled_from(REALS))
def test_largest_of_many_planes(kernels, geometry, seed, dtype):
    """Where the largest stand goes by a table if there are many planes for it, with any strides of what they are used
    on."""
    nested = importlib.import_module("minigrad.reference.nested")
    odd = {-3: -math.inf, 2: math.inf, 3: math.nan}
    x = nested.pointwise(lambda x: odd.get(x, x), integers((2, 9, *geometry.input), seed))
    g, same = integers((2, 9, *geometry.output), 5), buf(x, dtype)
    index = empty((2, 9, *geometry.output), "int64")
    kernels["max_pool_index"](index, same, geometry.params)
    check_equal(index, reference.max_pool_index(x, geometry=geometry), str(geometry))
    t = integers((2, 9, *geometry.input), seed + 1)
    wanted = reference.max_pool(t, x, geometry=geometry)
    for name, view in layouts(t, dtype):
        out = empty(index.shape, dtype)
        kernels["max_pool"](out, view, same, geometry.params)
        check_equal(out, wanted, f"{geometry} of {name}")
    wanted = reference.max_unpool(g, x, geometry=geometry)
    for name, view in layouts(g, dtype) if math.prod(geometry.output) else ():
        back = empty(same.shape, dtype)
        kernels["max_unpool"](back, view, same, geometry.params)
        check_equal(back, wanted, f"{geometry} of {name}")
    for name, out in out_layouts(same.shape, dtype) if math.prod(geometry.output) else ():
        kernels["max_unpool"](out, buf(g, dtype), same, geometry.params)
        check_equal(out, wanted, f"{geometry} into {name}")


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_rows_longer_than_a_block(kernels, stride):
    geometry = Geometry.of_pool("pool", (1100,), (3,), stride, ((2, 1),), 1, True)
    x = integers((1, 1, 1100), 9)
    out = empty((1, 1, *geometry.output), "int64")
    kernels["max_pool_index"](out, buf(x), geometry.params)
    check_equal(out, reference.max_pool_index(x, geometry=geometry))
    out = empty((1, 1, *geometry.output))
    kernels["avg_pool"](out, buf(x), geometry.pool_params(True, 2))
    check_equal(out, reference.avg_pool(x, geometry=geometry, divisor_override=2))
    g = integers((1, 1, *geometry.output), 10)
    out = empty((1, 1, 1100))
    kernels["avg_unpool"](out, buf(g), geometry.pool_params(True, 2))
    check_equal(out, reference.avg_unpool(g, geometry=geometry, divisor_override=2))


def test_window_without_an_element(kernels):
    geometry = Geometry.of_pool("pool", (2,), (2,), 2, 2)
    out = empty((1, 1, 3), "int64")
    kernels["max_pool_index"](out, buf([[[5, 6]]]), geometry.params)
    assert out.tolist() == [[[-1, 1, -1]]]
    out = empty((1, 1, 3))
    kernels["avg_pool"](out, buf([[[5, 6]]]), geometry.pool_params(False, None))
    assert out.tolist() == [[[0, 5.5, 0]]]


@pytest.mark.parametrize("batch, channels", [(0, 2), (2, 0)])
def test_empty_axes(kernels, batch, channels):
    geometry = Geometry.of_pool("pool", (4, 4), 2)
    pooled, image = (batch, channels, 2, 2), (batch, channels, 4, 4)
    kernels["max_pool_index"](empty(pooled, "int64"), empty(image), geometry.params)
    kernels["avg_pool"](empty(pooled), empty(image), geometry.pool_params(True, None))
    kernels["avg_unpool"](empty(image), empty(pooled), geometry.pool_params(True, None))


@pytest.mark.parametrize("shape", [(8, 16, 40, 41), (32, 16, 10, 10)])
def test_bitwise_the_same_for_every_thread_count(kernels, shape):
    geometry = Geometry.of_pool("pool", shape[2:], 3, 2, 1)
    x = empty(shape)
    kernels["normal"](x, Params((1, 0)))
    before, results = get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            index = empty((*shape[:2], *geometry.output), "int64")
            pooled, spread, back = empty(index.shape), empty(shape), empty(shape)
            kernels["max_pool_index"](index, x, geometry.params)
            kernels["avg_pool"](pooled, x, geometry.params)
            kernels["avg_unpool"](spread, pooled, geometry.params)
            kernels["max_unpool"](back, pooled, x, geometry.params)
            results.append([made.tolist() for made in (index, pooled, spread, back)])
    finally:
        set_num_threads(before)
    assert results[0] == results[1] == results[2]
