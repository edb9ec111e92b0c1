"""The register-blocked micro-kernels: the one place where matrix products and convolutions do their multiply-adds.

    tile        c[i][j] = sum_u a[i][at_a(u)] * b[at_b(u) + j]      lanes j run over neighbours of b
    tile_dot    c[i][j] = sum_r sum_u a[i][at_a(r) + u] * b[j][at_b(r) + u]   lanes run over u, each a partial sum
    pack        copies rows or columns, wherever they stand, into the panel that b or a points to

What is a row and what is a lane is the caller's choice; at_a and at_b are lists of offsets, or multiples of a step
where the list is NULL.  `rows` and `lanes` are constants at every call, and so is NULL: after inlining the compiler
keeps the block of sums in vector registers while u runs, and each number loaded or broadcast is used many times.
No intrinsics.  All rows and lanes are read and summed: the caller pads its panels, or points the rows that are left
over at another one, and copies what it needs from the sums.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy
from minigrad_ext.types cimport real

cdef extern from *:
    """
    #include "isa.h"
    /* Two vectors of sums per row: 32 registers hold 8 rows with what is multiplied, 16 registers 6; without a fused
       multiply-add the products need registers too, which leaves 4.  Unaligned neighbours are dearer than broadcasts,
       so a block of pixels is lower, and wider where there are registers. */
    #if MG_VECTOR == 64
    enum { TILE_ROWS = 8, DOT_TAPS = 4, PIXEL_BYTES = 4 * MG_VECTOR, ONE_BYTES = 8 * MG_VECTOR };
    #elif MG_VECTOR == 32
    enum { TILE_ROWS = 6, DOT_TAPS = 3, PIXEL_BYTES = 3 * MG_VECTOR, ONE_BYTES = 4 * MG_VECTOR };
    #else
    enum { TILE_ROWS = 4, DOT_TAPS = 3, PIXEL_BYTES = 2 * MG_VECTOR, ONE_BYTES = 4 * MG_VECTOR };
    #endif
    enum { PIXEL_ROWS = 4, ROW_BYTES = 2 * MG_VECTOR, TILE_SIZE = TILE_ROWS * MG_VECTOR };
    enum { DOT_CHANNELS = 4, DOT_LANES = MG_VECTOR / 4 };
    """
    enum:
        MG_VECTOR, TILE_ROWS, PIXEL_ROWS
        ROW_BYTES           # lanes * sizeof(real) of the full block of TILE_ROWS rows
        PIXEL_BYTES         # of a block of PIXEL_ROWS rows, pixels across lanes
        ONE_BYTES           # of a block of one row
        TILE_SIZE           # at least rows * lanes of any block
        DOT_LANES           # of tile_dot, for both dtypes; and it has at most so many rows
        DOT_CHANNELS        # of tile_dot, at most; more than two leave registers for DOT_TAPS rows
        DOT_TAPS

cdef enum:
    TRANSPOSE = 16          # terms packed at a time, so that what is written stays in the first-level cache
    SIDE = 4                # lanes packed at a time: an offset serves all, and they are stored together


cdef inline int64_t ceiling(int64_t a, int64_t b) noexcept nogil:
    """How many b it takes to hold a, for a >= 0."""
    return (a + b - 1) // b


cdef inline void pack(const real* source, const int64_t* offset, int64_t step, int64_t stride, int64_t valid,
                      int64_t width, int64_t n, real* panel) noexcept nogil:
    """panel[u*width + j] = source[(offset[u] or u*step) + j*stride] for u < n, j < valid, and 0 up to the width."""
    for u in range(n if valid < width else 0):
        for j in range(valid, width):
            panel[u * width + j] = 0
    for u in range(n if stride == 1 else 0):
        memcpy(panel + u * width, source + (offset[u] if offset != NULL else u * step), valid * sizeof(real))
    whole = valid - valid % SIDE
    for first from 0 <= first < (n if stride != 1 else 0) by TRANSPOSE:
        last = min(first + TRANSPOSE, n)
        for j from 0 <= j < whole by SIDE:
            line, to = source + j * stride, panel + j
            for u in range(first, last):
                at = offset[u] if offset != NULL else u * step
                for i in range(SIDE):
                    to[u * width + i] = line[at + i * stride]
        for j in range(whole, valid):
            line, to = source + j * stride, panel + j
            for u in range(first, last):
                to[u * width] = line[offset[u] if offset != NULL else u * step]


cdef inline void tile(int64_t n, const real** a, const int64_t* a_offset, int64_t a_step, const real* b,
                      const int64_t* b_offset, int64_t b_step, real* sums, int rows, int lanes, int64_t step=0
                      ) noexcept nogil:
    """sums[i*step + j] = sum_u a[i][a_offset[u] or u*a_step] * b[(b_offset[u] or u*b_step) + j] over n terms.

    If it is not given, the step is the number of lanes.  The first term starts the sums: a register holding zeros would be one too many.
    """
    cdef real block[TILE_SIZE], value
    line = b + b_offset[0] if b_offset != NULL and n > 0 else b
    step = step if step != 0 else lanes
    if n == 0:
        for i in range(rows):
            for j in range(lanes):
                sums[i * step + j] = 0
        return
    for i in range(rows):
        value = a[i][a_offset[0] if a_offset != NULL else 0]
        for j in range(lanes):
            block[i * lanes + j] = value * line[j]
    for u in range(1, n):
        at = a_offset[u] if a_offset != NULL else u * a_step
        line = b + (b_offset[u] if b_offset != NULL else u * b_step)
        for i in range(rows):
            value = a[i][at]
            for j in range(lanes):
                block[i * lanes + j] += value * line[j]
    for i in range(rows):
        for j in range(lanes):
            sums[i * step + j] = block[i * lanes + j]


cdef inline void tile_dot(int64_t n_lines, const real** a, const int64_t* a_offset, const real** b,
                          const int64_t* b_offset, int64_t b_step, int64_t width, real* sums, int rows, int columns
                          ) noexcept nogil:
    """sums[i*columns + j] = sum over lines r and u < width of a[i][a_offset[r] + u] * b[j][(b_offset[r] or r*b_step) + u].

    The lanes' sums are added by halves.  Behind the ends of lines may be inf or NaN, or no memory: it is not read.
    """
    cdef real block[TILE_SIZE], last_a[DOT_LANES * DOT_LANES], last_b[DOT_CHANNELS * DOT_LANES], zero = 0
    cdef const real* row[DOT_LANES]
    cdef const real* column[DOT_CHANNELS]
    cdef int half, left = <int>(width % DOT_LANES)
    whole = width - left
    for i in range(rows):
        row[i] = a[i]
    for k in range(columns):
        column[k] = b[k]
    for i in range(rows * columns * DOT_LANES):
        block[i] = zero
    for r in range(n_lines):
        at_a, at_b = a_offset[r], b_offset[r] if b_offset != NULL else r * b_step
        for u from 0 <= u < whole by DOT_LANES:
            for k in range(columns):
                for i in range(rows):
                    for j in range(DOT_LANES):
                        block[(i * columns + k) * DOT_LANES + j] += row[i][at_a + u + j] * column[k][at_b + u + j]
        if left > 0:
            for i in range(rows):
                for j in range(DOT_LANES):
                    last_a[i * DOT_LANES + j] = row[i][at_a + whole + j] if j < left else zero
            for k in range(columns):
                for j in range(DOT_LANES):
                    last_b[k * DOT_LANES + j] = column[k][at_b + whole + j] if j < left else zero
            for k in range(columns):
                for i in range(rows):
                    for j in range(DOT_LANES):
                        block[(i * columns + k) * DOT_LANES + j] += last_a[i * DOT_LANES + j] * last_b[k * DOT_LANES + j]
    for i in range(rows * columns):
        half = DOT_LANES // 2
        while half > 0:
            for j in range(half):
                block[i * DOT_LANES + j] += block[i * DOT_LANES + half + j]
            half //= 2
        sums[i] = block[i * DOT_LANES]
