"""A dataset is anything with a length and an item for each index.

One method goes beyond PyTorch: a dataset may answer `batch(indices)`, all the items of a batch at once and already
collated.  A dataset that lives in tensors does that by one gather per tensor, where collecting items one by one would
cost more than a small network's whole step.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from minigrad.dtypes import int64
from minigrad.errors import require
from minigrad.functions import create, random
from minigrad.tensor import Tensor


class Dataset:
    """Base class.  Subclasses define `__getitem__` and `__len__`."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__")


class TensorDataset(Dataset):
    """Tensors with the same first axis; item i is the tuple of their i-th entries.

    >>> import minigrad
    >>> dataset = TensorDataset(minigrad.tensor([[1.0], [2.0]]), minigrad.tensor([7, 8]))
    >>> len(dataset), dataset[1][1].item()
    (2, 8)
    """

    def __init__(self, *tensors: Tensor) -> None:
        shapes = [tensor.shape for tensor in tensors]
        require(() not in shapes and len({shape[:1] for shape in shapes}) == 1, "TensorDataset", "tensors",
                f"shapes {shapes}", "one or more, of one size along the first axis")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        return list(self[create.tensor(list(indices), dtype=int64)])


class Subset(Dataset):
    """The items of `dataset` at `indices`, in that order."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices
        if hasattr(dataset, "batch"):
            self.batch = self._batch

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)

    def _batch(self, indices: Sequence[int]) -> Any:
        return self.dataset.batch([self.indices[i] for i in indices])


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Any = None) -> list[Subset]:
    """Cuts a dataset at random into parts of the given lengths, or of the given fractions when these sum to 1.

    Fractions are rounded down; what is left over is dealt out one by one, from the first part on.

    >>> [len(part) for part in random_split(range(11), [0.5, 0.5])]
    [6, 5]
    """
    total = len(dataset)
    fractions = all(0 <= length <= 1 for length in lengths) and abs(sum(lengths) - 1) < 1e-9
    if fractions:
        sizes = [int(total * length) for length in lengths]
        for i in range(total - sum(sizes)):
            sizes[i % len(sizes)] += 1
    else:
        sizes = [int(length) for length in lengths]
        require(sizes == list(lengths) and sum(sizes) == total and min(sizes, default=0) >= 0, "random_split",
                "lengths", list(lengths), f"lengths that sum to {total}, the dataset's, or fractions that sum to 1")
    order = random.randperm(total, generator=generator).tolist()
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, accumulate(sizes), strict=True)]
