"""Comparisons, predicates, logic, bits, and the choice between two operands.

Comparisons and predicates write bool (bytes of 0 or 1) whatever they read.  As in IEEE 754, NaN differs from
everything, itself included, and compares as neither less nor greater.
"""

from minigrad_ext.kernels.blocks cimport elementwise
from minigrad_ext.kernels.loops cimport Row, kernels_of

cdef extern from *:
    """
    /* inf - inf is NaN, so x - x is 0 exactly for finite x */
    #define TO_BOOL(ROW)                                                                                        \\
        ROW(TO_BOOL, eq, a[j] == b[j])                                                                          \\
        ROW(TO_BOOL, ne, a[j] != b[j])                                                                          \\
        ROW(TO_BOOL, lt, a[j] < b[j])                                                                           \\
        ROW(TO_BOOL, le, a[j] <= b[j])                                                                          \\
        ROW(TO_BOOL, gt, a[j] > b[j])                                                                           \\
        ROW(TO_BOOL, ge, a[j] >= b[j])                                                                          \\
        ROW(TO_BOOL, logical_and, (a[j] != 0) & (b[j] != 0))                                                    \\
        ROW(TO_BOOL, logical_or, (a[j] != 0) | (b[j] != 0))                                                     \\
        ROW(TO_BOOL, logical_xor, (a[j] != 0) ^ (b[j] != 0))                                                    \\
        ROW(TO_BOOL, logical_not, a[j] == 0)                                                                    \\
        ROW(TO_BOOL, isnan, a[j] != a[j])                                                                       \\
        ROW(TO_BOOL, isfinite, a[j] - a[j] == 0)                                                                \\
        ROW(TO_BOOL, isinf, (a[j] == a[j]) & (a[j] - a[j] != 0))
    MG_TABLE(TO_BOOL)

    /* A shift by a negative number, or by all bits and more, shifts everything out: 0 is left, or -1 to the right of a
       negative number. */
    #define FITS(shift) ((shift >= 0) & (shift < (int64_t)(8 * sizeof(T))))

    #define SAME_TYPE(ROW)                                                                                      \\
        ROW(BITS, bitwise_and, a[j] & b[j], a[j] & b[j])                                                        \\
        ROW(BITS, bitwise_or, a[j] | b[j], a[j] | b[j])                                                         \\
        ROW(BITS, bitwise_xor, a[j] ^ b[j], a[j] ^ b[j])                                                        \\
        ROW(BITS, bitwise_not, a[j] ^ 1, ~a[j])                                                                 \\
        ROW(INTEGER, bitwise_left_shift, FITS(b[j]) ? (uint64_t)a[j] << b[j] : 0)                               \\
        ROW(INTEGER, bitwise_right_shift, FITS(b[j]) ? a[j] >> b[j] : -(a[j] < 0))                              \\
        ROW(MOVE, where, uint8_t, uint8_t, uint8_t, a[j] ? b[j] : c[j])
    MG_TABLE(SAME_TYPE)
    """
    Row* TO_BOOL "TO_BOOL_TABLE"
    Row* SAME_TYPE "SAME_TYPE_TABLE"

KERNELS = kernels_of(TO_BOOL, elementwise, by=1) | kernels_of(SAME_TYPE, elementwise)
