"""What the kernels along one axis share: the other axes as lines or columns.

The other axes are lines to go through one by one, or, where their elements lie closer in memory than the axis's own,
columns to take side by side, a block at a time.
"""

from libc.stdint cimport int64_t
from minigrad_ext.kernels.axes cimport (
    Axes, absolute, byte_stride, clear_axes, insert_axis, locate, merge_neighbours, take_innermost,
)
from minigrad_ext.kernels.folds cimport COLUMNS
from minigrad_ext.parallel cimport threads_for
from minigrad_ext.types cimport MAX_AXES, Step, View

cdef struct Lines:
    const char* x
    char* out
    Axes others                     # operands: x, out; without the column axis
    int64_t n, x_step, out_step     # the axis
    int64_t columns, column_x, column_out, width, blocks
    int64_t tasks
    double work                     # nanoseconds
    int threads


cdef inline void find_lines(Step* step, int axis, bint along, double cost, Lines* lines) noexcept nogil:
    """`along`: the output has the axis too, perhaps with another size, which is then the number of steps."""
    cdef View* out = &step.args[0]
    cdef View* x = &step.args[1]
    cdef int other
    cdef int64_t strides[3]
    lines.x, lines.out = x.data, out.data
    lines.n, lines.x_step, lines.out_step = 1, 0, 0
    clear_axes(&lines.others)
    for other in range(x.ndim):
        if other != axis:
            insert_axis(&lines.others, x.shape[other], byte_stride(x, other), byte_stride(out, other), 0)
    if x.ndim:
        lines.n, lines.x_step = out.shape[axis] if along else x.shape[axis], byte_stride(x, axis)
        lines.out_step = byte_stride(out, axis) if along else 0
    lines.tasks = 0
    lines.work = cost * <double>lines.others.total * <double>lines.n
    lines.threads = threads_for(lines.work)
    if lines.work == 0:
        return
    merge_neighbours(&lines.others)
    lines.columns, lines.column_x, lines.column_out = 1, 0, 0
    if lines.others.ndim and absolute(lines.others.strides[0][lines.others.ndim - 1]) < absolute(lines.x_step):
        take_innermost(&lines.others, &lines.columns, strides)
        lines.column_x, lines.column_out = strides[0], strides[1]
    lines.width = min(lines.columns, <int64_t>COLUMNS)
    lines.blocks = (lines.columns + lines.width - 1) // lines.width
    lines.tasks = lines.others.total * lines.blocks


cdef inline void find_line(const Lines* lines, int64_t task, const char** x, char** out, int64_t* n) noexcept nogil:
    cdef int64_t index[MAX_AXES]
    cdef int64_t offsets[3]
    cdef int64_t first = task % lines.blocks * lines.width
    locate(&lines.others, task // lines.blocks, index, offsets)
    x[0] = lines.x + offsets[0] + first * lines.column_x
    out[0] = lines.out + offsets[1] + first * lines.column_out
    n[0] = min(lines.width, lines.columns - first)
