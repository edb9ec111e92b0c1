"""Random numbers from a counter: Philox4x32-10.

There is no state that advances.  A block cipher of ten rounds turns a 128-bit counter and a 64-bit key into four random
words, so element j of a call depends on (seed, offset + j's counter) alone: never on the number of threads, the memory
layout, or what was drawn before.  The seed is the key.  A call that starts at counter `offset` uses this many:

    uniform, normal, bernoulli    float32 (and bernoulli's p in float32): one for each 4 elements, rounded up
                                  float64: one for each 2 elements, rounded up
    randint, permutation          one for each 2 elements, rounded up

so the next call may start at offset + counters_used(kernel, n, dtype).

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
"""

from cython.parallel cimport prange
from libc.math cimport cos, log, sin, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.blocks cimport contiguous
from minigrad_ext.kernels.fastmath cimport fast_cos_turns, fast_log, fast_sin_turns
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport BOOL, FLOAT32, INT32, INT64, OK, Step, UINT8, View, real, view_size

cdef enum:
    WORDS = 4           # random words per counter
    LANES = 16          # counters of a batch
    BATCH = 64          # real numbers of a batch, at most
    TASK = 32           # batches that a thread takes at a time


cdef inline void mix(uint32_t* a, uint32_t* b, uint32_t* c, uint32_t* d, uint32_t key_0, uint32_t key_1) noexcept nogil:
    """One round: two 32 x 32 -> 64 bit products, whose halves are mixed with the key and swapped."""
    cdef uint64_t first = <uint64_t>0xD2511F53u * a[0]
    cdef uint64_t second = <uint64_t>0xCD9E8D57u * c[0]
    a[0] = <uint32_t>(second >> 32) ^ b[0] ^ key_0
    c[0] = <uint32_t>(first >> 32) ^ d[0] ^ key_1
    b[0], d[0] = <uint32_t>second, <uint32_t>first


cdef inline void philox(uint32_t* word, uint64_t key) noexcept nogil:
    """Ten rounds, each with another key."""
    cdef uint32_t r
    for r in range(10):     # the golden ratio and sqrt(3) - 1
        mix(&word[0], &word[1], &word[2], &word[3],
            <uint32_t>key + r * 0x9E3779B9u, <uint32_t>(key >> 32) + r * 0xBB67AE85u)


cdef inline void draw_batch(uint32_t[LANES]* word, uint64_t seed, uint64_t counter) noexcept nogil:
    """philox() of counter, counter + 1, ...: word[w][lane].  The lanes are innermost, to vectorise."""
    cdef int lane
    cdef uint32_t r
    for lane in range(LANES):
        word[0][lane], word[1][lane] = <uint32_t>(counter + lane), <uint32_t>(counter + lane >> 32)
        word[2][lane], word[3][lane] = 0, 0
    for r in range(10):
        for lane in range(LANES):
            mix(&word[0][lane], &word[1][lane], &word[2][lane], &word[3][lane],
                <uint32_t>seed + r * 0x9E3779B9u, <uint32_t>(seed >> 32) + r * 0xBB67AE85u)


cdef inline uint64_t joined(uint32_t low, uint32_t high) noexcept nogil:
    return <uint64_t>high << 32 | low


cdef inline int per_batch(real* kind) noexcept nogil:
    return WORDS * LANES if real is float else WORDS // 2 * LANES


cdef void uniform_batch(real* x, uint64_t seed, uint64_t counter) noexcept nogil:
    """Numbers in [0, 1): the top 24 bits of each word, or 53 bits of each two."""
    cdef uint32_t word[WORDS][LANES]
    cdef uint64_t bits
    cdef int lane, w
    draw_batch(word, seed, counter)
    for w in range(WORDS):
        for lane in range(LANES):
            if real is float:
                x[WORDS * lane + w] = <float>(word[w][lane] >> 8) * <float>5.9604644775390625e-08   # 2^-24
            elif w < 2:
                bits = joined(word[2 * w][lane], word[2 * w + 1][lane])
                x[2 * lane + w] = <double>(bits >> 11) * 1.1102230246251565e-16     # 2^-53


cdef void normal_batch(real* x, uint64_t seed, uint64_t counter) noexcept nogil:
    """Mean 0, variance 1 (Box and Muller): for uniform u in (0, 1] and v in [0, 1), sqrt(-2 log u) is the length and
    2 pi v the angle of a point whose coordinates are two independent normal numbers."""
    cdef double length, angle, sine, cosine
    cdef int j
    uniform_batch(x, seed, counter)
    for j in range(per_batch(x) // 2):
        if real is float:
            length = sqrt(-2 * fast_log(1 - <double>x[2 * j]))
            sine, cosine = fast_sin_turns(x[2 * j + 1]), fast_cos_turns(x[2 * j + 1])
        else:
            length = sqrt(-2 * log(1 - x[2 * j]))
            angle = 6.283185307179586 * x[2 * j + 1]
            sine, cosine = sin(angle), cos(angle)
        x[2 * j] = <real>(length * cosine)
        x[2 * j + 1] = <real>(length * sine)


cdef inline int64_t place(const View* out, const View* v, bint flat, int64_t j) noexcept nogil:
    """The offset in v, broadcast to out's shape, of element j of out in row-major order; `flat` says that both are
    contiguous and of one size."""
    cdef int64_t offset = 0
    cdef int axis, own
    if flat:
        return j
    for axis in range(out.ndim - 1, out.ndim - v.ndim - 1, -1):
        own = axis - out.ndim + v.ndim
        if v.shape[own] != 1:
            offset += j % out.shape[axis] * v.strides[own]
        j //= out.shape[axis]
    return offset


# ---- real numbers, and bernoulli: 1 where a uniform number is below p, which is broadcast to out's shape

cdef struct Draw:
    View out
    View p
    bint flat, p_flat
    bint gaussian
    uint64_t seed, offset
    int64_t n


cdef inline int draw_real(Step* step, Draw* job, int per_counter, double cost) noexcept nogil:
    """Fill in what all calls share, and run the tasks."""
    job.out, job.n = step.args[0], view_size(&step.args[0])
    job.flat = contiguous(&job.out)
    job.seed, job.offset = <uint64_t>step.params.i[0], <uint64_t>step.params.i[1]
    return share_out(step.inner, job, (job.n + per_counter * LANES - 1) // (per_counter * LANES), TASK, job.n * cost)


cdef int fill_batches(const Draw* job, int64_t first, int64_t end, real* kind) noexcept nogil:
    cdef real x[BATCH]
    cdef int64_t batch, j, start, each = per_batch(kind)
    for batch in range(first, end):
        start = batch * each
        if job.gaussian:
            normal_batch(x, job.seed, job.offset + <uint64_t>(batch * LANES))
        else:
            uniform_batch(x, job.seed, job.offset + <uint64_t>(batch * LANES))
        for j in range(min(each, job.n - start)):
            (<real*>job.out.data)[place(&job.out, &job.out, job.flat, start + j)] = x[j]
    return OK


cdef int uniform(Step* step) noexcept nogil:
    """Numbers in [0, 1)."""
    cdef Draw job
    job.gaussian = False
    return draw_real(step, &job, 4 if step.args[0].dtype == FLOAT32 else 2, 2.0)


cdef int normal(Step* step) noexcept nogil:
    cdef Draw job
    cdef bint single = step.args[0].dtype == FLOAT32
    job.gaussian = True
    return draw_real(step, &job, 4 if single else 2, 5.0 if single else 20.0)


cdef inline void put(const View* out, int64_t at, int64_t x) noexcept nogil:
    if out.dtype == BOOL or out.dtype == UINT8:
        (<uint8_t*>out.data)[at] = <uint8_t>x
    elif out.dtype == INT32:
        (<int32_t*>out.data)[at] = <int32_t>x
    elif out.dtype == INT64:
        (<int64_t*>out.data)[at] = x
    elif out.dtype == FLOAT32:
        (<float*>out.data)[at] = <float>x
    else:
        (<double*>out.data)[at] = <double>x


cdef int bernoulli_batches(const Draw* job, int64_t first, int64_t end, real* kind) noexcept nogil:
    cdef real x[BATCH]
    cdef int64_t batch, j, start, each = per_batch(kind)
    for batch in range(first, end):
        start = batch * each
        uniform_batch(x, job.seed, job.offset + <uint64_t>(batch * LANES))
        for j in range(min(each, job.n - start)):
            put(&job.out, place(&job.out, &job.out, job.flat, start + j),
                x[j] < (<real*>job.p.data)[place(&job.out, &job.p, job.p_flat, start + j)])
    return OK


cdef int bernoulli(Step* step) noexcept nogil:
    cdef Draw job
    cdef int axis, repeated = 0
    job.p = step.args[1]
    for axis in range(job.p.ndim):
        repeated += job.p.shape[axis] == 1 or job.p.strides[axis] == 0
    if repeated == job.p.ndim:      # one probability for all
        job.p.ndim = 0
    job.p_flat = contiguous(&job.p) and view_size(&job.p) == view_size(&step.args[0]) and job.p.ndim > 0
    return draw_real(step, &job, 4 if job.p.dtype == FLOAT32 else 2, 5.0)


# ---- integers: the high word of a 64 x 64 bit product spreads 2^64 random words over `width` values, so evenly that no
# value is favoured by more than width / 2^64.

cdef inline uint64_t high_product(uint64_t a, uint64_t b) noexcept nogil:
    cdef uint64_t a0 = a & 0xFFFFFFFFu, a1 = a >> 32
    cdef uint64_t b0 = b & 0xFFFFFFFFu, b1 = b >> 32
    cdef uint64_t middle = a1 * b0 + (a0 * b0 >> 32)
    cdef uint64_t low = a0 * b1 + (middle & 0xFFFFFFFFu)
    return a1 * b1 + (middle >> 32) + (low >> 32)


cdef inline uint64_t below(uint64_t width, uint64_t seed, uint64_t offset, int64_t j) noexcept nogil:
    """Random integer j of a call, in [0, width)."""
    cdef uint32_t word[WORDS]
    cdef uint64_t counter = offset + <uint64_t>j // 2
    word[0], word[1], word[2], word[3] = <uint32_t>counter, <uint32_t>(counter >> 32), 0, 0
    philox(word, seed)
    return high_product(joined(word[2 * (j & 1)], word[2 * (j & 1) + 1]), width)


cdef int randint(Step* step) noexcept nogil:
    """Integers in [low, high); low < high is the caller's to check."""
    cdef View* out = &step.args[0]
    cdef uint64_t seed = <uint64_t>step.params.i[0], offset = <uint64_t>step.params.i[1]
    cdef uint64_t low = <uint64_t>step.params.i[2]
    cdef uint64_t width = <uint64_t>step.params.i[3] - low
    cdef int64_t j, n = view_size(out)
    cdef bint flat = contiguous(out)
    for j in prange(n, num_threads=threads_for(n * 10.0), schedule="static"):
        (<int64_t*>out.data)[place(out, out, flat, j)] = <int64_t>(low + below(width, seed, offset, j))
    return OK


cdef int permutation(Step* step) noexcept nogil:
    """The integers 0 ... n - 1 in random order: Fisher and Yates swap each place with a random one up to itself."""
    cdef View* out = &step.args[0]
    cdef int64_t* x = <int64_t*>out.data
    cdef uint64_t seed = <uint64_t>step.params.i[0], offset = <uint64_t>step.params.i[1]
    cdef int64_t j, here, there, n = view_size(out)
    cdef bint flat = contiguous(out)
    for j in range(n):
        here = place(out, out, flat, j)
        there = place(out, out, flat, <int64_t>below(<uint64_t>j + 1, seed, offset, j))
        x[here] = x[there]
        x[there] = j
    return OK


# ---- for Python

def philox4x32(counter, key):
    """The four random words of a counter (four words) under a key (two words).

    >>> [f"{word:08x}" for word in philox4x32((0, 0, 0, 0), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    cdef uint32_t word[WORDS]
    word[0], word[1], word[2], word[3] = counter
    philox(word, joined(key[0], key[1]))
    return word[0], word[1], word[2], word[3]


def counters_used(kernel, n, dtype=None):
    """How many counters a call of a kernel draws for n elements; `dtype` is the code of the numbers drawn (of p for
    bernoulli), which only uniform, normal and bernoulli need."""
    if kernel in ("uniform", "normal", "bernoulli") and dtype == FLOAT32:
        return (n + 3) // 4
    if kernel in ("uniform", "normal", "bernoulli", "randint", "permutation"):
        return (n + 1) // 2
    raise ValueError(f"counters_used: {kernel!r} is no random kernel")


KERNELS = {
    "uniform": family("uniform", uniform, 0, NULL, NULL, NULL, NULL, <void*>fill_batches[float],
                      <void*>fill_batches[double]),
    "normal": family("normal", normal, 0, NULL, NULL, NULL, NULL, <void*>fill_batches[float],
                     <void*>fill_batches[double]),
    "bernoulli": family("bernoulli", bernoulli, 1, NULL, NULL, NULL, NULL, <void*>bernoulli_batches[float],
                        <void*>bernoulli_batches[double]),
    "randint": new_kernel("randint", randint, (INT64,)),
    "permutation": new_kernel("permutation", permutation, (INT64,)),
}
