"""Linear forms: sums of coefficients times elements of the input, which can stand where a definition expects numbers.

    form = sum over j of coefficient[j] * x[j]

A definition that only adds them and scales them makes forms of forms, and each is a row of the matrix.  Whatever else
is done to a form (comparing it, multiplying two) has no meaning here, and that is how what is not linear shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

LONGEST = 48            # letters of a name; a coefficient that would need more has its number alone


class Named(float):
    """A coefficient with the name of the weight that it is, or the formula of the weights that it is made of."""

    name: str

    @staticmethod
    def of(value: float, name: str) -> float:
        """The number under that name, if it is not too long."""
        if len(name) > LONGEST:
            return float(value)
        number = Named(value)
        number.name = name
        return number


def words(number: float) -> str:
    """The name of a coefficient, or the number itself."""
    return number.name if isinstance(number, Named) else f"{number:.4g}"


def factor(number: float) -> str:
    """The same as a factor of a product: a sum in brackets, 1 and -1 as their sign."""
    text = words(number)
    if isinstance(number, Named):
        return f"({text})" if "+" in text or "-" in text[1:] else text
    return {"1": "", "-1": "-"}.get(text, text)


def times(a: float, b: float) -> float:
    """a * b; of names, numbers in front: 2w[0]."""
    if not (isinstance(a, Named) or isinstance(b, Named)):
        return a * b
    first, second = (b, a) if isinstance(a, Named) and not isinstance(b, Named) else (a, b)
    return Named.of(float(a) * float(b), factor(first) + factor(second))


def plus(a: float, b: float) -> float:
    """a + b; of names, w[0]+w[1], and twice the same is 2w[0]."""
    if not (isinstance(a, Named) or isinstance(b, Named)):
        return a + b
    both = f"2{factor(a)}" if words(a) == words(b) else f"{words(a)}+{words(b)}".replace("+-", "-")
    return Named.of(float(a) + float(b), both)


class Form:
    """A sum of multiples of forms (`parts`), or once it is settled of elements of the input (`terms`, by column)."""

    __slots__ = ("parts", "terms")

    def __init__(self, parts: tuple[tuple[float, Form], ...], terms: dict[int, float] | None = None) -> None:
        self.parts, self.terms = parts, terms

    def __add__(self, other: Any) -> Form:
        if isinstance(other, Form):
            return Form(((1, self), (1, other)))
        return self if other == 0 else NotImplemented

    def __mul__(self, number: Any) -> Form:
        return NotImplemented if isinstance(number, Form) else Form(((number, self),))

    def __truediv__(self, number: Any) -> Form:
        return NotImplemented if isinstance(number, Form) else Form(((1 / number, self),))

    def __neg__(self) -> Form:
        return self * -1

    def __sub__(self, other: Any) -> Form:
        return self + -other

    def __rsub__(self, other: Any) -> Form:
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def settled(self) -> Form:
        """The form with all multiples carried out: one step for each term of each part."""
        if self.terms is None:
            self.terms, self.parts = collected([(1, self)]), ()
        return self


def collected(parts: Iterable[tuple[float, Form]]) -> dict[int, float]:
    """The terms of a sum of multiples of forms, in the order of the columns.

    Zeros are left out, unless they have a name: a weight may be 0, and its place in the matrix stays.
    """
    found: dict[int, float] = {}
    stack = list(parts)[::-1]
    while stack:
        number, form = stack.pop()
        if form.terms is None:
            stack += [(times(number, each), part) for each, part in form.parts[::-1]]
            continue
        for column, value in form.terms.items():
            product = value if number == 1 and not isinstance(number, Named) else times(number, value)
            found[column] = plus(found[column], product) if column in found else product
    return {column: found[column] for column in sorted(found) if found[column] or isinstance(found[column], Named)}
