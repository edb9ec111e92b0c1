"""Losses of numbers, element by element, and their first derivatives.  In one pass, whatever the layout.

    square      (x - t)^2                               2 (x - t)
    distance    |x - t|                                 sign(x - t), 0 at 0
    huber       d^2 / 2, or where d = |x - t| > delta   x - t within [-delta, delta], else delta of its sign
                delta (d - delta / 2)
    logits      (1 - t) x - min(x, 0) + ln(1 + e^-|x|)  sigmoid(x) - t, and in t: -x

    loss(out, x, t)         out = scale l(x, t)         ints: which, the operand of the derivative; floats: scale, delta
    loss_pull(out, g, x, t) out = g scale dl/dx, or dl/dt
"""

from libc.math cimport fabs
from libc.stdint cimport int64_t
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.blocks cimport loop_t, run_walk
from minigrad_ext.kernels.fastmath cimport real_exp, real_log1p, real_sigmoid
from minigrad_ext.types cimport Params, Step, kernel_t, real

cdef enum Which:
    SQUARE, DISTANCE, HUBER, LOGITS


cdef inline real entropy(real x, real t) noexcept nogil:
    """(1 - t) x - ln sigmoid(x)."""
    cdef real zero = 0, one = 1, e = real_exp(-<real>fabs(x))
    return (one - t) * x - (x if x < 0 else zero) + <real>real_log1p(e)


cdef void losses(real* restrict out, const real* x, const real* t, void* _, int64_t n, const Params* given
                 ) noexcept nogil:
    cdef real scale = <real>given.f[0], delta = <real>given.f[1], d
    which = given.i[0]
    if which == SQUARE:
        for j in range(n): out[j] = scale * ((x[j] - t[j]) * (x[j] - t[j]))
    elif which == DISTANCE:
        for j in range(n): out[j] = scale * <real>fabs(x[j] - t[j])
    elif which == HUBER:
        for j in range(n):
            d = <real>fabs(x[j] - t[j])
            out[j] = scale * (delta * (d - <real>0.5 * delta) if d > delta else <real>0.5 * d * d)
    else:
        for j in range(n): out[j] = scale * entropy(x[j], t[j])


cdef void slopes(real* restrict out, const real* g, const real* x, const real* t, int64_t n, const Params* given
                 ) noexcept nogil:
    cdef bint in_t = given.i[1]
    cdef real scale = <real>(-given.f[0] if in_t else given.f[0]), delta = <real>given.f[1], d, one = 1
    which = given.i[0]
    if which == SQUARE:
        for j in range(n): out[j] = g[j] * (2 * scale) * (x[j] - t[j])
    elif which == DISTANCE:
        for j in range(n):
            d = x[j] - t[j]
            out[j] = g[j] * scale * ((one if d > 0 else <real>0) - (one if d < 0 else <real>0))
    elif which == HUBER:
        for j in range(n):
            d = x[j] - t[j]
            d = delta if d > delta else d
            out[j] = g[j] * scale * (-delta if d < -delta else d)
    elif in_t:
        for j in range(n): out[j] = g[j] * scale * x[j]
    else:
        for j in range(n): out[j] = g[j] * scale * (<real>real_sigmoid(x[j]) - t[j])


ctypedef void (*loop)(char* out, char* a, char* b, char* c, int64_t n, const Params* given) noexcept nogil


cdef void block(char** at, int64_t n, const Step* step) noexcept nogil:
    (<loop>step.inner)(at[0], at[1], at[2], at[3], n, &step.params)


cdef int loss(Step* step) noexcept nogil:
    return run_walk(step, step.n_args, ~1, 1, <loop_t>block, step, 3 if step.params.i[0] == LOGITS else 0.3)


KERNELS = {kernel.name: kernel for kernel in (
    family("loss", loss, 0, <void*>losses[float], <void*>losses[double]),
    family("loss_pull", loss, 0, <void*>slopes[float], <void*>slopes[double]),
)}
