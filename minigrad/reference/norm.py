"""Normalisation of (samples, channels, positions) over groups; see minigrad.ops.norm for the words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minigrad.groups import Groups
from minigrad.reference.nested import Nested, flat, shape, unflatten


def members(size: int, groups: Groups) -> tuple[list[int], list[list[int]]]:
    """The channel of each place of the flat array, and the places of each group."""
    channels, positions, inner = groups.channels, groups.positions, groups.channels // groups.groups
    found: dict[tuple[int, int], list[int]] = {}
    channel = [place // positions % channels for place in range(size)]
    for place in range(size):
        sample = 0 if groups.across else place // (channels * positions)
        found.setdefault((sample, channel[place] // inner), []).append(place)
    return channel, list(found.values())


def moments(x: list) -> tuple[float, float]:
    """Mean and biased variance."""
    mean = math.fsum(x) / len(x)
    return mean, math.fsum((value - mean) ** 2 for value in x) / len(x)


def chosen(given: tuple[Nested, ...], channel: int, x: list) -> tuple[float, float]:
    """The moments given by channel, or where there are none those of x."""
    return (flat(given[0])[channel], flat(given[1])[channel]) if given else moments(x)


def normalize(x: Nested, w: Nested, b: Nested, *given: Nested, groups: Groups) -> Nested:
    """(x - mean) / sqrt(var + eps) * w[c] + b[c], with mean and var over each group, or given by channel.

    >>> normalize([[1.0, 3.0]], [1.0, 2.0], [0.0, 5.0], groups=Groups(2, 1, 1, False, 0.0))
    [[-1.0, 7.0]]
    """
    numbers, w, b = flat(x), flat(w), flat(b)
    channel, sets = members(len(numbers), groups)
    out, eps = list(numbers), groups.eps
    for places in sets:
        mean, var = chosen(given, channel[places[0]], [numbers[place] for place in places])
        for place in places:
            c = channel[place]
            out[place] = (numbers[place] - mean) / math.sqrt(var + eps) * w[c] + b[c]
    return unflatten(out, shape(x))


def normalize_pull(g: Nested, x: Nested, w: Nested, *given: Nested, groups: Groups) -> tuple[Nested, Nested, Nested]:
    """What becomes of the cotangent g of `normalize`: the cotangents of x, w and b."""
    slopes, numbers, weights = flat(g), flat(x), flat(w)
    channel, sets = members(len(numbers), groups)
    dx, dw, db, eps = list(numbers), [0.0] * len(weights), [0.0] * len(weights), groups.eps
    for places in sets:
        mean, var = chosen(given, channel[places[0]], [numbers[place] for place in places])
        scale = 1 / math.sqrt(var + eps)
        z = {place: (numbers[place] - mean) * scale for place in places}
        pulled = {place: slopes[place] * weights[channel[place]] for place in places}
        level = math.fsum(pulled.values()) / len(places)
        slope = math.fsum(pulled[place] * z[place] for place in places) / len(places)
        for place in places:
            dx[place] = scale * (pulled[place] - (0.0 if given else level + z[place] * slope))
            dw[channel[place]] += slopes[place] * z[place]
            db[channel[place]] += slopes[place]
    return unflatten(dx, shape(x)), unflatten(dw, shape(w)), unflatten(db, shape(w))


def track_moments(mean: list, var: list, x: Nested, *, positions: int, across: bool, momentum: float
                  ) -> tuple[list, list]:
    """The running mean and unbiased variance of each channel, moved towards those observed; the mean over samples."""
    numbers, channels = flat(x), len(mean)
    channel, sets = members(len(numbers), Groups(channels, positions, channels, across, 0.0))
    seen: list[list] = [[] for _ in mean]
    for places in sets:
        center, spread = moments([numbers[place] for place in places])
        seen[channel[places[0]]].append((center, spread * len(places) / (len(places) - 1)))
    return tuple([old + momentum * (math.fsum(pair[which] for pair in pairs) / len(pairs) - old)
                  for old, pairs in zip(running, seen, strict=True)]
                 for which, running in enumerate((mean, var)))     # type: ignore[return-value]


def normalize_tracking(x: Nested, w: Nested, b: Nested, mean: list, var: list, *, groups: Groups, momentum: float
                       ) -> tuple[Nested, list, list]:
    """`normalize` across samples, and what it makes of running moments."""
    return (normalize(x, w, b, groups=groups),
            *track_moments(mean, var, x, positions=groups.positions, across=True, momentum=momentum))


KERNELS: dict[str, Callable[..., Any]] = {
    "normalize": normalize, "normalize_pull": normalize_pull, "normalize_tracking": normalize_tracking,
    "track_moments": track_moments}
