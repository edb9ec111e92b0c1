"""An axis mapped by a sparse matrix given by rows.

    out[.., o, ..] = sum over the entries j of row o of weight[j] * x[.., index[j], ..]

The axis's own elements next to each other in memory: line after line, each sum gathered; else the elements of another
axis lie closer, and whole rows of them are added up, a block at a time so that what is added to stays in the L1 cache.
"""

from libc.stdint cimport int32_t, int64_t
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.lines cimport Lines, run_lines
from minigrad_ext.types cimport OK, Step, real


cdef inline void gather_line(const Lines* lines, real* out, const real* x, const real* weight) noexcept nogil:
    """Element after element; two entries are frequent and need no loop."""
    cdef real acc
    cdef int64_t first = 0
    starts, index = <const int32_t*>lines.step.args[2].data, <const int32_t*>lines.step.args[3].data
    by, to = lines.by[0] // <int64_t>sizeof(real), lines.by[1] // <int64_t>sizeof(real)
    if lines.step.params.i[1] and by == 1 and to == 1:      # one entry in each row: all that pick and none that add
        for o in range(lines.n):
            out[o] = weight[o] * x[index[o]]
        return
    for o in range(lines.n):
        last = starts[o + 1]
        if last == first + 2:
            acc = weight[first] * x[index[first] * by] + weight[first + 1] * x[index[first + 1] * by]
        else:
            acc = 0
            for j in range(first, last):
                acc += weight[j] * x[index[j] * by]
        out[o * to] = acc
        first = last


cdef inline void add_rows(const Lines* lines, real* out, const real* x, const real* weight, int64_t columns, int64_t by,
                          int64_t to) noexcept nogil:
    """Columns side by side: the first old row begins the sum, or the first two, and the others are added."""
    starts, index = <const int32_t*>lines.step.args[2].data, <const int32_t*>lines.step.args[3].data
    along, out_along = lines.by[0] // <int64_t>sizeof(real), lines.by[1] // <int64_t>sizeof(real)
    for o in range(lines.n):
        first, last = starts[o], starts[o + 1]
        if first == last:               # behind the last entry, maybe
            for c in range(columns):
                out[c * to] = 0
        else:
            a, v = x + index[first] * along, weight[first]
            if last == first + 1:
                for c in range(columns):
                    out[c * to] = v * a[c * by]
            else:
                b, w = x + index[first + 1] * along, weight[first + 1]
                for c in range(columns):
                    out[c * to] = v * a[c * by] + w * b[c * by]
        for j in range(first + 2, last):
            a, v = x + index[j] * along, weight[j]
            for c in range(columns):
                out[c * to] += v * a[c * by]
        out += out_along


cdef int resample_loop(const Lines* lines, char** at, int64_t columns, real* _) noexcept nogil:
    weight = <const real*>lines.step.args[4].data
    by, to = lines.side[0] // <int64_t>sizeof(real), lines.side[1] // <int64_t>sizeof(real)
    if lines.columns == 1:
        gather_line(lines, <real*>at[1], <const real*>at[0], weight)
    elif by == 1 and to == 1:
        add_rows(lines, <real*>at[1], <const real*>at[0], weight, columns, 1, 1)
    else:
        add_rows(lines, <real*>at[1], <const real*>at[0], weight, columns, by, to)
    return OK


cdef int resample(Step* step) noexcept nogil:
    out, x, entries = &step.args[0], &step.args[1], step.args[3].shape[0]
    n = out.shape[step.params.i[0]]
    return run_lines(step, n, x, out, out, 0.3 + 0.3 * entries / max(<int64_t>1, n))


KERNELS = {"resample": family("resample", resample, 0, <void*>resample_loop[float], <void*>resample_loop[double])}
