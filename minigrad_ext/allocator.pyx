"""An allocator that recycles blocks, because fresh pages cost as much as the arithmetic done in them.

The system hands out large blocks as untouched pages, and touching each for the first time is a page fault.  A training
step asks for the same sizes again and again, so blocks given back are kept, one stack per size class, the most recently
used (whose lines are still in the cache) on top.  There are 16 classes per doubling: a block is at most a sixteenth
larger than what was asked for.  Kernels take their scratch memory here too, without the GIL: a lock guards the stacks.
"""

import os


from libc.math cimport frexp
from libc.stdint cimport int64_t
from libc.string cimport memset

cdef extern from * nogil:
    """
    #ifdef _WIN32
        #define WIN32_LEAN_AND_MEAN
        #define NOMINMAX
        #include <windows.h>
        #include <malloc.h>
        #define mg_lock(lock) while (InterlockedExchange(lock, 1)) SwitchToThread()
        #define mg_unlock(lock) InterlockedExchange(lock, 0)
        #define mg_system_free _aligned_free
        #define mg_system_alloc(n) _aligned_malloc(n, 64)
    #else
        #include <sched.h>
        #include <stdlib.h>
        #define mg_lock(lock) while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE)) sched_yield()
        #define mg_unlock(lock) __atomic_store_n(lock, 0, __ATOMIC_RELEASE)
        #define mg_system_free free
        static void* mg_system_alloc(size_t n) { void* p; return posix_memalign(&p, 64, n) ? NULL : p; }
    #endif
    """
    void* mg_system_alloc(size_t n)
    void mg_system_free(void* block)
    void mg_lock(long* lock)
    void mg_unlock(long* lock)
    # Set by setup.py.  A checked build neither rounds nor recycles, so that a sanitizer sees each access beyond a block
    # or its life; a debug build guards each block by so many bytes on either side, which every kernel call looks at.
    const bint MINIGRAD_CHECKS
    const size_t MINIGRAD_GUARDS

cdef enum:
    CLASSES = 16 * 64, GUARD_BYTE = 0xA5
    HEADER = 64         # bytes before scratch memory, which hold its size

# More than any address space holds: a request beyond it is refused without asking, and sums cannot overflow.
cdef size_t LARGEST = <size_t>1 << 48

# A cached block's first bytes hold the address of the next one in its class.
cdef struct Block:
    Block* next

# What memory_stats() tells, under the names that it uses.
cdef struct Stats:
    size_t allocated_bytes, cached_bytes, peak_bytes
    long long hits, misses, system_allocations, system_frees

cdef Block* cache[CLASSES]
cdef size_t cache_limit = 1 << 30
cdef Stats stats
cdef long lock = 0          # held for nanoseconds, so that to wait is to try again: 10 ns a block, where Python's takes 50


cdef inline int class_of(size_t nbytes) noexcept nogil:
    """The smallest class whose blocks hold `nbytes`; blocks of class 16 e + q have (16 + q) 2^e 4 bytes, q < 16."""
    cdef int exponent
    last = (nbytes - 1) >> 2 if nbytes > 64 else 0          # the last unit of 4 bytes
    if last < 16:
        return 0
    fraction = frexp(<double>last, &exponent)               # last = fraction 2^exponent, 1/2 <= fraction < 1
    return 16 * (exponent - 5) + <int>(32 * fraction) - 16 + 1


cdef inline size_t size_of(int index) noexcept nogil:
    return (<size_t>(16 + (index & 15)) << (index >> 4)) << 2


cdef inline size_t block_size(size_t nbytes) noexcept nogil:
    return max(nbytes, <size_t>1) if MINIGRAD_CHECKS else size_of(class_of(nbytes))


cdef void shrink_to(size_t limit) noexcept nogil:
    """Hands cached blocks back to the system, the largest first, until at most `limit` bytes are cached.  (Locked.)"""
    for index in range(CLASSES - 1, -1, -1):
        while stats.cached_bytes > limit and cache[index] != NULL:
            block = cache[index]
            cache[index] = block.next
            stats.cached_bytes -= size_of(index)
            stats.system_frees += 1
            mg_system_free(block)


cdef char* take(size_t nbytes) except NULL:
    block = taken(nbytes)
    if block == NULL:
        raise MemoryError(f"cannot allocate {nbytes} bytes ({stats.allocated_bytes} bytes are in use)")
    return block


cdef char* taken(size_t nbytes) noexcept nogil:
    """A block, or NULL."""
    cdef Block* block
    if nbytes > LARGEST:
        return NULL
    index, size = class_of(nbytes), block_size(nbytes)
    mg_lock(&lock)
    block = cache[index]
    if block != NULL:
        cache[index] = block.next
        stats.cached_bytes -= size
        stats.hits += 1
    else:
        stats.misses += 1
        block = <Block*>mg_system_alloc(size + 2 * MINIGRAD_GUARDS)
        if block == NULL:
            shrink_to(0)
            block = <Block*>mg_system_alloc(size + 2 * MINIGRAD_GUARDS)
        stats.system_allocations += block != NULL
    stats.allocated_bytes += size if block != NULL else 0
    stats.peak_bytes = max(stats.peak_bytes, stats.allocated_bytes)
    mg_unlock(&lock)
    if block == NULL:
        return NULL
    if MINIGRAD_GUARDS:
        memset(block, GUARD_BYTE, MINIGRAD_GUARDS)
        memset(<char*>block + MINIGRAD_GUARDS + nbytes, GUARD_BYTE, MINIGRAD_GUARDS)
    return <char*>block + MINIGRAD_GUARDS


cdef bint intact(const char* block, size_t nbytes) noexcept:
    for j in range(MINIGRAD_GUARDS):
        if <unsigned char>block[-1 - <int64_t>j] != GUARD_BYTE or <unsigned char>block[nbytes + j] != GUARD_BYTE:
            return False
    return True


cdef void give(char* block, size_t nbytes) noexcept nogil:
    top, index, size = <Block*>(block - MINIGRAD_GUARDS), class_of(nbytes), block_size(nbytes)
    mg_lock(&lock)
    stats.allocated_bytes -= size
    if MINIGRAD_CHECKS or size > cache_limit:
        stats.system_frees += 1
        mg_system_free(top)
    else:
        if stats.cached_bytes > cache_limit - size:
            shrink_to(cache_limit - size)
        top.next, cache[index] = cache[index], top
        stats.cached_bytes += size
    mg_unlock(&lock)


cdef void* scratch(size_t nbytes) noexcept nogil:
    block = <size_t*>taken(nbytes + HEADER)
    if block == NULL:
        return NULL
    block[0] = nbytes
    return <char*>block + HEADER


cdef void discard(void* memory) noexcept nogil:
    if memory != NULL:
        block = <char*>memory - HEADER
        give(block, (<size_t*>block)[0] + HEADER)


def memory_stats():
    """What the allocator has done so far, as a dict.

    allocated_bytes     in use by live buffers, rounded up to whole blocks
    cached_bytes        free blocks kept for reuse
    peak_bytes          the largest allocated_bytes since the start, or since reset_peak()
    hits, misses        requests served from the cache, and not
    system_allocations  blocks asked of the system, and
    system_frees        handed back to it

    >>> sorted(memory_stats())[:3]
    ['allocated_bytes', 'cached_bytes', 'hits']
    """
    return stats


def reset_peak():
    """Starts measuring peak_bytes anew, from what is allocated now."""
    stats.peak_bytes = stats.allocated_bytes


def empty_cache():
    """Hands all cached blocks back to the system; buffers in use are not touched."""
    mg_lock(&lock)
    shrink_to(0)
    mg_unlock(&lock)


def get_cache_limit():
    """The largest number of bytes kept in cached blocks (1 GiB unless set)."""
    return cache_limit


def set_cache_limit(limit):
    """Sets the largest number of bytes kept in cached blocks; 0 turns recycling off.

    Raises TypeError for anything but an integer, ValueError for a negative or absurdly large one.
    """
    global cache_limit
    if not isinstance(limit, int):
        raise TypeError(f"set_cache_limit: limit: got {type(limit).__name__}, expected an int")
    if not 0 <= limit <= LARGEST:
        raise ValueError(f"set_cache_limit: limit: got {limit}, expected 0 to {LARGEST}")
    mg_lock(&lock)
    cache_limit = limit
    shrink_to(cache_limit)
    mg_unlock(&lock)


def _forked():
    """Some thread that a child does not have may have held the lock."""
    mg_unlock(&lock)


if hasattr(os, "register_at_fork"):     # not on Windows
    os.register_at_fork(after_in_child=_forked)
