"""What the sliding-window kernels share: operands with three spatial axes, and the padded copy they slide over.

The idea.  Copy an image once into a scratch with its zeros around it, and every kernel tap becomes one integer offset:
output position `o` meets tap `t` at `scratch[position(o) + offset(t)]`, for every o at once.  Stride s splits an axis
into phases (padded positions p with equal p % s), so that neighbouring outputs read neighbouring elements again;
dilation only changes the offsets.  The transposed convolution is the same sum over the padded gradient, once per output
phase, so nothing is multiplied by a zero that stride would insert.  im2col never exists in memory.

    conv:            out[o] = sum_t w[t] * x[o*s + t*d - low]
    conv_transpose:  out[i] = sum_t w[t] * g[o]     where o*s + t*d - low = i, so only taps with t*d = i + low (mod s)

All arrays are right-aligned to three spatial axes; a missing axis has size 1, stride 1, dilation 1 and low 0.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset
from minigrad_ext.kernels.tile cimport MG_VECTOR, ceiling
from minigrad_ext.types cimport View, real

ctypedef int64_t[3] triple_t        # a number for each spatial axis


cdef struct Operand:                # an image (n, c, *i), a kernel (k, c, *t) or a gradient (n, k, *o)
    char* data
    int64_t rows, columns
    triple_t size
    int64_t row_stride, column_stride       # in elements
    triple_t stride


cdef struct Window:                 # what Params.i begins with, see minigrad.geometry
    triple_t stride, dilation, low
    int64_t groups


cdef struct Padded:
    # Layout of the scratch: [channel][phase 0][phase 1][phase 2][image][plane], where a plane is pitch[0] x pitch[1] x
    # pitch[2].  Element q of phase p is source position  q*step + phase_at(p) - low, or zero outside the source.  The
    # zeros at the end of a row are those at the start of the next one, so a pitch may be smaller than what is read.
    Window window
    bint transposed
    bint unrolled                   # along the last axis a plane for each tap, of as many columns as there are outputs
    triple_t step, out_step         # of the padded copy the stride and of the output 1; transposed, the other way round
    triple_t phases, low, pitch
    int64_t plane, channel          # elements of each
    int64_t images                  # image slots
    int64_t slack                   # zeros after the last channel


cdef struct Offsets:                # a list of taps or of pixels
    int64_t n
    int64_t* source                 # of each in the padded copy
    int64_t* other                  # of each in the operand it belongs to


cdef inline int64_t floor_divide(int64_t a, int64_t b) noexcept nogil:
    return a // b if a >= 0 else -((-a + b - 1) // b)


cdef inline int64_t clip(int64_t value, int64_t low, int64_t high) noexcept nogil:
    return low if value < low else (high if value > high else value)


cdef inline Operand operand_of(const View* view) noexcept nogil:
    cdef Operand made
    made.data = view.data
    made.rows, made.columns = view.shape[0], view.shape[1]
    made.row_stride, made.column_stride = view.strides[0], view.strides[1]
    for axis in range(3):
        source = view.ndim - 3 + axis
        made.size[axis] = view.shape[source] if source >= 2 else 1
        made.stride[axis] = view.strides[source] if source >= 2 else 0
    return made


cdef inline int64_t volume(const int64_t* size) noexcept nogil:
    return size[0] * size[1] * size[2]


cdef inline void unravel(int64_t position, const int64_t* size, int64_t* index) noexcept nogil:
    for axis in range(2, -1, -1):
        index[axis] = position % size[axis]
        position //= size[axis]


# ---- the padded copy

cdef inline int64_t meets(const Padded* p, int axis, int64_t start, int64_t tap) noexcept nogil:
    """The element, along an axis of a plane, at which output `start` meets a tap; -1 if it does not."""
    if not p.transposed:
        return tap * p.window.dilation[axis] // p.step[axis]
    ahead = start + p.window.low[axis] - tap * p.window.dilation[axis]
    return p.low[axis] + ahead // p.out_step[axis] if ahead % p.out_step[axis] == 0 else -1


cdef inline int64_t phase_at(const Padded* p, int axis, int64_t phase) noexcept nogil:
    """The padded position of a phase's element 0: mod step, that of the taps t with t % phases == phase.

    Unrolled, where the tap meets the first output that it reaches.
    """
    position = phase * p.window.dilation[axis]
    if not (p.unrolled and axis == 2):
        return position % p.step[axis]
    if not p.transposed:
        return position
    position -= p.window.low[axis]
    return meets(p, axis, position - floor_divide(position, p.out_step[axis]) * p.out_step[axis], phase)


cdef inline int64_t first_from(const Padded* p, int axis, int64_t phase, int64_t position) noexcept nogil:
    """The first element of a row of this phase that does not come before a position of the source."""
    ahead = p.low[axis] + position - phase_at(p, axis, phase)
    return ceiling(ahead, p.step[axis]) if ahead > 0 else 0


cdef inline void set_images(Padded* p, int64_t images) noexcept nogil:
    p.images, p.channel = images, volume(p.phases) * images * p.plane


cdef inline void lay_out(Padded* p, const Operand* source, const Operand* w, const int64_t* out) noexcept nogil:
    """What outputs of size `out` read: along an axis `count` starting points, and up to `read` elements.

    Output o meets tap t at padded position p = o*s + t*d, in phase p % s at element o + t*d // s; transposed, output i
    meets it at element low + (i + window.low - t*d) / s of the only phase.
    """
    cdef triple_t shared
    for axis in range(3):
        s, d, reach = p.window.stride[axis], p.window.dilation[axis], w.size[axis] - 1
        if p.transposed:
            p.step[axis], p.out_step[axis], p.phases[axis] = 1, s, 1
            p.low[axis] = max(0, -floor_divide(p.window.low[axis] - reach * d, s))
            count = ceiling(out[axis], s)
            read = max(count, p.low[axis] + (out[axis] - 1 + p.window.low[axis]) // s + 1)
        else:
            p.step[axis], p.out_step[axis], p.phases[axis] = s, 1, 1
            while p.phases[axis] <= reach and p.phases[axis] * d % s != 0:
                p.phases[axis] += 1
            p.low[axis], count, read = p.window.low[axis], out[axis], out[axis] + reach * d // s
        shared[axis] = read - count
        for phase in range(p.phases[axis]):
            shared[axis] = min(shared[axis], min(first_from(p, axis, phase, 0),
                                                 read - first_from(p, axis, phase, source.size[axis])))
        shared[axis] = max(shared[axis], 0)
        if p.unrolled and axis == 2:
            p.phases[axis], read, shared[axis] = reach + 1, count, 0
        p.pitch[axis] = read - shared[axis]
    p.plane = volume(p.pitch)
    p.slack = (shared[0] * p.pitch[1] + shared[1]) * p.pitch[2] + shared[2]
    set_images(p, 1)


cdef struct Cut:                    # what of the source stands in the planes of a phase: elements first <= q < end
    triple_t first, end
    triple_t step                   # in the source, from one element to the next
    int64_t offset                  # of element 0 in the source
    bint whole                      # there are no zeros


cdef inline Cut cut_out(const Padded* p, const Operand* source, int64_t phase) noexcept nogil:
    cdef triple_t at
    cdef Cut cut
    unravel(phase, p.phases, at)
    cut.offset, cut.whole = 0, True
    for axis in range(3):
        cut.first[axis] = min(first_from(p, axis, at[axis], 0), p.pitch[axis])
        cut.end[axis] = clip(first_from(p, axis, at[axis], source.size[axis]), cut.first[axis], p.pitch[axis])
        cut.whole = cut.whole and cut.first[axis] == 0 and cut.end[axis] == p.pitch[axis]
        cut.offset += (phase_at(p, axis, at[axis]) - p.low[axis]) * source.stride[axis]
        cut.step[axis] = source.stride[axis] * p.step[axis]
    return cut


cdef inline void pad_planes(real* plane, int64_t to_step, const real* image, int64_t from_step, int64_t n,
                            const Cut* cut, const Padded* p, bint cleared, int64_t room) noexcept nogil:
    """Copies the positions of one phase, of n channels or images, row by row, into their slots of the scratch.

    Rows are short, so that a loop's vector, half-vector and scalar parts cost more than one masked load and one whole
    store.  What is stored beyond a row are zeros, which the next row overwrites, as rows ascend; beyond the last one,
    up to `room` elements from the start of a plane, what is copied later does.  Rows without that room are copied
    exactly.  All that planes share is worked out once: for each of 8 x 8 it took as long as copying it.
    """
    cdef int j, left, vector = MG_VECTOR // <int>sizeof(real), whole = <int>(cut.end[2] - cut.first[2])
    cdef real zero = 0
    rows, width, pitch = cut.end[1] - cut.first[1], cut.end[2] - cut.first[2], p.pitch[2]
    step, stride, area = cut.step[1], cut.step[2], p.pitch[1] * p.pitch[2]
    at, wide = cut.first[0] * area + cut.first[1] * pitch + cut.first[2], ceiling(width, vector) * vector
    offset = cut.offset + cut.first[0] * cut.step[0] + cut.first[1] * step + cut.first[2] * stride
    depth, masked = cut.end[0] - cut.first[0], 0
    if MG_VECTOR > 16 and stride == 1 and width > 0:
        masked = clip(floor_divide(room - at - (depth - 1) * area - wide, pitch) + 1, 0, rows)
    for number in range(n):
        if not (cut.whole or cleared):
            memset(plane, 0, p.plane * sizeof(real))
        for q0 in range(depth):
            to, from_ = plane + at + q0 * area, image + offset + q0 * cut.step[0]
            for row in range(masked if width <= vector else 0):
                for j in range(vector):
                    to[j] = from_[j] if j < whole else zero
                to, from_ = to + pitch, from_ + step
            for row in range(masked if width > vector else 0):
                for q from 0 <= q < width by vector:
                    left = <int>(width - q)
                    for j in range(vector):
                        to[q + j] = from_[q + j] if j < left else zero
                to, from_ = to + pitch, from_ + step
            for row in range(masked, rows if stride == 1 else 0):
                for q in range(width):
                    to[q] = from_[q]
                to, from_ = to + pitch, from_ + step
            for row in range(rows if stride == 2 else 0):       # a constant step is vectorised
                for q in range(width):
                    to[row * pitch + q] = from_[row * step + q * 2]
            for row in range(rows if stride != 1 and stride != 2 else 0):
                for q in range(width):
                    to[row * pitch + q] = from_[row * step + q * stride]
        plane, image = plane + to_step, image + from_step


# ---- lists of taps and pixels

cdef inline void list_taps(Offsets* taps, const Padded* p, const int64_t* start, const Operand* w) noexcept nogil:
    """The taps that reach the outputs from `start` on."""
    taps.n = 0
    for t0 in range(w.size[0]):
        at0 = meets(p, 0, start[0], t0)
        for t1 in range(w.size[1] if at0 >= 0 else 0):
            at1 = meets(p, 1, start[1], t1)
            for t2 in range(w.size[2] if at1 >= 0 else 0):
                at2 = meets(p, 2, start[2], t2)
                if at2 >= 0:
                    at2 = 0 if p.unrolled else at2
                    phase = (t0 % p.phases[0] * p.phases[1] + t1 % p.phases[1]) * p.phases[2] + t2 % p.phases[2]
                    taps.source[taps.n] = phase * p.images * p.plane + (at0 * p.pitch[1] + at1) * p.pitch[2] + at2
                    taps.other[taps.n] = t0 * w.stride[0] + t1 * w.stride[1] + t2 * w.stride[2]
                    taps.n += 1


cdef inline void repeat(Offsets* list, int64_t count, int64_t source_step, int64_t other_step) noexcept nogil:
    """One more axis of `count` positions, outside those that are listed."""
    n = list.n
    for e in range(1, count):
        for i in range(n):
            list.source[e * n + i] = list.source[i] + e * source_step
            list.other[e * n + i] = list.other[i] + e * other_step
    list.n = n * count


cdef inline void list_pixels(Offsets* pixels, const Padded* p, const int64_t* start, const int64_t* count,
                             int64_t columns, const Operand* out) noexcept nogil:
    """The outputs from `start` on, of all images; `columns` is 1 for the first one of each row only."""
    pixels.n, pixels.source[0], pixels.other[0] = 1, 0, 0
    for axis in range(3):
        pixels.other[0] += start[axis] * out.stride[axis]
    repeat(pixels, columns, 1, p.out_step[2] * out.stride[2])
    repeat(pixels, count[1], p.pitch[2], p.out_step[1] * out.stride[1])
    repeat(pixels, count[0], p.pitch[1] * p.pitch[2], p.out_step[0] * out.stride[0])
    repeat(pixels, p.images, p.plane, out.row_stride)
