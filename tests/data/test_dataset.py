import pytest

import minigrad
from minigrad.data import DataLoader, Dataset, Subset, TensorDataset, random_split


class Squares(Dataset):
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not 0 <= i < self.n:
            raise IndexError(i)
        return i * i


def test_tensor_dataset_items():
    x, y = minigrad.arange(6).reshape(3, 2), minigrad.tensor([5, 6, 7])
    dataset = TensorDataset(x, y)
    assert len(dataset) == 3
    image, label = dataset[-1]
    assert image.tolist() == [4, 5] and label.item() == 7


def test_tensor_dataset_batch_is_what_items_collate_to():
    dataset = TensorDataset(minigrad.arange(12).reshape(6, 2), minigrad.arange(6))
    whole = dataset.batch([4, 0, 4])
    assert whole[0].tolist() == [[8, 9], [0, 1], [8, 9]] and whole[1].tolist() == [4, 0, 4]
    assert [t.shape[0] for t in dataset.batch([])] == [0, 0]


@pytest.mark.parametrize("shapes", [[(3,), (4,)], [()], []])
def test_tensor_dataset_refuses(shapes):
    with pytest.raises(ValueError, match=r"TensorDataset: tensors: got"):
        TensorDataset(*(minigrad.zeros(shape) for shape in shapes))


def test_subset_of_subset():
    inner = Subset(Squares(10), [1, 3, 5, 7])
    outer = Subset(inner, [3, 0])
    assert [outer[i] for i in range(len(outer))] == [49, 1]
    assert not hasattr(outer, "batch")
    quick = Subset(Subset(TensorDataset(minigrad.arange(10) * 2), [1, 3, 5]), [2, 0])
    assert quick.batch([0, 1])[0].tolist() == [10, 2]
    assert [batch.tolist() for (batch,) in DataLoader(quick, batch_size=2)] == [[10, 2]]


@pytest.mark.parametrize("lengths, sizes", [([7, 3], [7, 3]), ([0.5, 0.5], [5, 5]), ([0.25, 0.75], [3, 7]),
                                            ([10, 0], [10, 0]), ([1 / 3] * 3, [4, 3, 3])])
def test_random_split_sizes(lengths, sizes):
    parts = random_split(range(10), lengths)
    assert [len(part) for part in parts] == sizes
    assert sorted(i for part in parts for i in part.indices) == list(range(10))


def test_random_split_is_seeded():
    def draw(seed):
        return random_split(range(50), [25, 25], generator=minigrad.Generator().manual_seed(seed))[0].indices

    first, again, other = draw(1), draw(1), draw(2)
    assert first == again != other


@pytest.mark.parametrize("lengths", [[5, 6], [-1, 11], [0.5, 0.6], [2.5, 7.5]])
def test_random_split_refuses(lengths):
    with pytest.raises(ValueError, match="random_split: lengths: got"):
        random_split(range(10), lengths)
