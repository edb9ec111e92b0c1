"""Random numbers from a counter (Philox4x32-10), in the words of the paper that defines them.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from minigrad.reference.nested import Nested, Shape, unflatten

MASK = 2**32 - 1
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)


def philox4x32(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]:
    """The four random words of a counter (four words) under a key (two words).

    >>> [f"{word:08x}" for word in philox4x32((0, 0, 0, 0), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = second >> 32 ^ c1 ^ k0, second & MASK, first >> 32 ^ c3 ^ k1, first & MASK
        k0, k1 = k0 + WEYL[0] & MASK, k1 + WEYL[1] & MASK
    return c0, c1, c2, c3


def _words(seed: int, offset: int) -> Iterator[int]:
    """The random words of counters offset, offset + 1, ... under the key `seed`."""
    while True:
        yield from philox4x32((offset & MASK, offset >> 32 & MASK, 0, 0), (seed & MASK, seed >> 32 & MASK))
        offset += 1


def _long_words(seed: int, offset: int) -> Iterator[int]:
    words = _words(seed, offset)
    for low in words:
        yield next(words) << 32 | low


def _units(seed: int, offset: int, bits: int) -> Iterator[float]:
    """Numbers in [0, 1): multiples of 2^-24 from one word each, or of 2^-53 from two."""
    if bits == 24:
        return ((word >> 8) / 2**24 for word in _words(seed, offset))
    return ((word >> 11) / 2**53 for word in _long_words(seed, offset))


def uniform(shape: Shape = (), seed: int = 0, offset: int = 0, bits: int = 24) -> Nested:
    """Numbers in [0, 1) of 24 random bits (float32) or 53 (float64)."""
    units = _units(seed, offset, bits)
    return unflatten([next(units) for _ in range(math.prod(shape))], shape)


def mask(shape: Shape = (), seed: int = 0, offset: int = 0, bits: int = 24, keep: float = 0.5, scale: float = 2
         ) -> Nested:
    """`scale` where the uniform number is below `keep`, else 0."""
    units = _units(seed, offset, bits)
    return unflatten([scale if next(units) < keep else 0 for _ in range(math.prod(shape))], shape)


def normal(shape: Shape = (), seed: int = 0, offset: int = 0, bits: int = 24) -> Nested:
    """Normal numbers, two from every two uniform ones (Box and Muller)."""
    units = _units(seed, offset, bits)
    numbers: list[float] = []
    while len(numbers) < math.prod(shape):
        length, angle = math.sqrt(-2 * math.log(1 - next(units))), 2 * math.pi * next(units)
        numbers += [length * math.cos(angle), length * math.sin(angle)]
    return unflatten(numbers[:math.prod(shape)], shape)


def randint(shape: Shape = (), seed: int = 0, offset: int = 0, low: int = 0, high: int = 2) -> Nested:
    """Integers in [low, high)."""
    words = _long_words(seed, offset)
    return unflatten([low + (next(words) * (high - low) >> 64) for _ in range(math.prod(shape))], shape)


def permutation(n: int, seed: int = 0, offset: int = 0) -> list[int]:
    """0 ... n - 1 in random order (Fisher and Yates)."""
    words = _long_words(seed, offset)
    x: list[int] = []
    for j in range(n):
        there = next(words) * (j + 1) >> 64
        x.append(j)
        x[j], x[there] = x[there], j
    return x


KERNELS: dict[str, Callable[..., Nested]] = {
    function.__name__: function for function in (uniform, mask, normal, randint, permutation)
}
