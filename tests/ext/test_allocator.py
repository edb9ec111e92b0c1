"""The allocator by its statistics: what is recycled, what goes back to the system, and when."""

import itertools
import threading

import pytest
from hypothesis import given, strategies as st

from minigrad_ext.allocator import empty_cache, get_cache_limit, memory_stats, reset_peak, set_cache_limit
from minigrad_ext.buffer import Buffer

UINT8 = 1
DEFAULT_LIMIT = 1 << 30


def block(nbytes):
    return Buffer.empty((nbytes,), UINT8)


def recycles():
    """Whether blocks are kept: not in a checked build, where a sanitizer should see each block's end."""
    empty_cache()
    del (used := [block(64)])[:]
    return not used and memory_stats()["cached_bytes"] > 0


needs_recycling = pytest.mark.skipif(not recycles(), reason="a checked build does not recycle")


@pytest.fixture(autouse=True)
def clean_cache():
    set_cache_limit(DEFAULT_LIMIT)
    empty_cache()
    yield
    set_cache_limit(DEFAULT_LIMIT)


def change(before, name):
    return memory_stats()[name] - before[name]


@needs_recycling
def test_a_freed_block_is_used_again():
    first = block(1000)
    address, before = first.data_ptr, memory_stats()
    del first
    assert change(before, "cached_bytes") == 1024 and change(before, "allocated_bytes") == -1024
    again = block(995)
    assert again.data_ptr == address
    assert (change(before, "hits"), change(before, "misses"), change(before, "system_allocations")) == (1, 0, 0)
    assert change(before, "cached_bytes") == change(before, "allocated_bytes") == 0


@needs_recycling
def test_another_size_is_not():
    del (used := [block(1000)])[:]
    before = memory_stats()
    used.append(block(1025))
    assert (change(before, "hits"), change(before, "misses"), change(before, "system_allocations")) == (0, 1, 1)
    assert change(before, "allocated_bytes") == 1088


def test_nothing_is_handed_out_twice():
    blocks = [block(n) for n in (0, 1, 64, 65, 1000, 1000, 10**6) for _ in range(3)]
    del blocks[::2]
    blocks += [block(n) for n in (0, 1, 64, 65, 1000, 1000, 10**6)]
    spans = sorted((b.data_ptr, b.data_ptr + max(b.size, 1)) for b in blocks)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    assert all(b.data_ptr % 64 == 0 for b in blocks)


@needs_recycling
@given(st.integers(0, 1 << 22))
def test_a_block_is_at_most_a_sixteenth_larger_than_asked_for(nbytes):
    before = memory_stats()
    held = block(nbytes)
    size = change(before, "allocated_bytes")
    assert held.size <= size <= max(64, nbytes * 1.0625)
    del held
    before = memory_stats()
    held = block(size)      # the largest request of this class comes from the same stack,
    assert change(before, "hits") == 1
    del held
    held = block(size + 1)  # and one byte more from the next
    assert change(before, "allocated_bytes") > size == held.size - 1


@needs_recycling
def test_the_cache_has_a_limit():
    set_cache_limit(4096)
    assert get_cache_limit() == 4096
    before = memory_stats()
    held = [block(1024), block(1024), block(1024), block(2048)]
    while held:
        held.pop(0)
    # The three small blocks stayed; for the large one the largest of them made room.
    assert memory_stats()["cached_bytes"] == 4096 and change(before, "system_frees") == 1
    block(8192)             # larger than the limit: never kept
    assert memory_stats()["cached_bytes"] == 4096 and change(before, "system_frees") == 2
    set_cache_limit(2000)
    assert memory_stats()["cached_bytes"] == 1024
    set_cache_limit(0)
    assert memory_stats()["cached_bytes"] == 0
    block(64)
    assert memory_stats()["cached_bytes"] == 0


def test_an_emptied_cache_leaves_buffers_alone():
    held = Buffer.from_nested(range(1000))
    block(5000)
    empty_cache()
    assert memory_stats()["cached_bytes"] == 0
    assert held.tolist() == list(range(1000))


def test_peak_follows_the_most_that_was_in_use():
    reset_peak()
    before = memory_stats()
    assert before["peak_bytes"] == before["allocated_bytes"]
    held = [block(1 << 20), block(1 << 20)]
    del held[:]
    assert change(before, "peak_bytes") == 2 << 20 and change(before, "allocated_bytes") == 0
    reset_peak()
    assert memory_stats()["peak_bytes"] == before["allocated_bytes"]


def test_memory_that_is_not_there():
    before = memory_stats()
    for nbytes in (1 << 46, 1 << 47, 1 << 58):
        with pytest.raises(MemoryError, match=rf"cannot allocate {nbytes} bytes"):
            block(nbytes)
    assert change(before, "allocated_bytes") == change(before, "system_allocations") == 0


@pytest.mark.parametrize(("limit", "error", "text"), [
    (-1, ValueError, "set_cache_limit: limit: got -1, expected 0 to"),
    (1 << 70, ValueError, f"set_cache_limit: limit: got {1 << 70}, expected 0 to"),
    ("big", TypeError, "set_cache_limit: limit: got str, expected an int"),
    (1.5, TypeError, "set_cache_limit: limit: got float, expected an int"),
])
def test_limits_that_are_none(limit, error, text):
    with pytest.raises(error, match=text):
        set_cache_limit(limit)
    assert get_cache_limit() == DEFAULT_LIMIT


def test_threads_do_not_share_blocks():
    mixed = []

    def work(seed):
        for j in range(2000):
            held = [Buffer.scalar(seed, UINT8), Buffer.from_nested([seed] * (j % 200), UINT8)]
            if held[0].item() != seed or any(x != seed for x in held[1].tolist()):
                mixed.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not mixed


@needs_recycling
def test_scratch_memory_of_kernels_is_recycled_too(kernels):
    a = Buffer.from_nested([[1.0] * 96] * 96)
    out = Buffer.empty((96, 96), a.dtype)
    kernels["matmul"](out, a, a)
    before = memory_stats()
    kernels["matmul"](out, a, a)
    assert change(before, "hits") > 0
    assert change(before, "misses") == change(before, "allocated_bytes") == change(before, "cached_bytes") == 0
