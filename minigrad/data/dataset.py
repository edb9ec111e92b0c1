"""A dataset is anything with a length and an item for each index.

One method goes beyond PyTorch: a dataset may answer `batch(indices)`, all the items of a batch at once and already
collated.  A dataset that lives in tensors does that by one gather per tensor, where collecting items one by one would
cost more than a small network's whole step.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Any

from minigrad.dtypes import int64
from minigrad.functions import create, random
from minigrad.tensor import Tensor


class Dataset:
    """Base class.  Subclasses define `__getitem__` and `__len__`."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines no __len__")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset):
    """Tensors with the same first axis; item i is the tuple of their i-th entries.

    >>> import minigrad
    >>> dataset = TensorDataset(minigrad.tensor([[1.0], [2.0]]), minigrad.tensor([7, 8]))
    >>> len(dataset), dataset[1][1].item()
    (2, 8)
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise ValueError("TensorDataset: tensors: got none, expected at least one")
        for tensor in tensors:
            if tensor.ndim == 0 or tensor.shape[0] != tensors[0].shape[0]:
                shapes = ", ".join(str(tuple(t.shape)) for t in tensors)
                raise ValueError(f"TensorDataset: tensors: got shapes {shapes}, expected one size along the first axis")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        index = create.tensor(list(indices), dtype=int64)
        return [tensor[index] for tensor in self.tensors]


class Subset(Dataset):
    """The items of `dataset` at `indices`, in that order."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        if hasattr(dataset, "batch"):
            self.batch = self._batch

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)

    def _batch(self, indices: Sequence[int]) -> Any:
        return self.dataset.batch([self.indices[i] for i in indices])


class ConcatDataset(Dataset):
    """Datasets one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: datasets: got none, expected at least one")
        self.cumulative_sizes: list[int] = []
        for dataset in self.datasets:
            before = self.cumulative_sizes[-1] if self.cumulative_sizes else 0
            self.cumulative_sizes.append(before + len(dataset))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        wanted = index + len(self) if index < 0 else index
        if not 0 <= wanted < len(self):
            raise IndexError(f"ConcatDataset: index: got {index}, expected less than {len(self)}")
        which = bisect.bisect_right(self.cumulative_sizes, wanted)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][wanted - before]


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Any = None) -> list[Subset]:
    """Cuts a dataset at random into parts of the given lengths, or of the given fractions when these sum to 1.

    Fractions are rounded down; what is left over is dealt out one by one, from the first part on.

    >>> [len(part) for part in random_split(range(11), [0.5, 0.5])]
    [6, 5]
    """
    total = len(dataset)
    fractions = all(0 <= length <= 1 for length in lengths) and abs(sum(lengths) - 1) < 1e-9
    if fractions and not (sum(lengths) == total and all(isinstance(length, int) for length in lengths)):
        sizes = [int(total * length) for length in lengths]
        for i in range(total - sum(sizes)):
            sizes[i % len(sizes)] += 1
    else:
        sizes = [int(length) for length in lengths]
        if sizes != list(lengths) or sum(sizes) != total or any(size < 0 for size in sizes):
            raise ValueError(f"random_split: lengths: got {list(lengths)}, expected lengths that sum to {total}, "
                             f"the dataset's length, or fractions that sum to 1")
    order = random.randperm(total, generator=generator).tolist()
    parts, start = [], 0
    for size in sizes:
        parts.append(Subset(dataset, order[start : start + size]))
        start += size
    return parts
