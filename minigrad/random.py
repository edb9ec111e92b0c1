"""Random numbers: counter-based streams (Philox 4x32-10), the same whatever the number of threads.

A Generator is a seed and a position in that seed's stream.  A draw of n numbers uses the next positions; every number
depends on its own position alone.  Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3".
"""

import os
from collections.abc import Callable
from typing import Any

from minigrad.device import check_device
from minigrad.errors import require
from minigrad.shapes import integer
from minigrad_ext.recorder import current

__all__ = ["Generator", "default_generator", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

MASK = (1 << 63) - 1


def again(generator: "Generator", effect: Callable[[], Any]) -> None:
    """While a function is captured: what each call of it does to a generator."""
    recorder = current()
    if recorder is not None:
        recorder.renewal(effect, generator.__dict__)


def keep(generator: "Generator") -> None:
    """While a function is captured: a generator is about to change."""
    recorder = current()
    if recorder is not None:
        recorder.keep(generator.__dict__)


class Generator:
    """A stream of random numbers.

    >>> import minigrad
    >>> g = minigrad.Generator().manual_seed(1)
    >>> a = minigrad.rand(3, generator=g)
    >>> bool((minigrad.rand(3, generator=g.manual_seed(1)) == a).all())
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_device("Generator", device)
        self._seed, self._offset = 67280421310721, 0

    def manual_seed(self, seed: int) -> "Generator":
        """Goes to the start of the stream of `seed`; returns the generator."""
        keep(self)
        self._seed, self._offset = integer("manual_seed", "seed", seed) & MASK, 0
        again(self, lambda: self.manual_seed(seed))
        return self

    def seed(self) -> int:
        """Starts a stream that the operating system chose, and returns its seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self._seed

    def get_state(self) -> dict[str, int]:
        """Seed and position: all there is to a generator."""
        state = {"seed": self._seed, "offset": self._offset}
        again(self, lambda: state.update(self.get_state()))
        return state

    def set_state(self, state: dict[str, int]) -> "Generator":
        """Goes to a seed and position that `get_state` gave."""
        require(isinstance(state, dict) and set(state) == {"seed", "offset"}, "Generator.set_state", "state", state,
                "what get_state returned")
        keep(self)
        self._seed = integer("Generator.set_state", "seed", state["seed"]) & MASK
        self._offset = integer("Generator.set_state", "offset", state["offset"])
        again(self, lambda: self.set_state(state))
        return self

    def take(self, counters: int) -> tuple[int, int]:
        """(seed, position) of the next draw, which uses `counters` positions."""
        keep(self)
        self._offset += counters
        return self._seed, self._offset - counters


default_generator = Generator()     # where no other is given; the functions of this module are its methods
manual_seed, seed, initial_seed = default_generator.manual_seed, default_generator.seed, default_generator.initial_seed
get_rng_state, set_rng_state = default_generator.get_state, default_generator.set_state
