"""Along one axis: argmax, argmin, cumsum, sort."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.kernels.axes cimport family
from minigrad_ext.kernels.folds cimport LARGEST, SMALLEST, differ, element, fold_run, store, wide
from minigrad_ext.kernels.lines cimport COLUMNS, Lines, run_lines
from minigrad_ext.types cimport NO_MEMORY, OK, Step, kernel_t, number

cdef enum:
    SCAN = 64               # elements compared at a time, when looking for the extreme's place
    INSERTION = 16          # a run this short is sorted by insertion


# argmax, argmin: out = the first j at which x[j] is the extreme.

cdef inline bint beats(number x, number best, bint largest) noexcept nogil:
    """Strictly, so that the first of equals stays; a NaN beats everything but a NaN."""
    return (x > best if largest else x < best) | (differ(x, x) & (not differ(best, best)))


cdef inline int64_t place_of(const number* x, int64_t n, number value) noexcept nogil:
    """The first place of a value that is there."""
    cdef int64_t j = 0
    cdef bint hit
    if differ(value, value):
        while not differ(x[j], x[j]):
            j += 1
        return j
    while j + SCAN <= n:
        hit = False
        for l in range(SCAN):
            hit |= x[j + l] == value
        if hit:
            break
        j += SCAN
    while x[j] != value:
        j += 1
    return j


cdef inline void find_places(const Lines* lines, char** at, int64_t columns, bint largest, number* _) noexcept nogil:
    cdef number best[COLUMNS]
    cdef int64_t found[COLUMNS]
    x, side = at[0], lines.side[0]
    for c in range(columns):
        best[c], found[c] = element(<number*>x, c, side), 0
    for j in range(1, lines.n):
        x += lines.by[0]
        for c in range(columns):
            value = element(<number*>x, c, side)
            if beats(value, best[c], largest):
                best[c], found[c] = value, j
    store(<int64_t*>at[1], lines.side[1], <int64_t*>found, columns)


cdef inline void find_place(const Lines* lines, char** at, int64_t columns, bint largest, number* kind) noexcept nogil:
    """Contiguous: find the extreme with vectors, then where it is."""
    x = <number*>at[0]
    if lines.columns > 1:
        find_places(lines, at, columns, largest, kind)
    elif lines.by[0] != <int64_t>sizeof(number):
        find_places(lines, at, 1, largest, kind)
    else:
        best = fold_run(x[0], x, lines.n, sizeof(number), LARGEST if largest else SMALLEST, <number>0)
        (<int64_t*>at[1])[0] = place_of(x, lines.n, best)


cdef int extreme_loop(const Lines* lines, char** at, int64_t columns, number* kind) noexcept nogil:
    if lines.step.run == argmax:
        find_place(lines, at, columns, True, kind)
    else:
        find_place(lines, at, columns, False, kind)
    return OK


# cumsum: out[j] = x[0] + ... + x[j], or from the other end.  Accumulated as sums are: in float64, or modulo 2^64.

cdef inline void add_up(const Lines* lines, char** at, int64_t columns, number* _, wide* __) noexcept nogil:
    cdef wide acc[COLUMNS]
    x, out, by, to = at[0], at[1], lines.by[0], lines.by[1]
    if lines.step.params.i[1]:
        x, by = x + (lines.n - 1) * by, -by
        out, to = out + (lines.n - 1) * to, -to
    for c in range(columns):
        acc[c] = 0
    for j in range(lines.n):
        for c in range(columns):
            acc[c] += <wide>element(<number*>(x + j * by), c, lines.side[0])
            (<number*>(out + j * to + c * lines.side[1]))[0] = <number>acc[c]


cdef int cumsum_loop(const Lines* lines, char** at, int64_t columns, number* kind, wide* acc) noexcept nogil:
    if lines.columns == 1:
        add_up(lines, at, 1, kind, acc)
    else:
        add_up(lines, at, columns, kind, acc)
    return OK


# sort: stably; NaN counts as larger than every number.  A merge sort of (value, position) pairs: runs sorted by
# insertion are merged pairwise, from one half of the scratch into the other and back.

cdef inline bint precedes(number a, number b, bint descending) noexcept nogil:
    """Strictly: equals keep their order."""
    if descending:
        return a > b or (differ(a, a) and not differ(b, b))
    return a < b or (differ(b, b) and not differ(a, a))


cdef void insertion_sort(number* x, int64_t* at, int64_t n, bint descending) noexcept nogil:
    for j in range(1, n):
        value, position, place = x[j], at[j], j
        while place > 0 and precedes(value, x[place - 1], descending):
            x[place], at[place] = x[place - 1], at[place - 1]
            place -= 1
        x[place], at[place] = value, position


cdef void merge_runs(const number* x, const int64_t* at, int64_t middle, int64_t n, number* y, int64_t* to,
                     bint descending) noexcept nogil:
    cdef int64_t a = 0, b = middle
    for j in range(n):
        if a < middle and (b >= n or not precedes(x[b], x[a], descending)):
            y[j], to[j] = x[a], at[a]
            a += 1
        else:
            y[j], to[j] = x[b], at[b]
            b += 1


cdef int sort_loop(const Lines* lines, char** at, int64_t columns, number* _) noexcept nogil:
    cdef int64_t start, n = lines.n
    cdef bint descending = lines.step.params.i[1] != 0
    memory = <int64_t*>scratch(n * 2 * (sizeof(number) + 8) + 16)
    if memory == NULL:
        return NO_MEMORY
    for c in range(columns):
        place, other_place, key = memory, memory + n, <number*>(memory + 2 * n)
        other_key = key + n
        for j in range(n):
            key[j], place[j] = element(<number*>(at[0] + c * lines.side[0]), j, lines.by[0]), j
        for start from 0 <= start < n by INSERTION:
            insertion_sort(key + start, place + start, min(<int64_t>INSERTION, n - start), descending)
        width = <int64_t>INSERTION
        while width < n:
            for start from 0 <= start < n by 2 * width:
                merge_runs(key + start, place + start, min(width, n - start), min(2 * width, n - start),
                           other_key + start, other_place + start, descending)
            key, other_key = other_key, key
            place, other_place = other_place, place
            width *= 2
        store(<number*>(at[1] + c * lines.side[1]), lines.by[1], key, n)
        store(<int64_t*>(at[2] + c * lines.side[2]), lines.by[2], place, n)
    discard(memory)
    return OK


# ---------------------------------------------------------------------------------------------------------------------

cdef int along(Step* step) noexcept nogil:
    """From args[1] into args[0]."""
    out, x = &step.args[0], &step.args[1]
    return run_lines(step, x.shape[step.params.i[0]], x, out, out, 0.5)


cdef int argmax(Step* step) noexcept nogil:
    return along(step)


cdef int sort(Step* step) noexcept nogil:
    x = &step.args[2]
    return run_lines(step, x.shape[step.params.i[0]], x, &step.args[0], &step.args[1], 20)


cdef object extreme(str name, kernel_t run):
    return family(name, run, 1, <void*>extreme_loop[float], <void*>extreme_loop[double], <void*>extreme_loop[int64_t],
                  <void*>extreme_loop[int32_t], <void*>extreme_loop[uint8_t], <void*>extreme_loop[uint8_t])


KERNELS = {kernel.name: kernel for kernel in (
    extreme("argmax", argmax),
    extreme("argmin", along),
    family("cumsum", along, 1, <void*>cumsum_loop[float, double], <void*>cumsum_loop[double, double],
           <void*>cumsum_loop[int64_t, uint64_t], <void*>cumsum_loop[int32_t, uint64_t],
           <void*>cumsum_loop[uint8_t, uint64_t]),
    family("sort", sort, 0, <void*>sort_loop[float], <void*>sort_loop[double], <void*>sort_loop[int64_t],
           <void*>sort_loop[int32_t], <void*>sort_loop[uint8_t], <void*>sort_loop[uint8_t]).declare(writes=0b11),
)}
