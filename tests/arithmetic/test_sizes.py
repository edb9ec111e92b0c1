"""Sizes of the engine against counting: which windows there are, one by one."""

import itertools

import pytest

from minigrad.arithmetic import (
    conv_output_size,
    conv_transpose_output_size,
    effective_kernel_size,
    full_padding,
    pool_output_size,
    same_padding,
)

UP_TO = 12


def placements(padded, span, s):
    """How many times a window that begins at 0 can move by s until its end leaves the padded input."""
    return len(range(0, padded - span + 1, s))


def test_convolutions_by_counting_windows():
    for i, k, s, d in itertools.product(range(1, UP_TO + 1), range(1, UP_TO + 1), range(1, UP_TO + 1), (1, 2, 3)):
        span = max(t * d for t in range(k)) + 1
        assert effective_kernel_size(k, d) == span
        for p in (0, 1, 2, 5, 12):
            expected = placements(i + 2 * p, span, s)
            if expected:
                assert conv_output_size(i, k, s, p, d) == expected
            else:
                with pytest.raises(ValueError, match=r"= -?\d+ positions"):
                    conv_output_size(i, k, s, p, d)


def test_transposed_convolutions_are_the_inverse():
    """o' of (i', a) is the one input size with that output and a rows left over."""
    for k, s, p in itertools.product(range(1, 7), range(1, 7), range(6)):
        found = {}
        for i in range(1, UP_TO + 1):
            if i + 2 * p >= k:
                found[conv_output_size(i, k, s, p), (i + 2 * p - k) % s] = i
        for (output, a), i in found.items():
            assert conv_transpose_output_size(output, k, s, p, a=a) == i


def test_pairs_words_and_pools():
    for i, k, low, high in itertools.product(range(1, 9), range(1, 5), range(4), range(4)):
        if i + low + high >= k:
            assert conv_output_size(i, k, 2, (low, high)) == placements(i + low + high, k, 2)
            assert pool_output_size(i, k, 2, (low, high)) == placements(i + low + high, k, 2)
    for i, k, s, d in itertools.product(range(1, UP_TO + 1), range(1, 6), range(1, 5), range(1, 4)):
        low, high = same_padding(i, k, s, d)
        assert conv_output_size(i, k, s, (low, high), d) == conv_output_size(i, k, s, "same", d) == -(-i // s)
        assert 0 <= high - low <= 1 and (s > 1 or low + high == d * (k - 1))
        assert conv_output_size(i, k, p=full_padding(k, d), d=d) == i + d * (k - 1)
        assert conv_output_size(i, k, p="causal", d=d) == i
    assert pool_output_size(7, 2) == 3 and pool_output_size(7, 2, ceil_mode=True) == 4


@pytest.mark.parametrize("call, text", [
    (lambda: conv_output_size(4, 0), "conv_output_size: k: got 0, expected at least 1"),
    (lambda: conv_output_size(-1, 3), "conv_output_size: i: got -1, expected at least 0"),
    (lambda: conv_output_size(4, 3, p=-1), "conv_output_size: padding: got -1, expected at least 0"),
    (lambda: pool_output_size(4, 5), "pool_output_size: kernel 5 with dilation 1 covers 5 positions, but the padded "
     "input has 4+0+0 = 4 on axis 0: the output would have floor((4 - 5)/5) + 1 = 0 positions"),
    (lambda: conv_transpose_output_size(1, 2, p=1), "conv_transpose_output_size: padding: got (1, 1) on axis 0, "
     "expected less: the output would have (1-1)*1 + 2 - 1 - 1 + 0 = 0 positions"),
    (lambda: conv_transpose_output_size(3, 3, 2, a=2), "conv_transpose_output_size: output_padding: got 2 on axis 0, "
     "expected between 0 and 1: max(stride, dilation) = 2 sizes fit"),
    (lambda: conv_transpose_output_size(0, 3), "conv_transpose_output_size: i: got 0, expected at least 1"),
    (lambda: full_padding(0), "full_padding: k: got 0, expected at least 1"),
    (lambda: same_padding(5, -1), "same_padding: k: got -1, expected at least 1"),
])
def test_errors_quote_the_arithmetic(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text
