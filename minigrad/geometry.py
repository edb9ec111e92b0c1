"""The geometry of a sliding window, computed and checked once, for every operation that slides one.

A window of `kernel` taps lies over an input, `dilation` apart, and moves by `stride`.  Around the input stand `low` and
`high` rows of padding.  Along each axis, output position o meets tap t at input position

    i = o*stride + t*dilation - low

and the taps of one window span `dilation*(kernel - 1) + 1` positions, so there are

    output = floor((input + low + high - span) / stride) + 1

of them.  Convolution, its two transposes and all pools share this record; nobody else derives a padding.  (Dumoulin and
Visin, "A guide to convolution arithmetic for deep learning", Relationships 1-14, are special cases of these two lines.)

Padding may be given as
    an int              the same on both sides of every axis
    one int per axis    the same on both sides of that axis: (1, 2) in two dimensions
    a pair per axis     (low, high): ((0, 1), (2, 2)) in two dimensions, ((0, 1),) in one; pairs are always nested
    "valid"             none
    "same"              output = ceil(input / stride); where the total is odd the extra row stands on the high side
    "causal"            the same output size; all of it, span - 1, on the low side of each axis, so that window o holds
                        nothing beyond o*stride (for time alone: ((span - 1, 0), (1, 1)) and the like)
    "full"              every window that meets the input at all: span - 1 on both sides
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from minigrad_ext.kernel import Params

Sizes = tuple[int, ...]
PerAxis = int | Sequence[int]
Padding = int | str | Sequence[int] | Sequence[Sequence[int]]

MODES = ("valid", "same", "causal", "full")
LIMIT = 2**31 - 1       # of every number given: products of two of them fit the kernels' 64-bit integers


@dataclass(frozen=True)
class Geometry:
    """A sliding window over up to three axes.  Build it with `of_conv`, `of_transpose` or `of_pool`, which check.

    For a transposed convolution `input` is the size of its result, since it is the transpose of this convolution.

    >>> g = Geometry.of_conv("conv2d", (28, 28), (5, 3), stride=2, padding="same")
    >>> g.output, g.low, g.high, g.span
    ((14, 14), (1, 0), (2, 1), (5, 3))
    """

    input: Sizes
    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    low: Sizes
    high: Sizes
    output: Sizes
    groups: int = 1
    ceil_mode: bool = False
    params: Params = field(init=False, repr=False, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", Params(self._ints(True, 0)))
        object.__setattr__(self, "_hash", hash((self.input, self.kernel, self.stride, self.dilation, self.low,
                                                self.high, self.output, self.groups, self.ceil_mode)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def ndim(self) -> int:
        """The number of spatial axes."""
        return len(self.input)

    @property
    def span(self) -> Sizes:
        """How many input positions one window reaches over, per axis: dilation*(kernel - 1) + 1."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))

    @property
    def n_taps(self) -> int:
        return math.prod(self.kernel)

    def _ints(self, count_include_pad: bool, divisor: int) -> Sizes:
        """The integers that the kernels read, right-aligned to three axes."""
        lead = 3 - self.ndim
        axes: list[tuple[Sizes, int]] = [(self.stride, 1), (self.dilation, 1), (self.low, 0)]
        ints = [n for sizes, missing in axes for n in (missing,) * lead + sizes]
        return (*ints, self.groups, *(1,) * lead, *self.kernel, *(0,) * lead, *self.high,
                int(count_include_pad), divisor)

    def pool_params(self, count_include_pad: bool, divisor_override: int | None) -> Params:
        """`params` for an average pool."""
        return _pool_params(self, count_include_pad, divisor_override or 0)

    def empty_window(self) -> tuple[int, int] | None:
        """(axis, output position) of a window that meets no input element, None when each meets one.

        >>> Geometry.of_pool("max_pool1d", (4,), (2,), stride=2, padding=2).empty_window()
        (0, 0)
        """
        for axis in range(self.ndim):
            size, taps, step = self.input[axis], self.kernel[axis], self.dilation[axis]
            stride, low = self.stride[axis], self.low[axis]
            inside = -(-low // stride), -(-(low + size) // stride)      # these begin on an input element
            for o in (*range(min(inside[0], self.output[axis])), *range(inside[1], self.output[axis])):
                first = o * stride - low
                tap = max(0, -(first // step))                          # the first one not before the input
                if tap >= taps or first + tap * step >= size:
                    return axis, o
        return None

    def has_empty_window(self) -> bool:
        return self.empty_window() is not None

    @staticmethod
    def of_conv(op: str, input: Sizes, kernel: Sizes, stride: PerAxis = 1, padding: Padding = 0,
                dilation: PerAxis = 1, groups: int = 1) -> Geometry:
        """Of a convolution; `input` and `kernel` are the spatial sizes of the operands."""
        return _of_conv(op, input, kernel, _plain(stride), _plain(padding), _plain(dilation), groups)

    @staticmethod
    def of_pool(op: str, input: Sizes, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
                dilation: PerAxis = 1, ceil_mode: bool = False) -> Geometry:
        """Of a pool; the stride is the kernel size unless given.

        `ceil_mode` rounds the number of windows up, if that last one still begins inside the input or its low padding.
        """
        return _of_pool(op, input, _plain(kernel), _plain(stride), _plain(padding), _plain(dilation), ceil_mode)

    @staticmethod
    def of_transpose(op: str, input: Sizes, kernel: Sizes, stride: PerAxis = 1, padding: Padding = 0,
                     output_padding: PerAxis = 0, output_size: Sequence[int] | None = None, dilation: PerAxis = 1,
                     groups: int = 1) -> Geometry:
        """Of the convolution whose transpose is wanted: `input` here becomes the geometry's `output`.

        Several input sizes of a strided convolution give the same output size; `output_padding` picks one, by how many
        rows it is larger than the smallest, or `output_size` names it.
        """
        return _of_transpose(op, input, kernel, _plain(stride), _plain(padding), _plain(output_padding),
                             _plain(output_size), _plain(dilation), groups)


# ---- arguments

def _plain(value: Any) -> Any:
    """The argument with tuples for lists, so that it can be a key."""
    return tuple(_plain(part) for part in value) if isinstance(value, (list, tuple)) else value


def _integer(op: str, name: str, value: Any, least: int) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{op}: {name}: got {value!r}, expected an int") from None
    if not least <= number <= LIMIT:
        raise ValueError(f"{op}: {name}: got {number}, expected "
                         + (f"at least {least}" if number < least else f"at most {LIMIT}"))
    return number


def _per_axis(op: str, name: str, value: Any, ndim: int, least: int) -> Sizes:
    if not isinstance(value, tuple):
        return (_integer(op, name, value, least),) * ndim
    if len(value) == 1:
        value = value * ndim
    if len(value) != ndim:
        raise ValueError(f"{op}: {name}: got {value}, expected one int, or one for each of {ndim} axes")
    return tuple(_integer(op, name, part, least) for part in value)


def _mode(op: str, padding: Any) -> str | None:
    if not isinstance(padding, str):
        return None
    if padding not in MODES:
        raise ValueError(f"{op}: padding: got {padding!r}, expected one of {', '.join(map(repr, MODES))}, or numbers")
    return padding


def _pairs(op: str, padding: Any, ndim: int) -> tuple[Sizes, Sizes]:
    """(low, high) of a padding given in numbers."""
    parts = padding if isinstance(padding, tuple) else (padding,)
    if len(parts) == 1:
        parts = parts * ndim
    if len(parts) != ndim:
        hint = "; a (low, high) pair is nested: ((low, high),)" if ndim == 1 and len(parts) == 2 else ""
        raise ValueError(f"{op}: padding: got {padding}, expected one int, or one int or (low, high) pair for each of "
                         f"{ndim} axes{hint}")
    low, high = [], []
    for part in parts:
        if not isinstance(part, tuple):
            part = (part, part)
        if len(part) != 2:
            raise ValueError(f"{op}: padding: got {part} for one axis, expected an int or a (low, high) pair")
        low.append(_integer(op, "padding", part[0], 0))
        high.append(_integer(op, "padding", part[1], 0))
    return tuple(low), tuple(high)


def _check_axes(op: str, ndim: int) -> None:
    if not 1 <= ndim <= 3:
        raise ValueError(f"{op}: input: got {ndim} spatial axes, expected 1 to 3")


def _check_kernel(op: str, kernel: Sizes) -> None:
    if 0 in kernel:
        raise ValueError(f"{op}: kernel of size {kernel}: expected at least 1 on each axis")


# ---- the arithmetic

def _padding(op: str, padding: Any, size: Sizes, span: Sizes, stride: Sizes) -> tuple[Sizes, Sizes]:
    """(low, high) for an input of that size."""
    mode = _mode(op, padding)
    if mode is None:
        return _pairs(op, padding, len(size))
    if mode == "valid":
        return (0,) * len(size), (0,) * len(size)
    if mode == "causal":
        return tuple(p - 1 for p in span), (0,) * len(size)
    if mode == "full":
        return tuple(p - 1 for p in span), tuple(p - 1 for p in span)
    total = [max((-(-i // s) - 1) * s + p - i, 0) for i, p, s in zip(size, span, stride, strict=True)]
    return tuple(n // 2 for n in total), tuple(n - n // 2 for n in total)


def _padded_text(size: int, low: int, high: int) -> str:
    return f"{size}+2*{low} = {size + 2 * low}" if low == high else f"{size}+{low}+{high} = {size + low + high}"


def _output(op: str, size: Sizes, kernel: Sizes, span: Sizes, stride: Sizes, dilation: Sizes, low: Sizes,
            high: Sizes, ceil_mode: bool) -> Sizes:
    output = []
    for axis in range(len(size)):
        room = size[axis] + low[axis] + high[axis] - span[axis]
        if room < 0:
            raise ValueError(
                f"{op}: kernel {kernel[axis]} with dilation {dilation[axis]} covers {span[axis]} positions, but the "
                f"padded input has {_padded_text(size[axis], low[axis], high[axis])} on axis {axis}")
        count = room // stride[axis] + 1
        if ceil_mode and room % stride[axis] and count * stride[axis] < size[axis] + low[axis]:
            count += 1
        output.append(count)
    return tuple(output)


def _span(kernel: Sizes, dilation: Sizes) -> Sizes:
    return tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))


@functools.lru_cache(maxsize=4096, typed=True)
def _of_conv(op: str, input: Sizes, kernel: Sizes, stride: Any, padding: Any, dilation: Any, groups: Any) -> Geometry:
    ndim = len(input)
    _check_axes(op, ndim)
    if len(kernel) != ndim:
        raise ValueError(f"{op}: weight: got {len(kernel)} spatial axes {kernel}, "
                         f"expected {ndim} as the input's {input}")
    _check_kernel(op, kernel)
    stride = _per_axis(op, "stride", stride, ndim, 1)
    dilation = _per_axis(op, "dilation", dilation, ndim, 1)
    groups = _integer(op, "groups", groups, 1)
    span = _span(kernel, dilation)
    low, high = _padding(op, padding, input, span, stride)
    output = _output(op, input, kernel, span, stride, dilation, low, high, False)
    return Geometry(input, kernel, stride, dilation, low, high, output, groups)


@functools.lru_cache(maxsize=4096, typed=True)
def _of_pool(op: str, input: Sizes, kernel: Any, stride: Any, padding: Any, dilation: Any,
             ceil_mode: bool) -> Geometry:
    ndim = len(input)
    _check_axes(op, ndim)
    kernel = _per_axis(op, "kernel_size", kernel, ndim, 1)
    stride = kernel if stride is None else _per_axis(op, "stride", stride, ndim, 1)
    dilation = _per_axis(op, "dilation", dilation, ndim, 1)
    span = _span(kernel, dilation)
    low, high = _padding(op, padding, input, span, stride)
    output = _output(op, input, kernel, span, stride, dilation, low, high, bool(ceil_mode))
    return Geometry(input, kernel, stride, dilation, low, high, output, 1, bool(ceil_mode))


@functools.lru_cache(maxsize=4096, typed=True)
def _of_transpose(op: str, input: Sizes, kernel: Sizes, stride: Any, padding: Any, output_padding: Any,
                  output_size: Any, dilation: Any, groups: Any) -> Geometry:
    ndim = len(input)
    _check_axes(op, ndim)
    if len(kernel) != ndim:
        raise ValueError(f"{op}: weight: got {len(kernel)} spatial axes {kernel}, "
                         f"expected {ndim} as the input's {input}")
    _check_kernel(op, kernel)
    if 0 in input:
        raise ValueError(f"{op}: input of spatial size {input}: expected at least 1 on each axis")
    stride = _per_axis(op, "stride", stride, ndim, 1)
    dilation = _per_axis(op, "dilation", dilation, ndim, 1)
    extra = _per_axis(op, "output_padding", output_padding, ndim, 0)
    groups = _integer(op, "groups", groups, 1)
    if output_size is not None:
        output_size = output_size if isinstance(output_size, tuple) else (output_size,) * ndim
        if len(output_size) == ndim + 2:
            output_size = output_size[2:]
        output_size = _per_axis(op, "output_size", output_size, ndim, 1)
    span = _span(kernel, dilation)
    if _mode(op, padding) == "same":    # the padding of the convolution whose input is stride times as large
        wanted = output_size or tuple(o * s for o, s in zip(input, stride, strict=True))
        low, high = _padding(op, padding, wanted, span, stride)
    else:
        low, high = _padding(op, padding, input, span, stride)
    least = tuple((o - 1) * s + p - a - b for o, s, p, a, b in zip(input, stride, span, low, high, strict=True))
    if output_size is not None:
        extra = tuple(size - n for size, n in zip(output_size, least, strict=True))
    elif _mode(op, padding) == "same":
        extra = tuple(max(s - p, 0) + n for s, p, n in zip(stride, span, extra, strict=True))
    for axis in range(ndim):
        bound = max(stride[axis], dilation[axis])
        if 0 <= extra[axis] < bound:
            continue
        if output_size is not None:
            raise ValueError(f"{op}: output_size: got {output_size[axis]} on axis {axis}, expected between "
                             f"{least[axis]} and {least[axis] + bound - 1}: an input of {input[axis]} gives "
                             f"({input[axis]}-1)*{stride[axis]} + {span[axis]} - {low[axis]} - {high[axis]} and up")
        raise ValueError(f"{op}: output_padding: got {extra[axis]} on axis {axis}, expected less than "
                         f"max(stride, dilation) = {bound}")
    size = tuple(a + b for a, b in zip(least, extra, strict=True))
    for axis in range(ndim):
        if size[axis] < 1:
            raise ValueError(
                f"{op}: the output would have ({input[axis]}-1)*{stride[axis]} + {span[axis]} - {low[axis]} - "
                f"{high[axis]} + {extra[axis]} = {size[axis]} positions on axis {axis}")
    return Geometry(size, kernel, stride, dilation, low, high, input, groups)


@functools.lru_cache(maxsize=4096)
def _pool_params(geometry: Geometry, count_include_pad: bool, divisor: int) -> Params:
    return Params(geometry._ints(count_include_pad, divisor))
