"""Activations and their derivatives, each in one pass: a branch for each, with its formula.

    gelu(x), gelu_tanh(x), silu(x), mish(x), hardswish(x)
    softplus(x; floats threshold)       x itself above the threshold
    elu(x; floats alpha, scale), leaky_relu(x; floats slope), hardtanh(x; floats low, high)
    NAME_pull(g, x; floats of NAME)     g times the derivative at x
    relu_pull(g, y), tanh_pull(g, y), sigmoid_pull(g, y)        where y is the result, from which these three follow
"""

from libc.math cimport fabs
from libc.stdint cimport int64_t
from minigrad_ext.kernel cimport new_family
from minigrad_ext.kernels.blocks cimport loop_t, run_walk
from minigrad_ext.kernels.fastmath cimport normal_cdf, real_exp, real_expm1, real_log1p, real_sigmoid
from minigrad_ext.types cimport FLOAT32, FLOAT64, N_DTYPES, Step, real

# The names of the kernels; those without e^x first.
cpdef enum Op:
    hardtanh, leaky_relu, hardswish, gelu, gelu_tanh, silu, mish, softplus, elu
    relu_pull, tanh_pull, sigmoid_pull, hardtanh_pull, leaky_relu_pull, hardswish_pull
    gelu_pull, gelu_tanh_pull, silu_pull, mish_pull, softplus_pull, elu_pull
    N_OPS


cdef inline real tanh_argument(real x, real* slope) noexcept nogil:
    """2 u and its derivative, u = sqrt(2/pi) (x + 0.044715 x^3): (1 + tanh u) / 2 = sigmoid(2 u)."""
    cdef real a = 1.5957691216057308, b = 0.07135481627165, c = 0.21406444881494
    slope[0] = a + c * x * x
    return x * (a + b * x * x)


cdef inline real mish_gate(real x, real* slope) noexcept nogil:
    """tanh(softplus(x)) = w / (w + 2) with w = e^x (e^x + 2), and its derivative; from 20 on it is 1."""
    cdef real one = 1, two = 2, four = 4
    e = real_exp(x)
    w = e * (e + two)
    slope[0] = four * e * (e + one) / ((w + two) * (w + two))
    return w / (w + two)


cdef void values(int op, real* restrict y, const real* x, void* _, const double* given, int64_t n) noexcept nogil:
    cdef real p = given[0], q = given[1], zero = 0, half = 0.5, sixth = 1 / 6.0, three = 3, six = 6, top = 20, slope
    if op == hardtanh:
        for j in range(n): y[j] = p if x[j] <= p else q if x[j] >= q else x[j]
    elif op == leaky_relu:
        for j in range(n): y[j] = x[j] if x[j] > 0 else p * x[j]
    elif op == hardswish:
        for j in range(n):
            slope = zero if x[j] <= -three else six if x[j] >= three else x[j] + three
            y[j] = x[j] * (slope * sixth)
    elif op == gelu:
        for j in range(n): y[j] = x[j] * <real>normal_cdf(x[j], &slope)
    elif op == gelu_tanh:
        for j in range(n): y[j] = x[j] * <real>real_sigmoid(<real>tanh_argument(x[j], &slope))
    elif op == silu:
        for j in range(n): y[j] = x[j] * <real>real_sigmoid(x[j])
    elif op == mish:
        for j in range(n): y[j] = x[j] * <real>mish_gate(top if x[j] > top else x[j], &slope)
    elif op == softplus:    # max(x, 0) + ln(1 + e^-|x|): nothing overflows
        for j in range(n):
            slope = (x[j] if x[j] > 0 else zero) + <real>real_log1p(<real>real_exp(-<real>fabs(x[j])))
            y[j] = x[j] if x[j] > p else slope
    else:                   # elu
        for j in range(n): y[j] = q * (x[j] if x[j] > 0 else p * <real>real_expm1(x[j]))


cdef void pulls(int op, real* restrict out, const real* g, const real* x, const double* given, int64_t n
                ) noexcept nogil:
    cdef real p = given[0], q = given[1], zero = 0, one = 1, half = 0.5, third = 1 / 3.0, three = 3, top = 20
    cdef real s, t, slope
    if op == relu_pull:
        for j in range(n): out[j] = g[j] if x[j] > 0 else zero
    elif op == tanh_pull:
        for j in range(n): out[j] = g[j] * (one - x[j] * x[j])
    elif op == sigmoid_pull:
        for j in range(n): out[j] = g[j] * (x[j] * (one - x[j]))
    elif op == hardtanh_pull:
        for j in range(n): out[j] = g[j] if (x[j] > p) & (x[j] < q) else zero
    elif op == leaky_relu_pull:
        for j in range(n): out[j] = g[j] if x[j] > 0 else p * g[j]
    elif op == hardswish_pull:
        for j in range(n):
            s = zero if x[j] <= -three else one if x[j] >= three else x[j] * third + half
            out[j] = g[j] * s
    elif op == gelu_pull:
        for j in range(n):
            s = normal_cdf(x[j], &slope)
            out[j] = g[j] * (s + x[j] * slope)
    elif op == gelu_tanh_pull:
        for j in range(n):
            s = real_sigmoid(<real>tanh_argument(x[j], &slope))
            out[j] = g[j] * (s + x[j] * s * (one - s) * slope)
    elif op == silu_pull:
        for j in range(n):
            s = real_sigmoid(x[j])
            out[j] = g[j] * (s * (one + x[j] * (one - s)))
    elif op == mish_pull:
        for j in range(n):
            t = top if x[j] > top else x[j]
            s = mish_gate(t, &slope)
            out[j] = g[j] * (s + t * slope)
    elif op == softplus_pull:
        for j in range(n):
            s = real_sigmoid(x[j])
            out[j] = g[j] if x[j] > p else g[j] * s
    else:                   # elu
        for j in range(n):
            s = p * <real>real_exp(x[j])
            out[j] = g[j] * q * (one if x[j] > 0 else s)


# ---- drivers

ctypedef void (*elements_t)(int op, char* out, char* a, char* b, const double* given, int64_t n) noexcept nogil

cdef struct Row:
    elements_t loop
    int op

cdef Row ROWS[N_OPS][N_DTYPES]


cdef void run_row(char** at, int64_t n, const Step* call) noexcept nogil:
    row = <const Row*>call.inner
    row.loop(row.op, at[0], at[1], at[2], call.params.f, n)


cdef int activation(Step* call) noexcept nogil:
    """The row call.inner on all arguments."""
    op = (<const Row*>call.inner).op
    cdef bint plain = op <= hardswish or relu_pull <= op <= hardswish_pull
    cost = 0.25 if plain else 0.5 if call.args[0].dtype == FLOAT32 else 10.0
    return run_walk(call, call.n_args, ~1, 1, <loop_t>run_row, call, cost)


KERNELS = {}


cdef void enter(int op, str name):
    cdef void* rows[N_DTYPES]
    for dtype in range(N_DTYPES):
        rows[dtype] = NULL
    for dtype in range(<int>FLOAT32, <int>FLOAT64 + 1):
        ROWS[op][dtype].op, rows[dtype] = op, &ROWS[op][dtype]
    ROWS[op][<int>FLOAT32].loop = <elements_t>(<void*>pulls[float] if op >= relu_pull else <void*>values[float])
    ROWS[op][<int>FLOAT64].loop = <elements_t>(<void*>pulls[double] if op >= relu_pull else <void*>values[double])
    KERNELS[name] = new_family(name, activation, rows).declare(elementwise=True)


for op, name in enumerate(tuple(Op.__members__)[:<int>N_OPS]):
    enter(op, name)
