"""The loops one writes first, over nested lists, as tight as plain Python allows.

`minigrad.reference` defines every kernel for any geometry; these are its special case for two dimensions, several times
faster, so that what is compared with them is compared with a baseline worth beating.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import mul

Images = list[list[list[list[float]]]]


def zeros(a: int, b: int, c: int, d: int) -> Images:
    """Nested lists of zeros."""
    return [[[[0.0] * d for _ in range(c)] for _ in range(b)] for _ in range(a)]


def padded(x: Images, n: int, fill: float) -> Images:
    """`n` rows and columns of `fill` around each plane."""
    wide = len(x[0][0][0]) + 2 * n
    side, above = [fill] * n, [[fill] * wide for _ in range(n)]
    return [[[*above, *[side + line + side for line in plane], *above] for plane in image] for image in x]


def conv2d(x: Images, w: Images, bias: Sequence[float] = (), stride: int = 1, padding: int = 0, dilation: int = 1,
           groups: int = 1) -> Images:
    """y[n][k][i][j] = bias[k] + sum over c, a, b of w[k][c][a][b] * x[n][c][i*stride + a*dilation][j*stride + ...]"""
    x = padded(x, padding, 0.0) if padding else x
    reach, span = dilation * (len(w[0][0]) - 1) + 1, dilation * (len(w[0][0][0]) - 1) + 1
    rows, columns = (len(x[0][0]) - reach) // stride + 1, (len(x[0][0][0]) - span) // stride + 1
    y, per_group = zeros(len(x), len(w), rows, columns), len(w) // groups
    for image, out in zip(x, y, strict=True):
        for k, (kernel, plane) in enumerate(zip(w, out, strict=True)):
            first, start = k // per_group * len(kernel), bias[k] if bias else 0.0
            channels = image[first:first + len(kernel)]
            weights = [weight for taps in kernel for row in taps for weight in row]
            for i in range(rows):
                lines = [line for channel in channels for line in channel[i * stride:i * stride + reach:dilation]]
                for j in range(columns):
                    at = slice(j * stride, j * stride + span, dilation)
                    plane[i][j] = sum(map(mul, weights, [value for line in lines for value in line[at]]), start)
    return y


def conv2d_transpose(g: Images, w: Images, size: tuple[int, int]) -> Images:
    """x[n][c][i + a][j + b] += w[k][c][a][b] * g[n][k][i][j]: the gradient of the input."""
    x = zeros(len(g), len(w[0]), *size)
    for image, planes in zip(x, g, strict=True):
        for kernel, plane in zip(w, planes, strict=True):
            for i, line in enumerate(plane):
                for j, value in enumerate(line):
                    for taps, channel in zip(kernel, image, strict=True):
                        for a, row in enumerate(taps, i):
                            target = channel[a]
                            for b, weight in enumerate(row, j):
                                target[b] += weight * value
    return x


def conv2d_weight(x: Images, g: Images, size: tuple[int, int]) -> Images:
    """w[k][c][a][b] = sum over n, i, j of x[n][c][i + a][j + b] * g[n][k][i][j]: the gradient of the weight."""
    w = zeros(len(g[0]), len(x[0]), *size)
    for image, planes in zip(x, g, strict=True):
        for kernel, plane in zip(w, planes, strict=True):
            for taps, channel in zip(kernel, image, strict=True):
                for a, row in enumerate(taps):
                    for b in range(len(row)):
                        total = 0.0
                        for i, line in enumerate(plane, a):
                            source = channel[i]
                            for j, value in enumerate(line, b):
                                total += value * source[j]
                        row[b] += total
    return w


def _pool2d(x: Images, k: int, stride: int, padding: int, fill: float,
            chosen: Callable[[list[float]], float]) -> Images:
    x = padded(x, padding, fill) if padding else x
    rows, columns = (len(x[0][0]) - k) // stride + 1, (len(x[0][0][0]) - k) // stride + 1
    y = zeros(len(x), len(x[0]), rows, columns)
    for image, out in zip(x, y, strict=True):
        for channel, plane in zip(image, out, strict=True):
            for i, line in enumerate(plane):
                window = channel[i * stride:i * stride + k]
                for j in range(columns):
                    left = j * stride
                    line[j] = chosen([value for row in window for value in row[left:left + k]])
    return y


def max_pool2d(x: Images, k: int, stride: int = 0, padding: int = 0) -> Images:
    return _pool2d(x, k, stride or k, padding, -math.inf, max)


def avg_pool2d(x: Images, k: int, stride: int = 0, padding: int = 0) -> Images:
    return _pool2d(x, k, stride or k, padding, 0.0, lambda window: sum(window) / len(window))


def linear(x: list[list[float]], w: list[list[float]], b: list[float]) -> list[list[float]]:
    """y[n][k] = b[k] + sum over c of x[n][c] * w[k][c]"""
    return [[sum(map(mul, line, row), start) for row, start in zip(w, b, strict=True)] for line in x]


def softmax(x: list[list[float]], axis: int) -> list[list[float]]:
    """exp(x[n][c]) / sum over c of exp(x[n][c])"""
    y = []
    for line in x:
        largest = max(line)
        powers = [math.exp(value - largest) for value in line]
        total = sum(powers)
        y.append([power / total for power in powers])
    return y


def cross_entropy(x: list[list[float]], t: list[int]) -> float:
    """mean over n of log(sum over c of exp(x[n][c])) - x[n][t[n]]"""
    return sum([math.log(sum([math.exp(value - line[k]) for value in line])) for line, k in zip(x, t, strict=True)]
               ) / len(x)


def mse_loss(x: list[list[float]], y: list[list[float]]) -> float:
    return sum([(a - b) ** 2 for line, row in zip(x, y, strict=True) for a, b in zip(line, row, strict=True)]
               ) / (len(x) * len(x[0]))
