"""The kernels of normalisation against their definitions, on threads, and where sums might cancel."""

import math
import random

import pytest
from arrays import REALS, buf, check_close, empty, layouts

from minigrad import reference
from minigrad.groups import Groups
from minigrad.reference import nested
from minigrad.reference.norm import members
from minigrad_ext.kernel import Params
from minigrad_ext.parallel import get_num_threads, set_num_threads

# samples, channels, positions, groups, across samples
CASES = [(3, 4, 5, 2, False), (3, 4, 1, 1, False), (2, 3, 1, 3, True), (9, 70, 1, 70, True), (3, 2, 6, 2, False),
         (4, 2, 9, 2, True), (1, 1, 40, 1, False),
         (7, 35, 1, 1, False), (3, 2, 33, 1, False), (2, 6, 16, 3, False), (3, 3, 17, 3, False)]


def params(case, number):
    _, channels, positions, groups, across = case
    return Params((channels, positions, groups, across), (number,))


def groups(case, eps=0.1):
    return Groups(*case[1:], eps)


def numbers(shape, seed, offset=0.0):
    rng = random.Random(seed)
    return nested.unflatten([rng.uniform(-2, 2) + offset for _ in range(math.prod(shape))], shape)


@pytest.fixture
def threads():
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize(("case", "moments"), [(case, moments) for case in CASES for moments in (False, True)
                                               if case[1] == case[3] or not moments])
def test_is_its_definition(kernels, case, dtype, moments):
    shape, c = case[:3], case[1]
    x, g, w, b = numbers(shape, 1), numbers(shape, 2), numbers((c,), 3), numbers((c,), 4)
    near, given, more = 2e-5 if dtype == "float32" else 1e-13, [], []
    if moments:
        given = [numbers((c,), 5), nested.pointwise(lambda value: value * value + 0.1, numbers((c,), 6))]
        more = [buf(each, dtype) for each in given]
    wanted = reference.normalize(x, w, b, *given, groups=groups(case))
    pulled = reference.normalize_pull(g, x, w, *given, groups=groups(case))
    for (layout, xs), (_, gs), (_, ws) in zip(layouts(x, dtype), layouts(g, dtype), [*layouts(w, dtype)] * 2,
                                              strict=False):
        out = empty(shape, dtype)
        kernels["normalize"](out, xs, ws, buf(b, dtype), *more, params(case, 0.1))
        check_close(out, wanted, near, near, layout)
        results = [empty(shape, dtype), empty((c,), dtype), empty((c,), dtype)]
        kernels["normalize_pull"](*results, gs, xs, ws, *more, params(case, 0.1))
        for result, each in zip(results, pulled, strict=True):
            check_close(result, each, near, near * 10, layout)


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize(("positions", "across"), [(5, False), (5, True), (1, True)])
def test_running_moments(kernels, dtype, positions, across):
    x, mean, var = numbers((3, 2, positions), 1), [0.5, -1.0], [1.0, 4.0]
    wanted = reference.track_moments(mean, var, x, positions=positions, across=across, momentum=0.1)
    moved = [buf(mean, dtype), buf(var, dtype)]
    for _, xs in layouts(x, dtype):
        moved = [buf(mean, dtype), buf(var, dtype)]
        kernels["track_moments"](*moved, xs, Params((2, positions, 2, across), (0.1,)))
        for result, each in zip(moved, wanted, strict=True):
            check_close(result, each, 1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("channels", "positions"), [(2, 5), (2, 1), (70, 1), (3, 40)])
def test_running_moments_move_while_all_samples_are_normalised(kernels, dtype, channels, positions):
    x, w, b = numbers((3, channels, positions), 1), numbers((channels,), 2), numbers((channels,), 3)
    mean, var = numbers((channels,), 4), [1.0 + c for c in range(channels)]
    sizes = (channels, positions, channels, True)
    wanted = reference.normalize_tracking(x, w, b, mean, var, groups=Groups(*sizes, 0.5), momentum=0.1)[1:]
    exact, tolerance = 1e-14, 1e-6 if dtype == "float32" else 1e-14
    for _, xs in layouts(x, dtype):
        plain, out, moved = empty(xs.shape, dtype), empty(xs.shape, dtype), [buf(mean, dtype), buf(var, dtype)]
        operands = xs, buf(w, dtype), buf(b, dtype)
        kernels["normalize"](plain, *operands, Params(sizes, (0.5,)))
        kernels["normalize_tracking"](out, *operands, *moved, Params(sizes, (0.5, 0.1)))
        check_close(out, plain.tolist(), exact)
        for result, each in zip(moved, wanted, strict=True):
            check_close(result, each, tolerance)


@pytest.mark.parametrize("case", [(2, 2, 300, 2, True), (2, 2, 300, 2, False), (3, 300, 1, 1, False),
                                  (300, 2, 1, 2, True)])
@pytest.mark.parametrize("offset", [1e4, -3e5])
def test_variance_does_not_cancel(kernels, case, offset):
    """float32 numbers far from 0, taken as they are: against the definition in float64."""
    c = case[1]
    x = buf(numbers(case[:3], 5, offset))
    exact, ones, zeros = x.tolist(), [1.0] * c, [0.0] * c
    out = empty(case[:3])
    kernels["normalize"](out, x, buf(ones), buf(zeros), params(case, 0.0))
    check_close(out, reference.normalize(exact, ones, zeros, groups=groups(case, 0.0)), 3e-7, 3e-7)


@pytest.mark.parametrize("case", [(2, 2, 4, 2, True), (2, 2, 4, 1, False), (2, 8, 1, 1, False)])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_spoils_its_group_alone(kernels, case, value):
    for place in (0, 3):
        x = nested.flat(numbers(case[:3], 1))
        x[place] = value
        out, c = empty(case[:3]), case[1]
        kernels["normalize"](out, buf(nested.unflatten(x, case[:3])), buf([1.0] * c), buf([0.0] * c), params(case, 0.1))
        _, sets = members(len(x), groups(case))
        for places in sets:
            assert all(math.isnan(y) == (place in places) for y in [nested.flat(out.tolist())[at] for at in places])


@pytest.mark.parametrize("case", CASES)
def test_of_nothing(kernels, case):
    shape, c = (0, *case[1:3]), case[1]
    kernels["normalize"](empty(shape), empty(shape), empty((c,)), empty((c,)), params(case, 0.1))
    results = [empty(shape), buf([1.0] * c), buf([1.0] * c)]
    kernels["normalize_pull"](*results, empty(shape), empty(shape), empty((c,)), params(case, 0.1))
    assert results[1].tolist() == results[2].tolist() == [0.0] * c
    running = [buf([2.0] * c), buf([3.0] * c)]
    kernels["track_moments"](*running, empty(shape), params(case, 0.1))
    assert running[0].tolist() == [2.0] * c


@pytest.mark.parametrize("case", [(64, 8, 400, 8, True), (64, 8, 400, 2, False), (700, 300, 1, 1, False),
                                  (700, 300, 1, 300, True)])
def test_same_bits_for_any_number_of_threads(kernels, threads, case):
    x, g, w = empty(case[:3]), empty(case[:3]), buf(numbers(case[1:2], 3))
    kernels["uniform"](x, Params((1, 0)))
    kernels["uniform"](g, Params((2, 0)))
    seen = set()
    for n in (1, 2, 3, 4):
        threads(n)
        results = [empty(case[:3]), empty(case[:3]), empty(case[1:2]), empty(case[1:2])]
        kernels["normalize"](results[0], x, w, w, params(case, 0.1))
        kernels["normalize_pull"](*results[1:], g, x, w, params(case, 0.1))
        seen.add(tuple(bytes(result) for result in results))
    assert len(seen) == 1
