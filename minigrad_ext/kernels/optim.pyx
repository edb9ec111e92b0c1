"""One step of an optimiser, in place and in one pass over the memory: for each block of parameters everything is read,
updated and written once.

    sgd(p, g[, buffer]; ints nesterov, first_step, maximize, use_momentum; floats lr, momentum, dampening, weight_decay)
    adam(p, g, m, v[, vmax]; ints amsgrad, maximize, decoupled;
         floats lr, beta1, beta2, eps, weight_decay, bias_correction1, bias_correction2)
    rmsprop(p, g, v[, m][, b]; ints centered, use_momentum, maximize;
         floats lr, keep, fresh, eps, weight_decay, momentum)
    adadelta(p, g, v, u; ints maximize; floats lr, rho, eps, weight_decay)

All arrays have p's shape and dtype and strides of their own.  The formulas are PyTorch's.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.blocks cimport loop_t, run_walk
from minigrad_ext.types cimport Params, Step, real


cdef void sgd(real* restrict p, const real* g, real* restrict b, void* t, void* u, int64_t n, const Params* given
              ) noexcept nogil:
    # d = g + weight_decay p;  b = momentum b + (1 - dampening) d, or d in the first step;
    # p -= lr b, with Nesterov's look-ahead lr (d + momentum b);  without momentum p -= lr d
    cdef bint nesterov = given.i[0], first = given.i[1], use_momentum = given.i[3]
    cdef real sign = 1 - 2 * given.i[2], lr = given.f[0], momentum = given.f[1], fresh = 1 - given.f[2]
    cdef real weight_decay = given.f[3], d, step
    for j in range(n):
        d = step = sign * g[j] + weight_decay * p[j]
        if use_momentum:
            step = b[j] = d if first else momentum * b[j] + fresh * d
        p[j] -= lr * (d + momentum * step if nesterov else step)


cdef void adam(real* restrict p, const real* gradient, real* restrict m, real* restrict v, real* restrict largest,
               int64_t n, const Params* given) noexcept nogil:
    # Adam adds weight_decay p to g; AdamW (decoupled) shrinks p by lr weight_decay p instead.
    # m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;  p -= lr / c1 * m / (sqrt(v) / sqrt(c2) + eps), with one
    # division an element: both sides of the last are multiplied by sqrt(c2).  AMSGrad divides by the largest v so far.
    cdef bint amsgrad = given.i[0], decoupled = given.i[2]
    cdef real sign = 1 - 2 * given.i[1], weight_decay = 0 if decoupled else given.f[4]
    cdef real keep = 1 - given.f[0] * given.f[4] if decoupled else 1
    cdef double root = sqrt(given.f[6])
    cdef real fresh1 = 1 - given.f[1], beta2 = given.f[2], fresh2 = 1 - given.f[2], eps = given.f[3] * root
    cdef real lr = given.f[0] / given.f[5] * root, g, q, second
    for j in range(n):
        q = p[j] * keep
        g = sign * gradient[j] + weight_decay * q
        m[j] += fresh1 * (g - m[j])
        second = v[j] = beta2 * v[j] + fresh2 * g * g
        if amsgrad:
            second = largest[j] = second if (second > largest[j]) | (second != second) else largest[j]
        p[j] = q - lr * m[j] / (<real>sqrt(second) + eps)


cdef void rmsprop(real* restrict p, const real* g, real* restrict v, real* restrict m, real* restrict last, int64_t n,
                  const Params* given) noexcept nogil:
    # d = g + weight_decay p;  v = keep v + fresh d^2;  q = d / (sqrt(v) + eps);  p -= lr q.
    # Adagrad keeps and adds all.
    # Centred: m = keep m + fresh d, and the root is that of v - m^2.  With momentum: b = momentum b + q;  p -= lr b.
    cdef bint centered = given.i[0], use_momentum = given.i[1]
    cdef real sign = 1 - 2 * given.i[2], lr = given.f[0], keep = given.f[1], fresh = given.f[2], eps = given.f[3]
    cdef real weight_decay = given.f[4], momentum = given.f[5], d, size
    b = last if centered else m
    for j in range(n):
        d = sign * g[j] + weight_decay * p[j]
        size = v[j] = keep * v[j] + fresh * d * d
        if centered:
            m[j] += fresh * (d - m[j])
            size -= m[j] * m[j]
        d /= <real>sqrt(size) + eps
        if use_momentum:
            d = b[j] = momentum * b[j] + d
        p[j] -= lr * d


cdef void adadelta(real* restrict p, const real* g, real* restrict v, real* restrict u, void* w, int64_t n,
                   const Params* given) noexcept nogil:
    # d = g + weight_decay p;  v = rho v + (1 - rho) d^2;  q = sqrt(u + eps) / sqrt(v + eps) d;
    # u = rho u + (1 - rho) q^2;  p -= lr q
    cdef real sign = 1 - 2 * given.i[0], lr = given.f[0], rho = given.f[1], fresh = 1 - given.f[1], eps = given.f[2]
    cdef real weight_decay = given.f[3], d
    for j in range(n):
        d = sign * g[j] + weight_decay * p[j]
        v[j] = rho * v[j] + fresh * d * d
        d *= <real>sqrt(u[j] + eps) / <real>sqrt(v[j] + eps)
        u[j] = rho * u[j] + fresh * d * d
        p[j] -= lr * d


ctypedef void (*update_t)(char* p, char* g, char* s, char* t, char* u, int64_t n, const Params* given) noexcept nogil


cdef void update_block(char** at, int64_t n, const Step* step) noexcept nogil:
    (<update_t>step.inner)(at[0], at[1], at[2], at[3], at[4], n, &step.params)


cdef int update(Step* step) noexcept nogil:
    """step.inner on all arrays; each but the gradient, args[1], is read and written."""
    return run_walk(step, step.n_args, ~0, ~2, <loop_t>update_block, step, 0.5)


# (All arrays but the gradient are updated.)
KERNELS = {kernel.name: kernel.declare(writes=0b11101, updates=True) for kernel in (
    family("sgd", update, 0, <void*>sgd[float], <void*>sgd[double]),
    family("adam", update, 0, <void*>adam[float], <void*>adam[double]),
    family("rmsprop", update, 0, <void*>rmsprop[float], <void*>rmsprop[double]),
    family("adadelta", update, 0, <void*>adadelta[float], <void*>adadelta[double]),
)}
