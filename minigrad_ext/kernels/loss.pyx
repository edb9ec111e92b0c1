"""Losses of numbers, element by element, and their first derivatives.  In one pass, whatever the layout.

    square      (x - t)^2                               2 (x - t)
    distance    |x - t|                                 sign(x - t), 0 at 0
    huber       d^2 / 2, or where d = |x - t| > delta   x - t within [-delta, delta], else delta of its sign
                delta (d - delta / 2)
    logits      (1 - t) x - min(x, 0) + ln(1 + e^-|x|)  sigmoid(x) - t, and in t: -x

    loss(out, x, t)         out = scale l(x, t), or their sum; ints: which, the operand of the derivative;
                            floats: scale, delta
    loss_pull(out, g, x, t) out = g scale dl/dx, or dl/dt
"""

from libc.math cimport fabs
from libc.stdint cimport int64_t
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.blocks cimport loop_t, packed, run_walk
from minigrad_ext.kernels.fastmath cimport real_exp, real_log1p, real_sigmoid
from minigrad_ext.kernels.folds cimport SUM, fold_run
from minigrad_ext.types cimport FLOAT32, NO_MEMORY, OK, Params, Step, itemsize_of, real, view_size

cdef enum:
    UNIT = 2048             # elements summed at a time

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


ctypedef void (*loop_of)(char* out, char* a, char* b, char* c, int64_t n, const Params* given) noexcept nogil


cdef void block(char** at, int64_t n, const Step* step) noexcept nogil:
    (<loop_of>step.inner)(at[0], at[1], at[2], at[3], n, &step.params)


# ---- summed: unit by unit, each of which waits in the cache; then the units' sums, in order

cdef struct Sum:
    const Step* step
    char* x
    char* t
    int64_t n
    double* sums


cdef int sum_units(const Sum* job, int64_t first, int64_t end, void* _) noexcept nogil:
    cdef double memory[UNIT]        # of float64 or float32
    step, itemsize = job.step, itemsize_of(job.step.args[0].dtype)
    for unit in range(first, end):
        at, n = unit * UNIT * itemsize, min(<int64_t>UNIT, job.n - unit * UNIT)
        (<loop_of>step.inner)(<char*>memory, job.x + at, job.t + at, NULL, n, &step.params)
        if itemsize == 4:
            job.sums[unit] = fold_run(<double>0, <float*>memory, n, 4, SUM, <float>0)
        else:
            job.sums[unit] = fold_run(<double>0, <double*>memory, n, 8, SUM, <double>0)
    return OK


cdef int sum_all(Step* step, double cost) noexcept nogil:
    cdef Sum job
    cdef void* owned[2]
    out, job.step, job.n = &step.args[0], step, view_size(&step.args[1])
    job.x, job.t = packed(&step.args[1], &owned[0]), packed(&step.args[2], &owned[1])
    units = (job.n + UNIT - 1) // UNIT
    job.sums = <double*>scratch((units + 1) * <int64_t>sizeof(double))
    status = NO_MEMORY if job.x == NULL or job.t == NULL or job.sums == NULL else OK
    if status == OK:
        share_out(<void*>sum_units, &job, units, 1, cost * <double>job.n)
        sum = fold_run(<double>0, job.sums, units, sizeof(double), SUM, <double>0)
        if out.dtype == FLOAT32:
            (<float*>out.data)[0] = <float>sum
        else:
            (<double*>out.data)[0] = sum
    discard(owned[0])
    discard(owned[1])
    discard(job.sums)
    return status


cdef int loss(Step* step) noexcept nogil:
    """Element by element; where `out` is one number for several, their sum."""
    cost = 2 if step.params.i[0] == LOGITS else 0.2
    if step.args[0].ndim < step.args[step.n_args - 1].ndim:
        return sum_all(step, cost)
    return run_walk(step, step.n_args, ~1, 1, <loop_t>block, step, cost)


KERNELS = {kernel.name: kernel for kernel in (
    family("loss", loss, 0, <void*>losses[float], <void*>losses[double]),
    family("loss_pull", loss, 0, <void*>slopes[float], <void*>slopes[double]),
)}
