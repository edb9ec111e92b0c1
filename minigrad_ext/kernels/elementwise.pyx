"""Arithmetic, comparisons, elementary functions, casts and copies: a branch for each op, with its formula.

A loop gets the op and one contiguous block of n elements: out[j] from a[j], b[j], c[j].  Each function holds the ops
that have the same dtypes, and the table at the end says which dtype is computed by which.

Integers wrap around: their sums and products are computed as unsigned, which has the same bits and is defined for all
operands.  Integer division by zero and negative integer powers are found before anything is written.  On bool, + is
"or" and * is "and".  NaN propagates, also through maximum, minimum and clamp; as in IEEE 754 it differs from
everything, itself included, and compares as neither less nor greater.

Functions of real numbers are the C library's in float64.  In float32 they are vectorised (fastmath.pxd), within two units
in the last place.

A real number becomes an integer by dropping its fraction; what lies outside the integer's range becomes the nearest
integer in it, and NaN becomes 0.  Integers wrap around into narrower ones.  Everything but 0 is True, NaN too.
"""

from libc cimport math
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from minigrad_ext.kernel cimport Kernel, new_family
from minigrad_ext.kernels.blocks cimport loop_t, place, run_walk
from minigrad_ext.kernels.fastmath cimport (
    fast_acos, fast_acosh, fast_asin, fast_asinh, fast_atan, fast_atanh, fast_cosh, fast_erf, fast_erfc, fast_exp2f,
    fast_expf, fast_expm1f, fast_log, fast_log1pf, fast_pow, fast_sigmoidf, fast_sin, fast_sinh, fast_tanhf,
)
from minigrad_ext.types cimport (
    FLOAT32, FLOAT64, INT32, INT64, N_DTYPES, NEGATIVE_POWER, OK, Step, UINT8, View, ZERO_DIVISION, bits, contiguous,
    itemsize_of, number, real, view_size, wrapping,
)

cdef enum:
    RUN = 64        # numbers written at a time
    FAR = 1000000   # radians

cdef int64_t SMALL = 4503599627370496

ctypedef fused integer:
    uint8_t
    int32_t
    int64_t

ctypedef fused other:       # the dtype of a cast's result
    number

# The names of the kernels, by what they cost: about 0.25 ns per element, 5, and for the last 5 but 0.5 in float32.
cpdef enum Op:
    add, mul, sub, neg, square
    maximum, minimum, abs, sign, relu, clamp
    div, reciprocal, sqrt, rsqrt, floor, ceil, trunc, round
    eq, ne, lt, le, gt, ge, logical_and, logical_or, logical_xor, logical_not, isnan, isinf, isfinite, cast_bool
    bitwise_and, bitwise_or, bitwise_xor, bitwise_not, bitwise_left_shift, bitwise_right_shift, where, copy
    cast_uint8, cast_int32, cast_int64, cast_float32, cast_float64
    atan2, floor_divide, remainder, fmod
    pow, exp, exp2, expm1, log, log2, log10, log1p, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh
    asinh, acosh, atanh, erf, erfc, sigmoid
    N_OPS


cdef void wraps(int op, wrapping* restrict out, const wrapping* a, const wrapping* b, void* c, int64_t n
                ) noexcept nogil:
    if op == add:
        for j in range(n): out[j] = a[j] + b[j]
    elif op == sub:
        for j in range(n): out[j] = a[j] - b[j]
    elif op == mul:
        for j in range(n): out[j] = a[j] * b[j]
    elif op == neg:
        for j in range(n): out[j] = -a[j]
    else:       # square
        for j in range(n): out[j] = a[j] * a[j]


cdef void bools(int op, uint8_t* restrict out, const uint8_t* a, const uint8_t* b, void* c, int64_t n) noexcept nogil:
    if op == add:
        for j in range(n): out[j] = a[j] | b[j]
    elif op == mul:
        for j in range(n): out[j] = a[j] & b[j]
    else:       # bitwise_not
        for j in range(n): out[j] = a[j] ^ 1


cdef inline number magnitude(number a) noexcept nogil:
    if number is float or number is double:
        return <number>math.fabs(a)
    else:
        return <number>(0 - <uint64_t>a) if a < 0 else a


cdef void numbers(int op, number* restrict out, const number* a, const number* b, const number* c, int64_t n
                  ) noexcept nogil:
    if op == maximum:
        for j in range(n): out[j] = b[j] if (b[j] > a[j]) | (b[j] != b[j]) else a[j]
    elif op == minimum:
        for j in range(n): out[j] = b[j] if (b[j] < a[j]) | (b[j] != b[j]) else a[j]
    elif op == abs:
        for j in range(n): out[j] = magnitude(a[j])
    elif op == sign:        # 0 for NaN
        for j in range(n): out[j] = <number>(<int>(a[j] > 0) - <int>(a[j] < 0))
    elif op == relu:        # written so that NaN stays
        for j in range(n): out[j] = <number>0 if a[j] < 0 else a[j]
    else:                   # clamp
        for j in range(n):
            y = b[j] if (b[j] > a[j]) | (b[j] != b[j]) else a[j]
            out[j] = c[j] if (c[j] < y) | (c[j] != c[j]) else y


cdef void tests(int op, uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    if op == eq:
        for j in range(n): out[j] = a[j] == b[j]
    elif op == ne:
        for j in range(n): out[j] = a[j] != b[j]
    elif op == lt:
        for j in range(n): out[j] = a[j] < b[j]
    elif op == le:
        for j in range(n): out[j] = a[j] <= b[j]
    elif op == gt:
        for j in range(n): out[j] = a[j] > b[j]
    elif op == ge:
        for j in range(n): out[j] = a[j] >= b[j]
    elif op == logical_and:
        for j in range(n): out[j] = (a[j] != 0) & (b[j] != 0)
    elif op == logical_or:
        for j in range(n): out[j] = (a[j] != 0) | (b[j] != 0)
    elif op == logical_xor:
        for j in range(n): out[j] = (a[j] != 0) ^ (b[j] != 0)
    elif op == logical_not:
        for j in range(n): out[j] = a[j] == 0
    elif op == isnan:
        for j in range(n): out[j] = a[j] != a[j]
    elif op == isinf:       # inf - inf is NaN, so x - x is 0 exactly for finite x
        for j in range(n): out[j] = (a[j] == a[j]) & (a[j] - a[j] != 0)
    elif op == isfinite:
        for j in range(n): out[j] = a[j] - a[j] == 0
    else:                   # cast_bool
        for j in range(n): out[j] = a[j] != 0


cdef void patterns(int op, bits* restrict out, const bits* a, const bits* b, const bits* c, int64_t n) noexcept nogil:
    if op == bitwise_and:
        for j in range(n): out[j] = a[j] & b[j]
    elif op == bitwise_or:
        for j in range(n): out[j] = a[j] | b[j]
    elif op == bitwise_xor:
        for j in range(n): out[j] = a[j] ^ b[j]
    elif op == bitwise_not:
        for j in range(n): out[j] = ~a[j]
    elif op == copy:
        for j in range(n): out[j] = a[j]
    else:                   # where
        condition = <const uint8_t*>a
        for j in range(n): out[j] = b[j] if condition[j] else c[j]


# Python's rules: the quotient is rounded down, the remainder has the divisor's sign.  (C's % truncates.)  Dividing the
# smallest integer by -1 overflows in C, so that is computed with wrap-around.

cdef inline integer truncated(integer a, integer b) noexcept nogil:
    return <integer>(0 - <uint64_t>a) if b == -1 else a // b


cdef inline integer rest(integer a, integer b) noexcept nogil:
    return 0 if b == -1 else a % b


cdef inline bint astray(number r, number b) noexcept nogil:
    return (r != 0) & ((r < 0) != (b < 0))


cdef inline uint64_t power(uint64_t base, uint64_t exponent) noexcept nogil:
    """By squaring: one factor for each binary digit of the exponent."""
    cdef uint64_t result = 1
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


cdef void integers(int op, integer* restrict out, const integer* a, const integer* b, void* c, int64_t n
                   ) noexcept nogil:
    # A shift by a negative number, or by all bits and more, shifts everything out: 0 is left, or -1 to the right of a
    # negative number.
    cdef int width = 8 * sizeof(integer)
    cdef bint small = floor_divide <= op <= fmod
    cdef double q
    cdef integer r
    if small:       # below 2^52 a quotient that is no integer is further from one than its double is from it
        for j in range(n): small &= (a[j] < SMALL) & (a[j] > -SMALL) & (b[j] < SMALL) & (b[j] > -SMALL)
    if small:       # 5 times as fast as the processor's division of integers
        for j in range(n):
            q = <double>a[j] / <double>b[j]
            q = math.trunc(q) if op == fmod else math.floor(q)
            out[j] = <integer><int64_t>(q if op == floor_divide else a[j] - q * b[j])
    elif op == floor_divide:
        for j in range(n): out[j] = truncated(a[j], b[j]) - <integer>astray(rest(a[j], b[j]), b[j])
    elif op == remainder:
        for j in range(n):
            r = rest(a[j], b[j])
            out[j] = r + b[j] if astray(r, b[j]) else r
    elif op == fmod:
        for j in range(n): out[j] = rest(a[j], b[j])
    elif op == pow:
        for j in range(n): out[j] = <integer>power(<uint64_t>a[j], <uint64_t>b[j])
    elif op == bitwise_left_shift:
        for j in range(n): out[j] = <integer>(<uint64_t>a[j] << b[j]) if (b[j] >= 0) & (b[j] < width) else 0
    else:                   # bitwise_right_shift
        for j in range(n): out[j] = a[j] >> b[j] if (b[j] >= 0) & (b[j] < width) else -<integer>(a[j] < 0)


cdef inline real floored_quotient(real a, real b) noexcept nogil:
    cdef real r = <real>math.fmod(a, b), q = (a - r) / b
    if b == 0:
        return a / b
    if astray(r, b):
        q -= 1
    if q == 0:
        return <real>math.copysign(0, a / b)
    low = <real>math.floor(q)
    return low + 1 if q - low > <real>0.5 else low


cdef void reals(int op, real* restrict out, const real* a, const real* b, void* c, int64_t n) noexcept nogil:
    cdef real r
    if op == div:
        for j in range(n): out[j] = a[j] / b[j]
    elif op == reciprocal:
        for j in range(n): out[j] = <real>1 / a[j]
    elif op == sqrt:
        for j in range(n): out[j] = <real>math.sqrt(a[j])
    elif op == rsqrt:
        for j in range(n): out[j] = <real>(1 / math.sqrt(a[j]))
    elif op == floor:
        for j in range(n): out[j] = <real>math.floor(a[j])
    elif op == ceil:
        for j in range(n): out[j] = <real>math.ceil(a[j])
    elif op == trunc:
        for j in range(n): out[j] = <real>math.trunc(a[j])
    elif op == round:       # the default rounding: a half goes to the even neighbour
        for j in range(n): out[j] = <real>math.rint(a[j])
    elif op == floor_divide:
        for j in range(n): out[j] = floored_quotient(a[j], b[j])
    elif op == remainder:
        for j in range(n):
            r = <real>math.fmod(a[j], b[j])
            out[j] = r + b[j] if astray(r, b[j]) else r
    elif op == fmod:
        for j in range(n): out[j] = <real>math.fmod(a[j], b[j])
    elif op == pow:
        for j in range(n): out[j] = <real>(fast_pow(a[j], b[j]) if real is float else math.pow(a[j], b[j]))
    else:                   # atan2
        for j in range(n): out[j] = <real>math.atan2(a[j], b[j])


cdef double logistic(double x) noexcept nogil:
    return 1 / (1 + math.exp(-x))


cdef double (*LIBRARY[N_OPS - exp])(double) noexcept nogil
LIBRARY[:] = [math.exp, math.exp2, math.expm1, math.log, math.log2, math.log10, math.log1p, math.sin, math.cos,
              math.tan, math.asin, math.acos, math.atan, math.sinh, math.cosh, math.tanh, math.asinh, math.acosh,
              math.atanh, math.erf, math.erfc, logistic]


cdef void library(int op, double* restrict out, const double* a, void* b, void* c, int64_t n) noexcept nogil:
    function = LIBRARY[op - exp]
    for j in range(n): out[j] = function(a[j])


cdef void vectorised(int op, float* restrict out, const float* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef bint far = False
    if op == exp:
        for j in range(n): out[j] = fast_expf(a[j])
    elif op == exp2:
        for j in range(n): out[j] = fast_exp2f(a[j])
    elif op == expm1:
        for j in range(n): out[j] = fast_expm1f(a[j])
    elif op == log:
        for j in range(n): out[j] = <float>fast_log(a[j])
    elif op == log2:
        for j in range(n): out[j] = <float>(fast_log(a[j]) * 1.4426950408889634)
    elif op == log10:
        for j in range(n): out[j] = <float>(fast_log(a[j]) * 0.4342944819032518)
    elif op == log1p:
        for j in range(n): out[j] = fast_log1pf(a[j])
    elif op == sin:
        for j in range(n): out[j] = <float>fast_sin(a[j], 0)
    elif op == cos:
        for j in range(n): out[j] = <float>fast_sin(a[j], 1)
    elif op == tan:
        for j in range(n): out[j] = <float>(fast_sin(a[j], 0) / fast_sin(a[j], 1))
    elif op == asin:
        for j in range(n): out[j] = <float>fast_asin(a[j])
    elif op == acos:
        for j in range(n): out[j] = <float>fast_acos(a[j])
    elif op == atan:
        for j in range(n): out[j] = <float>fast_atan(a[j])
    elif op == sinh:
        for j in range(n): out[j] = <float>fast_sinh(a[j])
    elif op == cosh:
        for j in range(n): out[j] = <float>fast_cosh(a[j])
    elif op == tanh:
        for j in range(n): out[j] = fast_tanhf(a[j])
    elif op == asinh:
        for j in range(n): out[j] = <float>fast_asinh(a[j])
    elif op == acosh:
        for j in range(n): out[j] = <float>fast_acosh(a[j])
    elif op == atanh:
        for j in range(n): out[j] = <float>fast_atanh(a[j])
    elif op == erf:
        for j in range(n): out[j] = <float>fast_erf(a[j])
    elif op == erfc:
        for j in range(n): out[j] = <float>fast_erfc(a[j])
    else:                   # sigmoid
        for j in range(n): out[j] = fast_sigmoidf(a[j])
    if sin <= op <= tan:        # where the vectorised reduction to a quadrant is not exact, the library's
        for j in range(n): far |= math.fabsf(a[j]) > FAR
        if far:
            for j in range(n):
                if math.fabsf(a[j]) > FAR:
                    out[j] = <float>LIBRARY[op - exp](a[j])


cdef inline double inside(double x, double low, double high) noexcept nogil:
    """x moved into [low, high]; 0 for NaN."""
    x = x if x == x else 0
    x = x if x > low else low
    return x if x < high else high


cdef void casts(int op, other* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t largest = 9223372036854775807      # no double; 2^63 - 1024 is the largest double below it
    if other is float or other is double or number is uint8_t or number is int32_t or number is int64_t:
        for j in range(n): out[j] = <other>a[j]
    elif other is uint8_t:
        for j in range(n): out[j] = <uint8_t><int32_t>inside(a[j], 0, 255)
    elif other is int32_t:
        for j in range(n): out[j] = <int32_t>inside(a[j], -2147483648.0, 2147483647.0)
    else:
        for j in range(n):
            out[j] = largest if a[j] >= 9223372036854775808.0 else (
                <int64_t>inside(a[j], -9223372036854775808.0, 9223372036854774784.0))


# ---- drivers

ctypedef void (*elements_t)(int op, char* out, char* a, char* b, char* c, int64_t n) noexcept nogil

cdef struct Row:
    elements_t loop
    int op

cdef Row ROWS[N_OPS][N_DTYPES]


cdef void run_row(char** at, int64_t n, const Row* row) noexcept nogil:
    row.loop(row.op, at[0], at[1], at[2], at[3], n)


cdef int elementwise(Step* call) noexcept nogil:
    """The row call.inner on all arguments."""
    row = <const Row*>call.inner
    cost = 0.25 if row.op < atan2 else 0.5 if row.op >= pow and call.args[0].dtype == FLOAT32 else 5.0
    return run_walk(call, call.n_args, ~1, 1, <loop_t>run_row, row, cost)


cdef inline bint holds(const integer* x, int64_t n, bint negative) noexcept nogil:
    """Whether a 0 is among n integers, or with `negative` a number below 0."""
    cdef bint found = False
    for j in range(n): found |= x[j] < 0 if negative else x[j] == 0
    return found


cdef bint any_value(const View* v, bint negative) noexcept nogil:
    cdef int64_t j, n = view_size(v), run = max(n, 1) if contiguous(v) else 1
    cdef bint found = False
    for j from 0 <= j < n by run:
        x = v.data + place(v, j) * itemsize_of(v.dtype)
        found |= (holds(<int64_t*>x, run, negative) if v.dtype == INT64 else
                  holds(<int32_t*>x, run, negative) if v.dtype == INT32 else holds(<uint8_t*>x, run, negative))
    return found


cdef int checked(Step* call) noexcept nogil:
    """elementwise(), after a look at the second operand of a division or power of integers."""
    cdef bint negative = (<const Row*>call.inner).op == pow
    if call.args[0].dtype < FLOAT32 and view_size(&call.args[0]) and any_value(&call.args[2], negative):
        return NEGATIVE_POWER if negative else ZERO_DIVISION
    return elementwise(call)


cdef inline void put(const View* v, int64_t at, const int64_t* i, const double* f, int64_t n) noexcept nogil:
    """Write n elements: those of f, or where the dtype is no real one, of i."""
    cdef bint exact = v.dtype < FLOAT32
    row = &ROWS[<int>cast_uint8 + max(v.dtype - <int>UINT8, 0)][<int>INT64 if exact else <int>FLOAT64]
    row.loop(row.op, v.data + at * itemsize_of(v.dtype), <char*>i if exact else <char*>f, NULL, NULL, n)


cdef int fill(Step* call) noexcept nogil:
    """A copy of one element, repeated."""
    cdef Step copying
    cdef double element
    one = &copying.args[1]
    one.data, one.ndim, one.dtype = <char*>&element, 0, call.args[0].dtype
    put(one, 0, call.params.i, call.params.f, 1)
    copying.args[0], copying.n_args, copying.inner = call.args[0], 2, call.inner
    return elementwise(&copying)


cdef int arange(Step* call) noexcept nogil:
    """out[j] = start + j step, over the elements of out in row-major order."""
    cdef int64_t first, i[RUN]
    cdef double f[RUN]
    out, size, params = &call.args[0], view_size(&call.args[0]), &call.params
    each = <int64_t>(RUN if contiguous(out) else 1)
    for first from 0 <= first < size by each:
        for j in range(each):
            i[j] = <uint64_t>params.i[0] + <uint64_t>(first + j) * <uint64_t>params.i[1]
            f[j] = params.f[0] + (first + j) * params.f[1]
        put(out, place(out, first), i, f, min(each, size - first))
    return OK


# ---- the table

NAMES = tuple(Op.__members__)
KERNELS = {}


cdef void enter(int first, int last, int by, void* f32, void* f64, void* i64=NULL, void* i32=NULL, void* u8=NULL,
                void* b=NULL):
    """The kernels of the ops from first to last: their loops by the dtype of argument `by`, NULL for none."""
    cdef void** loops = [b, u8, i32, i64, f32, f64]
    cdef void* rows[N_DTYPES]
    for op in range(first, last + 1):
        for dtype in range(N_DTYPES):
            ROWS[op][dtype].loop, ROWS[op][dtype].op = <elements_t>loops[dtype], op
            rows[dtype] = &ROWS[op][dtype] if loops[dtype] != NULL else NULL
        run = checked if floor_divide <= op <= pow else elementwise
        KERNELS[NAMES[op]] = new_family(NAMES[op], run, rows, by).declare(elementwise=True)


cdef void enter_cast(int op, other* kind):
    enter(op, op, 1, <void*>casts[other, float], <void*>casts[other, double], <void*>casts[other, int64_t],
          <void*>casts[other, int32_t], <void*>casts[other, uint8_t], <void*>casts[other, uint8_t])


enter(add, mul, 0, <void*>wraps[float], <void*>wraps[double], <void*>wraps[uint64_t], <void*>wraps[uint32_t],
      <void*>wraps[uint8_t], <void*>bools)
enter(sub, square, 0, <void*>wraps[float], <void*>wraps[double], <void*>wraps[uint64_t], <void*>wraps[uint32_t],
      <void*>wraps[uint8_t])
enter(maximum, minimum, 0, <void*>numbers[float], <void*>numbers[double], <void*>numbers[int64_t],
      <void*>numbers[int32_t], <void*>numbers[uint8_t], <void*>numbers[uint8_t])
enter(abs, clamp, 0, <void*>numbers[float], <void*>numbers[double], <void*>numbers[int64_t], <void*>numbers[int32_t],
      <void*>numbers[uint8_t])
enter(div, round, 0, <void*>reals[float], <void*>reals[double])
enter(eq, cast_bool, 1, <void*>tests[float], <void*>tests[double], <void*>tests[int64_t], <void*>tests[int32_t],
      <void*>tests[uint8_t], <void*>tests[uint8_t])
enter(bitwise_and, bitwise_xor, 0, NULL, NULL, <void*>patterns[uint64_t], <void*>patterns[uint32_t],
      <void*>patterns[uint8_t], <void*>patterns[uint8_t])
enter(bitwise_not, bitwise_not, 0, NULL, NULL, <void*>patterns[uint64_t], <void*>patterns[uint32_t],
      <void*>patterns[uint8_t], <void*>bools)
enter(bitwise_left_shift, bitwise_right_shift, 0, NULL, NULL, <void*>integers[int64_t], <void*>integers[int32_t],
      <void*>integers[uint8_t])
enter(where, where, 2, <void*>patterns[uint32_t], <void*>patterns[uint64_t], <void*>patterns[uint64_t],
      <void*>patterns[uint32_t], <void*>patterns[uint8_t], <void*>patterns[uint8_t])
enter(copy, copy, 0, <void*>patterns[uint32_t], <void*>patterns[uint64_t], <void*>patterns[uint64_t],
      <void*>patterns[uint32_t], <void*>patterns[uint8_t], <void*>patterns[uint8_t])
enter_cast(cast_uint8, <uint8_t*>NULL)
enter_cast(cast_int32, <int32_t*>NULL)
enter_cast(cast_int64, <int64_t*>NULL)
enter_cast(cast_float32, <float*>NULL)
enter_cast(cast_float64, <double*>NULL)
enter(atan2, atan2, 0, <void*>reals[float], <void*>reals[double])
enter(floor_divide, pow, 0, <void*>reals[float], <void*>reals[double], <void*>integers[int64_t],
      <void*>integers[int32_t], <void*>integers[uint8_t])
enter(exp, sigmoid, 0, <void*>vectorised, <void*>library)
# These call no loops of their own; they have the dtypes of copying and of subtraction.
KERNELS["fill"] = new_family("fill", fill, (<Kernel>KERNELS["copy"]).inner)
KERNELS["arange"] = new_family("arange", arange, (<Kernel>KERNELS["sub"]).inner)
