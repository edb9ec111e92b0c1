"""The fourteen relationships of convolution arithmetic, as statements that can be asked and computed.

Each is a formula for the output size that holds on condition.  For all of them `i` is the size of the input of the
operation itself: for 8-14, of the transposed convolution (i' in the text), and `a` is its output padding.  So the
convolution that 8-14 transpose has i' for its output and, as its input, what they compute; "i - k is a multiple of s"
there says that no row was left over, which is a = 0.
Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016; 12-14 are corrected: they are
often printed with the stretched input's size s(i' - 1) + 1 in place of i'.
"""

from collections.abc import Callable
from dataclasses import dataclass

from minigrad.errors import require
from minigrad.shapes import integer

Formula = Callable[[int, int, int, int, int], int]
Condition = Callable[[int, int, int, int, int], bool]


@dataclass(frozen=True)
class Relationship:
    """A formula for an output size, and when it holds.

    `statement` and `conditions` are the text, `op` is "conv", "pool" or "conv_transpose"; `formula` and `condition`
    are both as functions of (i, k, s, p, a), which `output_size` and `holds` check before they ask.
    """

    number: int
    op: str
    title: str
    statement: str
    conditions: str
    condition: Condition
    formula: Formula

    def holds(self, i: int, k: int, s: int = 1, p: int = 0, a: int = 0) -> bool:
        """Whether the conditions are met, and the operation is one: 0 <= a < s, and at least one output.

        Padding is one number, that of both sides; TypeError for what is no int.

        >>> RELATIONSHIPS[3].holds(5, 3, p=1), RELATIONSHIPS[3].holds(5, 4, p=2)
        (True, False)
        """
        if not (type(i) is type(k) is type(s) is type(p) is type(a) is int):
            for name, value in zip("ikspa", (i, k, s, p, a), strict=True):
                integer(f"relationship {self.number}", name, value)
        if min(k, s) < 1 or min(i, p) < 0 or not 0 <= a < s:
            return False
        back = self.op == "conv_transpose"
        fits = i >= 1 and s * (i - 1) + a + k - 2 * p >= 1 if back else i + 2 * p >= k
        return bool(fits and self.condition(i, k, s, p, a))

    def output_size(self, i: int, k: int, s: int = 1, p: int = 0, a: int = 0) -> int:
        """The formula's value; ValueError where the conditions are not met.

        >>> RELATIONSHIPS[6].output_size(6, 3, s=2, p=1), RELATIONSHIPS[14].output_size(3, 3, s=2, p=1, a=1)
        (3, 6)
        """
        require(self.holds(i, k, s, p, a), f"relationship {self.number}", "geometry",
                f"i = {i}, k = {k}, s = {s}, p = {p}, a = {a}", f"{self.conditions}, and an output")
        return self.formula(i, k, s, p, a)

    def __str__(self) -> str:
        return f"Relationship {self.number} ({self.title}): {self.conditions}: {self.statement}"


def _rows() -> list[tuple[str, str, str, str, Condition, Formula]]:
    conv, back = "conv", "conv_transpose"
    return [
        (conv, "no padding, unit stride", "o = (i - k) + 1", "s = 1, p = 0",
         lambda i, k, s, p, a: s == 1 and p == a == 0, lambda i, k, s, p, a: i - k + 1),
        (conv, "padding, unit stride", "o = (i - k) + 2p + 1", "s = 1",
         lambda i, k, s, p, a: s == 1 and a == 0, lambda i, k, s, p, a: i - k + 2 * p + 1),
        (conv, "half (same) padding", "o = i", "k odd, s = 1, p = floor(k/2)",
         lambda i, k, s, p, a: s == 1 == k % 2 and p == k // 2 and a == 0, lambda i, k, s, p, a: i),
        (conv, "full padding", "o = i + (k - 1)", "s = 1, p = k - 1",
         lambda i, k, s, p, a: s == 1 and p == k - 1 and a == 0, lambda i, k, s, p, a: i + k - 1),
        (conv, "no padding, strides", "o = floor((i - k)/s) + 1", "p = 0",
         lambda i, k, s, p, a: p == a == 0, lambda i, k, s, p, a: (i - k) // s + 1),
        (conv, "padding, strides", "o = floor((i + 2p - k)/s) + 1", "any i, k, s and p",
         lambda i, k, s, p, a: a == 0, lambda i, k, s, p, a: (i + 2 * p - k) // s + 1),
        ("pool", "pooling", "o = floor((i - k)/s) + 1", "p = 0",
         lambda i, k, s, p, a: p == a == 0, lambda i, k, s, p, a: (i - k) // s + 1),
        (back, "no padding, unit stride, transposed", "o' = i' + (k - 1)", "s = 1, p = 0",
         lambda i, k, s, p, a: s == 1 and p == 0, lambda i, k, s, p, a: i + k - 1),
        (back, "padding, unit stride, transposed", "o' = i' + (k - 1) - 2p", "s = 1",
         lambda i, k, s, p, a: s == 1, lambda i, k, s, p, a: i + k - 1 - 2 * p),
        (back, "half (same) padding, transposed", "o' = i'", "k odd, s = 1, p = floor(k/2)",
         lambda i, k, s, p, a: s == 1 == k % 2 and p == k // 2, lambda i, k, s, p, a: i),
        (back, "full padding, transposed", "o' = i' - (k - 1)", "s = 1, p = k - 1",
         lambda i, k, s, p, a: s == 1 and p == k - 1, lambda i, k, s, p, a: i - (k - 1)),
        (back, "no padding, strides, transposed", "o' = s(i' - 1) + k", "p = 0, i - k a multiple of s (so a = 0)",
         lambda i, k, s, p, a: p == a == 0, lambda i, k, s, p, a: s * (i - 1) + k),
        (back, "padding, strides, transposed", "o' = s(i' - 1) + k - 2p", "i + 2p - k a multiple of s (so a = 0)",
         lambda i, k, s, p, a: a == 0, lambda i, k, s, p, a: s * (i - 1) + k - 2 * p),
        (back, "padding, strides, rows left over, transposed", "o' = s(i' - 1) + a + k - 2p",
         "any k, s and p, a = (i + 2p - k) mod s",
         lambda i, k, s, p, a: True, lambda i, k, s, p, a: s * (i - 1) + a + k - 2 * p),
    ]


RELATIONSHIPS: dict[int, Relationship] = {number: Relationship(number, *row) for number, row in enumerate(_rows(), 1)}

# The most particular first, as `explain` looks for what applies.
ORDER = {"conv": (1, 3, 4, 2, 5, 6), "pool": (7,), "conv_transpose": (8, 10, 11, 9, 12, 13, 14)}
