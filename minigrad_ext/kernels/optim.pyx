"""One step of an optimiser, in place and in one pass over the memory: for each block of parameters everything is read,
updated and written once.

    sgd(p, g[, buffer]; ints nesterov, first_step, maximize, use_momentum; floats lr, momentum, dampening, weight_decay)
    adam(p, g, m, v[, vmax]; ints amsgrad, maximize, decoupled;
         floats lr, beta1, beta2, eps, weight_decay, bias_correction1, bias_correction2)
    rmsprop(p, g, v[, m][, b]; ints centered, use_momentum, maximize;
         floats lr, keep, fresh, eps, weight_decay, momentum)
    adadelta(p, g, v, u; ints maximize; floats lr, rho, eps, weight_decay)

All arrays have p's shape and dtype and strides of their own.  The formulas are PyTorch's, step for step.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.blocks cimport Walk, loop_t, run_walk, start_walk
from minigrad_ext.types cimport FLOAT32, FLOAT64, Params, Step, real


cdef void sgd_plain(real** args, int64_t n, const Params* params) noexcept nogil:
    # d = g + weight_decay p;  p -= lr d
    cdef real* restrict p = args[0]
    cdef const real* g = args[1]
    cdef real sign = <real>(-1 if params.i[2] else 1)
    cdef real lr = <real>params.f[0], weight_decay = <real>params.f[3]
    cdef int64_t j
    for j in range(n):
        p[j] -= lr * (sign * g[j] + weight_decay * p[j])


cdef void sgd_momentum(real** args, int64_t n, const Params* params) noexcept nogil:
    # d = g + weight_decay p;  b = momentum b + (1 - dampening) d, or d in the first step;
    # p -= lr b, with Nesterov's look-ahead lr (d + momentum b)
    cdef real* restrict p = args[0]
    cdef const real* g = args[1]
    cdef real* restrict b = args[2]
    cdef bint nesterov = params.i[0] != 0, first = params.i[1] != 0
    cdef real sign = <real>(-1 if params.i[2] else 1)
    cdef real lr = <real>params.f[0], momentum = <real>params.f[1], weight_decay = <real>params.f[3]
    cdef real fresh = <real>(1 - params.f[2])
    cdef real d, step
    cdef int64_t j
    for j in range(n):
        d = sign * g[j] + weight_decay * p[j]
        step = d if first else momentum * b[j] + fresh * d
        b[j] = step
        p[j] -= lr * (d + momentum * step if nesterov else step)


cdef void adam_update(real** args, int64_t n, const Params* params) noexcept nogil:
    # Adam adds weight_decay p to g; AdamW (decoupled) shrinks p by lr weight_decay p instead.
    # m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;  p -= lr / c1 * m / (sqrt(v) / sqrt(c2) + eps)
    # AMSGrad divides by the largest v so far.
    cdef real* restrict p = args[0]
    cdef const real* gradient = args[1]
    cdef real* restrict m = args[2]
    cdef real* restrict v = args[3]
    cdef bint amsgrad = params.i[0] != 0
    cdef real* restrict largest = args[4 if amsgrad else 3]
    cdef real sign = <real>(-1 if params.i[1] else 1)
    cdef real keep = <real>(1 - params.f[0] * params.f[4] if params.i[2] else 1)
    cdef real weight_decay = <real>(0 if params.i[2] else params.f[4])
    cdef real fresh1 = <real>(1 - params.f[1]), beta2 = <real>params.f[2], fresh2 = <real>(1 - params.f[2])
    cdef real eps = <real>params.f[3]
    cdef real lr = <real>(params.f[0] / params.f[5]), root = <real>sqrt(params.f[6])
    cdef real g, q, second
    cdef int64_t j
    for j in range(n):
        q = p[j] * keep
        g = sign * gradient[j] + weight_decay * q
        m[j] += fresh1 * (g - m[j])
        second = v[j] = beta2 * v[j] + fresh2 * g * g
        if amsgrad:
            second = largest[j] = second if (second > largest[j]) | (second != second) else largest[j]
        p[j] = q - lr * m[j] / (<real>sqrt(second) / root + eps)


cdef void rmsprop_update(real** args, int64_t n, const Params* params) noexcept nogil:
    # d = g + weight_decay p;  v = keep v + fresh d^2;  q = d / (sqrt(v) + eps);  p -= lr q.
    # Adagrad keeps and adds all.
    # Centred: m = keep m + fresh d, and the root is that of v - m^2.  With momentum: b = momentum b + q;  p -= lr b.
    cdef real* restrict p = args[0]
    cdef const real* gradient = args[1]
    cdef real* restrict v = args[2]
    cdef bint centered = params.i[0] != 0, use_momentum = params.i[1] != 0
    cdef real* restrict m = args[3 if centered else 2]
    cdef real* restrict b = args[2 + centered + use_momentum]
    cdef real sign = <real>(-1 if params.i[2] else 1)
    cdef real lr = <real>params.f[0], keep = <real>params.f[1], fresh = <real>params.f[2], eps = <real>params.f[3]
    cdef real weight_decay = <real>params.f[4], momentum = <real>params.f[5]
    cdef real d, size
    cdef int64_t j
    for j in range(n):
        d = sign * gradient[j] + weight_decay * p[j]
        size = v[j] = keep * v[j] + fresh * d * d
        if centered:
            m[j] += fresh * (d - m[j])
            size -= m[j] * m[j]
        d /= <real>sqrt(size) + eps
        if use_momentum:
            d = b[j] = momentum * b[j] + d
        p[j] -= lr * d


cdef void adadelta_update(real** args, int64_t n, const Params* params) noexcept nogil:
    # d = g + weight_decay p;  v = rho v + (1 - rho) d^2;  q = sqrt(u + eps) / sqrt(v + eps) d;
    # u = rho u + (1 - rho) q^2;  p -= lr q
    cdef real* restrict p = args[0]
    cdef const real* gradient = args[1]
    cdef real* restrict v = args[2]
    cdef real* restrict u = args[3]
    cdef real sign = <real>(-1 if params.i[0] else 1)
    cdef real lr = <real>params.f[0], rho = <real>params.f[1], fresh = <real>(1 - params.f[1]), eps = <real>params.f[2]
    cdef real weight_decay = <real>params.f[3]
    cdef real d
    cdef int64_t j
    for j in range(n):
        d = sign * gradient[j] + weight_decay * p[j]
        v[j] = rho * v[j] + fresh * d * d
        d *= <real>sqrt(u[j] + eps) / <real>sqrt(v[j] + eps)
        u[j] = rho * u[j] + fresh * d * d
        p[j] -= lr * d


cdef int run_update(Step* step, loop_t single, loop_t double_, int n_args) noexcept nogil:
    """Run an update over args[0 ... n_args - 1]; every array but the gradient, args[1], is read and written."""
    cdef Walk walk
    cdef int k
    start_walk(&walk, step, n_args)
    for k in range(n_args):
        walk.reads[k], walk.writes[k] = True, k != 1
    return run_walk(&walk, single if step.args[0].dtype == FLOAT32 else double_, &step.params, 0.5)


cdef int sgd(Step* step) noexcept nogil:
    if step.params.i[3]:
        return run_update(step, <loop_t>sgd_momentum[float], <loop_t>sgd_momentum[double], 3)
    return run_update(step, <loop_t>sgd_plain[float], <loop_t>sgd_plain[double], 2)


cdef int adam(Step* step) noexcept nogil:
    return run_update(step, <loop_t>adam_update[float], <loop_t>adam_update[double], 5 if step.params.i[0] else 4)


cdef int rmsprop(Step* step) noexcept nogil:
    cdef int n_args = 3 + (step.params.i[0] != 0) + (step.params.i[1] != 0)
    return run_update(step, <loop_t>rmsprop_update[float], <loop_t>rmsprop_update[double], n_args)


cdef int adadelta(Step* step) noexcept nogil:
    return run_update(step, <loop_t>adadelta_update[float], <loop_t>adadelta_update[double], 4)


REALS = (FLOAT32, FLOAT64)
KERNELS = {
    "sgd": new_kernel("sgd", sgd, REALS),
    "adam": new_kernel("adam", adam, REALS),
    "rmsprop": new_kernel("rmsprop", rmsprop, REALS),
    "adadelta": new_kernel("adadelta", adadelta, REALS),
}
