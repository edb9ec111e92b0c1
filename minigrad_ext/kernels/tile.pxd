"""Micro-kernels of the convolutions: a block of sums in registers over one list of offsets.

`rows` and `lanes` are constants at every call, so that after inlining the compiler keeps the whole block of sums in
vector registers: rows x lanes of them, the loop over lanes a few vectors wide, each loaded or broadcast number used
many times.  No intrinsics; the block sizes fit the register file of the instruction set (isa.h).  The first term starts
the sums: a register holding zeros would be one too many.  So there must be one: n >= 1.
"""

from libc.stdint cimport int64_t

cdef extern from *:
    """
    #include "isa.h"
    #if MG_VECTOR == 64
    enum { TILE_ROWS = 8, WIDE_ROWS = 8, TILE_VECTORS = 2 };
    enum { HALF_ROWS = 4, HALF_VECTORS = 4, PAIR_VECTORS = 4, ONE_VECTORS = 8 };
    #elif MG_VECTOR == 32
    enum { TILE_ROWS = 6, WIDE_ROWS = 5, TILE_VECTORS = 2 };
    enum { HALF_ROWS = 4, HALF_VECTORS = 3, PAIR_VECTORS = 4, ONE_VECTORS = 4 };
    #else
    enum { TILE_ROWS = 3, WIDE_ROWS = 3, TILE_VECTORS = 4 };
    enum { HALF_ROWS = 2, HALF_VECTORS = 4, PAIR_VECTORS = 4, ONE_VECTORS = 4 };
    #endif
    enum { TILE_SIZE = 1024 };
    """
    enum:
        MG_VECTOR
        TILE_ROWS           # rows of the full block
        WIDE_ROWS           # one less where the caller needs the register itself
        TILE_VECTORS        # its lanes, in vectors
        HALF_ROWS           # rows and vectors of the lower, wider blocks
        HALF_VECTORS
        PAIR_VECTORS        # of a block of two rows
        ONE_VECTORS         # of a block of one row
        TILE_SIZE           # at least rows * lanes of any block

ctypedef fused tile_t:
    float
    double


cdef inline void tile_channels(const tile_t** pixel, const int64_t* offset, const tile_t* panel, int64_t n,
                               tile_t* sums, int rows, int lanes) noexcept nogil:
    """Channels across lanes: sums[m][j] = sum over u of pixel[m][offset[u]] * panel[u][j].

    Any rows scattered over memory will do, so no pixel at the end of a row is wasted; the panel is packed.
    """
    cdef tile_t block[TILE_SIZE]
    cdef tile_t value
    cdef int64_t u
    cdef int m, j
    for m in range(rows):
        value = pixel[m][offset[0]]
        for j in range(lanes):
            block[m * lanes + j] = value * panel[j]
    for u in range(1, n):
        for m in range(rows):
            value = pixel[m][offset[u]]
            for j in range(lanes):
                block[m * lanes + j] += value * panel[u * lanes + j]
    for m in range(rows):
        for j in range(lanes):
            sums[m * lanes + j] = block[m * lanes + j]


cdef inline void tile_pixels(const tile_t* weight, const int64_t* offset, const tile_t* pixels, int64_t n,
                             tile_t* sums, int rows, int lanes) noexcept nogil:
    """Pixels across lanes: sums[m][j] = sum over u of weight[u][m] * pixels[offset[u] + j].

    The lanes run over neighbouring pixels of the padded copy, also past the end of a row; those sums are not stored.
    Lanes never mix, so what they read there cannot matter.
    """
    cdef tile_t block[TILE_SIZE]
    cdef tile_t value
    cdef const tile_t* line = pixels + offset[0]
    cdef int64_t u
    cdef int m, j
    for m in range(rows):
        value = weight[m]
        for j in range(lanes):
            block[m * lanes + j] = value * line[j]
    for u in range(1, n):
        line = pixels + offset[u]
        for m in range(rows):
            value = weight[u * rows + m]
            for j in range(lanes):
                block[m * lanes + j] += value * line[j]
    for m in range(rows):
        for j in range(lanes):
            sums[m * lanes + j] = block[m * lanes + j]


cdef inline void tile_dot(const tile_t** tap, const int64_t* tap_row, const tile_t* gradient, const int64_t* row,
                          int64_t n_rows, int64_t width, tile_t* sums, int rows, int lanes) noexcept nogil:
    """Pixels across lanes, each lane a partial sum: sums[m][j] = sum over image rows r and columns u = j (mod lanes) of
    tap[m][tap_row[r] + u] * gradient[row[r] + u].

    The last columns of a row are cut by a select: what lies behind them may be inf or NaN, so it is not multiplied.
    """
    cdef tile_t block[TILE_SIZE]
    cdef tile_t line[MG_VECTOR]
    cdef tile_t keep[MG_VECTOR]
    cdef tile_t value, zero = 0
    cdef const tile_t* from_
    cdef const tile_t* g
    cdef int64_t r, u, whole = width // lanes * lanes
    cdef int m, j
    for j in range(lanes):
        keep[j] = 1 if whole + j < width else 0
    for m in range(rows):
        for j in range(lanes):
            block[m * lanes + j] = zero
    for r in range(n_rows):
        g = gradient + row[r]
        u = 0
        while u < whole:
            for m in range(rows):
                from_ = tap[m] + tap_row[r] + u
                for j in range(lanes):
                    block[m * lanes + j] += from_[j] * g[u + j]
            u += lanes
        if whole < width:
            for j in range(lanes):
                value = g[whole + j]
                line[j] = value if keep[j] > zero else zero
            for m in range(rows):
                from_ = tap[m] + tap_row[r] + whole
                for j in range(lanes):
                    value = from_[j]
                    value = value if keep[j] > zero else zero
                    block[m * lanes + j] += value * line[j]
    for m in range(rows):
        for j in range(lanes):
            sums[m * lanes + j] = block[m * lanes + j]
