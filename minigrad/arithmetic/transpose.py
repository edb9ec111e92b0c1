"""The direct convolution that a transposed convolution is.

A convolution of stride s takes an input of size i to one of size i'.  Its transpose takes i' back to i, and so does a
direct convolution of stride 1 with the kernel flipped, over the input stretched by s - 1 zeros between its elements:

    stretched  s*(i' - 1) + 1        p' = d*(k - 1) - p        a = (i + 2p - d*(k - 1) - 1) mod s

with a more zeros on the high side, the rows that no window of the strided convolution had reached.
Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, Relationships 8-14.
"""

from dataclasses import dataclass

from minigrad.arithmetic.sizes import P, conv_geometry


@dataclass(frozen=True)
class AssociatedTranspose:
    """A direct convolution of stride `s` = 1 with `k` flipped taps, `d` apart, over the stretched input.

    `input` is i', the output size of the convolution that is transposed; `stretched` what it has with zeros between its
    elements; around that stand `p` zeros (an int, or (low, high), as the padding was given; a negative one crops) and
    `a` more on the high side; `output_size` is i again.
    """

    input: int
    stretched: int
    k: int
    s: int
    d: int
    p: int | tuple[int, int]
    a: int
    output_size: int

    @property
    def padding(self) -> tuple[int, int]:
        """(low, high) in all, `a` included."""
        low, high = self.p if isinstance(self.p, tuple) else (self.p, self.p)
        return low, high + self.a


def associated_transpose(i: int, k: int, s: int = 1, p: P = 0, d: int = 1) -> AssociatedTranspose:
    """The direct convolution equal to the transpose of the convolution (i, k, s, p, d).

    ValueError where that convolution has no output.

    >>> associated_transpose(6, 3, 2, 1)
    AssociatedTranspose(input=3, stretched=5, k=3, s=1, d=1, p=1, a=1, output_size=6)
    >>> associated_transpose(4, 3).p, associated_transpose(5, 3, p=2).p, associated_transpose(5, 3, p=(0, 1)).p
    (2, 0, (2, 1))
    """
    geometry = conv_geometry("associated_transpose", i, k, s, p, d)
    (output,), (span,), (stride,) = geometry.output, geometry.span, geometry.stride
    (low,), (high,) = geometry.low, geometry.high
    sides = span - 1 - low, span - 1 - high
    return AssociatedTranspose(output, stride * (output - 1) + 1, k, 1, d,
                               sides[0] if isinstance(p, int) else sides, (i + low + high - span) % stride, i)
