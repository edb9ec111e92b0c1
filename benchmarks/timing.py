"""Medians of calls that are timed in turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Call = Callable[[], Any]
Key = TypeVar("Key", bound=Hashable)
TURNS = 5, 12       # how often each call has its turn, at least and at most
SLOW = 0.2          # seconds: what takes longer is naive, and needs no warming
WARM = 0.005        # seconds: OpenMP's threads wait for work actively for a few milliseconds before they sleep


def taken(call: Call, repeat: int = 1) -> float:
    """Seconds a call, over `repeat` of them."""
    start = time.perf_counter()
    for _ in range(repeat):
        call()
    return (time.perf_counter() - start) / repeat


def warm(call: Call, seconds: float) -> None:
    """Calls until so much time has passed: caches fill, and threads of the library before have gone to sleep."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        call()


def medians(calls: dict[Key, Call], seconds: float,
            before: Callable[[Key], Any] = lambda key: None) -> dict[Key, float]:
    """The median time of each call, `seconds` for each in all (slow ones run thrice); `before(key)` starts its turn."""
    once: dict[Key, float] = {}
    for key, call in calls.items():
        before(key)
        once[key] = max(taken(call), 1e-7)
        if once[key] < SLOW:
            once[key] = max(taken(call), 1e-7)
    times: dict[Key, list[float]] = {key: [] for key in calls}
    for turn in range(TURNS[1]):
        for key, call in calls.items():
            turns = min(max(int(seconds / max(once[key], WARM)), TURNS[0]), TURNS[1]) if once[key] < SLOW else 3
            if turn < turns:
                before(key)
                if once[key] < SLOW:
                    warm(call, max(WARM, seconds / turns / 4))
                times[key].append(taken(call, max(1, int(seconds / turns / once[key]))))
    return {key: statistics.median(found) for key, found in times.items()}


def scaled(seconds: float) -> str:
    """A time with a unit that suits it."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def geometric_mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))
