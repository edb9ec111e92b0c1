"""Batches of a dataset, in the order a sampler gives.

A sampler is the order in which a dataset's items are visited: an iterable of indices with a length.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from typing import Any

from minigrad import dtypes
from minigrad.errors import require
from minigrad.functions import create, parts, random
from minigrad.tensor import Tensor


class Sampler:
    """Base class.  Subclasses define `__iter__`, and `__len__` where it is known."""


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
        while left > 0:  # more samples than items: whole permutations, one after the other
            some = random.randint(0, n, (left,), generator=self.generator) if self.replacement else \
                random.randperm(n, generator=self.generator)
            yield from some[:left].tolist()
            left -= len(some)

    def __len__(self) -> int:
        return self.num_samples


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


class DataLoader:
    """Iterates over a dataset batch by batch, as `torch.utils.data.DataLoader` does.

    Batches are made in the calling process: `num_workers` and the options about workers and pinned memory are accepted
    and change nothing.  `batch_size=None` yields single items.  With `shuffle`, each pass has a new order, drawn from
    `generator` or from the generator that `minigrad.manual_seed` sets.

    >>> import minigrad
    >>> from minigrad.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(minigrad.arange(5)), batch_size=2)
    >>> [batch.tolist() for batch, in loader]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
                 sampler: Iterable[int] | None = None, batch_sampler: Iterable[Sequence[int]] | None = None,
                 num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None, pin_memory: bool = False,
                 drop_last: bool = False, timeout: float = 0, worker_init_fn: Callable[[int], None] | None = None,
                 multiprocessing_context: Any = None, generator: Any = None, *, prefetch_factor: int | None = None,
                 persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True) -> None:
        require(num_workers >= 0, "DataLoader", "num_workers", num_workers, "0 or more")
        require(sampler is None or not shuffle, "DataLoader", "sampler", "also shuffle", "one of the two")
        require(batch_size is not None or batch_sampler or not drop_last, "DataLoader", "drop_last",
                "batch_size=None, which makes no batches to drop", "a batch_size")
        if batch_sampler is not None:
            require(batch_size in (None, 1) and not shuffle and sampler is None and not drop_last, "DataLoader",
                    "batch_sampler", "more to choose batches", "none of batch_size, shuffle, sampler, drop_last")
            batch_size = None
        if sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset, self.sampler, self.batch_sampler = dataset, sampler, batch_sampler
        self.batch_size, self.drop_last, self.num_workers = batch_size, drop_last, num_workers
        self.generator, self.collate_fn = generator, collate_fn or default_collate
        self._whole_batches = collate_fn is None and hasattr(dataset, "batch")

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            return map(self.dataset.__getitem__, self.sampler)
        if self._whole_batches:
            return map(self.dataset.batch, self.batch_sampler)
        return (self.collate_fn([self.dataset[index] for index in indices]) for indices in self.batch_sampler)

    def __len__(self) -> int:
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]


def default_collate(batch: Sequence[Any]) -> Any:
    """Items to one batch: tensors are stacked, numbers become a tensor, and containers are collated part by part.

    >>> default_collate([{"x": 1, "name": "a"}, {"x": 2, "name": "b"}])["name"]
    ['a', 'b']
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return parts.stack(list(batch))
    if isinstance(first, int | float):
        return create.tensor(list(batch), dtype=dtypes.float64 if isinstance(first, float) else None)
    if isinstance(first, str | bytes):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: default_collate([item[key] for item in batch]) for key in first}
    if isinstance(first, Sequence):
        lengths = {len(item) for item in batch}
        require(len(lengths) == 1, "default_collate", "batch", f"items of lengths {sorted(lengths)}", "one length")
        collated = [default_collate(part) for part in zip(*batch, strict=True)]
        return type(first)(*collated) if hasattr(first, "_fields") else collated
    raise TypeError(f"default_collate: batch: got items of type {type(first).__name__}, expected tensors, numbers, "
                    f"strings, or dicts and sequences of them")
