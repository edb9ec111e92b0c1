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

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from minigrad.errors import one_of, require
from minigrad.shapes import integer
from minigrad_ext.kernel import Params

Sizes = tuple[int, ...]
PerAxis = int | Sequence[int]
Padding = int | str | Sequence[int] | Sequence[Sequence[int]]
F = TypeVar("F", bound=Callable[..., "Geometry"])

MODES = ("valid", "same", "causal", "full")
LIMIT = 2**31 - 1       # of every number given: products of two of them fit the kernels' 64-bit integers


def _plain(value: Any) -> Any:
    """The argument with tuples for lists, so that it can be a key."""
    return tuple(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def _remembered(make: F) -> F:
    """`make` with a memory of what it made of which arguments."""
    known = functools.lru_cache(maxsize=4096, typed=True)(make)

    @functools.wraps(make)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return known(*args, **kwargs)
        except TypeError:       # a list is no key
            pass
        return known(*map(_plain, args), **{name: _plain(value) for name, value in kwargs.items()})
    return call     # type: ignore[return-value]


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

    @functools.cached_property
    def ndim(self) -> int:
        """The number of spatial axes."""
        return len(self.input)

    @functools.cached_property
    def span(self) -> Sizes:
        """How many input positions one window reaches over, per axis: dilation*(kernel - 1) + 1."""
        return _span(self.kernel, self.dilation)

    @functools.cached_property
    def n_taps(self) -> int:
        return math.prod(self.kernel)

    @functools.cached_property
    def _pool_params(self) -> dict[tuple[bool, int], Params]:
        return {}

    @functools.cached_property
    def params(self) -> Params:
        """What the kernels read: per axis, right-aligned to three, then what only an average pool needs."""
        return self.pool_params(True, None)

    def pool_params(self, count_include_pad: bool, divisor_override: int | None) -> Params:
        """`params` for an average pool."""
        key = count_include_pad, divisor_override or 0
        if key not in self._pool_params:
            one, zero = (1,) * (3 - self.ndim), (0,) * (3 - self.ndim)
            self._pool_params[key] = Params((*one, *self.stride, *one, *self.dilation, *zero, *self.low, self.groups,
                                             *one, *self.kernel, *zero, *self.high, *map(int, key)))
        return self._pool_params[key]

    @functools.cached_property
    def empty_window(self) -> tuple[int, int] | None:
        """(axis, output position) of a window that meets no input element, None when each meets one.

        >>> Geometry.of_pool("max_pool1d", (4,), (2,), stride=2, padding=2).empty_window
        (0, 0)
        """
        for axis, (size, low, stride, output) in enumerate(zip(self.input, self.low, self.stride, self.output,
                                                               strict=True)):
            begin, end = -(-low // stride), -(-(low + size) // stride)      # these begin on an input element
            for o in (*range(min(begin, output)), *range(end, output)):
                first = o * stride - low
                tap = max(0, -(first // self.dilation[axis]))               # the first one not before the input
                if tap >= self.kernel[axis] or first + tap * self.dilation[axis] >= size:
                    return axis, o
        return None

    @staticmethod
    @_remembered
    def of_conv(op: str, input: Sizes, kernel: Sizes, stride: PerAxis = 1, padding: Padding = 0,
                dilation: PerAxis = 1, groups: int = 1) -> "Geometry":
        """Of a convolution; `input` and `kernel` are the spatial sizes of the operands."""
        return _window(op, input, kernel, stride, padding, dilation, _integer(op, "groups", groups, 1), False)

    @staticmethod
    @_remembered
    def of_pool(op: str, input: Sizes, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0,
                dilation: PerAxis = 1, ceil_mode: bool = False) -> "Geometry":
        """Of a pool; the stride is the kernel size unless given.

        `ceil_mode` rounds the number of windows up, if that last one still begins inside the input or its low padding.
        """
        kernel = _per_axis(op, "kernel_size", kernel, len(input), 1)
        return _window(op, input, kernel, kernel if stride is None else stride, padding, dilation, 1, bool(ceil_mode))

    @staticmethod
    @_remembered
    def of_transpose(op: str, input: Sizes, kernel: Sizes, stride: PerAxis = 1, padding: Padding = 0,
                     output_padding: PerAxis = 0, output_size: Sequence[int] | None = None, dilation: PerAxis = 1,
                     groups: int = 1) -> "Geometry":
        """Of the convolution whose transpose is wanted: `input` here becomes the geometry's `output`.

        Several input sizes of a strided convolution give the same output size; `output_padding` picks one, by how many
        rows it is larger than the smallest, or `output_size` names it.
        """
        stride, dilation, span = _steps(op, input, kernel, stride, dilation)
        require(0 not in input, op, "input", f"spatial size {input}", "at least 1 on each axis")
        ndim, name = len(input), "output_padding" if output_size is None else "output_size"
        extra = _per_axis(op, "output_padding", output_padding, ndim, 0)
        if isinstance(output_size, tuple) and len(output_size) == ndim + 2:
            output_size = output_size[2:]
        wanted = () if output_size is None else _per_axis(op, name, output_size, ndim, 1)
        # "same" is the padding of the convolution whose input is stride times as large
        low, high = _pads(op, padding, wanted or tuple(map(math.prod, zip(input, stride, strict=True))), span, stride)
        size = []
        for axis, (o, s, p) in enumerate(zip(input, stride, span, strict=True)):
            least = (o - 1) * s + p - low[axis] - high[axis]
            more = wanted[axis] - least if wanted else extra[axis] + max(s - p, 0) * (padding == "same")
            bound, base = max(s, dilation[axis]), least if wanted else 0
            require(0 <= more < bound, op, name, f"{base + more} on axis {axis}",
                    f"between {base} and {base + bound - 1}: max(stride, dilation) = {bound} sizes fit")
            size.append(least + more)
            require(size[axis] > 0, op, "padding", f"({low[axis]}, {high[axis]}) on axis {axis}", "less: the output "
                    f"would have ({o}-1)*{s} + {p} - {low[axis]} - {high[axis]} + {more} = {size[axis]} positions")
        return Geometry(tuple(size), kernel, stride, dilation, low, high, input, _integer(op, "groups", groups, 1))


# ---- arguments

def _integer(op: str, name: str, value: Any, least: int) -> int:
    number = integer(op, name, value)
    require(number >= least, op, name, number, f"at least {least}")
    require(number <= LIMIT, op, name, number, f"at most {LIMIT}")
    return number


def _each(op: str, name: str, value: Any, count: int, expected: str) -> tuple:
    """The `count` parts of a tuple; one part, or no tuple, stands for all."""
    parts = value if isinstance(value, tuple) else (value,)
    parts = parts * count if len(parts) == 1 else parts
    require(len(parts) == count, op, name, value, expected)
    return parts


def _per_axis(op: str, name: str, value: Any, ndim: int, least: int) -> Sizes:
    return tuple([_integer(op, name, part, least)
                  for part in _each(op, name, value, ndim, f"one int, or one for each of {ndim} axes")])


# ---- the arithmetic

def _span(kernel: Sizes, dilation: Sizes) -> Sizes:
    return tuple([d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)])


def _steps(op: str, input: Sizes, kernel: Sizes, stride: Any, dilation: Any) -> tuple[Sizes, Sizes, Sizes]:
    """Stride, dilation and span on each axis."""
    ndim = len(input)
    require(1 <= ndim <= 3, op, "input", f"{ndim} spatial axes", "1 to 3")
    require(len(kernel) == ndim, op, "weight", f"{len(kernel)} spatial axes {kernel}", f"{ndim} as the input's {input}")
    require(0 not in kernel, op, "kernel", f"size {kernel}", "at least 1 on each axis")
    dilation = _per_axis(op, "dilation", dilation, ndim, 1)
    return _per_axis(op, "stride", stride, ndim, 1), dilation, _span(kernel, dilation)


def _pads(op: str, padding: Any, size: Sizes, span: Sizes, stride: Sizes) -> tuple[Sizes, Sizes]:
    """(low, high) for an input of that size."""
    if isinstance(padding, str):
        one_of(op, "padding", padding, MODES)
        none, most = (0,) * len(size), tuple([p - 1 for p in span])
        total = [max((-(-i // s) - 1) * s + p - i, 0) for i, p, s in zip(size, span, stride, strict=True)]
        same = tuple([n // 2 for n in total]), tuple([n - n // 2 for n in total])
        return {"valid": (none, none), "same": same, "causal": (most, none), "full": (most, most)}[padding]
    parts = _each(op, "padding", padding, len(size), f"one int, or one int or (low, high) pair for each of {len(size)} "
                  "axes; a pair is nested: ((low, high),)")
    pairs = [_each(op, "padding", part, 2, "an int or a (low, high) pair for one axis") for part in parts]
    low, high = [tuple([_integer(op, "padding", pair[side], 0) for pair in pairs]) for side in (0, 1)]
    return low, high


def _window(op: str, input: Sizes, kernel: Sizes, stride: Any, padding: Any, dilation: Any, groups: int,
            ceil_mode: bool) -> Geometry:
    stride, dilation, span = _steps(op, input, kernel, stride, dilation)
    low, high = _pads(op, padding, input, span, stride)
    output = []
    for axis, (size, s, a, b) in enumerate(zip(input, stride, low, high, strict=True)):
        room = size + a + b - span[axis]
        if room < 0:
            raise ValueError(f"{op}: kernel {kernel[axis]} with dilation {dilation[axis]} covers {span[axis]} "
                             f"positions, but the padded input has {size}+{a}+{b} = {size + a + b} on axis {axis}")
        count = room // s + 1
        output.append(count + (ceil_mode and room % s > 0 and count * s < size + a))
    return Geometry(input, kernel, stride, dilation, low, high, tuple(output), groups)
