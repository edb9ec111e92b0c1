"""Pools: the largest or the mean of each window.

    max_pool_index  out[n,c,o] = the flat position i of the first largest x[n,c,i] in window o
    max_pool        out[n,c,o] = t[n,c,i] at that position; max pooling itself where t is x
    max_unpool      out[n,c,i] = sum over the windows o whose first largest x is at i of  g[n,c,o]
    avg_pool        out[n,c,o] = sum_t x[n,c,i] / count(o)
    avg_unpool      out[n,c,i] = sum over the windows o that hold i of  g[n,c,o] / count(o)

with i = o*stride + t*dilation - low; or of I places O regions, from floor(o I/O) to ceil((o+1) I/O): a stride of 0.

A window is folded axis by axis.  First the rows of the image that a row of windows meets, place by place, into one
`line`, with neutral elements where there is padding: T0*T1 passes over contiguous rows.  Then the line along itself,
T2 passes; the lines of all rows of windows lie behind each other, a multiple of the stride apart, so that this is one
long loop however short the rows are (of 5 to 14 windows: 3 to 5 times as fast as row by row).  A T x T window costs 2T
passes and not T*T.  The transpose of the mean runs the other way.  A unit of work is one plane (n, c).

Where the largest stands is folded alike, each number with its place, or, where rows are short, by a table of places
(places.pxd).  The walk back finds the places anew from x, which costs less than
to write and read them.  The kernels are one walk in some modes, constants where it is called.
"""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels.axes cimport family, share_out
from minigrad_ext.kernels.places cimport LANES, Run, Table, find_places, measure, place_t, raise_to, tabulate
from minigrad_ext.kernels.window cimport Operand, Window, clip, floor_divide, operand_of, triple_t, volume
from minigrad_ext.types cimport NO_MEMORY, OK, Params, Step, View, kernel_t, real, view_size

cdef enum:
    ROOM = 2048                     # elements of the lines held at a time: they stay in the first-level cache
    TASK = 4096                     # elements per parallel task, about
    VECTOR = 8                      # elements

cdef enum Mode:
    LARGEST, MEAN                   # of x
    SHARE                           # g / count, on all of the window
    INDEX, PICK, PUT                # where the largest is: which place, what t holds there, g added there


cdef struct Given:                  # Params.i
    Window window
    triple_t taps, high
    int64_t padding, divisor        # whether taps on the padding count; 0: as many as count


cdef struct Task:
    Mode mode
    Given given
    Operand image, pooled, other    # the side the windows lie on; one element per window; t, or what g is added to
    bint compact                    # the planes of `other` are contiguous
    bint regions, apart             # instead of windows; no place in two rows of windows
    # Of a line: the first place of the image, how many, the distance from line to line, what is read behind the last.
    int64_t low, width, pitch, slack
    int64_t windows                 # results from line to line: at least the windows of a row
    int64_t rows                    # of windows at a time
    bint even                       # all windows count as many taps
    double* count                   # how many on the innermost axis
    Run* runs[3]                    # of the windows on each axis
    Table table
    double work                     # ns, about


cdef Run run_of(const Task* task, int axis, int64_t o) noexcept nogil:
    cdef Run run
    size, n, by = task.image.size[axis], task.pooled.size[axis], task.given.window.dilation[axis]
    if task.given.window.stride[axis] == 0:
        run.begin = o * size // n
        run.n = ((o + 1) * size + n - 1) // n - run.begin
        return run
    start = o * task.given.window.stride[axis] - task.given.window.low[axis]
    first = max(<int64_t>0, -floor_divide(start, by))
    last = min(-floor_divide(start - size, by), task.given.taps[axis])
    run.begin, run.n = start + first * by, max(<int64_t>0, last - first)
    return run


cdef double counted(const Task* task, int axis, int64_t o) noexcept nogil:
    """How many taps of window o count: all that meet the input, or else the padding too, but none behind it, where
    ceil_mode reaches."""
    if not task.given.padding or task.given.window.stride[axis] == 0:
        return <double>task.runs[axis][o].n
    behind = task.image.size[axis] + task.given.high[axis] - o * task.given.window.stride[axis] \
        + task.given.window.low[axis]
    return <double>clip(-floor_divide(-behind, task.given.window.dilation[axis]), 0, task.given.taps[axis])


cdef inline double outer_count(const Task* task, int64_t o0, int64_t o1) noexcept nogil:
    return counted(task, 0, o0) * counted(task, 1, o1)


cdef inline bint is_compact(const Operand* image) noexcept nogil:
    """Whether its planes are contiguous."""
    return image.stride[2] == 1 and image.stride[1] == image.size[2] and (
        image.size[0] == 1 or image.stride[0] == image.size[1] * image.size[2])


cdef void choose_way(Task* task) noexcept nogil:
    """Which is the shorter, in ns: a plane takes 8 + 0.12 a place for each row that a row of windows meets (the mean
    and the largest alone 0.4 of that), or by the table 0.35 an entry, of which each takes 1.2 to make.  So rows of up to
    28 places go by the table (of 8 or 10: 1.6 to 1.9 ns a window, not 5), windows of 3 x 3 with stride 2 up to 20."""
    table, planes, windows = &task.table, task.image.rows * task.image.columns, <const int64_t*>task.pooled.size
    size = measure(table, task.runs, windows)
    rows = planes * windows[0] * windows[1] * table.most[0] * table.most[1]
    task.work = (1 if task.mode > SHARE else 0.4) * <double>rows * (8 + 0.12 * <double>task.width)
    by_table = <double>size * (0.35 * <double>planes + 1.2)
    if task.mode > SHARE and is_compact(&task.image) and is_compact(&task.pooled) and by_table < task.work \
            and tabulate(table, task.runs, windows, task.image.size, task.given.window.dilation):
        task.work = by_table
    else:
        table.blocks = 0


cdef int prepare(Task* task, const Params* params) noexcept nogil:
    task.given = (<const Given*>params.i)[0]
    stride, n, size = task.given.window.stride[2], task.pooled.size[2], task.image.size[2]
    task.slack = task.given.taps[2] * task.given.window.dilation[2]
    task.regions, task.low = stride == 0, task.given.window.low[2]
    if task.regions:
        task.width = task.pitch = size
        task.windows = n
    else:
        reach = max(<int64_t>0, n - 1) * stride + task.slack - task.given.window.dilation[2] + 1
        task.width = clip(reach - task.low, 0, size)
        task.windows = (reach + stride - 1) // stride
        task.pitch = task.windows * stride
    task.rows = clip(ROOM // task.pitch, 1, max(<int64_t>1, task.pooled.size[1]))
    task.compact = is_compact(&task.other)
    task.apart = True
    for axis in range(2):
        task.apart = task.apart and task.given.window.stride[axis] > (
            task.given.taps[axis] - 1) * task.given.window.dilation[axis]
    task.even, total = True, task.pooled.size[0] + task.pooled.size[1] + n
    task.count = <double*>scratch(n * sizeof(double) + total * sizeof(Run) + 1)
    if task.count == NULL:
        return NO_MEMORY
    run = <Run*>(task.count + n)
    for axis in range(3):
        task.runs[axis] = run
        for o in range(task.pooled.size[axis]):
            run[o] = run_of(task, axis, o)
        run += task.pooled.size[axis]
    for o in range(n):
        task.count[o] = task.given.divisor if task.given.divisor else counted(task, 2, o)
    for axis in range(0 if task.given.divisor else 3):
        for o in range(task.pooled.size[axis]):
            task.even = task.even and counted(task, axis, o) == counted(task, axis, 0) != 0
    choose_way(task)
    return OK


# ---- folding rows into a line, and lines along themselves

cdef inline real fold(Mode mode, real a, real b) noexcept nogil:
    if mode == MEAN:
        return a + b
    larger = b if not a >= b else a             # where one is NaN, b: so that scalar code has no jump to guess
    return a if a != a else larger


cdef inline void fold_rows(Mode mode, real* line, const real* a, int64_t by, const real* b, int64_t step, int64_t n
                           ) noexcept nogil:
    for j in range(n):
        line[j] = fold(mode, a[j * by], b[j * step])


# Numbers that an extreme has met may be met again.  So the last ones of a loop are taken together with some before them,
# as a vector: scalar code would guess which is larger, and be wrong half the time (rows of 14: 4.7 ns a window, not 8).

cdef inline int64_t part_end(int part, int64_t n) noexcept nogil:
    return n if part else n - n % VECTOR


cdef inline int64_t part_start(int part, int64_t n) noexcept nogil:
    return 0 if part == 0 or n < VECTOR else n if n % VECTOR == 0 else n - VECTOR


cdef inline void rise(real* line, place_t* at, const real* row, int64_t step, place_t here, int64_t n) noexcept nogil:
    """Larger numbers of a row, whose first is `here`, replace those of the line; as the rows come in order, the first
    of equals stays."""
    for part in range(2):
        for j in range(part_start(part, n), part_end(part, n)):
            raise_to(row[j * step], here + <place_t>j, line + j, at + j)


cdef inline void keep_larger(real value, place_t here, real* best, place_t* at) noexcept nogil:
    """Of equals, or NaNs, the first."""
    cdef bint first = here < at[0]
    cdef bint taken = (value > best[0]) | ((value == best[0]) & first) | (
        (value != value) & ((best[0] == best[0]) | first))
    best[0], at[0] = value if taken else best[0], here if taken else at[0]


cdef inline void fold_windows(Mode mode, const real* line, const place_t* places, int64_t stride, int64_t by,
                              int64_t taps, real* best, place_t* at, int64_t n) noexcept nogil:
    """best[o] = fold of line[o*stride + t*by], `at` the place of the largest."""
    for o in range(n if taps == 1 or mode == INDEX else 0):
        best[o] = line[o * stride]
    for o in range(n if mode == INDEX else 0):
        at[o] = places[o * stride]
    for o in range(n if taps > 1 and mode != INDEX else 0):
        best[o] = fold(mode, line[o * stride], line[o * stride + by])
    for t in range(2, taps if mode != INDEX else 0):
        for o in range(n):
            best[o] = fold(mode, best[o], line[o * stride + t * by])
    for t in range(1, taps if mode == INDEX else 0):
        move = t * by
        for part in range(2):
            for o in range(part_start(part, n), part_end(part, n)):
                keep_larger(line[o * stride + move], places[o * stride + move], best + o, at + o)


cdef inline void fold_regions(Mode mode, const Task* task, const real* line, const place_t* places, real* best,
                              place_t* at) noexcept nogil:
    for o in range(task.windows):
        run = task.runs[2][o]
        best[o] = line[run.begin]
        if mode == INDEX:
            at[o] = places[run.begin]
        for t in range(1, run.n):
            if mode == INDEX:
                keep_larger(line[run.begin + t], places[run.begin + t], best + o, at + o)
            else:
                best[o] = fold(mode, best[o], line[run.begin + t])


cdef inline void fold_line(Mode mode, const Task* task, const real* image, int64_t o0, int64_t o1, real* line,
                           place_t* places) noexcept nogil:
    """All rows that a row of windows meets, in order."""
    first, second, step, n = task.runs[0][o0], task.runs[1][o1], task.image.stride[2], task.width
    held, met = image, 0
    for t0 in range(first.n):
        i0 = first.begin + t0 * task.given.window.dilation[0]
        for t1 in range(second.n):
            i1 = second.begin + t1 * task.given.window.dilation[1]
            row = image + i0 * task.image.stride[0] + i1 * task.image.stride[1]
            here = <place_t>((i0 * task.image.size[1] + i1) * task.image.size[2])
            if met == 0:
                held = row
                for j in range(n if mode == INDEX else 0):
                    line[j], places[j] = row[j * step], here + <place_t>j
            elif mode == INDEX:
                rise(line, places, row, step, here, n)
            elif met == 1:
                fold_rows(mode, line, held, step, row, step, n)     # two at once, so that the line is not read
            else:
                fold_rows(mode, line, line, 1, row, step, n)
            met += 1
    for j in range(n if met == 1 and mode != INDEX else 0):
        line[j] = held[j * step]
    for j in range(n if met == 0 else 0):
        line[j] = <real>0 if mode == MEAN else <real>-INFINITY


# ---- from results to outputs, and back

cdef inline void store_rows(Mode mode, const Task* task, real* to, int64_t to_row, int64_t to_step, const real* results,
                            int64_t row, int64_t step, int64_t o0, int64_t o1, int64_t rows) noexcept nogil:
    """Some rows of windows, divided by their counts; a window that counts none holds zero."""
    n = task.pooled.size[2]
    if to_step == 1 and step == 1 and to_row == n and row == n and (mode == LARGEST or task.even):
        n, rows = n * rows, 1                                       # one long row
    for r in range(rows):
        outer = 1 if mode == LARGEST or task.given.divisor else outer_count(task, o0, o1 + r)
        divisor = <real>(1 if mode == LARGEST else outer * task.count[0])
        if task.even or mode == LARGEST:
            for o in range(n):
                to[o * to_step] = results[o * step] if mode == LARGEST else results[o * step] / divisor
        else:
            for o in range(n):
                divisor = <real>(outer * task.count[o])
                to[o * to_step] = results[o * step] / divisor if divisor != 0 else <real>0
        to, results = to + to_row, results + row


cdef inline int64_t first_place(const Task* task, int64_t o0, int64_t o1, int64_t o2) noexcept nogil:
    """Of a window's elements; -1 if it has none."""
    a, b, c = task.runs[0][o0], task.runs[1][o1], task.runs[2][o2]
    if a.n == 0 or b.n == 0 or c.n == 0:
        return -1
    return (a.begin * task.image.size[1] + b.begin) * task.image.size[2] + c.begin


cdef inline real* element_at(const Task* task, real* other, int64_t place) noexcept nogil:
    if task.compact:
        return other + place
    row, lines = place // task.other.size[2], task.other.size[1]
    return other + row // lines * task.other.stride[0] + row % lines * task.other.stride[1] \
        + place % task.other.size[2] * task.other.stride[2]


cdef inline void mend_places(const Task* task, const real* best, place_t* at, int64_t o0, int64_t o1, int64_t rows
                            ) noexcept nogil:
    """What an infinite maximum has beaten may be padding: then the first element of the window is meant."""
    cdef bint infinite = False
    for o in range(rows * task.windows):
        infinite |= best[o] == <real>-INFINITY
    for o in range(rows * task.windows if infinite else 0):
        if best[o] == <real>-INFINITY and o % task.windows < task.pooled.size[2]:
            at[o] = <place_t>first_place(task, o0, o1 + o // task.windows, o % task.windows)


cdef inline void use_places(Mode mode, const Task* task, char* results, real* other, const place_t* at, int64_t n
                            ) noexcept nogil:
    """Of n windows in a row."""
    y, step = <real*>results, task.pooled.stride[2]
    for o in range(n if mode == INDEX else 0):
        (<int64_t*>results)[o * step] = at[o]
    for o in range(n if mode == PICK else 0):
        y[o * step] = element_at(task, other, at[o])[0] if at[o] >= 0 else 0
    for o in range(n if mode == PUT else 0):
        if at[o] >= 0:
            element_at(task, other, at[o])[0] += y[o * step]


cdef inline void share_rows(const Task* task, real* image, const real* shares, real* line, int64_t o0, int64_t o1,
                            int64_t rows) noexcept nogil:
    """Shares along the lines, then each line to all rows of its windows."""
    stride, by, taps = task.given.window.stride[2], task.given.window.dilation[2], task.given.taps[2]
    step, n = task.image.stride[2], rows * task.windows
    cdef int64_t t
    for j in range(rows * task.pitch + task.slack):
        line[j] = 0
    if stride == 2 and by == 1:
        for t from 0 <= t < taps by 2:          # places between each other vectorise only together
            factor = <real>(t + 1 < taps)
            for o in range(n):
                line[2 * o + t] += shares[o]
                line[2 * o + t + 1] += factor * shares[o]
    else:
        for t in range(0 if task.regions else taps):
            if stride == 1:
                for o in range(n):
                    line[o + t * by] += shares[o]
            else:
                for o in range(n):
                    line[o * stride + t * by] += shares[o]
        for o in range(n if task.regions else 0):
            run = task.runs[2][o % task.windows]
            for t in range(run.n):
                line[o // task.windows * task.pitch + run.begin + t] += shares[o]
    line += task.low
    for r in range(rows):
        first, second = task.runs[0][o0], task.runs[1][o1 + r]
        for t0 in range(first.n):
            for t1 in range(second.n):
                row = image + (first.begin + t0 * task.given.window.dilation[0]) * task.image.stride[0] \
                    + (second.begin + t1 * task.given.window.dilation[1]) * task.image.stride[1]
                if task.apart and step == 1:
                    memcpy(row, line, task.width * sizeof(real))
                else:
                    for j in range(task.width):
                        row[j * step] += line[j]
        line += task.pitch


cdef inline void clear(const Operand* image, real* x) noexcept nogil:
    if is_compact(image):
        memset(x, 0, volume(image.size) * sizeof(real))
        return
    for i0 in range(image.size[0]):
        for i1 in range(image.size[1]):
            for i2 in range(image.size[2]):
                x[i0 * image.stride[0] + i1 * image.stride[1] + i2 * image.stride[2]] = 0


cdef inline void pool_plane(Mode mode, const Task* task, int64_t plane, real* line, real* best, place_t* places,
                            place_t* at) noexcept nogil:
    cdef int64_t begin, start
    image, pooled, other, n, c = &task.image, &task.pooled, &task.other, plane // task.image.columns, \
        plane % task.image.columns
    x = <real*>image.data + n * image.row_stride + c * image.column_stride
    picked = <real*>other.data + n * other.row_stride + c * other.column_stride
    stride, windows = task.given.window.stride[2], task.windows
    cdef bint direct = (mode == LARGEST or mode == MEAN) and windows == pooled.size[2] == pooled.stride[1] \
        and pooled.stride[2] == 1
    if mode == SHARE:
        clear(image, x)
    if mode == PUT:
        clear(other, picked)
    itemsize = <int64_t>(8 if mode == INDEX else sizeof(real))
    if mode > SHARE and task.table.blocks:
        find_places(&task.table, x, at)
        use_places(mode, task, pooled.data + (n * pooled.row_stride + c * pooled.column_stride) * itemsize, picked, at,
                   volume(pooled.size))
        return
    for o0 in range(pooled.size[0]):
        for begin from 0 <= begin < pooled.size[1] by task.rows:
            rows = min(task.rows, pooled.size[1] - begin)
            start = n * pooled.row_stride + c * pooled.column_stride + o0 * pooled.stride[0] + begin * pooled.stride[1]
            y = <real*>(pooled.data + start * itemsize)
            if mode == SHARE:
                store_rows(mode, task, best, windows, 1, y, pooled.stride[1], pooled.stride[2], o0, begin, rows)
                share_rows(task, x, best, line, o0, begin, rows)
                continue
            for r in range(rows):
                fold_line(mode if mode < SHARE else INDEX, task, x, o0, begin + r, line + r * task.pitch + task.low,
                          places + r * task.pitch + task.low)
            results = y if direct else best
            for r in range(rows if task.regions else 0):
                fold_regions(mode if mode < SHARE else INDEX, task, line + r * task.pitch, places + r * task.pitch,
                             results + r * windows, at + r * windows)
            if stride == 2:
                fold_windows(mode if mode < SHARE else INDEX, line, places, 2, task.given.window.dilation[2],
                             task.given.taps[2], results, at, rows * windows)
            elif not task.regions:
                fold_windows(mode if mode < SHARE else INDEX, line, places, stride, task.given.window.dilation[2],
                             task.given.taps[2], results, at, rows * windows)
            if mode == MEAN or (mode == LARGEST and not direct):
                store_rows(mode, task, y, pooled.stride[1], pooled.stride[2], results, windows, 1, o0, begin, rows)
            if mode > SHARE:
                mend_places(task, best, at, o0, begin, rows)
            for r in range(rows if mode > SHARE else 0):
                use_places(mode, task, <char*>y + r * pooled.stride[1] * itemsize, picked, at + r * windows,
                           pooled.size[2])


cdef inline int pool_with(const Task* task, int64_t first, int64_t end, real* _, const place_t* __) noexcept nogil:
    """Lines and results with their places, filled with the neutral element once: no row writes over the padding."""
    room, n = task.rows * task.pitch + task.slack, max(task.rows * task.windows, task.table.blocks * LANES)
    line = <real*>scratch((room + n) * (sizeof(real) + sizeof(place_t)))
    if line == NULL:
        return NO_MEMORY
    best, places = line + room, <place_t*>(line + room + n)
    at = places + room
    for j in range(room + n):
        line[j], places[j] = <real>0 if task.mode == MEAN or task.mode == SHARE else <real>-INFINITY, 0
    for plane in range(first, end):
        if task.mode == LARGEST:
            pool_plane(LARGEST, task, plane, line, best, places, at)
        elif task.mode == MEAN:
            pool_plane(MEAN, task, plane, line, best, places, at)
        elif task.mode == SHARE:
            pool_plane(SHARE, task, plane, line, best, places, at)
        elif task.mode == INDEX:
            pool_plane(INDEX, task, plane, line, best, places, at)
        elif task.mode == PICK:
            pool_plane(PICK, task, plane, line, best, places, at)
        else:
            pool_plane(PUT, task, plane, line, best, places, at)
    discard(line)
    return OK


cdef int pool_planes(const Task* task, int64_t first, int64_t end, real* kind) noexcept nogil:
    if sizeof(real) == 4 and volume(task.image.size) + task.slack < 1 << 30:
        return pool_with(task, first, end, kind, <int32_t*>NULL)
    return pool_with(task, first, end, kind, <int64_t*>NULL)


cdef int pool(Step* step, Mode mode, int image, int pooled, int other) noexcept nogil:
    """args[image] holds the windows, args[pooled] one element for each, args[other] what the places are used on."""
    cdef Task task
    if view_size(&step.args[0]) == 0:
        return OK
    task.mode, task.image, task.pooled = mode, operand_of(&step.args[image]), operand_of(&step.args[pooled])
    task.other = operand_of(&step.args[other])
    if prepare(&task, &step.params) != OK:
        return NO_MEMORY
    # Planes do not meet: two threads gain a quarter from 16 us on, less than half the time that is usual.
    planes, each = task.image.rows * task.image.columns, volume(task.image.size) + volume(task.pooled.size)
    status = share_out(step.inner, &task, planes, max(<int64_t>1, TASK // each), 2.5 * task.work)
    discard(task.table.at)
    discard(task.count)
    return status


cdef bint same(const View* a, const View* b) noexcept nogil:
    cdef bint equal = a.data == b.data
    for axis in range(a.ndim):
        equal = equal and a.strides[axis] == b.strides[axis]
    return equal


cdef int max_pool_index(Step* step) noexcept nogil:
    """out int64 (N,C,*O) from x (N,C,*I); -1 where a window meets no element."""
    return pool(step, INDEX, 1, 0, 1)


cdef int max_pool(Step* step) noexcept nogil:
    """out (N,C,*O) from t and x (N,C,*I)."""
    return pool(step, LARGEST if same(&step.args[1], &step.args[2]) else PICK, 2, 0, 1)


cdef int max_unpool(Step* step) noexcept nogil:
    """out (N,C,*I) from g (N,C,*O) and x (N,C,*I): the transpose of max_pool."""
    return pool(step, PUT, 2, 1, 0)


cdef int avg_pool(Step* step) noexcept nogil:
    """out (N,C,*O) from x (N,C,*I)."""
    return pool(step, MEAN, 1, 0, 1)


cdef int avg_unpool(Step* step) noexcept nogil:
    """out (N,C,*I) from g (N,C,*O): the transpose of avg_pool."""
    return pool(step, SHARE, 0, 1, 0)


cdef object planes(str name, kernel_t run, int by=0):
    return family(name, run, by, <void*>pool_planes[float], <void*>pool_planes[double])


KERNELS = {kernel.name: kernel for kernel in (
    planes("max_pool_index", max_pool_index, 1), planes("max_pool", max_pool), planes("max_unpool", max_unpool),
    planes("avg_pool", avg_pool), planes("avg_unpool", avg_unpool))}
