"""The register-blocked micro-kernel: the one place where matrix products and convolutions do their multiply-adds.

A tile of GEMM_ROWS x lanes sums stays in vector registers while k runs: each step loads `lanes` contiguous numbers of
`b` and multiplies them with GEMM_ROWS single numbers of `a`, so two loads and GEMM_ROWS broadcasts feed
2 * GEMM_ROWS vector multiply-adds.  What is a row and what is a lane is the caller's choice:

    tile_strided    c[i, j] = sum_k a[i][k*a_step] * b[k*b_step + j]    packed panels, or a matrix read in place
    tile_gathered   c[i, j] = sum_k a[i][off[k]]   * b[k*b_step + j]    pixels broadcast, channels across lanes
    tile_shifted    c[i, j] = sum_k a[k*a_step + i] * b[off[k] + j]     weights broadcast, pixels across lanes
    tile_dot        c[i, j] = sum_k a[i][k] * b[j][k]                   few rows times few rows, k across lanes

Each takes GEMM_ROW_BYTES / sizeof(real) lanes (two vectors); its twin `half_...`, float32 only, takes one vector, for
the last columns.  All GEMM_ROWS rows and all lanes are read and written: the caller pads its panels, or points the
rows that are left over at row 0, and copies what it needs from a scratch tile.

How the sums come to stay in registers: a local array of constant size, constant trip counts, no store while k runs.
The copy of `b` into the local `row` costs nothing and shows the compiler that it is not one of the sums.
"""

from libc.stdint cimport int32_t, int64_t
from minigrad_ext.types cimport real

cdef extern from *:
    """
    #include "isa.h"
    /* Two vectors of sums per row: 32 registers hold 8 rows with what is multiplied, 16 registers 6; without a fused
       multiply-add the products need registers too, which leaves 4. */
    #if MG_VECTOR == 64
    #define MG_GEMM_ROWS 8
    #elif MG_VECTOR == 32
    #define MG_GEMM_ROWS 6
    #else
    #define MG_GEMM_ROWS 4
    #endif
    #define MG_DOT_ROWS (MG_VECTOR == 64 ? 4 : 2)
    #define MG_GEMM_ROW_BYTES (2 * MG_VECTOR)
    #define MG_GEMM_MAX_LANES (MG_GEMM_ROW_BYTES / 4)
    #define MG_GEMM_HALF_LANES (MG_GEMM_MAX_LANES / 2)
    """
    enum:
        GEMM_ROWS "MG_GEMM_ROWS"
        GEMM_ROW_BYTES "MG_GEMM_ROW_BYTES"      # lanes * sizeof(real)
        GEMM_MAX_LANES "MG_GEMM_MAX_LANES"      # lanes of float32, the larger count: for scratch tiles
        GEMM_HALF_LANES "MG_GEMM_HALF_LANES"    # one vector of float32
        DOT_ROWS "MG_DOT_ROWS"                  # rows of a in tile_dot
        DOT_COLUMNS "4"                         # rows of b


cdef inline void tile_strided(int64_t n_k, const real** a, int64_t a_step, const real* b, int64_t b_step,
                              real* c, int64_t c_row, bint add) noexcept nogil:
    """c[i*c_row + j] (+)= sum_k a[i][k*a_step] * b[k*b_step + j], j < lanes."""
    cdef real acc[GEMM_ROWS][GEMM_MAX_LANES]
    cdef int lanes = GEMM_ROW_BYTES // <int>sizeof(real)
    cdef int i, j
    cdef int64_t k
    cdef real x
    cdef real row[GEMM_MAX_LANES]
    for i in range(GEMM_ROWS):
        for j in range(lanes):
            acc[i][j] = 0
    for k in range(n_k):
        for j in range(lanes):
            row[j] = b[j]
        for i in range(GEMM_ROWS):
            x = a[i][k * a_step]
            for j in range(lanes):
                acc[i][j] += x * row[j]
        b += b_step
    for i in range(GEMM_ROWS):
        if add:
            for j in range(lanes):
                c[i * c_row + j] += acc[i][j]
        else:
            for j in range(lanes):
                c[i * c_row + j] = acc[i][j]


cdef inline void half_tile_strided(int64_t n_k, const float** a, int64_t a_step, const float* b, int64_t b_step,
                                   float* c, int64_t c_row, bint add) noexcept nogil:
    """c[i*c_row + j] (+)= sum_k a[i][k*a_step] * b[k*b_step + j], j < lanes / 2."""
    cdef float acc[GEMM_ROWS][GEMM_HALF_LANES]
    cdef int lanes = GEMM_HALF_LANES
    cdef int i, j
    cdef int64_t k
    cdef float x
    cdef float row[GEMM_HALF_LANES]
    for i in range(GEMM_ROWS):
        for j in range(lanes):
            acc[i][j] = 0
    for k in range(n_k):
        for j in range(lanes):
            row[j] = b[j]
        for i in range(GEMM_ROWS):
            x = a[i][k * a_step]
            for j in range(lanes):
                acc[i][j] += x * row[j]
        b += b_step
    for i in range(GEMM_ROWS):
        if add:
            for j in range(lanes):
                c[i * c_row + j] += acc[i][j]
        else:
            for j in range(lanes):
                c[i * c_row + j] = acc[i][j]


cdef inline void tile_gathered(int64_t n_k, const real** a, const int32_t* off, const real* b, int64_t b_step,
                               real* c, int64_t c_row, bint add) noexcept nogil:
    """c[i*c_row + j] (+)= sum_k a[i][off[k]] * b[k*b_step + j], j < lanes."""
    cdef real acc[GEMM_ROWS][GEMM_MAX_LANES]
    cdef int lanes = GEMM_ROW_BYTES // <int>sizeof(real)
    cdef int i, j
    cdef int64_t k
    cdef real x
    cdef real row[GEMM_MAX_LANES]
    for i in range(GEMM_ROWS):
        for j in range(lanes):
            acc[i][j] = 0
    for k in range(n_k):
        for j in range(lanes):
            row[j] = b[j]
        for i in range(GEMM_ROWS):
            x = a[i][off[k]]
            for j in range(lanes):
                acc[i][j] += x * row[j]
        b += b_step
    for i in range(GEMM_ROWS):
        if add:
            for j in range(lanes):
                c[i * c_row + j] += acc[i][j]
        else:
            for j in range(lanes):
                c[i * c_row + j] = acc[i][j]


cdef inline void half_tile_gathered(int64_t n_k, const float** a, const int32_t* off, const float* b, int64_t b_step,
                                    float* c, int64_t c_row, bint add) noexcept nogil:
    """c[i*c_row + j] (+)= sum_k a[i][off[k]] * b[k*b_step + j], j < lanes / 2."""
    cdef float acc[GEMM_ROWS][GEMM_HALF_LANES]
    cdef int lanes = GEMM_HALF_LANES
    cdef int i, j
    cdef int64_t k
    cdef float x
    cdef float row[GEMM_HALF_LANES]
    for i in range(GEMM_ROWS):
        for j in range(lanes):
            acc[i][j] = 0
    for k in range(n_k):
        for j in range(lanes):
            row[j] = b[j]
        for i in range(GEMM_ROWS):
            x = a[i][off[k]]
            for j in range(lanes):
                acc[i][j] += x * row[j]
        b += b_step
    for i in range(GEMM_ROWS):
        if add:
            for j in range(lanes):
                c[i * c_row + j] += acc[i][j]
        else:
            for j in range(lanes):
                c[i * c_row + j] = acc[i][j]


cdef inline void tile_shifted(int64_t n_k, const real* a, int64_t a_step, const real* b, const int32_t* off,
                              real* c, int64_t c_row, bint add) noexcept nogil:
    """c[i*c_row + j] (+)= sum_k a[k*a_step + i] * b[off[k] + j], j < lanes."""
    cdef real acc[GEMM_ROWS][GEMM_MAX_LANES]
    cdef int lanes = GEMM_ROW_BYTES // <int>sizeof(real)
    cdef int i, j
    cdef int64_t k
    cdef real x
    cdef real row[GEMM_MAX_LANES]
    for i in range(GEMM_ROWS):
        for j in range(lanes):
            acc[i][j] = 0
    for k in range(n_k):
        for j in range(lanes):
            row[j] = (b + off[k])[j]
        for i in range(GEMM_ROWS):
            x = a[i]
            for j in range(lanes):
                acc[i][j] += x * row[j]
        a += a_step
    for i in range(GEMM_ROWS):
        if add:
            for j in range(lanes):
                c[i * c_row + j] += acc[i][j]
        else:
            for j in range(lanes):
                c[i * c_row + j] = acc[i][j]


cdef inline void half_tile_shifted(int64_t n_k, const float* a, int64_t a_step, const float* b, const int32_t* off,
                                   float* c, int64_t c_row, bint add) noexcept nogil:
    """c[i*c_row + j] (+)= sum_k a[k*a_step + i] * b[off[k] + j], j < lanes / 2."""
    cdef float acc[GEMM_ROWS][GEMM_HALF_LANES]
    cdef int lanes = GEMM_HALF_LANES
    cdef int i, j
    cdef int64_t k
    cdef float x
    cdef float row[GEMM_HALF_LANES]
    for i in range(GEMM_ROWS):
        for j in range(lanes):
            acc[i][j] = 0
    for k in range(n_k):
        for j in range(lanes):
            row[j] = (b + off[k])[j]
        for i in range(GEMM_ROWS):
            x = a[i]
            for j in range(lanes):
                acc[i][j] += x * row[j]
        a += a_step
    for i in range(GEMM_ROWS):
        if add:
            for j in range(lanes):
                c[i * c_row + j] += acc[i][j]
        else:
            for j in range(lanes):
                c[i * c_row + j] = acc[i][j]


cdef inline void tile_dot(int64_t n_k, const float** a, const float** b, float* c) noexcept nogil:
    """c[i*DOT_COLUMNS + j] = sum_k a[i][k] * b[j][k], float32.  The lanes' partial sums are added by halves."""
    cdef float acc[DOT_ROWS][DOT_COLUMNS][GEMM_HALF_LANES]
    cdef float rest
    cdef int i, j, l, half
    cdef int64_t k = 0, t
    for i in range(DOT_ROWS):
        for j in range(DOT_COLUMNS):
            for l in range(GEMM_HALF_LANES):
                acc[i][j][l] = 0
    while k + GEMM_HALF_LANES <= n_k:
        for i in range(DOT_ROWS):
            for j in range(DOT_COLUMNS):
                for l in range(GEMM_HALF_LANES):
                    acc[i][j][l] += a[i][k + l] * b[j][k + l]
        k += GEMM_HALF_LANES
    for i in range(DOT_ROWS):
        for j in range(DOT_COLUMNS):
            rest = 0
            for t in range(k, n_k):
                rest += a[i][t] * b[j][t]
            half = GEMM_HALF_LANES // 2
            while half > 0:
                for l in range(half):
                    acc[i][j][l] += acc[i][j][l + half]
                half //= 2
            c[i * DOT_COLUMNS + j] = acc[i][j][0] + rest
