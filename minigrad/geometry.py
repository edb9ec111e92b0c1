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
                        nothing beyond o*stride
    "full"              every window that meets the input at all: span - 1 on both sides
    a word on one axis  ("causal", 1): causal in time, one row on both sides of the other axis
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from minigrad.errors import one_of, require
from minigrad.shapes import integer, shape_of
from minigrad_ext.kernel import Params

Sizes = tuple[int, ...]
PerAxis = int | Sequence[int]
Stride = PerAxis | None
Padding = int | str | Sequence[int | str | Sequence[int]]

MODES = ("valid", "same", "causal", "full")
ACTIVATIONS = ("none", "relu", "sigmoid", "tanh")       # the kernels' numbers of them, the last of their parameters
LIMIT = 2**31 - 1       # of every number given: products of two of them fit the kernels' 64-bit integers


def _plain(value: Any) -> Any:
    """The argument with tuples for lists, so that it can be a key."""
    return tuple(map(_plain, value)) if isinstance(value, (list, tuple)) else value


def _remembered(make: Any) -> Any:
    """`make` as a static method with a memory of what it made of which arguments."""
    known = functools.lru_cache(maxsize=4096, typed=True)(make)

    @functools.wraps(make)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return known(*args, **kwargs)
        except TypeError:       # a list is no key
            pass
        return known(*map(_plain, args), **{name: _plain(value) for name, value in kwargs.items()})
    return staticmethod(call)


@dataclass(frozen=True)
class Geometry:
    """A sliding window over up to three axes.  Build it with `of_conv`, `of_transpose` or `of_pool`, which check.

    For a transposed convolution `input` is the size of its result, since it is the transpose of this convolution.
    Regions of different sizes, `output` of them on an axis, have stride 0 and the largest of them as the kernel.

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
    _params: dict[tuple[bool, int], Params] = field(default_factory=dict, init=False, repr=False, compare=False)

    @functools.cached_property
    def ndim(self) -> int:
        """The number of spatial axes."""
        return len(self.input)

    @functools.cached_property
    def span(self) -> Sizes:
        """How many input positions one window reaches over, per axis: dilation*(kernel - 1) + 1."""
        return tuple([d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)])

    @functools.cached_property
    def params(self) -> Params:
        """What the kernels read: per axis, right-aligned to three, then what only an average pool needs."""
        return self.pool_params(True, None)

    def conv_params(self, activation: str) -> Params:
        """`params` for a convolution that ends with one of ACTIVATIONS."""
        return self.pool_params(True, ACTIVATIONS.index(activation))

    def pool_params(self, count_include_pad: bool, divisor_override: int | None) -> Params:
        """`params` for an average pool."""
        key = count_include_pad, divisor_override or 0
        if key not in self._params:
            one, zero = (1,) * (3 - self.ndim), (0,) * (3 - self.ndim)
            self._params[key] = Params((*one, *self.stride, *one, *self.dilation, *zero, *self.low, self.groups,
                                        *one, *self.kernel, *zero, *self.high, *map(int, key)))
        return self._params[key]

    @functools.cached_property
    def empty_window(self) -> tuple[int, int] | None:
        """(axis, output position) of a window that meets no input element, None when each meets one.

        >>> Geometry.of_pool("max_pool1d", (4,), (2,), stride=2, padding=2).empty_window
        (0, 0)
        """
        for axis, (size, taps, stride, step, low, _, output) in enumerate(zip(
                self.input, self.kernel, self.stride, self.dilation, self.low, self.high, self.output, strict=True)):
            if stride == 0:
                continue                                                    # regions
            begin, end = -(-low // stride), -(-(low + size) // stride)      # these begin on an input element
            for o in (*range(min(begin, output)), *range(end, output)):
                first = o * stride - low
                tap = max(0, -(first // step))                              # the first one not before the input
                if tap >= taps or first + tap * step >= size:
                    return axis, o
        return None

    @_remembered
    def of_conv(op: str, input: Sizes, kernel: Sizes, stride: PerAxis = 1, padding: Padding = 0,
                dilation: PerAxis = 1, groups: int = 1) -> "Geometry":
        """Of a convolution; `input` and `kernel` are the spatial sizes of the operands."""
        return _window(op, input, kernel, stride, padding, dilation, _integer(op, "groups", groups, 1), False)

    @_remembered
    def of_pool(op: str, input: Sizes, kernel: PerAxis, stride: Stride = None, padding: Padding = 0,
                dilation: PerAxis = 1, ceil_mode: bool = False) -> "Geometry":
        """Of a pool; the stride is the kernel size unless given.

        `ceil_mode` rounds the number of windows up, if that last one still begins inside the input or its low padding:
        so a window less than a stride too large for the input fits once.
        """
        kernel = per_axis(op, "kernel_size", kernel, len(input), 1)
        return _window(op, input, kernel, kernel if stride is None else stride, padding, dilation, 1, bool(ceil_mode))

    @_remembered
    def of_regions(op: str, input: Sizes, output_size: Any) -> "Geometry":
        """Of regions that cover the input, region o of O on an axis from floor(o I/O) to ceil((o+1) I/O).

        `output_size` says how many: one int, or one for each axis; None keeps a size.

        >>> Geometry.of_regions("pool", (6, 7), 3).stride
        (2, 0)
        """
        require(0 not in input, op, "input", f"spatial size {input}", "at least 1 on each axis")
        given = output_size if isinstance(output_size, tuple) else (output_size,) * len(input)
        require(len(given) == len(input), op, "output_size", output_size, "one int, or one for each axis")
        sizes = [old if new is None else integer(op, "output_size", new) for old, new in zip(input, given, strict=True)]
        rows = []
        for i, n in zip(input, shape_of(op, sizes, "output_size"), strict=True):
            kernel = max([-(-(o + 1) * i // n) - o * i // n for o in range(n)], default=1)
            rows.append((i, kernel, kernel if n and i % n == 0 else 0, 1, 0, 0, n))
        return Geometry(*zip(*rows, strict=True))       # type: ignore[arg-type]

    @_remembered
    def of_transpose(op: str, input: Sizes, kernel: Sizes, stride: PerAxis = 1, padding: Padding = 0,
                     output_padding: PerAxis = 0, output_size: Sequence[int] | None = None, dilation: PerAxis = 1,
                     groups: int = 1) -> "Geometry":
        """Of the convolution whose transpose is wanted: `input` here becomes the geometry's `output`.

        Several input sizes of a strided convolution give the same output size; `output_padding` picks one, by how many
        rows it is larger than the smallest, or `output_size` names it.
        """
        require(0 not in input, op, "input", f"spatial size {input}", "at least 1 on each axis")
        ndim, name = len(input), "output_padding" if output_size is None else "output_size"
        extra = per_axis(op, "output_padding", output_padding, ndim, 0)
        if isinstance(output_size, tuple) and len(output_size) == ndim + 2:
            output_size = output_size[2:]
        wanted = () if output_size is None else per_axis(op, name, output_size, ndim, 1)
        rows = []
        for axis, (o, k, s, d, side) in enumerate(_axes(op, input, kernel, stride, padding, dilation)):
            span = d * (k - 1) + 1
            # "same" is the padding of the convolution whose input is stride times as large
            low, high = _sides(side, wanted[axis] if wanted else o * s, span, s)
            least = (o - 1) * s + span - low - high
            more = wanted[axis] - least if wanted else extra[axis] + max(s - span, 0) * (side == "same")
            bound, base, size = max(s, d), least if wanted else 0, least + more
            require(0 <= more < bound, op, name, f"{base + more} on axis {axis}",
                    f"between {base} and {base + bound - 1}: max(stride, dilation) = {bound} sizes fit")
            require(size > 0, op, "padding", f"({low}, {high}) on axis {axis}", "less: the output would have "
                    f"({o}-1)*{s} + {span} - {low} - {high} + {more} = {size} positions")
            rows.append((size, k, s, d, low, high, o))
        groups = _integer(op, "groups", groups, 1)
        return Geometry(*zip(*rows, strict=True), groups)   # type: ignore[arg-type, call-arg]


# ---- arguments

def _integer(op: str, name: str, value: Any, least: int) -> int:
    number = integer(op, name, value)
    require(number >= least, op, name, number, f"at least {least}")
    require(number <= LIMIT, op, name, number, f"at most {LIMIT}")
    return number


def _each(op: str, name: str, value: Any, count: int, expected: str) -> tuple:
    """The `count` parts of a tuple; one part, or no tuple, stands for all."""
    parts = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    parts = parts * count if len(parts) == 1 else parts
    require(len(parts) == count, op, name, value, expected)
    return parts


def per_axis(op: str, name: str, value: Any, ndim: int, least: int) -> Sizes:
    """One int for each axis; `value` may be one for all of them."""
    return tuple([_integer(op, name, part, least)
                  for part in _each(op, name, value, ndim, f"one int, or one for each of {ndim} axes")])


def _axes(op: str, input: Sizes, kernel: Sizes, stride: Any, padding: Any, dilation: Any) -> list[tuple[Any, ...]]:
    """(size, kernel, stride, dilation, padding) of each axis."""
    ndim = len(input)
    require(1 <= ndim <= 3, op, "input", f"{ndim} spatial axes", "1 to 3")
    require(len(kernel) == ndim, op, "weight", f"{len(kernel)} spatial axes {kernel}", f"{ndim} as the input's {input}")
    require(0 not in kernel, op, "kernel", f"size {kernel}", "at least 1 on each axis")
    sides: list[Any] = list(_each(op, "padding", padding, ndim, "one int, or one int or (low, high) pair for each of "
                                  f"{ndim} axes; a pair is nested: ((low, high),)"))
    for axis, side in enumerate(sides):
        if isinstance(side, str):
            one_of(op, "padding", side, MODES)
        else:
            pair = _each(op, "padding", side, 2, "an int or a (low, high) pair for one axis")
            sides[axis] = tuple([_integer(op, "padding", n, 0) for n in pair])
    return list(zip(input, kernel, per_axis(op, "stride", stride, ndim, 1),
                    per_axis(op, "dilation", dilation, ndim, 1), sides, strict=True))


# ---- the arithmetic

def _sides(side: Any, size: int, span: int, stride: int) -> tuple[int, int]:
    """(low, high) of a padding given as that or by its word."""
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return {"valid": (0, 0), "same": (total // 2, total - total // 2), "causal": (span - 1, 0),
            "full": (span - 1, span - 1)}.get(side, side)


def _window(op: str, input: Sizes, kernel: Sizes, stride: Any, padding: Any, dilation: Any, groups: int,
            ceil_mode: bool) -> Geometry:
    rows = []
    for axis, (size, k, s, d, side) in enumerate(_axes(op, input, kernel, stride, padding, dilation)):
        span = d * (k - 1) + 1
        low, high = _sides(side, size, span, s)
        room = size + low + high - span
        count = room // s + 1
        count += ceil_mode and room % s > 0 and count * s < size + low
        if count < 1:
            raise ValueError(f"{op}: kernel {k} with dilation {d} covers {span} positions, but the padded input has "
                             f"{size}+{low}+{high} = {size + low + high} on axis {axis}: the output would have "
                             f"floor(({size + low + high} - {span})/{s}) + 1 = {room // s + 1} positions")
        rows.append((size, k, s, d, low, high, count))
    return Geometry(*zip(*rows, strict=True), groups)       # type: ignore[arg-type, call-arg]
