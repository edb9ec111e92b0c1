"""The loops that reductions are made of: fold elements into an accumulator, store accumulators.

Each fold comes in two forms.  A *run* folds many elements into one accumulator: the lanes of a vector hold partial
results of one output.  *columns* folds rows of elements into as many accumulators side by side: the lanes hold
different outputs.  Accumulators are merged as columns too, each row being one set of them.  An accumulator is wider
than what it reduces where that keeps the result accurate.
"""

from libc.math cimport INFINITY, exp, log
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint64_t
from minigrad_ext.kernels.fastmath cimport fast_exp
from minigrad_ext.types cimport number, real

cdef extern from *:
    """
    #include "isa.h"
    #define MG_SUM_LANES (MG_VECTOR / 2)      /* four vectors of float64 */
    #define MG_PEAK_BYTES (2 * MG_VECTOR)     /* two vectors of anything */
    """
    enum:
        SUM_LANES "MG_SUM_LANES"
        PEAK_BYTES "MG_PEAK_BYTES"

cdef enum:
    COLUMNS = 256           # accumulators side by side, at most

ctypedef fused accumulator:     # of a sum
    double
    uint64_t

ctypedef fused stored:          # every accumulator that is a number
    uint8_t
    int32_t
    int64_t
    uint64_t
    float
    double


cdef inline number element(const number* x, int64_t j, int64_t stride) noexcept nogil:
    """Strides are in bytes.  Where the stride is a constant, the compiler makes a loop over contiguous elements."""
    return (<const number*>(<const char*>x + j * stride))[0]


cdef inline const number* next_row(const number* x, int64_t stride) noexcept nogil:
    return <const number*>(<const char*>x + stride)


cdef inline void store(number* out, int64_t stride, const stored* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        (<number*>(<char*>out + j * stride))[0] = <number>acc[j]


# ---------------------------------------------------------------------------------------------------------------------
# sum: out = sum of x.  Reals in float64; integers modulo 2^64, which truncates to the result modulo 2^32.

# SUM_LANES partial sums, lane l of the elements l, l + SUM_LANES, ...; then they are added by halves.
cdef inline void sum_run(accumulator* acc, const number* x, int64_t n, int64_t stride) noexcept nogil:
    cdef accumulator lane[SUM_LANES]
    cdef accumulator rest = 0
    cdef int64_t j = 0
    cdef int l, half = SUM_LANES // 2
    lane[0] = 0
    if stride == <int64_t>sizeof(number) and n >= 2 * SUM_LANES:
        for l in range(SUM_LANES):
            lane[l] = 0
        while j + SUM_LANES <= n:
            for l in range(SUM_LANES):
                lane[l] += <accumulator>x[j + l]
            j += SUM_LANES
        while half > 0:
            for l in range(half):
                lane[l] += lane[l + half]
            half //= 2
    while j < n:
        rest += <accumulator>element(x, j, stride)
        j += 1
    acc[0] += lane[0] + rest


cdef inline void sum_row(accumulator* acc, const number* x, int64_t n, int64_t stride) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        acc[j] += <accumulator>element(x, j, stride)


cdef inline void sum_columns(accumulator* acc, const number* x, int64_t rows, int64_t row_stride,
                             int64_t n, int64_t stride) noexcept nogil:
    cdef int64_t r
    for r in range(rows):
        if stride == <int64_t>sizeof(number):
            sum_row(acc, x, n, sizeof(number))
        else:
            sum_row(acc, x, n, stride)
        x = next_row(x, row_stride)


# ---------------------------------------------------------------------------------------------------------------------
# amax, amin: out = the extreme of x.  A NaN, once met, stays.  any and all are amax and amin of 0 and 1.

cdef struct Largest:            # types only, never values: they tell which extreme a loop looks for
    char none

cdef struct Smallest:
    char none

ctypedef fused extreme:
    Largest
    Smallest


cdef inline number weakest(number* _, extreme* __) noexcept nogil:
    """What no number loses to."""
    if number is float or number is double:
        return -INFINITY if extreme is Largest else INFINITY
    elif number is int32_t:
        return INT32_MIN if extreme is Largest else INT32_MAX
    elif number is int64_t:
        return INT64_MIN if extreme is Largest else INT64_MAX
    else:
        return 0 if extreme is Largest else 255


cdef inline bint is_nan(number x) noexcept nogil:
    if number is float or number is double:
        return x != x
    else:
        return False


cdef inline number better(number a, number b, extreme* _) noexcept nogil:
    if extreme is Largest:
        return b if (b > a) | is_nan(b) else a
    else:
        return b if (b < a) | is_nan(b) else a


cdef inline number extreme_of(const number* x, int64_t n, extreme* which) noexcept nogil:
    """Lanes, as in a sum, which start as the first elements."""
    cdef number lane[PEAK_BYTES]
    cdef int lanes = PEAK_BYTES // <int>sizeof(number)
    cdef number best = weakest(<number*>NULL, which)
    cdef int64_t j = 0
    cdef int l, half = lanes // 2
    if n >= 2 * lanes:
        for l in range(lanes):
            lane[l] = x[l]
        j = lanes
        while j + lanes <= n:
            for l in range(lanes):
                lane[l] = better(lane[l], x[j + l], which)
            j += lanes
        while half > 0:
            for l in range(half):
                lane[l] = better(lane[l], lane[l + half], which)
            half //= 2
        best = lane[0]
    while j < n:
        best = better(best, x[j], which)
        j += 1
    return best


cdef inline void extreme_run(extreme* acc, const number* x, int64_t n, int64_t stride) noexcept nogil:
    cdef number best = (<number*>acc)[0]
    cdef int64_t j
    if stride == <int64_t>sizeof(number):
        best = better(best, extreme_of(x, n, acc), acc)
    else:
        for j in range(n):
            best = better(best, element(x, j, stride), acc)
    (<number*>acc)[0] = best


cdef inline void extreme_row(extreme* acc, const number* x, int64_t n, int64_t stride) noexcept nogil:
    cdef number* a = <number*>acc
    cdef int64_t j
    for j in range(n):
        a[j] = better(a[j], element(x, j, stride), acc)


cdef inline void extreme_columns(extreme* acc, const number* x, int64_t rows, int64_t row_stride,
                                 int64_t n, int64_t stride) noexcept nogil:
    cdef int64_t r
    for r in range(rows):
        if stride == <int64_t>sizeof(number):
            extreme_row(acc, x, n, sizeof(number))
        else:
            extreme_row(acc, x, n, stride)
        x = next_row(x, row_stride)


# ---------------------------------------------------------------------------------------------------------------------
# logsumexp: out = peak + ln(sum of e^(x - peak)), where peak is the largest x: nothing overflows.

cdef struct Exponentials:
    double peak
    double sum


cdef inline double exp_of(real x) noexcept nogil:
    if real is float:
        return fast_exp(x)
    else:
        return exp(x)


cdef inline real about(real peak) noexcept nogil:
    """What to subtract: the peak, unless it is infinite (inf - inf is NaN), when the sum does not matter."""
    return peak if -INFINITY < peak < INFINITY else <real>0


cdef inline void add_exponentials(Exponentials* acc, double peak, double sum) noexcept nogil:
    """Equal peaks need no factor, which also spares inf - inf."""
    if peak == acc.peak:
        acc.sum += sum
    elif peak > acc.peak:
        acc.sum = acc.sum * exp(acc.peak - peak) + sum
        acc.peak = peak
    else:
        acc.sum += sum * exp(peak - acc.peak)


cdef inline void exponentials_run(Exponentials* acc, const real* x, int64_t n, int64_t stride) noexcept nogil:
    """Two passes, the run being in the cache: its peak, then the sum, in lanes as sums are."""
    cdef real peak = -INFINITY
    cdef real middle
    cdef double lane[SUM_LANES]
    cdef double sum = 0
    cdef int64_t j = 0
    cdef int l
    extreme_run(<Largest*>&peak, x, n, stride)
    middle = about(peak)
    if stride == <int64_t>sizeof(real):
        for l in range(SUM_LANES):
            lane[l] = 0
        while j + SUM_LANES <= n:
            for l in range(SUM_LANES):
                lane[l] += exp_of(x[j + l] - middle)
            j += SUM_LANES
        for l in range(SUM_LANES):
            sum += lane[l]
    while j < n:
        sum += exp_of(element(x, j, stride) - middle)
        j += 1
    add_exponentials(acc, peak, sum)


cdef inline void exponentials_row(double* sum, const real* middle, const real* x, int64_t n, int64_t stride
                                  ) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        sum[j] += exp_of(element(x, j, stride) - middle[j])


cdef inline void exponentials_columns(Exponentials* acc, const real* x, int64_t rows, int64_t row_stride, int64_t n,
                                      int64_t stride) noexcept nogil:
    cdef real peak[COLUMNS]
    cdef real middle[COLUMNS]
    cdef double sum[COLUMNS]
    cdef int64_t r, j
    for j in range(n):
        peak[j] = -INFINITY
    extreme_columns(<Largest*>peak, x, rows, row_stride, n, stride)
    for j in range(n):
        middle[j], sum[j] = about(peak[j]), 0
    for r in range(rows):
        if stride == <int64_t>sizeof(real):
            exponentials_row(sum, middle, x, n, sizeof(real))
        else:
            exponentials_row(sum, middle, x, n, stride)
        x = next_row(x, row_stride)
    for j in range(n):
        add_exponentials(&acc[j], peak[j], sum[j])


cdef inline void merge_exponentials(Exponentials* acc, const Exponentials* x, int64_t rows, int64_t row_stride,
                                    int64_t n, int64_t stride) noexcept nogil:
    cdef int64_t r, j
    for r in range(rows):
        for j in range(n):
            add_exponentials(&acc[j], x[j].peak, x[j].sum)
        x = <const Exponentials*>(<const char*>x + row_stride)


cdef inline void store_exponentials(real* out, int64_t stride, const Exponentials* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        (<real*>(<char*>out + j * stride))[0] = <real>(acc[j].peak + log(acc[j].sum))
