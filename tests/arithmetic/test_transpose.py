"""A transposed convolution is the direct convolution over the stretched, padded input with the flipped kernel."""

import itertools

import minigrad
import minigrad.nn.functional as F
from minigrad.arithmetic import associated_transpose, conv_transpose_output_size


def numbers(count, seed):
    return [(7 * j + seed) % 11 - 5 for j in range(count)]


def stretched_and_padded(g, s, low, high):
    """s - 1 zeros between the elements, zeros around; a negative padding crops."""
    row = [0] * (s * (len(g) - 1) + 1)
    row[::s] = g
    row = [0] * max(low, 0) + row + [0] * max(high, 0)
    return row[max(-low, 0):len(row) - max(-high, 0)]


def direct(x, w, d=1):
    """sum over t of w[t] x[o + t*d]"""
    return [sum(w[t] * x[o + t * d] for t in range(len(w))) for o in range(len(x) - d * (len(w) - 1))]


def scattered(g, w, s, low, d, size):
    """The transpose, by its own definition: each g[o] adds w[t] times itself at o*s + t*d - low."""
    x = [0] * size
    for o, t in itertools.product(range(len(g)), range(len(w))):
        if 0 <= o * s + t * d - low < size:
            x[o * s + t * d - low] += w[t] * g[o]
    return x


def row(values):
    return minigrad.tensor([[values]], dtype=minigrad.float32)


def test_for_all_geometries():
    """In integers, all of i, k and s up to 12, with paddings and dilations: by the definition, and by the engine."""
    for i, k, s, p in itertools.product(range(1, 13), range(1, 13), range(1, 13), (0, 1, 2, 3, 4, 5, 12)):
        for d in (1, 2) if k < 5 and p < 5 else (1,):
            if i + 2 * p <= d * (k - 1):
                continue
            found = associated_transpose(i, k, s, p, d)
            assert found.p == d * (k - 1) - p and found.output_size == i and 0 <= found.a < s
            assert conv_transpose_output_size(found.input, k, s, p, d, found.a) == i
            g, w = numbers(found.input, i), numbers(k, s)
            x = stretched_and_padded(g, s, *found.padding)
            assert found.stretched == s * (found.input - 1) + 1
            wanted = scattered(g, w, s, p, d, i)
            assert direct(x, w[::-1], d) == wanted
            transposed = F.conv_transpose1d(row(g), row(w), stride=s, padding=p, output_padding=found.a, dilation=d)
            assert transposed.tolist() == [[wanted]] == F.conv1d(row(x), row(w[::-1]), dilation=d).tolist()


def test_with_padding_that_differs_on_the_two_sides():
    """Small integers, which float32 holds exactly."""
    for i, k, s, (low, high), d in itertools.product((1, 4, 7, 12), (1, 2, 3, 5), (1, 2, 3), ((0, 0), (1, 1), (3, 1)),
                                                     (1, 2)):
        if i + low + high <= d * (k - 1):
            continue
        found = associated_transpose(i, k, s, (low, high), d)
        assert found.p == (d * (k - 1) - low, d * (k - 1) - high)
        g, w = numbers(found.input, i), numbers(k, s)
        x = stretched_and_padded(g, s, *found.padding)
        engine = F.conv_transpose1d(row(g), row(w), stride=s, padding=((low, high),), dilation=d, output_size=(i,))
        assert engine.tolist()[0][0] == scattered(g, w, s, low, d, i)
        assert F.conv1d(row(x), row(w[::-1]), dilation=d, stride=found.s).tolist() == engine.tolist()


def test_corner_of_a_stride_beyond_the_kernel():
    assert associated_transpose(4, 1, 3).padding == (0, 0)
    assert associated_transpose(5, 1, 3).padding == (0, 1) and associated_transpose(5, 1, 3).a == 1
