"""The loops one writes first: 2-d convolution and its two transposes over nested lists, as tight as Python allows.

`minigrad.reference` defines every kernel for any geometry; these are its special case for two dimensions, no padding
and unit stride, several times faster, so that the large convolution is compared with a baseline worth beating.
"""

from __future__ import annotations

Images = list[list[list[list[float]]]]


def zeros(a: int, b: int, c: int, d: int) -> Images:
    """Nested lists of zeros."""
    return [[[[0.0] * d for _ in range(c)] for _ in range(b)] for _ in range(a)]


def conv2d(x: Images, w: Images) -> Images:
    """y[n][k][i][j] = sum over c, a, b of w[k][c][a][b] * x[n][c][i + a][j + b]"""
    rows, columns = len(x[0][0]) - len(w[0][0]) + 1, len(x[0][0][0]) - len(w[0][0][0]) + 1
    y = zeros(len(x), len(w), rows, columns)
    for image, out in zip(x, y, strict=True):
        for kernel, plane in zip(w, out, strict=True):
            for i in range(rows):
                for j in range(columns):
                    total = 0.0
                    for taps, channel in zip(kernel, image, strict=True):
                        for a, row in enumerate(taps, i):
                            line = channel[a]
                            for b, weight in enumerate(row, j):
                                total += weight * line[b]
                    plane[i][j] = total
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
