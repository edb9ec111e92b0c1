"""The loops that reductions are made of: start an accumulator, fold elements into it, merge accumulators, store.

Each comes in two forms.  A *run* folds many elements into one accumulator: the lanes of a vector hold partial results
of one output.  *columns* folds rows of elements into as many accumulators side by side: the lanes hold different
outputs.  An accumulator is wider than what it reduces where that keeps the result accurate.
"""

from libc.math cimport INFINITY, exp, log
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset
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

ctypedef fused integer:
    int32_t
    int64_t


# ---------------------------------------------------------------------------------------------------------------------
# sum: out = sum of x.  Reals in float64; integers modulo 2^64, which truncates to the result modulo 2^32.

cdef inline void start_zero(char* acc, int64_t n) noexcept nogil:
    memset(acc, 0, 8 * n)           # 0 of float64 and of uint64


cdef inline void merge_float(char* acc, const char* other, int64_t n) noexcept nogil:
    cdef double* a = <double*>acc
    cdef const double* b = <const double*>other
    cdef int64_t j
    for j in range(n):
        a[j] += b[j]


cdef inline void merge_integer(char* acc, const char* other, int64_t n) noexcept nogil:
    cdef uint64_t* a = <uint64_t*>acc
    cdef const uint64_t* b = <const uint64_t*>other
    cdef int64_t j
    for j in range(n):
        a[j] += b[j]


cdef inline void store_float(real* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef const double* a = <const double*>acc
    cdef int64_t j
    for j in range(n):
        (<real*>(<char*>out + j * stride))[0] = <real>a[j]


cdef inline void store_integer(integer* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef const uint64_t* a = <const uint64_t*>acc
    cdef int64_t j
    for j in range(n):
        (<integer*>(<char*>out + j * stride))[0] = <integer>a[j]


# SUM_LANES partial sums, lane l of the elements l, l + SUM_LANES, ...; then they are added by halves.
cdef inline double sum_lanes(const real* x, int64_t n) noexcept nogil:
    cdef double lane[SUM_LANES]
    cdef double rest = 0
    cdef int64_t j = 0
    cdef int l, half
    for l in range(SUM_LANES):
        lane[l] = 0
    while j + SUM_LANES <= n:
        for l in range(SUM_LANES):
            lane[l] += <double>x[j + l]
        j += SUM_LANES
    while j < n:
        rest += <double>x[j]
        j += 1
    half = SUM_LANES // 2
    while half > 0:
        for l in range(half):
            lane[l] += lane[l + half]
        half //= 2
    return lane[0] + rest


cdef inline void sum_run(char* acc, const real* x, int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef double total = 0
    cdef int64_t j
    if stride == <int64_t>sizeof(real) and n >= 2 * SUM_LANES:
        total = sum_lanes(x, n)
    else:
        for j in range(n):
            total += <double>(<const real*>(at + j * stride))[0]
    (<double*>acc)[0] += total


cdef inline void sum_columns(char* acc, const real* x, int64_t rows, int64_t row_stride,
                      int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef double* a = <double*>acc
    cdef const real* row
    cdef int64_t r, j
    for r in range(rows):
        if stride == <int64_t>sizeof(real):
            row = <const real*>at
            for j in range(n):
                a[j] += <double>row[j]
        else:
            for j in range(n):
                a[j] += <double>(<const real*>(at + j * stride))[0]
        at += row_stride


cdef inline void count_run(char* acc, const integer* x, int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef uint64_t total = 0
    cdef const integer* row = x
    cdef int64_t j
    if stride == <int64_t>sizeof(integer):
        for j in range(n):
            total += <uint64_t>row[j]
    else:
        for j in range(n):
            total += <uint64_t>(<const integer*>(at + j * stride))[0]
    (<uint64_t*>acc)[0] += total


cdef inline void count_columns(char* acc, const integer* x, int64_t rows, int64_t row_stride,
                        int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef uint64_t* a = <uint64_t*>acc
    cdef const integer* row
    cdef int64_t r, j
    for r in range(rows):
        if stride == <int64_t>sizeof(integer):
            row = <const integer*>at
            for j in range(n):
                a[j] += <uint64_t>row[j]
        else:
            for j in range(n):
                a[j] += <uint64_t>(<const integer*>(at + j * stride))[0]
        at += row_stride


# ---------------------------------------------------------------------------------------------------------------------
# amax, amin: out = the extreme of x.  A NaN, once met, stays.  any and all are amax and amin of 0 and 1.

cdef inline number lowest(number* _) noexcept nogil:
    if number is float or number is double:
        return -INFINITY
    elif number is int32_t:
        return INT32_MIN
    elif number is int64_t:
        return INT64_MIN
    else:
        return 0


cdef inline number highest(number* _) noexcept nogil:
    if number is float or number is double:
        return INFINITY
    elif number is int32_t:
        return INT32_MAX
    elif number is int64_t:
        return INT64_MAX
    else:
        return 255


cdef inline bint is_nan(number x) noexcept nogil:
    if number is float or number is double:
        return x != x
    else:
        return False


cdef inline number larger(number a, number b) noexcept nogil:
    return b if (b > a) | is_nan(b) else a


cdef inline number smaller(number a, number b) noexcept nogil:
    return b if (b < a) | is_nan(b) else a


cdef inline void start_lowest(number* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        acc[j] = lowest(acc)


cdef inline void start_highest(number* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        acc[j] = highest(acc)


cdef inline number largest_of(const number* x, int64_t n) noexcept nogil:
    cdef number lane[PEAK_BYTES]
    cdef int lanes = PEAK_BYTES // <int>sizeof(number)
    cdef number best
    cdef int64_t j = 0
    cdef int l, half
    if n >= 2 * lanes:
        for l in range(lanes):
            lane[l] = x[l]
        j = lanes
        while j + lanes <= n:
            for l in range(lanes):
                lane[l] = larger(lane[l], x[j + l])
            j += lanes
        half = lanes // 2
        while half > 0:
            for l in range(half):
                lane[l] = larger(lane[l], lane[l + half])
            half //= 2
        best = lane[0]
    else:
        best = lowest(<number*>NULL)
    while j < n:
        best = larger(best, x[j])
        j += 1
    return best


cdef inline number smallest_of(const number* x, int64_t n) noexcept nogil:
    cdef number lane[PEAK_BYTES]
    cdef int lanes = PEAK_BYTES // <int>sizeof(number)
    cdef number best
    cdef int64_t j = 0
    cdef int l, half
    if n >= 2 * lanes:
        for l in range(lanes):
            lane[l] = x[l]
        j = lanes
        while j + lanes <= n:
            for l in range(lanes):
                lane[l] = smaller(lane[l], x[j + l])
            j += lanes
        half = lanes // 2
        while half > 0:
            for l in range(half):
                lane[l] = smaller(lane[l], lane[l + half])
            half //= 2
        best = lane[0]
    else:
        best = highest(<number*>NULL)
    while j < n:
        best = smaller(best, x[j])
        j += 1
    return best


cdef inline void amax_run(char* acc, const number* x, int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef number best = (<number*>acc)[0]
    cdef int64_t j
    if stride == <int64_t>sizeof(number):
        best = larger(best, largest_of(x, n))
    else:
        for j in range(n):
            best = larger(best, (<const number*>(at + j * stride))[0])
    (<number*>acc)[0] = best


cdef inline void amin_run(char* acc, const number* x, int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef number best = (<number*>acc)[0]
    cdef int64_t j
    if stride == <int64_t>sizeof(number):
        best = smaller(best, smallest_of(x, n))
    else:
        for j in range(n):
            best = smaller(best, (<const number*>(at + j * stride))[0])
    (<number*>acc)[0] = best


cdef inline void amax_columns(char* acc, const number* x, int64_t rows, int64_t row_stride,
                       int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef number* a = <number*>acc
    cdef const number* row
    cdef int64_t r, j
    for r in range(rows):
        if stride == <int64_t>sizeof(number):
            row = <const number*>at
            for j in range(n):
                a[j] = larger(a[j], row[j])
        else:
            for j in range(n):
                a[j] = larger(a[j], (<const number*>(at + j * stride))[0])
        at += row_stride


cdef inline void amin_columns(char* acc, const number* x, int64_t rows, int64_t row_stride,
                       int64_t n, int64_t stride) noexcept nogil:
    cdef const char* at = <const char*>x
    cdef number* a = <number*>acc
    cdef const number* row
    cdef int64_t r, j
    for r in range(rows):
        if stride == <int64_t>sizeof(number):
            row = <const number*>at
            for j in range(n):
                a[j] = smaller(a[j], row[j])
        else:
            for j in range(n):
                a[j] = smaller(a[j], (<const number*>(at + j * stride))[0])
        at += row_stride


cdef inline void merge_larger(number* acc, const number* other, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        acc[j] = larger(acc[j], other[j])


cdef inline void merge_smaller(number* acc, const number* other, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        acc[j] = smaller(acc[j], other[j])


cdef inline void store_same(number* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        (<number*>(<char*>out + j * stride))[0] = (<const number*>acc)[j]


cdef inline void store_bool(char* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j * stride] = acc[j] != 0       # the start of `all`, 255, is true too


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


cdef inline void start_exponentials(char* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        (<Exponentials*>acc)[j].peak = -INFINITY
        (<Exponentials*>acc)[j].sum = 0


cdef inline void exponentials_run(char* acc, const real* x, int64_t n, int64_t stride) noexcept nogil:
    """Two passes, the run being in the cache: its peak, then the sum, in lanes as sums are."""
    cdef const char* at = <const char*>x
    cdef real peak = -INFINITY
    cdef real middle
    cdef double lane[SUM_LANES]
    cdef double sum = 0
    cdef int64_t j = 0
    cdef int l
    if stride == <int64_t>sizeof(real):
        peak = largest_of(x, n)
        middle = about(peak)
        for l in range(SUM_LANES):
            lane[l] = 0
        while j + SUM_LANES <= n:
            for l in range(SUM_LANES):
                lane[l] += exp_of(x[j + l] - middle)
            j += SUM_LANES
        for l in range(SUM_LANES):
            sum += lane[l]
    else:
        for j in range(n):
            peak = larger(peak, (<const real*>(at + j * stride))[0])
        middle = about(peak)
        j = 0
    while j < n:
        sum += exp_of((<const real*>(at + j * stride))[0] - middle)
        j += 1
    add_exponentials(<Exponentials*>acc, peak, sum)


cdef inline void exponentials_columns(char* acc, const real* x, int64_t rows, int64_t row_stride, int64_t n,
                                      int64_t stride) noexcept nogil:
    cdef real peak[COLUMNS]
    cdef real middle[COLUMNS]
    cdef double sum[COLUMNS]
    cdef const char* at = <const char*>x
    cdef int64_t r, j
    start_lowest(peak, n)
    amax_columns(<char*>peak, x, rows, row_stride, n, stride)
    for j in range(n):
        middle[j], sum[j] = about(peak[j]), 0
    for r in range(rows):
        if stride == <int64_t>sizeof(real):
            for j in range(n):
                sum[j] += exp_of((<const real*>at)[j] - middle[j])
        else:
            for j in range(n):
                sum[j] += exp_of((<const real*>(at + j * stride))[0] - middle[j])
        at += row_stride
    for j in range(n):
        add_exponentials(&(<Exponentials*>acc)[j], peak[j], sum[j])


cdef inline void merge_exponentials(char* acc, const char* other, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        add_exponentials(&(<Exponentials*>acc)[j], (<const Exponentials*>other)[j].peak,
                         (<const Exponentials*>other)[j].sum)


cdef inline void store_exponentials(real* out, int64_t stride, const char* acc, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        (<real*>(<char*>out + j * stride))[0] = <real>((<const Exponentials*>acc)[j].peak
                                                + log((<const Exponentials*>acc)[j].sum))
