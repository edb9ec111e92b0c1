"""Conversions between dtypes, copies, and arrays made from numbers alone.

A real number becomes an integer by dropping its fraction; what lies outside the integer's range becomes the nearest
integer in it, and NaN becomes 0.  Integers wrap around into narrower ones.  Everything but 0 is True, NaN too.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from minigrad_ext.kernel cimport new_kernel
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.blocks cimport elementwise
from minigrad_ext.types cimport (
    FLOAT32, FLOAT64, INT32, INT64, N_DTYPES, OK, Step, UINT8, View, number, view_size,
)

ctypedef fused bits:        # an element by its size alone
    uint8_t
    uint32_t
    uint64_t


# ---- casts: each loop from every dtype

cdef void cast_bool(uint8_t* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] != 0


cdef inline double inside(double x, double low, double high) noexcept nogil:
    """x moved into [low, high]; 0 for NaN."""
    x = x if x == x else 0
    x = x if x > low else low
    return x if x < high else high


cdef void cast_uint8(uint8_t* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        if number is float or number is double:
            out[j] = <uint8_t><int32_t>inside(a[j], 0, 255)
        else:
            out[j] = <uint8_t>a[j]


cdef void cast_int32(int32_t* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        if number is float or number is double:
            out[j] = <int32_t>inside(a[j], -2147483648.0, 2147483647.0)
        else:
            out[j] = <int32_t>a[j]


cdef void cast_int64(int64_t* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    # The largest int64 is no double; 2^63 - 1024 is the largest double below it.
    cdef int64_t j
    cdef int64_t largest = 9223372036854775807
    for j in range(n):
        if number is float or number is double:
            out[j] = largest if a[j] >= 9223372036854775808.0 else (
                <int64_t>inside(a[j], -9223372036854775808.0, 9223372036854774784.0))
        else:
            out[j] = a[j]


cdef void cast_float32(float* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <float>a[j]


cdef void cast_float64(double* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = <double>a[j]


# ---- copies

cdef void copy(bits* restrict out, const bits* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j]


cdef void* COPY_LOOPS[N_DTYPES]
COPY_LOOPS[:] = [<void*>copy[uint8_t], <void*>copy[uint8_t], <void*>copy[uint32_t], <void*>copy[uint64_t],
                 <void*>copy[uint32_t], <void*>copy[uint64_t]]

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
    copying.inner = COPY_LOOPS[dtype]
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


# ---- the table

cdef list KERNEL_LIST = [
    family("cast_bool", elementwise, 1, <void*>cast_bool[uint8_t], <void*>cast_bool[uint8_t],
           <void*>cast_bool[int32_t], <void*>cast_bool[int64_t], <void*>cast_bool[float], <void*>cast_bool[double]),
    family("cast_uint8", elementwise, 1, <void*>cast_uint8[uint8_t], <void*>cast_uint8[uint8_t],
           <void*>cast_uint8[int32_t], <void*>cast_uint8[int64_t], <void*>cast_uint8[float],
           <void*>cast_uint8[double]),
    family("cast_int32", elementwise, 1, <void*>cast_int32[uint8_t], <void*>cast_int32[uint8_t],
           <void*>cast_int32[int32_t], <void*>cast_int32[int64_t], <void*>cast_int32[float],
           <void*>cast_int32[double]),
    family("cast_int64", elementwise, 1, <void*>cast_int64[uint8_t], <void*>cast_int64[uint8_t],
           <void*>cast_int64[int32_t], <void*>cast_int64[int64_t], <void*>cast_int64[float],
           <void*>cast_int64[double]),
    family("cast_float32", elementwise, 1, <void*>cast_float32[uint8_t], <void*>cast_float32[uint8_t],
           <void*>cast_float32[int32_t], <void*>cast_float32[int64_t], <void*>cast_float32[float],
           <void*>cast_float32[double]),
    family("cast_float64", elementwise, 1, <void*>cast_float64[uint8_t], <void*>cast_float64[uint8_t],
           <void*>cast_float64[int32_t], <void*>cast_float64[int64_t], <void*>cast_float64[float],
           <void*>cast_float64[double]),
    family("copy", elementwise, 0, COPY_LOOPS[0], COPY_LOOPS[1], COPY_LOOPS[2], COPY_LOOPS[3], COPY_LOOPS[4],
           COPY_LOOPS[5]),
    new_kernel("fill", fill, range(N_DTYPES)),
    new_kernel("arange", arange, range(UINT8, N_DTYPES)),
]
KERNELS = {kernel.name: kernel for kernel in KERNEL_LIST}
