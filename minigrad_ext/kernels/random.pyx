"""Random numbers from a counter: Philox4x32-10.

There is no state that advances.  A block cipher of ten rounds turns a 128-bit counter and a 64-bit key into four random
words, so element j of a call depends on (seed, offset + j's counter) alone: never on the number of threads, the memory
layout, or what was drawn before.  The seed is the key.  A call that starts at counter `offset` uses this many:

    float32             one for each 4 elements, rounded up
    float64, int64      one for each 2 elements, rounded up

so the next call may start at offset + counters_used(kernel, n, dtype).

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
"""

from libc.math cimport cos, log, sin, sqrt
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.blocks cimport place
from minigrad_ext.kernels.fastmath cimport fast_log, sin_turns
from minigrad_ext.types cimport FLOAT32, OK, Params, Step, contiguous, itemsize_of, real, view_size

cdef enum:
    WORDS = 4           # random words per counter
    LANES = 16          # counters of a batch
    TASK = 32           # batches that a thread takes at a time

ctypedef fused drawn:
    real
    int64_t


cdef inline void mix(uint32_t* a, uint32_t* b, uint32_t* c, uint32_t* d, uint32_t key_0, uint32_t key_1) noexcept nogil:
    """One round: two 32 x 32 -> 64 bit products, whose halves are mixed with the key and swapped."""
    first, second = <uint64_t>0xD2511F53u * a[0], <uint64_t>0xCD9E8D57u * c[0]
    a[0], c[0] = <uint32_t>(second >> 32) ^ b[0] ^ key_0, <uint32_t>(first >> 32) ^ d[0] ^ key_1
    b[0], d[0] = <uint32_t>second, <uint32_t>first


cdef inline void philox(uint32_t[LANES]* word, uint64_t key) noexcept nogil:
    """Ten rounds, each with another key, on counters word[0 ... 3][lane].  The lanes are innermost, to vectorise."""
    cdef uint32_t r
    for r in range(10):     # the golden ratio and sqrt(3) - 1
        for lane in range(LANES):
            mix(&word[0][lane], &word[1][lane], &word[2][lane], &word[3][lane],
                <uint32_t>key + r * 0x9E3779B9u, <uint32_t>(key >> 32) + r * 0xBB67AE85u)


cdef inline uint64_t joined(uint32_t low, uint32_t high) noexcept nogil:
    return <uint64_t>high << 32 | low


cdef inline uint64_t high_product(uint64_t a, uint64_t b) noexcept nogil:
    """The high word of a 64 x 64 bit product.  It spreads 2^64 random words a over b values, so evenly that no value is
    favoured by more than b / 2^64."""
    middle = (a >> 32) * (b & 0xFFFFFFFFu) + ((a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu) >> 32)
    low = (a & 0xFFFFFFFFu) * (b >> 32) + (middle & 0xFFFFFFFFu)
    return (a >> 32) * (b >> 32) + (middle >> 32) + (low >> 32)


cdef void uniform_batch(drawn* x, uint64_t counter, const Params* params) noexcept nogil:
    """Reals in [0, 1): the top 24 bits of each word, or 53 bits of each two.  Integers in [low, high), or any where
    low = high."""
    cdef uint32_t word[WORDS][LANES]
    cdef uint64_t low = params.i[2], width = <uint64_t>params.i[3] - low
    for lane in range(LANES):
        word[0][lane], word[1][lane] = <uint32_t>(counter + lane), <uint32_t>(counter + lane >> 32)
        word[2][lane] = word[3][lane] = 0
    philox(word, params.i[0])
    for w in range(WORDS):
        for lane in range(LANES):
            if drawn is float:
                x[WORDS * lane + w] = <float>(word[w][lane] >> 8) * <float>5.9604644775390625e-08   # 2^-24
            elif w < 2:
                bits = joined(word[2 * w][lane], word[2 * w + 1][lane])
                if drawn is double:
                    x[2 * lane + w] = <double>(bits >> 11) * 1.1102230246251565e-16     # 2^-53
                else:
                    x[2 * lane + w] = low + high_product(bits, width) if width else bits


cdef void normal_batch(real* x, uint64_t counter, const Params* params) noexcept nogil:
    """Mean 0, variance 1 (Box and Muller): for uniform u in (0, 1] and v in [0, 1), sqrt(-2 log u) is the length and
    2 pi v the angle of a point whose coordinates are two independent normal numbers."""
    uniform_batch(x, counter, params)
    for j in range(8 * LANES // <int>sizeof(real)):
        u, v = <double>(1 - <double>x[2 * j]), <double>x[2 * j + 1]
        if real is float:
            length, sine, cosine = sqrt(-2 * fast_log(u)), sin_turns(v, 0), sin_turns(v, 1)
        else:
            length, sine, cosine = sqrt(-2 * log(u)), sin(6.283185307179586 * v), cos(6.283185307179586 * v)
        x[2 * j], x[2 * j + 1] = <real>(length * cosine), <real>(length * sine)


cdef void mask_batch(real* x, uint64_t counter, const Params* params) noexcept nogil:
    """f[1] with probability f[0], else 0: what dropout multiplies by."""
    cdef real keep = params.f[0], scale = params.f[1], zero = 0
    uniform_batch(x, counter, params)
    for j in range(16 * LANES // <int>sizeof(real)):
        x[j] = scale if x[j] < keep else zero


ctypedef void (*batch_t)(char* x, uint64_t counter, const Params* params) noexcept nogil


cdef int fill_batches(Step* step, int64_t first, int64_t end, void* kind) noexcept nogil:
    cdef uint64_t batch[2 * LANES]
    out = &step.args[0]
    size, n, flat = itemsize_of(out.dtype), view_size(out), contiguous(out)
    each = <int64_t>sizeof(batch) // size
    for number in range(first, end):
        (<batch_t>step.inner)(<char*>batch, <uint64_t>step.params.i[1] + <uint64_t>number * LANES, &step.params)
        start = number * each
        if flat:
            memcpy(out.data + start * size, batch, min(each, n - start) * size)
        else:
            for j in range(min(each, n - start)):
                memcpy(out.data + place(out, start + j) * size, <char*>batch + j * size, size)
    return OK


cdef int draw(Step* step, double cost) noexcept nogil:
    """Fill the output in batches; `cost` is the time per element in nanoseconds."""
    n, each = view_size(&step.args[0]), 4 * WORDS * LANES // itemsize_of(step.args[0].dtype)
    return share_out(<void*>fill_batches, step, (n + each - 1) // each, TASK, n * cost)


cdef int uniform(Step* step) noexcept nogil:
    return draw(step, 2.0)


cdef int normal(Step* step) noexcept nogil:
    return draw(step, 5.0 if step.args[0].dtype == FLOAT32 else 20.0)


cdef int permutation(Step* step) noexcept nogil:
    """The integers 0 ... n - 1 in random order: Fisher and Yates swap each place with a random one up to itself."""
    out, x = &step.args[0], <int64_t*>step.args[0].data
    step.params.i[2] = step.params.i[3] = 0
    draw(step, 2.0)
    for j in range(view_size(out)):
        here = place(out, j)
        there = place(out, <int64_t>high_product(x[here], j + 1))
        x[here] = x[there]
        x[there] = j
    return OK


# ---- for Python

def philox4x32(counter, key):
    """The four random words of a counter (four words) under a key (two words).

    >>> [f"{word:08x}" for word in philox4x32((0, 0, 0, 0), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    cdef uint32_t word[WORDS][LANES]
    memset(word, 0, sizeof(word))
    word[0][0], word[1][0], word[2][0], word[3][0] = counter
    philox(word, joined(key[0], key[1]))
    return word[0][0], word[1][0], word[2][0], word[3][0]


def counters_used(kernel, n, dtype=None):
    """How many counters a call of a kernel draws for n elements of a dtype's code."""
    if kernel not in KERNELS:
        raise ValueError(f"counters_used: {kernel!r} is no random kernel")
    return (n + 3) // 4 if dtype == FLOAT32 else (n + 1) // 2


KERNELS = {kernel.name: kernel for kernel in (
    family("uniform", uniform, 0, <void*>uniform_batch[float], <void*>uniform_batch[double]),
    family("mask", uniform, 0, <void*>mask_batch[float], <void*>mask_batch[double]),
    family("normal", normal, 0, <void*>normal_batch[float], <void*>normal_batch[double]),
    family("randint", uniform, 0, NULL, NULL, <void*>uniform_batch[int64_t]),
    family("permutation", permutation, 0, NULL, NULL, <void*>uniform_batch[int64_t]),
)}
