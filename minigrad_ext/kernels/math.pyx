"""Elementary functions of real numbers, by the C mathematical library.

float32 operands are computed in double precision and rounded once, so a float32 result is the correctly rounded one in
all but a few cases in a million.  Those that training needs most have vectorised loops for float32.
"""

from libc cimport math
from libc.stdint cimport int64_t
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.blocks cimport elementwise, elementwise_costly, run_elementwise
from minigrad_ext.kernels.fastmath cimport fast_exp, fast_log, fast_sigmoid, fast_tanh
from minigrad_ext.types cimport FLOAT32, Step, kernel_t, real


cdef void exp(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        if real is float:
            out[j] = <real>fast_exp(a[j])
        else:
            out[j] = <real>math.exp(a[j])


cdef void exp2(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.exp2(a[j])


cdef void expm1(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.expm1(a[j])


cdef void log(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        if real is float:
            out[j] = <real>fast_log(a[j])
        else:
            out[j] = <real>math.log(a[j])


cdef void log2(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.log2(a[j])


cdef void log10(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.log10(a[j])


cdef void log1p(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.log1p(a[j])


cdef void sqrt(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.sqrt(a[j])


cdef void sin(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.sin(a[j])


cdef void cos(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.cos(a[j])


cdef void tan(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.tan(a[j])


cdef void asin(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.asin(a[j])


cdef void acos(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.acos(a[j])


cdef void atan(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.atan(a[j])


cdef void sinh(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.sinh(a[j])


cdef void cosh(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.cosh(a[j])


cdef void tanh(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        if real is float:
            out[j] = <real>fast_tanh(a[j])
        else:
            out[j] = <real>math.tanh(a[j])


cdef void asinh(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.asinh(a[j])


cdef void acosh(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.acosh(a[j])


cdef void atanh(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.atanh(a[j])


cdef void erf(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.erf(a[j])


cdef void erfc(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.erfc(a[j])


cdef void floor(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.floor(a[j])


cdef void ceil(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.ceil(a[j])


cdef void trunc(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.trunc(a[j])


cdef void round_even(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.rint(a[j])     # the default rounding: a half goes to the even neighbour


cdef void rsqrt(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>(1 / math.sqrt(a[j]))


cdef void sigmoid(real* restrict out, const real* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        if real is float:
            out[j] = <real>fast_sigmoid(a[j])
        else:
            out[j] = <real>(1 / (1 + math.exp(-a[j])))


cdef void atan2(real* restrict out, const real* a, const real* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <real>math.atan2(a[j], b[j])


cdef int elementwise_fast(Step* step) noexcept nogil:
    """Driver of the loops that are vectorised for float32."""
    return run_elementwise(step, 0.5 if step.args[0].dtype == FLOAT32 else 5.0)


cdef object reals(str name, void* f32, void* f64, kernel_t run=elementwise_costly):
    return family(name, run, 0, NULL, NULL, NULL, NULL, f32, f64)


cdef list KERNEL_LIST = [
    reals("exp", <void*>exp[float], <void*>exp[double], elementwise_fast),
    reals("exp2", <void*>exp2[float], <void*>exp2[double]),
    reals("expm1", <void*>expm1[float], <void*>expm1[double]),
    reals("log", <void*>log[float], <void*>log[double], elementwise_fast),
    reals("log2", <void*>log2[float], <void*>log2[double]),
    reals("log10", <void*>log10[float], <void*>log10[double]),
    reals("log1p", <void*>log1p[float], <void*>log1p[double]),
    reals("sqrt", <void*>sqrt[float], <void*>sqrt[double], elementwise),
    reals("sin", <void*>sin[float], <void*>sin[double]),
    reals("cos", <void*>cos[float], <void*>cos[double]),
    reals("tan", <void*>tan[float], <void*>tan[double]),
    reals("asin", <void*>asin[float], <void*>asin[double]),
    reals("acos", <void*>acos[float], <void*>acos[double]),
    reals("atan", <void*>atan[float], <void*>atan[double]),
    reals("sinh", <void*>sinh[float], <void*>sinh[double]),
    reals("cosh", <void*>cosh[float], <void*>cosh[double]),
    reals("tanh", <void*>tanh[float], <void*>tanh[double], elementwise_fast),
    reals("asinh", <void*>asinh[float], <void*>asinh[double]),
    reals("acosh", <void*>acosh[float], <void*>acosh[double]),
    reals("atanh", <void*>atanh[float], <void*>atanh[double]),
    reals("erf", <void*>erf[float], <void*>erf[double]),
    reals("erfc", <void*>erfc[float], <void*>erfc[double]),
    reals("floor", <void*>floor[float], <void*>floor[double], elementwise),
    reals("ceil", <void*>ceil[float], <void*>ceil[double], elementwise),
    reals("trunc", <void*>trunc[float], <void*>trunc[double], elementwise),
    reals("round", <void*>round_even[float], <void*>round_even[double], elementwise),
    reals("rsqrt", <void*>rsqrt[float], <void*>rsqrt[double], elementwise),
    reals("sigmoid", <void*>sigmoid[float], <void*>sigmoid[double], elementwise_fast),
    reals("atan2", <void*>atan2[float], <void*>atan2[double]),
]
KERNELS = {kernel.name: kernel for kernel in KERNEL_LIST}
