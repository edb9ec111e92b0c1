"""Arithmetic without the mathematical library, for every dtype that has it.

Integers wrap around: their sums and products are computed as unsigned, which has the same bits and is defined for all
operands.  Integer division by zero and negative integer powers are found before anything is written.  On bool, + is
"or" and * is "and".  NaN propagates, also through maximum, minimum and clamp.
"""

from libc.math cimport copysign, fabs, floor, fmod, pow
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.blocks cimport (
    Block, Scratch, Walk, cut_blocks, elementwise, elementwise_costly, load_block, locate_block, open_scratch,
    start_walk,
)
from minigrad_ext.types cimport (
    FLOAT32, INT32, NEGATIVE_POWER, Step, UINT8, ZERO_DIVISION, number, real, view_size,
)

ctypedef fused wrapping:    # the same bits as `number`, without signed overflow
    uint8_t
    uint32_t
    uint64_t
    float
    double

ctypedef fused integer:
    uint8_t
    int32_t
    int64_t

ctypedef fused signed_or_real:
    int32_t
    int64_t
    float
    double


# ---- loops of two operands

cdef void add(wrapping* restrict out, const wrapping* a, const wrapping* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] + b[j]


cdef void sub(wrapping* restrict out, const wrapping* a, const wrapping* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] - b[j]


cdef void mul(wrapping* restrict out, const wrapping* a, const wrapping* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] * b[j]


cdef void div(real* restrict out, const real* a, const real* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] / b[j]


cdef void bool_or(uint8_t* restrict out, const uint8_t* a, const uint8_t* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] | b[j]


cdef void bool_and(uint8_t* restrict out, const uint8_t* a, const uint8_t* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] & b[j]


cdef void maximum(number* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = b[j] if (b[j] > a[j]) | (b[j] != b[j]) else a[j]


cdef void minimum(number* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = b[j] if (b[j] < a[j]) | (b[j] != b[j]) else a[j]


# Python's rules: the quotient is rounded down, the remainder has the divisor's sign.  (C's % truncates.)  Dividing the
# smallest integer by -1 overflows in C, so -1 is replaced by 1 and the sign restored with wrap-around.

cdef inline integer truncated(integer a, integer b) noexcept nogil:
    if integer is uint8_t:
        return a // b
    elif integer is int32_t:
        return <int32_t>(0 - <uint32_t>a) if b == -1 else a // b
    else:
        return <int64_t>(0 - <uint64_t>a) if b == -1 else a // b


cdef inline integer rest(integer a, integer b) noexcept nogil:
    if integer is uint8_t:
        return a % b
    else:
        return 0 if b == -1 else a % b


cdef void floor_divide(integer* restrict out, const integer* a, const integer* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    cdef integer r
    for j in range(n):
        r = rest(a[j], b[j])
        out[j] = truncated(a[j], b[j]) - <integer>((r != 0) & ((r < 0) != (b[j] < 0)))


cdef void remainder(integer* restrict out, const integer* a, const integer* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    cdef integer r
    for j in range(n):
        r = rest(a[j], b[j])
        out[j] = r + b[j] if (r != 0) & ((r < 0) != (b[j] < 0)) else r


cdef void fmod_integer(integer* restrict out, const integer* a, const integer* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = rest(a[j], b[j])


cdef inline real floored_quotient(real a, real b) noexcept nogil:
    cdef real r, q, low
    if b == 0:
        return a / b
    r = <real>fmod(a, b)
    q = (a - r) / b
    if r != 0 and (r < 0) != (b < 0):
        q -= 1
    if q == 0:
        return <real>copysign(0, a / b)
    low = <real>floor(q)
    return low + 1 if q - low > <real>0.5 else low


cdef void floor_divide_real(real* restrict out, const real* a, const real* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = floored_quotient(a[j], b[j])


cdef void remainder_real(real* restrict out, const real* a, const real* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    cdef real r
    for j in range(n):
        r = <real>fmod(a[j], b[j])
        out[j] = r + b[j] if (r != 0) & ((r < 0) != (b[j] < 0)) else r


cdef void fmod_real(real* restrict out, const real* a, const real* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>fmod(a[j], b[j])


cdef void pow_real(real* restrict out, const real* a, const real* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>pow(a[j], b[j])


cdef void pow_integer(integer* restrict out, const integer* a, const integer* b, void* c, int64_t n) noexcept nogil:
    # a^b by squaring: one factor for each binary digit of b.
    cdef int64_t j
    cdef uint64_t base, result, rest
    for j in range(n):
        base, result, rest = <uint64_t>a[j], 1, <uint64_t>b[j]
        while rest:
            if rest & 1:
                result *= base
            base *= base
            rest >>= 1
        out[j] = <integer>result


# ---- loops of one operand

cdef void neg(wrapping* restrict out, const wrapping* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = -a[j]


cdef void absolute(signed_or_real* restrict out, const signed_or_real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        if signed_or_real is int32_t:
            out[j] = <int32_t>(0 - <uint32_t>a[j]) if a[j] < 0 else a[j]
        elif signed_or_real is int64_t:
            out[j] = <int64_t>(0 - <uint64_t>a[j]) if a[j] < 0 else a[j]
        else:
            out[j] = <signed_or_real>fabs(a[j])


cdef void same(uint8_t* restrict out, const uint8_t* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j]


cdef void square(wrapping* restrict out, const wrapping* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] * a[j]


cdef void sign(number* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    # 0 for NaN
    cdef int64_t j
    for j in range(n):
        out[j] = <number>(<int>(a[j] > 0) - <int>(a[j] < 0))


cdef void step(number* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    # the derivative of relu: 0 at 0 and for NaN
    cdef int64_t j
    for j in range(n):
        out[j] = <number>(a[j] > 0)


cdef void relu(number* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    # written so that NaN stays
    cdef int64_t j
    for j in range(n):
        out[j] = <number>0 if a[j] < 0 else a[j]


cdef void reciprocal(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>1 / a[j]


# ---- one loop of three

cdef void clamp(number* restrict out, const number* x, const number* low, const number* high, int64_t n) noexcept nogil:
    # min(max(x, low), high)
    cdef int64_t j
    cdef number y
    for j in range(n):
        y = low[j] if (low[j] > x[j]) | (low[j] != low[j]) else x[j]
        out[j] = high[j] if (high[j] < y) | (high[j] != high[j]) else y


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


# ---- the table; loops stand in the order bool, uint8, int32, int64, float32, float64

cdef list KERNEL_LIST = [
    family("add", elementwise, 0, <void*>bool_or, <void*>add[uint8_t], <void*>add[uint32_t], <void*>add[uint64_t],
           <void*>add[float], <void*>add[double]),
    family("mul", elementwise, 0, <void*>bool_and, <void*>mul[uint8_t], <void*>mul[uint32_t], <void*>mul[uint64_t],
           <void*>mul[float], <void*>mul[double]),
    family("sub", elementwise, 0, NULL, <void*>sub[uint8_t], <void*>sub[uint32_t], <void*>sub[uint64_t],
           <void*>sub[float], <void*>sub[double]),
    family("div", elementwise, 0, NULL, NULL, NULL, NULL, <void*>div[float], <void*>div[double]),
    family("maximum", elementwise, 0, <void*>bool_or, <void*>maximum[uint8_t], <void*>maximum[int32_t],
           <void*>maximum[int64_t], <void*>maximum[float], <void*>maximum[double]),
    family("minimum", elementwise, 0, <void*>bool_and, <void*>minimum[uint8_t], <void*>minimum[int32_t],
           <void*>minimum[int64_t], <void*>minimum[float], <void*>minimum[double]),
    family("floor_divide", divide, 0, NULL, <void*>floor_divide[uint8_t], <void*>floor_divide[int32_t],
           <void*>floor_divide[int64_t], <void*>floor_divide_real[float], <void*>floor_divide_real[double]),
    family("remainder", divide, 0, NULL, <void*>remainder[uint8_t], <void*>remainder[int32_t],
           <void*>remainder[int64_t], <void*>remainder_real[float], <void*>remainder_real[double]),
    family("fmod", divide, 0, NULL, <void*>fmod_integer[uint8_t], <void*>fmod_integer[int32_t],
           <void*>fmod_integer[int64_t], <void*>fmod_real[float], <void*>fmod_real[double]),
    family("pow", power, 0, NULL, <void*>pow_integer[uint8_t], <void*>pow_integer[int32_t],
           <void*>pow_integer[int64_t], <void*>pow_real[float], <void*>pow_real[double]),
    family("neg", elementwise, 0, NULL, <void*>neg[uint8_t], <void*>neg[uint32_t], <void*>neg[uint64_t],
           <void*>neg[float], <void*>neg[double]),
    family("abs", elementwise, 0, NULL, <void*>same, <void*>absolute[int32_t], <void*>absolute[int64_t],
           <void*>absolute[float], <void*>absolute[double]),
    family("square", elementwise, 0, NULL, <void*>square[uint8_t], <void*>square[uint32_t], <void*>square[uint64_t],
           <void*>square[float], <void*>square[double]),
    family("sign", elementwise, 0, NULL, <void*>sign[uint8_t], <void*>sign[int32_t], <void*>sign[int64_t],
           <void*>sign[float], <void*>sign[double]),
    family("step", elementwise, 0, NULL, <void*>step[uint8_t], <void*>step[int32_t], <void*>step[int64_t],
           <void*>step[float], <void*>step[double]),
    family("relu", elementwise, 0, NULL, <void*>same, <void*>relu[int32_t], <void*>relu[int64_t],
           <void*>relu[float], <void*>relu[double]),
    family("reciprocal", elementwise, 0, NULL, NULL, NULL, NULL, <void*>reciprocal[float], <void*>reciprocal[double]),
    family("clamp", elementwise, 0, NULL, <void*>clamp[uint8_t], <void*>clamp[int32_t], <void*>clamp[int64_t],
           <void*>clamp[float], <void*>clamp[double]),
]
KERNELS = {kernel.name: kernel for kernel in KERNEL_LIST}
