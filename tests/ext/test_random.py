"""Philox gives the published known answers, and every kernel draws what its definition draws."""

import itertools
import math

import pytest
from arrays import CODES, check_close, check_equal, empty, out_layouts
from hypothesis import given, settings, strategies as st

from minigrad import reference
from minigrad.reference import nested, random as definitions
from minigrad_ext.kernel import Params
from minigrad_ext.kernels.base import random
from minigrad_ext.parallel import get_num_threads, set_num_threads

# Random123's kat_vectors: counter, key, answer.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]
BITS = {"float32": 24, "float64": 53}
word = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("philox", [random.philox4x32, definitions.philox4x32])
@pytest.mark.parametrize("counter, key, answer", KNOWN_ANSWERS)
def test_known_answers(philox, counter, key, answer):
    assert philox(counter, key) == answer


@given(st.tuples(word, word, word, word), st.tuples(word, word))
def test_philox_is_its_definition(counter, key):
    assert random.philox4x32(counter, key) == definitions.philox4x32(counter, key)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 1030])
@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("seed, offset", [(0, 0), (2**40 + 3, 2**33 - 1), (-1, -2)])
def test_real_numbers(kernels, seed, offset, dtype, n):
    attrs = {"seed": seed % 2**64, "offset": offset % 2**64, "bits": BITS[dtype]}
    out = empty((n,), dtype)
    kernels["uniform"](out, Params((seed, offset)))
    check_equal(out, reference.uniform((n,), **attrs))
    kernels["normal"](out, Params((seed, offset)))
    check_close(out, reference.normal((n,), **attrs), 2e-7 if dtype == "float32" else 1e-14, 1e-12)


@pytest.mark.parametrize("low, high", [(0, 1), (0, 10), (-5, 6), (-2**63, 2**63 - 1), (2**62, 2**62 + 3)])
def test_randint(kernels, low, high):
    out = empty((101,), "int64")
    kernels["randint"](out, Params((7, 3, low, high)))
    check_equal(out, reference.randint((101,), seed=7, offset=3, low=low, high=high))
    assert all(low <= x < high for x in out.tolist())


@pytest.mark.parametrize("n", [0, 1, 2, 3, 50, 1001])
def test_permutation(kernels, n):
    out = empty((n,), "int64")
    kernels["permutation"](out, Params((5, 9)))
    check_equal(out, reference.permutation(n, seed=5, offset=9))
    assert sorted(out.tolist()) == list(range(n))


@pytest.mark.parametrize("dtype", BITS)
def test_mask(kernels, dtype):
    """Of powers of two: no rounding of the probability."""
    for n in (0, 1, 63, 300):
        out = empty((n,), dtype)
        kernels["mask"](out, Params((5, 7), (0.75, 4.0)))
        check_equal(out, reference.KERNELS["mask"]((n,), 5, 7, BITS[dtype], keep=0.75, scale=4))


@pytest.mark.parametrize("name", ["uniform", "normal", "randint"])
def test_numbers_do_not_depend_on_the_layout(kernels, name):
    dtype = "int64" if name == "randint" else "float32"
    params = Params((3, 4, 0, 100))
    wanted = empty((30,), dtype)
    kernels[name](wanted, params)
    for layout, out in out_layouts((2, 3, 5), dtype):
        kernels[name](out, params)
        check_equal(out, nested.unflatten(wanted.tolist(), (2, 3, 5)), layout)


@pytest.mark.parametrize("name, dtype", [("uniform", "float32"), ("uniform", "float64"), ("normal", "float32"),
                                         ("randint", "int64"), ("permutation", "int64")])
def test_numbers_do_not_depend_on_the_threads(kernels, name, dtype):
    before, drawn = get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            out = empty((200_001,), dtype)
            kernels[name](out, Params((1, 2, 0, 1000)))
            drawn.append(bytes(memoryview(out)))
    finally:
        set_num_threads(before)
    assert drawn[0] == drawn[1] == drawn[2]


@settings(max_examples=30)
@given(st.sampled_from(["uniform", "normal"]), st.sampled_from(["float32", "float64"]), st.integers(0, 40),
       st.integers(0, 40))
def test_counters_used(name, dtype, n, more):
    """A second call that starts where the first one ended draws what one long call would, from a whole counter on."""
    draw = random.KERNELS[name]
    used = random.counters_used(name, n, CODES[dtype])
    per_counter = 4 if dtype == "float32" else 2
    assert used == math.ceil(n / per_counter)
    long, second = empty((used * per_counter + more,), dtype), empty((more,), dtype)
    draw(long, Params((6, 0)))
    draw(second, Params((6, used)))
    assert long.tolist()[used * per_counter:] == second.tolist()


def test_counters_used_by_integers():
    assert [random.counters_used("randint", n) for n in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert [random.counters_used("permutation", n) for n in (0, 1, 2, 3)] == [0, 1, 1, 2]
    with pytest.raises(ValueError, match="is no random kernel"):
        random.counters_used("add", 1)


N = 200_000


@pytest.mark.parametrize("dtype", BITS)
def test_moments_of_uniform(kernels, dtype):
    out = empty((N,), dtype)
    kernels["uniform"](out, Params((2024, 0)))
    x = out.tolist()
    assert all(0 <= v < 1 for v in x)
    for power, moment in ((1, 1 / 2), (2, 1 / 3), (3, 1 / 4)):
        assert sum(v**power for v in x) / N == pytest.approx(moment, abs=5 / math.sqrt(12 * N))
    assert sum(a * b for a, b in itertools.pairwise(x)) / N == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("dtype", BITS)
def test_moments_of_normal(kernels, dtype):
    out = empty((N,), dtype)
    kernels["normal"](out, Params((2025, 0)))
    x = out.tolist()
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert sum(v**power for v in x) / N == pytest.approx(moment, abs=5 * math.sqrt(variance / N)), power
    assert 4 < max(x) < 6.5
    assert -6.5 < min(x) < -4


def test_randint_is_even(kernels):
    out = empty((N,), "int64")
    kernels["randint"](out, Params((2026, 0, 0, 10)))
    x = out.tolist()
    chi_squared = sum((x.count(v) - N / 10) ** 2 for v in range(10)) / (N / 10)
    assert chi_squared < 30     # 9 degrees of freedom: above 30 in 4 cases of 10,000


def test_permutations_are_even(kernels):
    counts, out = {}, empty((3,), "int64")
    for seed in range(6000):
        kernels["permutation"](out, Params((seed, 0)))
        counts[tuple(out.tolist())] = counts.get(tuple(out.tolist()), 0) + 1
    assert len(counts) == 6
    assert all(850 < count < 1150 for count in counts.values())
