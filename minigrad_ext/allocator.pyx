"""An allocator that recycles blocks, because fresh pages cost as much as the arithmetic done in them.

The system hands out large blocks as untouched pages, and touching each for the first time is a page fault.  A training
step asks for the same sizes again and again, so blocks given back are kept, one stack per size class, the most recently
used (whose lines are still in the cache) on top.  There are four classes per doubling: a block is at most a quarter
larger than what was asked for.  All functions run under the GIL, which makes them thread safe.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset

cdef extern from * nogil:
    """
    #include <stdlib.h>
    #ifdef _WIN32
        #include <malloc.h>
        #define mg_system_free _aligned_free
        static void* mg_system_alloc(size_t n) { return _aligned_malloc(n, 64); }
    #else
        #define mg_system_free free
        static void* mg_system_alloc(size_t n) { void* p; return posix_memalign(&p, 64, n) ? NULL : p; }
    #endif

    #ifdef _MSC_VER
        #include <intrin.h>
        static int mg_log2(size_t n) { unsigned long bit; _BitScanReverse64(&bit, n); return (int)bit; }
    #else
        static int mg_log2(size_t n) { return 63 - __builtin_clzll((unsigned long long)n); }
    #endif

    /* A checked build neither rounds nor recycles, so that a sanitizer sees each access beyond a block or its life. */
    #ifdef MINIGRAD_CHECKS
        #define MG_RECYCLE 0
    #else
        #define MG_RECYCLE 1
    #endif

    /* A debug build surrounds each block with bytes that nobody may write, and every kernel call looks at them. */
    #ifdef MINIGRAD_GUARDS
        #define MG_GUARD 64
    #else
        #define MG_GUARD 0
    #endif
    """
    void* mg_system_alloc(size_t n)
    void mg_system_free(void* block)
    int mg_log2(size_t n)
    const bint MG_RECYCLE
    const size_t MG_GUARD

cdef enum:
    CLASSES = 4 * 64
    GUARD_BYTE = 0xA5

# More than any address space holds: a request beyond it is refused without asking, and sums cannot overflow.
cdef size_t LARGEST = <size_t>1 << 48

# A cached block's first bytes hold the address of the next one in its class.
cdef struct Block:
    Block* next

cdef Block* cache[CLASSES]
cdef size_t cache_limit = 1 << 30
cdef size_t allocated, cached, peak
cdef long long hits, misses, system_allocations, system_frees


cdef inline int class_of(size_t nbytes) noexcept:
    """The smallest class whose blocks hold `nbytes`; blocks of class 4 e + q have (4 + q) 2^e 16 bytes, q < 4."""
    cdef size_t last = (nbytes - 1) >> 4 if nbytes > 64 else 0      # the last unit of 16 bytes
    cdef int e
    if last < 4:
        return 0
    e = mg_log2(last) - 2           # so that 4 <= last >> e < 8
    return 4 * e + <int>(last >> e) - 4 + 1


cdef inline size_t size_of(int index) noexcept:
    return (<size_t>(4 + (index & 3)) << (index >> 2)) << 4


cdef inline size_t block_size(size_t nbytes) noexcept:
    if MG_RECYCLE:
        return size_of(class_of(nbytes))
    return nbytes if nbytes else 1


cdef void release(int index) noexcept:
    """Hands the top block of a class back to the system."""
    global cached, system_frees
    cdef Block* block = cache[index]
    cache[index] = block.next
    cached -= size_of(index)
    system_frees += 1
    mg_system_free(block)


cdef void shrink_to(size_t limit) noexcept:
    """Frees cached blocks, the largest first, until at most `limit` bytes are cached."""
    cdef int index
    for index in range(CLASSES - 1, -1, -1):
        while cached > limit and cache[index] != NULL:
            release(index)


cdef char* take(size_t nbytes) except NULL:
    global allocated, cached, peak, hits, misses, system_allocations
    cdef size_t size
    cdef int index
    cdef Block* block
    if nbytes > LARGEST:
        raise MemoryError(f"cannot allocate {nbytes} bytes")
    size = block_size(nbytes)
    index = class_of(nbytes)
    block = cache[index]
    if block != NULL:
        cache[index] = block.next
        cached -= size
        hits += 1
    else:
        misses += 1
        block = <Block*>mg_system_alloc(size + 2 * MG_GUARD)
        if block == NULL:
            shrink_to(0)
            block = <Block*>mg_system_alloc(size + 2 * MG_GUARD)
            if block == NULL:
                raise MemoryError(f"cannot allocate {nbytes} bytes ({allocated} bytes are in use)")
        system_allocations += 1
    allocated += size
    if allocated > peak:
        peak = allocated
    if MG_GUARD:
        memset(block, GUARD_BYTE, MG_GUARD)
        memset(<char*>block + MG_GUARD + nbytes, GUARD_BYTE, MG_GUARD)
    return <char*>block + MG_GUARD


cdef bint intact(const char* block, size_t nbytes) noexcept:
    """Whether nobody has written just before or after a block; always so in a build without guards."""
    cdef size_t j
    for j in range(MG_GUARD):
        if <unsigned char>block[-1 - <int64_t>j] != GUARD_BYTE or <unsigned char>block[nbytes + j] != GUARD_BYTE:
            return False
    return True


cdef void give(char* block, size_t nbytes) noexcept:
    global allocated, cached, system_frees
    block -= MG_GUARD
    cdef size_t size = block_size(nbytes)
    cdef int index = class_of(nbytes)
    allocated -= size
    if not MG_RECYCLE or size > cache_limit:
        system_frees += 1
        mg_system_free(block)
        return
    if cached > cache_limit - size:
        shrink_to(cache_limit - size)
    (<Block*>block).next = cache[index]
    cache[index] = <Block*>block
    cached += size


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
    return {
        "allocated_bytes": allocated, "cached_bytes": cached, "peak_bytes": peak, "hits": hits, "misses": misses,
        "system_allocations": system_allocations, "system_frees": system_frees,
    }


def reset_peak():
    """Starts measuring peak_bytes anew, from what is allocated now."""
    global peak
    peak = allocated


def empty_cache():
    """Hands all cached blocks back to the system; buffers in use are not touched."""
    shrink_to(0)


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
    cache_limit = limit
    shrink_to(cache_limit)
