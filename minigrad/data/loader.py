"""Batches of a dataset, in the order a sampler gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from minigrad import dtypes
from minigrad.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from minigrad.functions import create, parts
from minigrad.tensor import Tensor


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
        if num_workers < 0:
            raise ValueError(f"DataLoader: num_workers: got {num_workers}, expected 0 or more")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler and shuffle: got both, expected one of them")
        if batch_sampler is not None:
            if batch_size not in (None, 1) or shuffle or sampler is not None or drop_last:
                raise ValueError("DataLoader: batch_sampler: goes with none of batch_size, shuffle, sampler, drop_last")
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("DataLoader: drop_last: got batch_size=None, which makes no batches to drop")
        if sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.drop_last = drop_last
        self.generator = generator
        self.collate_fn = collate_fn or default_collate
        self._whole_batches = collate_fn is None and hasattr(dataset, "batch")

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            for index in self.sampler:
                yield self.dataset[index]
            return
        for indices in self.batch_sampler:
            if self._whole_batches:
                yield self.dataset.batch(indices)
            else:
                yield self.collate_fn([self.dataset[index] for index in indices])

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
    if isinstance(first, float):
        return create.tensor(list(batch), dtype=dtypes.float64)
    if isinstance(first, int):
        return create.tensor(list(batch))
    if isinstance(first, str | bytes):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: default_collate([item[key] for item in batch]) for key in first}
    if isinstance(first, Sequence):
        if any(len(item) != len(first) for item in batch):
            raise ValueError(f"default_collate: batch: got items of lengths {sorted({len(i) for i in batch})}, "
                             f"expected one length")
        collated = [default_collate(part) for part in zip(*batch, strict=True)]
        return type(first)(*collated) if hasattr(first, "_fields") else collated
    raise TypeError(f"default_collate: batch: got items of type {type(first).__name__}, expected tensors, numbers, "
                    f"strings, or dicts and sequences of them")
