"""Conversions between dtypes, copies, and arrays made from numbers alone.

A real number becomes an integer by dropping its fraction; what lies outside the integer's range becomes the nearest
integer in it, and NaN becomes 0.  Integers wrap around into narrower ones.  Everything but 0 is True, NaN too.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.blocks cimport elementwise
from minigrad_ext.kernels.loops cimport Row, kernels_of
from minigrad_ext.types cimport FLOAT32, FLOAT64, INT32, INT64, N_DTYPES, OK, Step, UINT8, View, view_size

cdef extern from *:
    """
    /* x moved into [low, high]; 0 for NaN */
    static inline double inside(double x, double low, double high) {
        x = x == x ? x : 0;
        x = x > low ? x : low;
        return x < high ? x : high;
    }

    /* The largest int64 is no double; 2^63 - 1024 is the largest double below it. */
    static inline int64_t inside_int64(double x) {
        return x >= 9223372036854775808.0 ? INT64_MAX
                                          : (int64_t)inside(x, -9223372036854775808.0, 9223372036854774784.0);
    }

    #define CASTS(ROW)                                                                                          \\
        ROW(CAST, cast_bool, uint8_t, a[j] != 0, a[j] != 0)                                                     \\
        ROW(CAST, cast_uint8, uint8_t, a[j], (int32_t)inside(a[j], 0, 255))                                     \\
        ROW(CAST, cast_int32, int32_t, a[j], inside(a[j], INT32_MIN, INT32_MAX))                                \\
        ROW(CAST, cast_int64, int64_t, a[j], inside_int64(a[j]))                                                \\
        ROW(CAST, cast_float32, float, a[j], a[j])                                                              \\
        ROW(CAST, cast_float64, double, a[j], a[j])
    MG_TABLE(CASTS)

    #define COPIES(ROW) ROW(MOVE, copy, uint64_t, uint32_t, uint8_t, a[j])
    MG_TABLE(COPIES)
    """
    Row* CASTS "CASTS_TABLE"
    Row* COPIES "COPIES_TABLE"

cdef union Element:
    uint8_t u8
    int32_t i32
    int64_t i64
    float f32
    double f64


cdef int fill(Step* step) noexcept nogil:
    """A copy of one element, repeated."""
    cdef Step copying
    cdef View* one = &copying.args[1]
    cdef Element element
    cdef int dtype = step.args[0].dtype
    one.data, one.ndim, one.dtype = <char*>&element, 0, dtype
    if dtype == FLOAT32:
        element.f32 = <float>step.params.f[0]
    elif dtype == FLOAT64:
        element.f64 = step.params.f[0]
    elif dtype == INT64:
        element.i64 = step.params.i[0]
    elif dtype == INT32:
        element.i32 = <int32_t>step.params.i[0]
    else:
        element.u8 = <uint8_t>step.params.i[0]
    copying.args[0] = step.args[0]
    copying.n_args = 2
    copying.inner = COPIES[0].loops[dtype]
    return elementwise(&copying)


cdef int arange(Step* step) noexcept nogil:
    """out[j] = start + j step, over the elements of out in row-major order."""
    cdef View* out = &step.args[0]
    cdef int64_t j, rest, offset
    cdef int64_t start = step.params.i[0], by = step.params.i[1]
    cdef double real_start = step.params.f[0], real_by = step.params.f[1]
    cdef int axis
    for j in range(view_size(out)):
        rest, offset = j, 0
        for axis in range(out.ndim - 1, -1, -1):
            offset += rest % out.shape[axis] * out.strides[axis]
            rest //= out.shape[axis]
        if out.dtype == FLOAT32:
            (<float*>out.data)[offset] = <float>(real_start + j * real_by)
        elif out.dtype == FLOAT64:
            (<double*>out.data)[offset] = real_start + j * real_by
        elif out.dtype == INT64:
            (<int64_t*>out.data)[offset] = <int64_t>(<uint64_t>start + <uint64_t>j * <uint64_t>by)
        elif out.dtype == INT32:
            (<int32_t*>out.data)[offset] = <int32_t>(<uint64_t>start + <uint64_t>j * <uint64_t>by)
        else:
            (<uint8_t*>out.data)[offset] = <uint8_t>(<uint64_t>start + <uint64_t>j * <uint64_t>by)
    return OK


KERNELS = kernels_of(CASTS, elementwise, by=1) | kernels_of(COPIES, elementwise) | {
    "fill": new_kernel("fill", fill, range(N_DTYPES)),
    "arange": new_kernel("arange", arange, range(UINT8, N_DTYPES)),
}
