"""Elementary functions of real numbers, by the C mathematical library.

float32 operands are computed in double precision and rounded once, so a float32 result is the correctly rounded one in
all but a few cases in a million.  Those that training needs most have vectorised loops for float32.
"""

from minigrad_ext.kernels.blocks cimport elementwise, elementwise_costly, run_elementwise
from minigrad_ext.kernels.fastmath cimport fast_exp
from minigrad_ext.kernels.loops cimport Row, kernels_of
from minigrad_ext.types cimport FLOAT32, Step

cdef extern from *:
    """
    #include <math.h>

    #define COSTLY(ROW)                                                                                         \\
        ROW(REAL, exp2, exp2(a[j]))                                                                             \\
        ROW(REAL, expm1, expm1(a[j]))                                                                           \\
        ROW(REAL, log2, log2(a[j]))                                                                             \\
        ROW(REAL, log10, log10(a[j]))                                                                           \\
        ROW(REAL, log1p, log1p(a[j]))                                                                           \\
        ROW(REAL, sin, sin(a[j]))                                                                               \\
        ROW(REAL, cos, cos(a[j]))                                                                               \\
        ROW(REAL, tan, tan(a[j]))                                                                               \\
        ROW(REAL, asin, asin(a[j]))                                                                             \\
        ROW(REAL, acos, acos(a[j]))                                                                             \\
        ROW(REAL, atan, atan(a[j]))                                                                             \\
        ROW(REAL, sinh, sinh(a[j]))                                                                             \\
        ROW(REAL, cosh, cosh(a[j]))                                                                             \\
        ROW(REAL, asinh, asinh(a[j]))                                                                           \\
        ROW(REAL, acosh, acosh(a[j]))                                                                           \\
        ROW(REAL, atanh, atanh(a[j]))                                                                           \\
        ROW(REAL, erf, erf(a[j]))                                                                               \\
        ROW(REAL, erfc, erfc(a[j]))                                                                             \\
        ROW(REAL, atan2, atan2(a[j], b[j]))
    MG_TABLE(COSTLY)

    /* rint rounds in the default mode: a half goes to the even neighbour */
    #define CHEAP(ROW)                                                                                          \\
        ROW(REAL, sqrt, sqrt(a[j]))                                                                             \\
        ROW(REAL, floor, floor(a[j]))                                                                           \\
        ROW(REAL, ceil, ceil(a[j]))                                                                             \\
        ROW(REAL, trunc, trunc(a[j]))                                                                           \\
        ROW(REAL, round, rint(a[j]))                                                                            \\
        ROW(REAL, rsqrt, 1 / sqrt(a[j]))
    MG_TABLE(CHEAP)

    #define FOR_TYPE(single, other) (sizeof(T) == sizeof(float) ? single : other)
    #define FAST(ROW)                                                                                           \\
        ROW(REAL, exp, FOR_TYPE(fast_exp(a[j]), exp(a[j])))                                                     \\
        ROW(REAL, log, FOR_TYPE(fast_log(a[j]), log(a[j])))                                                     \\
        ROW(REAL, tanh, FOR_TYPE(fast_tanh(a[j]), tanh(a[j])))                                                  \\
        ROW(REAL, sigmoid, FOR_TYPE(fast_sigmoid(a[j]), 1 / (1 + exp(-a[j]))))
    MG_TABLE(FAST)
    """
    Row* COSTLY "COSTLY_TABLE"
    Row* CHEAP "CHEAP_TABLE"
    Row* FAST "FAST_TABLE"


cdef int elementwise_fast(Step* step) noexcept nogil:
    """Driver of the loops that are vectorised for float32."""
    return run_elementwise(step, 0.5 if step.args[0].dtype == FLOAT32 else 5.0)


KERNELS = kernels_of(CHEAP, elementwise) | kernels_of(FAST, elementwise_fast) | kernels_of(COSTLY, elementwise_costly)
