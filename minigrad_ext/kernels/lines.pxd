"""What the kernels along one axis share: the other axes as lines or columns.

The other axes are lines to go through one by one, or, where their elements lie closer in memory than the axis's own,
columns to take side by side, a block at a time.
"""

from libc.stdint cimport int64_t
from minigrad_ext.kernels.axes cimport (
    WALKED, Axes, Spot, absolute, advance, append_axis, byte_stride, clear_axes, each_t, insert_axis, locate,
    merge_neighbours, share_out, take_innermost,
)
from minigrad_ext.types cimport Step, View

cdef enum:
    COLUMNS = 1024                  # side by side, at most

cdef struct Lines:
    Step* step
    Axes others                     # with the blocks of columns; operands: x, out and, of a sort, its second output
    char* at[WALKED]
    int64_t n                       # the axis: how many steps, and of how many bytes
    each_t by
    int64_t columns, width, blocks  # the axis whose elements are columns, and how it is cut
    each_t side

# A kernel's loop: step over lines.n elements of some columns, the first at at[k].
ctypedef int (*loop_t)(const Lines* lines, char** at, int64_t columns, void* kind) noexcept nogil


cdef inline void cut_columns(Lines* lines, bint wanted, int64_t width=COLUMNS) noexcept nogil:
    """The innermost of the other axes becomes columns, where that is wanted; else each line is one column."""
    cdef Axes none
    clear_axes(&none)
    take_innermost(&lines.others if wanted else &none, &lines.columns, lines.side)
    lines.width = min(lines.columns, width if absolute(lines.side[0]) <= 8 else width // 4)     # what the cache holds
    lines.blocks = (lines.columns + lines.width - 1) // lines.width
    append_axis(&lines.others, lines.blocks, lines.width * lines.side[0], lines.width * lines.side[1],
                lines.width * lines.side[2])


cdef inline int64_t width_of(const Lines* lines, int64_t task) noexcept nogil:
    """How many columns a block has."""
    return lines.columns if lines.blocks == 1 else min(lines.width,
                                                       lines.columns - task % lines.blocks * lines.width)


cdef inline int line_tasks(const Lines* lines, int64_t first, int64_t end, void* kind) noexcept nogil:
    cdef Spot spot
    cdef char* at[WALKED]
    cdef int status = 0
    locate(&lines.others, first, &spot)
    for task in range(first, end):
        for k in range(WALKED):
            at[k] = lines.at[k] + spot.offsets[k]
        status |= (<loop_t>lines.step.inner)(lines, at, width_of(lines, task), kind)
        advance(&lines.others, &spot)
    return status


cdef inline int run_lines(Step* step, int64_t n, const View* x, const View* out, const View* also, double cost,
                          bint beside=False, int64_t width=COLUMNS) noexcept nogil:
    """step.inner on all lines of n steps along axis params.i[0]; `cost` is the time of a step in nanoseconds.

    Lines are taken side by side, `width` at a time, where their elements lie closer so, or where `beside` asks for it.
    """
    cdef Lines lines
    lines.step, lines.n, axis = step, n if x.ndim else 1, <int>step.params.i[0]
    lines.at[0], lines.at[1], lines.at[2] = x.data, out.data, also.data
    lines.by[0], lines.by[1], lines.by[2] = byte_stride(x, axis), byte_stride(out, axis), byte_stride(also, axis)
    clear_axes(&lines.others)
    for other in range(x.ndim):
        if other != axis:
            insert_axis(&lines.others, x.shape[other], byte_stride(x, other), byte_stride(out, other),
                        byte_stride(also, other))
    total = lines.others.total * lines.n
    if total == 0:
        return 0
    merge_neighbours(&lines.others)
    inner = lines.others.ndim - 1
    beside = beside or inner >= 0 and absolute(lines.others.strides[0][inner]) < absolute(lines.by[0])
    cut_columns(&lines, beside, width)
    return share_out(<void*>line_tasks, &lines, lines.others.total, 1, cost * <double>total)
