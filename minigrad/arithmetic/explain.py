"""Which relationship a geometry falls under, and how its output size comes about, in words and numbers."""

from dataclasses import dataclass

from minigrad.arithmetic.relationships import ORDER, RELATIONSHIPS, Relationship
from minigrad.arithmetic.sizes import P
from minigrad.errors import one_of, require
from minigrad.geometry import Geometry, per_axis

WORDS = {"conv": "convolution", "pool": "pooling", "conv_transpose": "transposed convolution"}


@dataclass(frozen=True)
class Explanation:
    """`relationship` is the most particular one that applies (None where the padding differs on the two sides, or a
    pool is padded), `output_size` what the engine says, `lines` the derivation; `str` is the text."""

    relationship: Relationship | None
    output_size: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def explain(i: int, k: int, s: int | None = None, p: P = 0, d: int = 1, a: int = 0, op: str = "conv") -> Explanation:
    """The output size of "conv", "pool" or "conv_transpose" along one axis, derived step by step.

    `i` is the size of the operation's own input; the stride is 1 unless given, of a pool k; `a`, the output padding,
    is for "conv_transpose" alone.  Dilation enters by the effective kernel size d*(k - 1) + 1, which stands for k in
    the relationships.  ValueError where there is no output.

    >>> print(explain(5, 3, s=2, p=1))
    convolution: i = 5, k = 3, s = 2, p = 1
    padded input: 5 + 1 + 1 = 7
    steps: the kernel covers 3, so it can move by 7 - 3 = 4, in steps of 2: floor(4/2) = 2
    output: 2 steps and the place where it began: o = 2 + 1 = 3
    nothing is left over, and i = 5 to 6 all have o = 3
    Relationship 6 (padding, strides): any i, k, s and p: o = floor((i + 2p - k)/s) + 1
    >>> print(explain(3, 3, s=2, p=1, a=1, op="conv_transpose"))
    transposed convolution: i' = 3, k = 3, s = 2, p = 1, a = 1
    stretched input: with 1 zero between neighbours: 2*(3 - 1) + 1 = 5
    padding: 3 - 1 - 1 = 1 on the low side, 3 - 1 - 1 + 1 = 2 on the high side
    output: the flipped kernel moves over that by single steps: o' = (5 + 1 + 2 - 3) + 1 = 6
    back: the convolution that it transposes takes 6 to floor((6 + 1 + 1 - 3)/2) + 1 = 3
    Relationship 14 (padding, strides, rows left over, transposed): any k, s and p, a = (i + 2p - k) mod s: \
o' = s(i' - 1) + a + k - 2p
    """
    one_of("explain", "op", op, tuple(WORDS))
    require(op == "conv_transpose" or a == 0, "explain", "a", a, f"0 for op {op!r}")
    sizes = per_axis("explain", "i", i, 1, int(op == "conv_transpose")), per_axis("explain", "k", k, 1, 1)
    back = op == "conv_transpose"
    s = (k if op == "pool" else 1) if s is None else s
    geometry = (Geometry.of_transpose("explain", *sizes, s, (p,), a, dilation=d) if back
                else Geometry.of_conv("explain", *sizes, s, (p,), d))
    numbers = _Numbers(geometry)
    i, size = (numbers.output, numbers.input) if back else (numbers.input, numbers.output)
    a = numbers.input - numbers.least if back else 0        # (of padding "same" the engine chooses it)
    one_p = numbers.low if numbers.low == numbers.high else None
    given = [f"i{back * chr(39)} = {i}", f"k = {numbers.k}", f"s = {numbers.s}",
             f"p = {(numbers.low, numbers.high) if one_p is None else one_p}",
             *[f"d = {numbers.d}"] * (numbers.d > 1), *[f"a = {a}"] * (a > 0)]
    lines = [f"{WORDS[op]}: {', '.join(given)}"]
    if numbers.d > 1:
        lines.append(f"effective kernel: {numbers.k} taps {numbers.d} apart cover {numbers.d}*({numbers.k} - 1) + 1 = "
                     f"{numbers.span}, which stands for k")
    lines += numbers.backward(a) if back else numbers.forward()
    found = None if one_p is None else next(
        (RELATIONSHIPS[n] for n in ORDER[op] if RELATIONSHIPS[n].holds(i, numbers.span, numbers.s, one_p, a)), None)
    lines.append(str(found) if found else "no relationship has this case; "
                 + ("a is not below s" if one_p is not None and back else "a padded pool follows Relationship 6"
                    if one_p is not None else "with low + high for 2p, Relationship "
                    + ("14" if back else "6") + " gives the size"))
    return Explanation(found, size, tuple(lines))


class _Numbers:
    """A geometry of one axis, by letters; `least` is the smallest input that has its output."""

    def __init__(self, geometry: Geometry) -> None:
        (self.input,), (self.k,), (self.s,), (self.d,) = (geometry.input, geometry.kernel, geometry.stride,
                                                          geometry.dilation)
        (self.low,), (self.high,), (self.output,), (self.span,) = (geometry.low, geometry.high, geometry.output,
                                                                   geometry.span)
        self.least = self.s * (self.output - 1) + self.span - self.low - self.high

    def forward(self) -> list[str]:
        """From the input of the convolution to its output."""
        padded, s, o = self.input + self.low + self.high, self.s, self.output
        room = padded - self.span
        left = f"{room % s} on the high side stay{'s' * (room % s == 1)} unread" if room % s else "nothing is left over"
        lines = [
            f"padded input: {self.input} + {self.low} + {self.high} = {padded}",
            f"steps: the kernel covers {self.span}, so it can move by {padded} - {self.span} = {room}, in steps of "
            f"{s}: floor({room}/{s}) = {o - 1}",
            f"output: {o - 1} step{'s' * (o != 2)} and the place where it began: o = {o - 1} + 1 = {o}"]
        return lines + ([f"{left}, and i = {max(self.least, 0)} to {self.least + s - 1} all have o = {o}"] if s > 1
                        else [])

    def backward(self, a: int) -> list[str]:
        """From the output of the convolution back to its input."""
        s, span, size = self.s, self.span, self.input
        stretched, low, high = s * (self.output - 1) + 1, span - 1 - self.low, span - 1 - self.high + a
        zeros = f"with {s - 1} zero{'s' * (s != 2)} between neighbours" if s > 1 else "as it is"
        return [
            f"stretched input: {zeros}: {s}*({self.output} - 1) + 1 = {stretched}",
            f"padding: {span} - 1 - {self.low} = {low} on the low side, {span} - 1 - {self.high}"
            f"{f' + {a}' * (a > 0)} = {high} on the high side{' (what is negative crops)' * (min(low, high) < 0)}",
            f"output: the flipped kernel moves over that by single steps: o' = ({stretched} + {low} + {high} - {span}) "
            f"+ 1 = {size}".replace("+ -", "- "),
            f"back: the convolution that it transposes takes {size} to floor(({size} + {self.low} + {self.high} - "
            f"{span})/{s}) + 1 = {(size + self.low + self.high - span) // s + 1}"]
