"""Sizes along one axis.  Axes do not interact, so one axis is the whole arithmetic.

    o = floor((i + low + high - span) / s) + 1          span = d*(k - 1) + 1

i input, k kernel, s stride, d dilation, o output; p is the padding of both sides, or (low, high).  These functions ask
the Geometry that every convolution and pool of the engine asks, so they cannot disagree with it, nor can their errors.
Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapters 2 to 5.
"""

from minigrad.geometry import Geometry, per_axis

P = int | str | tuple[int, int]         # padding: of both sides, (low, high), or a word of the Geometry


def conv_geometry(op: str, i: int, k: int, s: int = 1, p: P = 0, d: int = 1) -> Geometry:
    """The engine's record of a convolution along one axis; errors name `op`."""
    return Geometry.of_conv(op, per_axis(op, "i", i, 1, 0), per_axis(op, "k", k, 1, 1), s, (p,), d)


def conv_output_size(i: int, k: int, s: int = 1, p: P = 0, d: int = 1) -> int:
    """o = floor((i + 2p - d*(k - 1) - 1) / s) + 1: how many places a kernel has on a padded input.

    `p` is an int, a (low, high) pair, or "valid", "same", "causal" or "full".  ValueError where no window fits.
    Source: Relationships 1-6 and 15 of the guide.

    >>> conv_output_size(5, 3, s=2, p=1)
    3
    >>> conv_output_size(5, 3, p=(0, 2), d=2)
    3
    >>> conv_output_size(2, 3)
    Traceback (most recent call last):
        ...
    ValueError: conv_output_size: kernel 3 with dilation 1 covers 3 positions, but the padded input has 2+0+0 = 2 on \
axis 0: the output would have floor((2 - 3)/1) + 1 = 0 positions
    """
    return conv_geometry("conv_output_size", i, k, s, p, d).output[0]


def pool_output_size(i: int, k: int, s: int | None = None, p: P = 0, d: int = 1, ceil_mode: bool = False) -> int:
    """o = floor((i + 2p - d*(k - 1) - 1) / s) + 1, as of a convolution; the stride is k unless given.

    `ceil_mode` counts a last window that begins inside but ends outside.  ValueError where no window fits.
    Source: Relationship 7 of the guide, which has p = 0 and d = 1.

    >>> pool_output_size(5, 2), pool_output_size(5, 2, ceil_mode=True), pool_output_size(5, 3, s=1)
    (2, 3, 3)
    """
    op = "pool_output_size"
    return Geometry.of_pool(op, per_axis(op, "i", i, 1, 0), k, s, (p,), d, ceil_mode).output[0]


def conv_transpose_output_size(i: int, k: int, s: int = 1, p: P = 0, d: int = 1, a: int = 0) -> int:
    """o' = s*(i' - 1) + a + d*(k - 1) + 1 - 2p, of a transposed convolution over an input of size i'.

    That is the input size of the convolution which it transposes.  `a`, the output padding, picks one of the sizes that
    a stride s takes to the same i'.  ValueError where nothing is left, or `a` is not below s (or d).
    Source: Relationships 8-14 of the guide; 12-14 are often printed with the stretched input in place of i'.

    >>> conv_transpose_output_size(3, 3, s=2, p=1), conv_transpose_output_size(3, 3, s=2, p=1, a=1)
    (5, 6)
    >>> conv_output_size(5, 3, s=2, p=1), conv_output_size(6, 3, s=2, p=1)
    (3, 3)
    """
    op = "conv_transpose_output_size"
    sizes = per_axis(op, "i", i, 1, 1), per_axis(op, "k", k, 1, 1)
    return Geometry.of_transpose(op, *sizes, s, (p,), a, dilation=d).input[0]


def effective_kernel_size(k: int, d: int = 1) -> int:
    """d*(k - 1) + 1: how many positions k taps cover that stand d apart.

    Wherever a formula without dilation has k, this stands for it.  ValueError below 1.  Source: the guide, section 5.1.

    >>> [effective_kernel_size(3, d) for d in (1, 2, 4)]
    [3, 5, 9]
    """
    return conv_geometry("effective_kernel_size", 1, k, 1, "full", d).span[0]


def same_padding(i: int, k: int, s: int = 1, d: int = 1) -> tuple[int, int]:
    """(low, high) so that o = ceil(i / s): half of d*(k - 1) where s = 1, the odd one on the high side.

    Source: Relationship 3 of the guide for s = 1 and odd k, called half padding; TensorFlow's "SAME" for the rest.

    >>> same_padding(5, 3), same_padding(5, 4), same_padding(224, 7, s=2), same_padding(5, 3, d=2)
    ((1, 1), (1, 2), (2, 3), (2, 2))
    """
    geometry = conv_geometry("same_padding", i, k, s, "same", d)
    return geometry.low[0], geometry.high[0]


def full_padding(k: int, d: int = 1) -> int:
    """p = d*(k - 1): every window that meets the input at all, so that o = i + d*(k - 1) where s = 1.

    Source: Relationship 4 of the guide.

    >>> full_padding(3), conv_output_size(5, 3, p=full_padding(3))
    (2, 7)
    """
    return conv_geometry("full_padding", 1, k, 1, "full", d).low[0]
