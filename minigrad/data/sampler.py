"""A sampler is the order in which a dataset's items are visited: an iterable of indices with a length."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any

from minigrad.errors import require
from minigrad.functions import random


class Sampler:
    """Base class.  Subclasses define `__iter__`, and `__len__` where it is known."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} defines no __iter__")


class SequentialSampler(Sampler):
    """0, 1, 2, ..."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """All indices in random order; with `replacement`, `num_samples` independent draws.

    Each pass draws anew from `generator` (without one, from the generator that `minigrad.manual_seed` sets).
    """

    def __init__(self, data_source: Sized, replacement: bool = False, num_samples: int | None = None,
                 generator: Any = None) -> None:
        require(num_samples is None or (isinstance(num_samples, int) and num_samples > 0), "RandomSampler",
                "num_samples", num_samples, "a positive integer")
        self.data_source, self.replacement = data_source, replacement
        self._num_samples, self.generator = num_samples, generator

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n = len(self.data_source)
        left = self.num_samples if n else 0
        if self.replacement:
            yield from random.randint(0, max(n, 1), (left,), generator=self.generator).tolist()
            return
        while left > 0:  # more samples than items: whole permutations, one after the other
            yield from random.randperm(n, generator=self.generator).tolist()[:left]
            left -= n

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given indices in random order."""

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        return map(self.indices.__getitem__, random.randperm(len(self.indices), generator=self.generator).tolist())

    def __len__(self) -> int:
        return len(self.indices)


class BatchSampler(Sampler):
    """Lists of `batch_size` indices of another sampler; the last one may be shorter, unless `drop_last`.

    >>> list(BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        valid = isinstance(batch_size, int) and not isinstance(batch_size, bool) and batch_size > 0
        require(valid, "BatchSampler", "batch_size", batch_size, "a positive integer")
        require(isinstance(drop_last, bool), "BatchSampler", "drop_last", drop_last, "a bool")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + (rest > 0 and not self.drop_last)
