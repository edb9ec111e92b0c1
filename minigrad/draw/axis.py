"""An axis: where values stand between its ends, and the round numbers that are written at it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MOST = 7        # round steps on a linear axis, at most


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, or on a logarithmic axis from their powers of ten; `step` is that between linear ticks."""

    low: float
    high: float
    step: float = 0.0       # 0 on a logarithmic axis

    @classmethod
    def linear(cls, values: Iterable[float], rounded: bool = True, whole: bool = False) -> Axis:
        """Over all of some values: from one round number to another if `rounded`; ticks at integers only if `whole`.

        >>> Axis.linear([0.3, 2.2]).ticks()
        [(0.0, '0'), (0.5, '0.5'), (1.0, '1'), (1.5, '1.5'), (2.0, '2'), (2.5, '2.5')]
        """
        known = list(values)
        low, high = min(known), max(known)
        largest = max(abs(low), abs(high))
        if high - low <= max(1e-5 * largest, 1e-300):       # one number, or what would be written as one
            room = 0.5 if whole or largest < 1e-300 else largest / 10
            low, high = low - room, high + room
        rough = (high - low) / MOST
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9))
        step = max(step, 1.0) if whole else step
        if rounded:
            low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        return cls(low, high, step)

    @classmethod
    def logarithmic(cls, values: Iterable[float]) -> Axis:
        """Over all of some positive values; with room around them where that is needed for two ticks.

        >>> Axis.logarithmic([2.0, 30.0]).ticks()
        [(2.0, '2'), (5.0, '5'), (10.0, '10'), (20.0, '20')]
        """
        known = list(values)
        low, high = math.log10(min(known)), math.log10(max(known))
        axis, middle = cls(low, high), (low + high) / 2
        # From one tick to the next is a factor of 2 or 2.5, so that 0.8 of a power of ten holds two of them.
        return axis if len(axis.ticks()) > 1 else cls(middle - 0.4, middle + 0.4)

    def at(self, value: float) -> float:
        """Where a value stands, from 0 at the low end to 1 at the high one."""
        return ((value if self.step else math.log10(value)) - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers between the ends, and as they are written."""
        if self.step:
            first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
            digits = max(0, -math.floor(math.log10(self.step)))
            return [(value, f"{value:.9g}".replace("-", "−"))
                    for value in (round(n * self.step, digits) + 0.0 for n in range(first, last + 1))]
        steps = (1, 2, 5) if self.high - self.low < 3 else (1,)
        return [(step * 10.0 ** power, f"{step * 10.0 ** power:g}")
                for power in range(math.floor(self.low), math.ceil(self.high) + 1) for step in steps
                if self.low <= math.log10(step) + power <= self.high]
