"""Arithmetic without the mathematical library, for every dtype that has it.

Integers wrap around: their sums and products are computed as unsigned, which has the same bits and is defined for all
operands.  Integer division by zero and negative integer powers are found before anything is written.  On bool, + is
"or" and * is "and".  NaN propagates, also through maximum, minimum and clamp.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from minigrad_ext.kernels.blocks cimport (
    Block, Scratch, Walk, cut_blocks, elementwise, elementwise_costly, load_block, locate_block, open_scratch,
    start_walk,
)
from minigrad_ext.kernels.loops cimport Row, kernels_of
from minigrad_ext.types cimport FLOAT32, INT32, NEGATIVE_POWER, Step, UINT8, ZERO_DIVISION, view_size

cdef extern from *:
    """
    #include <math.h>

    /* Written so that NaN stays. */
    #define LARGER(x, y) ((y > x) | (y != y) ? y : x)
    #define SMALLER(x, y) ((y < x) | (y != y) ? y : x)

    /* step is the derivative of relu: 0 at 0 and for NaN. */
    #define CHEAP(ROW)                                                                                          \\
        ROW(BOOL_WRAPPING, add, a[j] | b[j], a[j] + b[j])                                                       \\
        ROW(BOOL_WRAPPING, mul, a[j] & b[j], a[j] * b[j])                                                       \\
        ROW(WRAPPING, sub, a[j] - b[j])                                                                         \\
        ROW(REAL, div, a[j] / b[j])                                                                             \\
        ROW(BOOL_NUMBER, maximum, a[j] | b[j], LARGER(a[j], b[j]))                                              \\
        ROW(BOOL_NUMBER, minimum, a[j] & b[j], SMALLER(a[j], b[j]))                                             \\
        ROW(WRAPPING, neg, -a[j])                                                                               \\
        ROW(WRAPPING, square, a[j] * a[j])                                                                      \\
        ROW(NUMBER, abs, a[j] < 0 ? 0 - (uint64_t)a[j] : (uint64_t)a[j], fabs(a[j]))                            \\
        ROW(NUMBER, sign, (a[j] > 0) - (a[j] < 0), (a[j] > 0) - (a[j] < 0))                                     \\
        ROW(NUMBER, step, a[j] > 0, a[j] > 0)                                                                   \\
        ROW(NUMBER, relu, a[j] < 0 ? 0 : a[j], a[j] < 0 ? 0 : a[j])                                             \\
        ROW(REAL, reciprocal, 1 / a[j])                                                                         \\
        ROW(NUMBER, clamp, SMALLER(LARGER(a[j], b[j]), c[j]), SMALLER(LARGER(a[j], b[j]), c[j]))
    MG_TABLE(CHEAP)

    /* Python's rules: the quotient is rounded down, the remainder has the divisor's sign.  (C's % truncates.)  Dividing
       the smallest integer by -1 overflows in C, so there the sign is changed with wrap-around instead. */
    #define REST(x, y) (y == -1 ? 0 : x % y)
    #define TRUNCATED(x, y) (y == -1 ? (T)(0 - (uint64_t)x) : x / y)
    #define CROSSES(r, y) ((r != 0) & ((r < 0) != (y < 0)))
    #define FLOORED_REST(r, y) (CROSSES(r, y) ? r + y : r)

    #define FLOORED_QUOTIENT(T)                                                                                 \\
        static inline T floored_quotient_##T(T x, T y) {                                                        \\
            T r = (T)fmod(x, y), q = (x - r) / y, low;                                                          \\
            if (y == 0) return x / y;                                                                           \\
            if (CROSSES(r, y)) q -= 1;                                                                          \\
            if (q == 0) return (T)copysign(0, x / y);                                                           \\
            low = (T)floor(q);                                                                                  \\
            return q - low > (T)0.5 ? low + 1 : low;                                                            \\
        }
    FLOORED_QUOTIENT(float)
    FLOORED_QUOTIENT(double)
    #define FLOORED(x, y) (sizeof(T) == sizeof(float) ? floored_quotient_float(x, y) : floored_quotient_double(x, y))

    #define DIVISIONS(ROW)                                                                                      \\
        ROW(NUMBER, floor_divide, TRUNCATED(a[j], b[j]) - CROSSES(REST(a[j], b[j]), b[j]), FLOORED(a[j], b[j])) \\
        ROW(NUMBER, remainder, FLOORED_REST(REST(a[j], b[j]), b[j]), FLOORED_REST((T)fmod(a[j], b[j]), b[j]))   \\
        ROW(NUMBER, fmod, REST(a[j], b[j]), fmod(a[j], b[j]))
    MG_TABLE(DIVISIONS)

    /* base^exponent by squaring: one factor for each binary digit of the exponent */
    static inline uint64_t integer_power(uint64_t base, uint64_t exponent) {
        uint64_t result = 1;
        for (; exponent; exponent >>= 1, base *= base)
            if (exponent & 1) result *= base;
        return result;
    }

    #define POWERS(ROW) ROW(NUMBER, pow, integer_power((uint64_t)a[j], (uint64_t)b[j]), pow(a[j], b[j]))
    MG_TABLE(POWERS)
    """
    Row* CHEAP "CHEAP_TABLE"
    Row* DIVISIONS "DIVISIONS_TABLE"
    Row* POWERS "POWERS_TABLE"

ctypedef fused integer:
    uint8_t
    int32_t
    int64_t

# ---- drivers that look at integer operands first

cdef inline bint holds(const integer* x, bint negative, int64_t n) noexcept nogil:
    cdef int64_t j
    cdef bint found = False
    for j in range(n):
        found |= x[j] < 0 if negative else x[j] == 0
    return found


cdef bint any_value(Step* step, int k, bint negative) noexcept nogil:
    """Whether the integer argument k holds a 0, or with `negative` a number below 0."""
    cdef Step alone
    cdef Walk walk
    cdef Scratch scratch
    cdef Block block
    cdef int64_t number
    cdef bint found = False
    alone.args[0] = step.args[k]
    start_walk(&walk, &alone, 1)
    if walk.axes.total == 0:
        return False
    walk.reads[0], walk.writes[0] = True, False
    cut_blocks(&walk)
    open_scratch(&scratch)
    for number in range(walk.n_blocks):
        locate_block(&walk, number, &block)
        load_block(&walk, &scratch, &block)
        if step.args[k].dtype == UINT8:
            found = holds(<uint8_t*>scratch.at[0], negative, block.n)
        elif step.args[k].dtype == INT32:
            found = holds(<int32_t*>scratch.at[0], negative, block.n)
        else:
            found = holds(<int64_t*>scratch.at[0], negative, block.n)
        if found:
            return True
    return False


cdef int divide(Step* step) noexcept nogil:
    if step.args[0].dtype < FLOAT32 and view_size(&step.args[0]) and any_value(step, 2, False):
        return ZERO_DIVISION
    return elementwise_costly(step)


cdef int power(Step* step) noexcept nogil:
    if step.args[0].dtype < FLOAT32 and view_size(&step.args[0]) and any_value(step, 2, True):
        return NEGATIVE_POWER
    return elementwise_costly(step)


KERNELS = kernels_of(CHEAP, elementwise) | kernels_of(DIVISIONS, divide) | kernels_of(POWERS, power)
