from collections import namedtuple

import pytest

import minigrad
from minigrad.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

DATASET = TensorDataset(minigrad.arange(10), minigrad.arange(10) * 10)


def seen(loader):
    return [x.tolist() for x, _ in loader]


@pytest.mark.parametrize("drop_last, sizes", [(False, [4, 4, 2]), (True, [4, 4])])
def test_batches(drop_last, sizes):
    loader = DataLoader(DATASET, batch_size=4, drop_last=drop_last)
    assert len(loader) == len(sizes)
    batches = list(loader)
    assert [x.shape[0] for x, _ in batches] == sizes
    assert all(isinstance(batch, list) for batch in batches)
    for x, y in batches:
        assert (x * 10).tolist() == y.tolist()


def test_shuffle_visits_everything_in_a_new_order_each_time():
    loader = DataLoader(DATASET, batch_size=10, shuffle=True, generator=minigrad.Generator().manual_seed(0))
    (first,), (second,) = seen(loader), seen(loader)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    again = DataLoader(DATASET, batch_size=10, shuffle=True, generator=minigrad.Generator().manual_seed(0))
    assert seen(again) == [first]


def test_manual_seed_decides_the_order():
    orders = []
    for _ in range(2):
        minigrad.manual_seed(5)
        orders.append(seen(DataLoader(DATASET, batch_size=3, shuffle=True)))
    assert orders[0] == orders[1]


def test_fast_path_equals_items():
    slow = DataLoader(DATASET, batch_size=3, collate_fn=default_collate)
    for quick, item in zip(DataLoader(DATASET, batch_size=3), slow, strict=True):
        assert [t.tolist() for t in quick] == [t.tolist() for t in item]


def test_options_of_workers_are_accepted():
    loader = DataLoader(DATASET, batch_size=5, num_workers=2, pin_memory=True, persistent_workers=True)
    assert seen(loader) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_no_batches_and_samplers():
    assert [x.item() for x, _ in DataLoader(DATASET, batch_size=None)] == list(range(10))
    assert seen(DataLoader(DATASET, batch_size=2, sampler=[3, 1, 4])) == [[3, 1], [4]]
    assert seen(DataLoader(DATASET, batch_sampler=[[1], [2, 5]])) == [[1], [2, 5]]
    assert len(DataLoader([], batch_size=2)) == 0 and list(DataLoader([], batch_size=2)) == []


def test_plain_sequences_are_datasets():
    (batch,) = DataLoader([1.5, 2.5], batch_size=2)
    assert batch.dtype is minigrad.float64 and batch.tolist() == [1.5, 2.5]
    with pytest.raises(TypeError, match="default_collate"):
        list(DataLoader([object()]))


@pytest.mark.parametrize("options", [
    {"batch_size": 0}, {"batch_size": 2.0}, {"num_workers": -1}, {"sampler": [1], "shuffle": True},
    {"batch_sampler": [[1]], "batch_size": 2}, {"batch_sampler": [[1]], "shuffle": True},
    {"batch_size": None, "drop_last": True},
])
def test_contradictions_are_refused(options):
    with pytest.raises(ValueError, match=r"DataLoader: |BatchSampler: "):
        DataLoader(DATASET, **options)


def test_samplers():
    generator = minigrad.Generator().manual_seed(3)
    assert list(SequentialSampler(range(3))) == [0, 1, 2]
    assert sorted(RandomSampler(range(5), generator=generator)) == [0, 1, 2, 3, 4]
    assert len(list(RandomSampler(range(5), num_samples=12, generator=generator))) == 12
    drawn = list(RandomSampler(range(3), replacement=True, num_samples=40, generator=generator))
    assert len(drawn) == 40 and set(drawn) == {0, 1, 2}
    assert len(BatchSampler(range(7), 3, False)) == 3 and len(BatchSampler(range(7), 3, True)) == 2
    assert list(RandomSampler([])) == []


def test_collate():
    Pair = namedtuple("Pair", "a b")
    pair = default_collate([Pair(1, minigrad.zeros(2)), Pair(2, minigrad.ones(2))])
    assert isinstance(pair, Pair) and pair.a.tolist() == [1, 2] and pair.b.tolist() == [[0, 0], [1, 1]]
    assert default_collate([True, False]).dtype is minigrad.bool
    with pytest.raises(ValueError, match="lengths"):
        default_collate([[1], [1, 2]])
