"""Comparisons, predicates, logic, bits, and the choice between two operands.

Comparisons and predicates write bool (bytes of 0 or 1) whatever they read.  As in IEEE 754, NaN differs from
everything, itself included, and compares as neither less nor greater.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.blocks cimport elementwise
from minigrad_ext.types cimport number

ctypedef fused bits:        # an element by its size alone
    uint8_t
    uint32_t
    uint64_t

ctypedef fused integer:
    uint8_t
    int32_t
    int64_t


# ---- comparisons and logic: any dtype -> bool

cdef void eq(uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] == b[j]


cdef void ne(uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] != b[j]


cdef void lt(uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] < b[j]


cdef void le(uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] <= b[j]


cdef void gt(uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] > b[j]


cdef void ge(uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] >= b[j]


cdef void logical_and(uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = (a[j] != 0) & (b[j] != 0)


cdef void logical_or(uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = (a[j] != 0) | (b[j] != 0)


cdef void logical_xor(uint8_t* restrict out, const number* a, const number* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = (a[j] != 0) ^ (b[j] != 0)


cdef void logical_not(uint8_t* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] == 0


# inf - inf is NaN, so x - x is 0 exactly for finite x.

cdef void isnan(uint8_t* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] != a[j]


cdef void isfinite(uint8_t* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] - a[j] == 0


cdef void isinf(uint8_t* restrict out, const number* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = (a[j] == a[j]) & (a[j] - a[j] != 0)


# ---- bits: integers and bool

cdef void bitwise_and(bits* restrict out, const bits* a, const bits* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] & b[j]


cdef void bitwise_or(bits* restrict out, const bits* a, const bits* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] | b[j]


cdef void bitwise_xor(bits* restrict out, const bits* a, const bits* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] ^ b[j]


cdef void bitwise_not(bits* restrict out, const bits* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = ~a[j]


cdef void bool_not(uint8_t* restrict out, const uint8_t* a, void* b, void* c, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] ^ 1


# A shift by a negative number, or by all bits and more, shifts everything out: 0 is left, or -1 to the right of a
# negative number.

cdef void bitwise_left_shift(integer* restrict out, const integer* a, const integer* b, void* c, int64_t n
                             ) noexcept nogil:
    cdef int64_t j
    cdef int width = 8 * sizeof(integer)
    for j in range(n):
        out[j] = <integer>(<uint64_t>a[j] << b[j]) if (b[j] >= 0) & (b[j] < width) else 0


cdef void bitwise_right_shift(integer* restrict out, const integer* a, const integer* b, void* c, int64_t n
                              ) noexcept nogil:
    cdef int64_t j
    cdef int width = 8 * sizeof(integer)
    for j in range(n):
        out[j] = a[j] >> b[j] if (b[j] >= 0) & (b[j] < width) else -<integer>(a[j] < 0)


# ---- choice

cdef void where(bits* restrict out, const uint8_t* condition, const bits* a, const bits* b, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        out[j] = a[j] if condition[j] else b[j]


# ---- the table

cdef object to_bool(str name, void* u8, void* i32, void* i64, void* f32, void* f64):
    return family(name, elementwise, 1, u8, u8, i32, i64, f32, f64)


cdef object of_bits(str name, void* b, void* u8, void* u32, void* u64):
    return family(name, elementwise, 0, b, u8, u32, u64, NULL, NULL)


cdef list KERNEL_LIST = [
    to_bool("eq", <void*>eq[uint8_t], <void*>eq[int32_t], <void*>eq[int64_t], <void*>eq[float], <void*>eq[double]),
    to_bool("ne", <void*>ne[uint8_t], <void*>ne[int32_t], <void*>ne[int64_t], <void*>ne[float], <void*>ne[double]),
    to_bool("lt", <void*>lt[uint8_t], <void*>lt[int32_t], <void*>lt[int64_t], <void*>lt[float], <void*>lt[double]),
    to_bool("le", <void*>le[uint8_t], <void*>le[int32_t], <void*>le[int64_t], <void*>le[float], <void*>le[double]),
    to_bool("gt", <void*>gt[uint8_t], <void*>gt[int32_t], <void*>gt[int64_t], <void*>gt[float], <void*>gt[double]),
    to_bool("ge", <void*>ge[uint8_t], <void*>ge[int32_t], <void*>ge[int64_t], <void*>ge[float], <void*>ge[double]),
    to_bool("logical_and", <void*>logical_and[uint8_t], <void*>logical_and[int32_t], <void*>logical_and[int64_t],
            <void*>logical_and[float], <void*>logical_and[double]),
    to_bool("logical_or", <void*>logical_or[uint8_t], <void*>logical_or[int32_t], <void*>logical_or[int64_t],
            <void*>logical_or[float], <void*>logical_or[double]),
    to_bool("logical_xor", <void*>logical_xor[uint8_t], <void*>logical_xor[int32_t], <void*>logical_xor[int64_t],
            <void*>logical_xor[float], <void*>logical_xor[double]),
    to_bool("logical_not", <void*>logical_not[uint8_t], <void*>logical_not[int32_t], <void*>logical_not[int64_t],
            <void*>logical_not[float], <void*>logical_not[double]),
    to_bool("isnan", <void*>isnan[uint8_t], <void*>isnan[int32_t], <void*>isnan[int64_t], <void*>isnan[float],
            <void*>isnan[double]),
    to_bool("isinf", <void*>isinf[uint8_t], <void*>isinf[int32_t], <void*>isinf[int64_t], <void*>isinf[float],
            <void*>isinf[double]),
    to_bool("isfinite", <void*>isfinite[uint8_t], <void*>isfinite[int32_t], <void*>isfinite[int64_t],
            <void*>isfinite[float], <void*>isfinite[double]),
    of_bits("bitwise_and", <void*>bitwise_and[uint8_t], <void*>bitwise_and[uint8_t], <void*>bitwise_and[uint32_t],
            <void*>bitwise_and[uint64_t]),
    of_bits("bitwise_or", <void*>bitwise_or[uint8_t], <void*>bitwise_or[uint8_t], <void*>bitwise_or[uint32_t],
            <void*>bitwise_or[uint64_t]),
    of_bits("bitwise_xor", <void*>bitwise_xor[uint8_t], <void*>bitwise_xor[uint8_t], <void*>bitwise_xor[uint32_t],
            <void*>bitwise_xor[uint64_t]),
    of_bits("bitwise_not", <void*>bool_not, <void*>bitwise_not[uint8_t], <void*>bitwise_not[uint32_t],
            <void*>bitwise_not[uint64_t]),
    of_bits("bitwise_left_shift", NULL, <void*>bitwise_left_shift[uint8_t], <void*>bitwise_left_shift[int32_t],
            <void*>bitwise_left_shift[int64_t]),
    of_bits("bitwise_right_shift", NULL, <void*>bitwise_right_shift[uint8_t], <void*>bitwise_right_shift[int32_t],
            <void*>bitwise_right_shift[int64_t]),
    family("where", elementwise, 2, <void*>where[uint8_t], <void*>where[uint8_t], <void*>where[uint32_t],
           <void*>where[uint64_t], <void*>where[uint32_t], <void*>where[uint64_t]),
]
KERNELS = {kernel.name: kernel for kernel in KERNEL_LIST}
