"""Convolution, transposed convolution and weight gradient by definition: the three faces of one sum.

    T(x, w, g) = sum over n k c o t of  g[n,k,o] * w[k,c,t] * x[n,c,i]        where  i = o*stride + t*dilation - low

is linear in each of its three operands.  Its derivative in one of them is a function of the other two: `conv` in g,
`conv_transpose` in x, `conv_weight` in w.  So each is one loop nest over the same terms, and they differ only in what
is summed up.  Positions i outside the input are padding: zero, so the term is left out.  With groups, output channel
k belongs to group k // (K / groups) and sees only that group's input channels.
"""

from __future__ import annotations

from collections.abc import Iterator

from minigrad.geometry import Geometry
from minigrad.reference.nested import Index, Nested, full, get, indices, put


def terms(geometry: Geometry) -> Iterator[tuple[Index, Index, Index]]:
    """Every (o, t, i) at which an output position, a tap and an input element meet."""
    for o in indices(geometry.output):
        for t in indices(geometry.kernel):
            i = tuple(a * s + b * d - low for a, s, b, d, low in
                      zip(o, geometry.stride, t, geometry.dilation, geometry.low, strict=True))
            if all(0 <= position < size for position, size in zip(i, geometry.input, strict=True)):
                yield o, t, i


def started(batch: int, channels: int, size: Index, bias: Nested | None) -> Nested:
    """Images that hold each channel's bias, or zeros."""
    return [[full(size, bias[k] if bias else 0) for k in range(channels)] for _ in range(batch)]


def conv(x: Nested, w: Nested, bias: Nested | None = None, *, geometry: Geometry) -> Nested:
    """out[n,k,o] = bias[k] + sum_{c,t} w[k,c,t] * x[n,c,i].

    >>> g = Geometry.of_conv("conv1d", (5,), (2,))
    >>> conv([[[1, 2, 3, 4, 5]]], [[[1, 10]]], geometry=g)
    [[[21, 32, 43, 54]]]
    """
    batch, n_out, n_in = len(x), len(w), len(w[0]) if w else 0
    per_group = n_out // geometry.groups
    out = started(batch, n_out, geometry.output, bias)
    for o, t, i in terms(geometry):
        for n in range(batch):
            for k in range(n_out):
                first = k // per_group * n_in
                put(out[n][k], o, get(out[n][k], o) + sum(get(w[k][c], t) * get(x[n][first + c], i)
                                                          for c in range(n_in)))
    return out


def conv_transpose(g: Nested, w: Nested, bias: Nested | None = None, *, geometry: Geometry) -> Nested:
    """out[n,c,i] = bias[c] + sum_{k,t} w[k,c,t] * g[n,k,o].

    >>> g = Geometry.of_transpose("conv_transpose1d", (3,), (2,), stride=2)
    >>> conv_transpose([[[1, 2, 3]]], [[[1, 10]]], geometry=g)
    [[[1, 10, 2, 20, 3, 30]]]
    """
    batch, n_out, n_in = len(g), len(w), len(w[0]) if w else 0
    per_group = n_out // geometry.groups
    out = started(batch, n_in * geometry.groups, geometry.input, bias)
    for o, t, i in terms(geometry):
        for n in range(batch):
            for k in range(n_out):
                first, gradient = k // per_group * n_in, get(g[n][k], o)
                for c in range(n_in):
                    image = out[n][first + c]
                    put(image, i, get(image, i) + get(w[k][c], t) * gradient)
    return out


def conv_weight(x: Nested, g: Nested, *, geometry: Geometry) -> Nested:
    """out[k,c,t] = sum_{n,o} x[n,c,i] * g[n,k,o].

    >>> g = Geometry.of_conv("conv1d", (4,), (2,))
    >>> conv_weight([[[1, 2, 3, 4]]], [[[1, 10, 100]]], geometry=g)
    [[[321, 432]]]
    """
    batch = len(x)
    n_out, n_in = (len(g[0]), len(x[0]) // geometry.groups) if batch else (0, 0)
    per_group = n_out // geometry.groups
    out = full((n_out, n_in, *geometry.kernel), 0)
    for o, t, i in terms(geometry):
        for n in range(batch):
            for k in range(n_out):
                first, gradient = k // per_group * n_in, get(g[n][k], o)
                for c in range(n_in):
                    put(out[k][c], t, get(out[k][c], t) + get(x[n][first + c], i) * gradient)
    return out


KERNELS = {"conv": conv, "conv_transpose": conv_transpose, "conv_weight": conv_weight}
