"""Data: from files to batches of tensors.

A `Dataset` answers `len(d)` and `d[i]`; a sampler says in which order; a `DataLoader` draws batches.  Names, argument
order and defaults are those of `torch.utils.data`.  The real images are `Digits`, `MNIST` and `FashionMNIST`.
"""

from minigrad.data.dataset import Dataset, Subset, TensorDataset, random_split
from minigrad.data.idx import read_idx
from minigrad.data.images import MNIST, Digits, FashionMNIST, ImageDataset
from minigrad.data.loader import BatchSampler, RandomSampler, Sampler, SequentialSampler

# isort: split
from minigrad.data.loader import DataLoader, default_collate

__all__ = [
    "MNIST", "BatchSampler", "DataLoader", "Dataset", "Digits", "FashionMNIST",
    "ImageDataset", "RandomSampler", "Sampler", "SequentialSampler", "Subset",
    "TensorDataset", "default_collate", "random_split", "read_idx",
]
