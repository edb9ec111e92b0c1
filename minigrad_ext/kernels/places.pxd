"""Where the largest element of each window stands, by a table of the places of all windows of a plane.

    table.at[block][t][lane] = the place in the image of element t of a window

made once for all planes.  Windows lie across lanes, however short their rows are: an element is gathered for each lane,
and replaces what is there if it is larger.  A window with fewer elements than others has its last one again, and behind
the last window stands the first place of all.
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset
from minigrad_ext.allocator cimport scratch
from minigrad_ext.kernels.window cimport volume
from minigrad_ext.types cimport real

cdef enum:
    LANES = 16                      # windows of a block
    ENTRIES = 16384                 # at most: 64 KB

ctypedef fused place_t:             # as wide as the numbers compared, where the planes allow, so that lanes match
    int32_t
    int64_t

cdef struct Run:                    # the taps of a window that meet the input: places begin, begin + dilation, ...
    int64_t begin, n

cdef struct Table:
    int64_t blocks, reach           # and how many places of each window it holds; no blocks: no table
    int64_t most[3]                 # of these on each axis
    int32_t* at


cdef inline int64_t measure(Table* table, Run** runs, const int64_t* windows) noexcept nogil:
    """How many entries the table of so many windows has, `runs` being theirs on each axis; none if a window is empty."""
    table.at, table.blocks, table.reach = NULL, (volume(windows) + LANES - 1) // LANES, 1
    for axis in range(3):
        table.most[axis], least = 0, 1
        for o in range(windows[axis]):
            table.most[axis] = max(table.most[axis], runs[axis][o].n)
            least = min(least, runs[axis][o].n)
        table.reach *= table.most[axis] * least
    return table.blocks * LANES * table.reach


cdef inline bint tabulate(Table* table, Run** runs, const int64_t* windows, const int64_t* image,
                          const int64_t* dilation) noexcept nogil:
    """Make the table, if it is not empty and not too large; whether there is one."""
    size, most = table.blocks * LANES * table.reach, <const int64_t*>table.most
    if 0 < size <= ENTRIES and volume(image) < 1 << 30:
        table.at = <int32_t*>scratch(size * sizeof(int32_t))
    if table.at == NULL:
        return False
    memset(table.at, 0, size * sizeof(int32_t))
    for o in range(volume(windows)):
        row = o // windows[2]
        to = table.at + o // LANES * LANES * table.reach + o % LANES
        a, b, c = runs[0][row // windows[1]], runs[1][row % windows[1]], runs[2][o % windows[2]]
        for t0 in range(most[0]):
            i0 = a.begin + min(t0, a.n - 1) * dilation[0]
            for t1 in range(most[1]):
                i1 = b.begin + min(t1, b.n - 1) * dilation[1]
                for t2 in range(most[2]):
                    to[0] = <int32_t>((i0 * image[1] + i1) * image[2] + c.begin + min(t2, c.n - 1) * dilation[2])
                    to += LANES
    return True


cdef inline void raise_to(real value, place_t here, real* best, place_t* at) noexcept nogil:
    """Of equals, or NaNs, what was there before."""
    cdef bint taken = (not (value <= best[0])) & (best[0] == best[0])
    best[0], at[0] = value if taken else best[0], here if taken else at[0]


cdef inline void find_places(const Table* table, const real* x, place_t* at) noexcept nogil:
    """Of all windows of a plane, a block after the other."""
    cdef real[LANES] best
    cdef place_t[LANES] places
    row = table.at
    for block in range(table.blocks):
        for j in range(LANES):
            best[j], places[j] = x[row[j]], row[j]
        for t in range(1, table.reach):
            row += LANES
            for j in range(LANES):
                raise_to(x[row[j]], <place_t>row[j], best + j, places + j)
        row += LANES
        for j in range(LANES):
            at[block * LANES + j] = places[j]
