"""One convolution written again and again, each time with one idea more: the compiled rungs of `benchmarks.ladder`.

    y[k][i][j] = sum over c, a, b of w[k][c][a][b] * x[c][i+a][j+b]

x is (C, H, W), w is (K, C, T, T), y is (K, H-T+1, W-T+1), float32; nothing is padded, the stride is 1.  Every function
computes the same numbers.  docs/book/09_fast.md says why one is faster than the other.
"""

cimport cython

cdef extern from *:
    """
    #include "isa.h"
    #if defined(__GNUC__)
    #undef CYTHON_INLINE        /* Cython says `inline`; what depends on constants must be inlined */
    #define CYTHON_INLINE inline __attribute__((always_inline))
    #endif
    enum { LANES = MG_VECTOR / 4 };
    """
    enum:
        LANES           # float32 numbers in a vector register

cdef enum:
    MOST = 16           # rows of a block


cdef struct Sizes:
    Py_ssize_t K, C, T          # output and input channels, taps along an axis
    Py_ssize_t rows, columns    # of y
    Py_ssize_t height, width    # of x


# ---- what one writes first

@cython.boundscheck(True)
@cython.wraparound(True)
def checked(const float[:, :, :] x, const float[:, :, :, :] w, float[:, :, :] y):
    """The definition, as in Python: every index may be negative and is compared with its size."""
    cdef Py_ssize_t k, i, j, c, a, b
    cdef float total
    for k in range(y.shape[0]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                total = 0
                for c in range(w.shape[1]):
                    for a in range(w.shape[2]):
                        for b in range(w.shape[3]):
                            total += w[k, c, a, b] * x[c, i + a, j + b]
                y[k, i, j] = total


cdef void summed(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    """The same loops over pointers: an element of x lies at (c*height + row)*width + column."""
    cdef Py_ssize_t k, i, j, c, a, b
    cdef float total
    for k in range(n.K):
        for i in range(n.rows):
            for j in range(n.columns):
                total = 0
                for c in range(n.C):
                    for a in range(n.T):
                        for b in range(n.T):
                            total += (w[((k * n.C + c) * n.T + a) * n.T + b]
                                      * x[(c * n.height + i + a) * n.width + j + b])
                y[(k * n.rows + i) * n.columns + j] = total


# ---- other orders of the same loops: one weight times many inputs, added to as many outputs

cdef void planes(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    """y[k] += w[k][c][a][b] * x[c], shifted by (a, b): innermost are neighbours in memory."""
    cdef Py_ssize_t k, i, j, c, a, b
    cdef float weight, zero = 0
    for i in range(n.K * n.rows * n.columns):
        y[i] = zero
    for k in range(n.K):
        for c in range(n.C):
            for a in range(n.T):
                for b in range(n.T):
                    weight = w[((k * n.C + c) * n.T + a) * n.T + b]
                    for i in range(n.rows):
                        to = y + (k * n.rows + i) * n.columns
                        line = x + (c * n.height + i + a) * n.width + b
                        for j in range(n.columns):
                            to[j] += weight * line[j]


cdef void columns(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    """The same with i and j exchanged: innermost are neighbours in a column, a row apart in memory."""
    cdef Py_ssize_t k, i, j, c, a, b
    cdef float weight, zero = 0
    for i in range(n.K * n.rows * n.columns):
        y[i] = zero
    for k in range(n.K):
        for c in range(n.C):
            for a in range(n.T):
                for b in range(n.T):
                    weight = w[((k * n.C + c) * n.T + a) * n.T + b]
                    for j in range(n.columns):
                        to = y + k * n.rows * n.columns + j
                        line = x + (c * n.height + a) * n.width + j + b
                        for i in range(n.rows):
                            to[i * n.columns] += weight * line[i * n.width]


# ---- sums that stay in registers

cdef void held(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    """Two vectors of neighbouring sums are finished before they are stored."""
    cdef Py_ssize_t k, i, j, c, a, b, lane
    cdef float sums[2 * LANES]
    cdef float weight, zero = 0
    for k in range(n.K):
        for i in range(n.rows):
            for j from 0 <= j < n.columns by 2 * LANES:
                for lane in range(2 * LANES):
                    sums[lane] = zero
                for c in range(n.C):
                    for a in range(n.T):
                        for b in range(n.T):
                            weight = w[((k * n.C + c) * n.T + a) * n.T + b]
                            line = x + (c * n.height + i + a) * n.width + j + b
                            for lane in range(2 * LANES):
                                sums[lane] += weight * line[lane]
                for lane in range(2 * LANES):
                    y[(k * n.rows + i) * n.columns + j + lane] = sums[lane]


cdef inline void block(const float* x, const float* w, float* y, const Sizes* n, int rows, int lanes) noexcept nogil:
    """A block of `rows` output channels times `lanes` neighbours: what is loaded of x serves every row.

    Both are constants at each call, so that the compiler sees how many registers the sums take.
    """
    cdef Py_ssize_t k, i, j, c, a, b, r, lane
    cdef float sums[MOST * 2 * LANES]
    cdef float weight, zero = 0
    apart = n.C * n.T * n.T
    for i in range(n.rows):
        for j from 0 <= j < n.columns by lanes:
            for k from 0 <= k < n.K by rows:
                for lane in range(rows * lanes):
                    sums[lane] = zero
                for c in range(n.C):
                    for a in range(n.T):
                        for b in range(n.T):
                            line = x + (c * n.height + i + a) * n.width + j + b
                            for r in range(rows):
                                weight = w[k * apart + r * apart + (c * n.T + a) * n.T + b]
                                for lane in range(lanes):
                                    sums[r * lanes + lane] += weight * line[lane]
                for r in range(rows):
                    for lane in range(lanes):
                        y[((k + r) * n.rows + i) * n.columns + j + lane] = sums[r * lanes + lane]


# What is constant at each call:
cdef void block_1x1(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    block(x, w, y, n, 1, LANES)


cdef void block_2x1(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    block(x, w, y, n, 2, LANES)


cdef void block_4x1(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    block(x, w, y, n, 4, LANES)


cdef void block_8x1(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    block(x, w, y, n, 8, LANES)


cdef void block_1x2(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    block(x, w, y, n, 1, 2 * LANES)


cdef void block_2x2(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    block(x, w, y, n, 2, 2 * LANES)


cdef void block_4x2(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    block(x, w, y, n, 4, 2 * LANES)


cdef void block_8x2(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    block(x, w, y, n, 8, 2 * LANES)


cdef void block_16x2(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil:
    block(x, w, y, n, 16, 2 * LANES)


# ---- from outside

ctypedef void (*rung_t)(const float* x, const float* w, float* y, const Sizes* n) noexcept nogil

cdef struct Rung:
    rung_t loops
    int rows, vectors           # y's channels and columns are multiples of these, in channels and vectors

cdef Rung* RUNGS = [
    Rung(summed, 1, 0), Rung(planes, 1, 0), Rung(columns, 1, 0), Rung(held, 1, 2),
    Rung(block_1x1, 1, 1), Rung(block_2x1, 2, 1), Rung(block_4x1, 4, 1), Rung(block_8x1, 8, 1),
    Rung(block_1x2, 1, 2), Rung(block_2x2, 2, 2), Rung(block_4x2, 4, 2), Rung(block_8x2, 8, 2), Rung(block_16x2, 16, 2)]
NAMES = ("summed", "planes", "columns", "held", "1x1", "2x1", "4x1", "8x1", "1x2", "2x2", "4x2", "8x2", "16x2")
VECTOR = LANES


def run(name, const float[:, :, ::1] x, const float[:, :, :, ::1] w, float[:, :, ::1] y):
    """Computes y by the loops of that name; ValueError for sizes that do not belong together or to these loops."""
    cdef Rung rung = RUNGS[NAMES.index(name)]
    cdef Sizes n
    n.K, n.C, n.T, n.rows, n.columns = w.shape[0], w.shape[1], w.shape[2], y.shape[1], y.shape[2]
    n.height, n.width = x.shape[1], x.shape[2]
    if not (w.shape[3] == n.T > 0 and x.shape[0] == n.C > 0 and y.shape[0] == n.K > 0 and n.rows > 0 and n.columns > 0
            and n.height == n.rows + n.T - 1 and n.width == n.columns + n.T - 1):
        raise ValueError("run: x, w, y: expected (C, H, W), (K, C, T, T) and (K, H-T+1, W-T+1)")
    if n.K % rung.rows or n.columns % max(rung.vectors * LANES, 1):
        raise ValueError(f"run: {name}: got {n.K} channels of {n.columns} columns, expected multiples of {rung.rows} and "
                         f"{rung.vectors * LANES}")
    with nogil:
        rung.loops(&x[0, 0, 0], &w[0, 0, 0, 0], &y[0, 0, 0], &n)
