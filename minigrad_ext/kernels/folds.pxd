"""The loops that reductions are made of: fold elements into an accumulator, store accumulators.

Every fold takes rows of elements into as many accumulators side by side: the lanes of a vector hold different outputs.
A single column, or columns whose own elements lie closer than their neighbours, it takes as runs, one after another:
the lanes hold partial results of one output.  Accumulators are merged by folds too,
each row being one set of them.  An accumulator is wider than what it reduces where that keeps the result accurate.

    SUM             sum of x: reals in float64; integers modulo 2^64, which truncates to the result modulo 2^32
    LARGEST         the largest x (`amax`, `any`); a NaN, once met, stays
    SMALLEST        the smallest x (`amin`, `all`), likewise
    EXPONENTIALS    sum of e^(x - peak): with the largest x as peak, no term of `logsumexp` overflows
"""

from libc.math cimport INFINITY, exp, log
from libc.stdint cimport int64_t, uint64_t
from minigrad_ext.kernels.axes cimport absolute
from minigrad_ext.kernels.fastmath cimport fast_exp
from minigrad_ext.kernels.lines cimport COLUMNS
from minigrad_ext.kernels.tile cimport MG_VECTOR
from minigrad_ext.types cimport number, real

cdef enum:
    AT_ONCE = 4
    SHORT_RUN = 16          # a shorter run is not worth folding along

cdef enum How:
    SUM, LARGEST, SMALLEST, EXPONENTIALS

ctypedef fused wide:            # every accumulator that is a number
    number
    uint64_t


cdef inline number element(const number* x, int64_t j, int64_t stride) noexcept nogil:
    """Strides are in bytes.  Where the stride is a constant, the compiler makes a loop over contiguous elements."""
    return (<const number*>(<const char*>x + j * stride))[0]


cdef inline void store(number* out, int64_t stride, const wide* acc, int64_t n) noexcept nogil:
    for j in range(n):
        (<number*>(<char*>out + j * stride))[0] = <number>acc[j]


cdef inline bint differ(wide a, wide b) noexcept nogil:
    """differ(x, x): whether x is NaN."""
    return a != b


cdef inline wide merge(wide a, wide b, How how) noexcept nogil:
    """Extremes choose first, which is one instruction and keeps a NaN in a, and then take a NaN in b."""
    if how == SUM or how == EXPONENTIALS:
        return <wide>(a + b)
    most = b if (b > a if how == LARGEST else b < a) else a
    return b if differ(b, b) else most


cdef inline double exp_of(number x) noexcept nogil:
    if number is float:
        return fast_exp(x)
    else:
        return exp(<double>x)


cdef inline wide combine(wide acc, number x, How how, number peak) noexcept nogil:
    return merge(acc, <wide>exp_of(<number>(x - peak)) if how == EXPONENTIALS else <wide>x, how)


cdef inline void halve(wide* lane, int half, How how) noexcept nogil:
    for l in range(half):
        lane[l] = merge(lane[l], lane[l + half], how)


cdef inline wide fold_run(wide acc, const number* x, int64_t n, int64_t stride, How how, number peak) noexcept nogil:
    """Contiguous: four vectors of partial results, lane l of the elements l, l + lanes, ..., added by halves."""
    cdef wide lane[4 * MG_VECTOR]
    cdef int64_t j = 0
    cdef int lanes = 4 * MG_VECTOR // <int>sizeof(wide)
    if stride == <int64_t>sizeof(number) and n >= (lanes if how == EXPONENTIALS else 2 * lanes):
        for l in range(lanes):
            lane[l] = <wide>x[l] if how != EXPONENTIALS else 0
        j = 0 if how == EXPONENTIALS else lanes
        while j + lanes <= n:
            for l in range(lanes):
                lane[l] = combine(lane[l], x[j + l], how, peak)
            j += lanes
        halve(lane, lanes // 2, how)        # constants: of a loop over the halves the compiler makes no vectors
        halve(lane, lanes // 4, how)
        halve(lane, lanes // 8, how)
        halve(lane, lanes // 16, how)
        halve(lane, lanes // 32, how)
        halve(lane, lanes // 64, how)
        halve(lane, lanes // 128, how)
        halve(lane, lanes // 256, how)
        acc = merge(acc, lane[0], how)
    while j < n:
        acc = combine(acc, element(x, j, stride), how, peak)
        j += 1
    return acc


cdef inline void fold_rows(wide* acc, const number* x, int rows, int64_t row_stride, int64_t n, int64_t stride, How how,
                           const number* peak) noexcept nogil:
    """`rows`, a constant, at once: so the accumulators are read and written less often."""
    cdef wide a
    cdef const number* row
    for j in range(n):
        a, row = acc[j], x
        for r in range(rows):
            a = combine(a, element(row, j, stride), how, peak[j] if how == EXPONENTIALS else <number>0)
            row = <const number*>(<const char*>row + row_stride)
        acc[j] = a


cdef inline void fold(wide* acc, const number* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride,
                      How how, const number* peak) noexcept nogil:
    """acc[j] <- acc[j] with the elements of column j, for n columns."""
    cdef int64_t r = 0
    if n == 1 or rows >= SHORT_RUN and absolute(row_stride) < absolute(stride):
        for j in range(n):
            acc[j] = fold_run(acc[j], <const number*>(<const char*>x + j * stride), rows, row_stride, how,
                              peak[j] if how == EXPONENTIALS else <number>0)
        return
    while r < rows:
        if r + AT_ONCE <= rows and stride == <int64_t>sizeof(number):
            fold_rows(acc, x, AT_ONCE, row_stride, n, sizeof(number), how, peak)
            step = AT_ONCE
        elif stride == <int64_t>sizeof(number):
            fold_rows(acc, x, 1, row_stride, n, sizeof(number), how, peak)
            step = 1
        else:
            fold_rows(acc, x, 1, row_stride, n, stride, how, peak)
            step = 1
        r += step
        x = <const number*>(<const char*>x + step * row_stride)


# ---------------------------------------------------------------------------------------------------------------------
# logsumexp: out = peak + ln(sum of e^(x - peak)).

cdef struct Exponentials:
    double peak
    double sum


cdef inline real about(real peak) noexcept nogil:
    """What to subtract: the peak, unless it is infinite (inf - inf is NaN), when the sum does not matter."""
    return peak if -INFINITY < peak < INFINITY else <real>0


cdef inline void add_exponentials(Exponentials* acc, double peak, double sum) noexcept nogil:
    """Equal peaks need no factor, which also spares inf - inf."""
    if peak == acc.peak:
        acc.sum += sum
    elif peak > acc.peak:
        acc.peak, acc.sum = peak, acc.sum * exp(acc.peak - peak) + sum
    else:
        acc.sum += sum * exp(peak - acc.peak)


cdef inline void fold_exponentials(Exponentials* acc, const real* x, int64_t rows, int64_t row_stride, int64_t n,
                                   int64_t stride) noexcept nogil:
    """Two passes, the elements being in the cache: the peaks, then the sums."""
    cdef real peak[COLUMNS]
    cdef real middle[COLUMNS]
    cdef double sum[COLUMNS]
    for j in range(n):
        peak[j], sum[j] = <real>-INFINITY, 0
    fold(<real*>peak, x, rows, row_stride, n, stride, LARGEST, <real*>NULL)
    for j in range(n):
        middle[j] = about(peak[j])
    fold(<double*>sum, x, rows, row_stride, n, stride, EXPONENTIALS, <real*>middle)
    for j in range(n):
        add_exponentials(&acc[j], peak[j], sum[j])


cdef inline void merge_exponentials(Exponentials* acc, const Exponentials* x, int64_t rows, int64_t row_stride,
                                    int64_t n, int64_t stride) noexcept nogil:
    for r in range(rows):
        for j in range(n):
            add_exponentials(&acc[j], x[j].peak, x[j].sum)
        x = <const Exponentials*>(<const char*>x + row_stride)


cdef inline void store_exponentials(real* out, int64_t stride, const Exponentials* acc, int64_t n) noexcept nogil:
    for j in range(n):
        (<real*>(<char*>out + j * stride))[0] = <real>(acc[j].peak + log(acc[j].sum))
