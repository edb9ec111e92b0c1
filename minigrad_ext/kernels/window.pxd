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
from minigrad_ext.types cimport Params, View


cdef struct Operand:                # an image (n, c, *i), a kernel (k, c, *t) or a gradient (n, k, *o)
    char* data
    int64_t rows
    int64_t columns
    int64_t size[3]
    int64_t row_stride              # strides in elements
    int64_t column_stride
    int64_t stride[3]


cdef struct Window:                 # what Params says, see minigrad.geometry
    int64_t stride[3]
    int64_t dilation[3]
    int64_t low[3]
    int64_t groups


cdef struct Padded:
    # Layout of the scratch: [channel][phase 0][phase 1][phase 2][image][plane], where a plane is pitch[0] x pitch[1] x
    # pitch[2].  Element q of phase p is source position  q*step + phase_at(p) - low, or zero outside the source.  The
    # zeros at the end of a row are those at the start of the next one, so a pitch may be smaller than what is read.
    int64_t step[3]
    int64_t dilation[3]
    int64_t phases[3]
    int64_t low[3]
    int64_t pitch[3]
    int64_t plane
    int64_t images                  # image slots
    int64_t channel                 # elements per channel
    int64_t slack                   # zeros after the last channel


cdef struct Slide:
    # One phase of the output along each axis: output position start + j*step for 0 <= j < count sums over the taps
    # tap, tap + tap_step, ... (`taps` of them).
    int64_t start[3]
    int64_t step[3]
    int64_t count[3]
    int64_t tap[3]
    int64_t tap_step[3]
    int64_t taps[3]
    int64_t n_pixels
    int64_t n_taps


cdef inline int64_t floor_divide(int64_t a, int64_t b) noexcept nogil:
    return a // b if a >= 0 else -((-a + b - 1) // b)


cdef inline int64_t clip(int64_t value, int64_t low, int64_t high) noexcept nogil:
    return low if value < low else (high if value > high else value)


cdef inline int64_t common_divisor(int64_t a, int64_t b) noexcept nogil:
    while b:
        a, b = b, a % b
    return a


cdef inline Operand operand_of(const View* view) noexcept nogil:
    cdef Operand made
    cdef int axis, source
    made.data = view.data
    made.rows, made.columns = view.shape[0], view.shape[1]
    made.row_stride, made.column_stride = view.strides[0], view.strides[1]
    for axis in range(3):
        source = view.ndim - 3 + axis
        made.size[axis] = view.shape[source] if source >= 2 else 1
        made.stride[axis] = view.strides[source] if source >= 2 else 0
    return made


cdef inline Window window_of(const Params* params) noexcept nogil:
    cdef Window made
    cdef int axis
    for axis in range(3):
        made.stride[axis] = params.i[axis]
        made.dilation[axis] = params.i[3 + axis]
        made.low[axis] = params.i[6 + axis]
    made.groups = params.i[9]
    return made


cdef inline int64_t volume(const int64_t* size) noexcept nogil:
    return size[0] * size[1] * size[2]


cdef inline int64_t operand_size(const Operand* a) noexcept nogil:
    return a.rows * a.columns * volume(a.size)


# ---- the padded copy

cdef inline int64_t phase_at(const Padded* p, int axis, int64_t phase) noexcept nogil:
    """The padded position, mod step, that a phase holds: that of the taps t with t % phases == phase."""
    return phase * p.dilation[axis] % p.step[axis]


cdef inline int64_t zeros_before(const Padded* p, int axis, int64_t phase) noexcept nogil:
    """How many elements of a row of this phase come before the source begins."""
    cdef int64_t ahead = p.low[axis] - phase_at(p, axis, phase)
    return (ahead + p.step[axis] - 1) // p.step[axis] if ahead > 0 else 0


cdef inline int64_t source_end(const Padded* p, int axis, int64_t phase, int64_t size) noexcept nogil:
    """The first element of a row of this phase behind the source."""
    cdef int64_t ahead = p.low[axis] + size - phase_at(p, axis, phase)
    return (ahead + p.step[axis] - 1) // p.step[axis] if ahead > 0 else 0


cdef inline void lay_out(Padded* p, const int64_t* size, const int64_t* read, const int64_t* count,
                         int64_t images) noexcept nogil:
    """Pitches for rows of which `read` elements are read, at most `count` of them as starting points."""
    cdef int64_t shared[3]
    cdef int64_t phase
    cdef int axis
    for axis in range(3):
        shared[axis] = read[axis] - count[axis]
        for phase in range(p.phases[axis]):
            shared[axis] = min(shared[axis], zeros_before(p, axis, phase))
            shared[axis] = min(shared[axis], read[axis] - source_end(p, axis, phase, size[axis]))
        shared[axis] = max(shared[axis], 0)
        p.pitch[axis] = read[axis] - shared[axis]
    p.plane = volume(p.pitch)
    p.images = images
    p.channel = volume(p.phases) * images * p.plane
    p.slack = (shared[0] * p.pitch[1] + shared[1]) * p.pitch[2] + shared[2]


cdef inline void pad_for_conv(Padded* p, const Operand* x, const Operand* w, const int64_t* out,
                              const Window* window) noexcept nogil:
    """The padded x that conv and conv_weight read: p = o*s + t*d lies in phase p % s at element o + t*d // s."""
    cdef int64_t read[3]
    cdef int axis
    for axis in range(3):
        p.step[axis], p.dilation[axis] = window.stride[axis], window.dilation[axis]
        p.phases[axis] = min(w.size[axis], p.step[axis] // common_divisor(p.step[axis], p.dilation[axis]))
        p.low[axis] = window.low[axis]
        read[axis] = out[axis] + (w.size[axis] - 1) * p.dilation[axis] // p.step[axis]
    lay_out(p, x.size, read, out, 1)


cdef inline void pad_for_transpose(Padded* p, const Operand* g, const Operand* w, const int64_t* out,
                                   const Window* window) noexcept nogil:
    """The padded g that conv_transpose reads: output i and tap t meet at g[(i + low - t*d) / s]."""
    cdef int64_t read[3]
    cdef int64_t count[3]
    cdef int64_t before
    cdef int axis
    for axis in range(3):
        p.step[axis], p.dilation[axis], p.phases[axis] = 1, 1, 1
        before = (w.size[axis] - 1) * window.dilation[axis] - window.low[axis]
        p.low[axis] = max(0, -floor_divide(-before, window.stride[axis]))
        count[axis] = (out[axis] + window.stride[axis] - 1) // window.stride[axis]
        read[axis] = max(count[axis], p.low[axis] + (out[axis] - 1 + window.low[axis]) // window.stride[axis] + 1)
    lay_out(p, g.size, read, count, 1)


cdef inline void set_images(Padded* p, int64_t images) noexcept nogil:
    p.images = images
    p.channel = volume(p.phases) * images * p.plane


ctypedef fused real_t:
    float
    double


cdef inline void pad_plane(real_t* scratch, const real_t* image, const Operand* source, const Padded* p) noexcept nogil:
    """Copies one channel of one image into its slot of every phase."""
    cdef int64_t phase0, phase1, phase2, q0, q1, q, i0, i1, before, end, width = p.pitch[2], step = p.step[2]
    cdef int64_t stride = source.stride[2] * step
    cdef real_t* row = scratch
    cdef const real_t* line
    cdef real_t zero = 0
    for phase0 in range(p.phases[0]):
        for phase1 in range(p.phases[1]):
            for phase2 in range(p.phases[2]):
                before = min(zeros_before(p, 2, phase2), width)
                end = clip(source_end(p, 2, phase2, source.size[2]), before, width)
                row = scratch + ((phase0 * p.phases[1] + phase1) * p.phases[2] + phase2) * p.images * p.plane
                for q0 in range(p.pitch[0]):
                    i0 = q0 * p.step[0] + phase_at(p, 0, phase0) - p.low[0]
                    for q1 in range(p.pitch[1]):
                        i1 = q1 * p.step[1] + phase_at(p, 1, phase1) - p.low[1]
                        if i0 < 0 or i0 >= source.size[0] or i1 < 0 or i1 >= source.size[1]:
                            for q in range(width):
                                row[q] = zero
                        else:
                            line = image + i0 * source.stride[0] + i1 * source.stride[1] \
                                + (phase_at(p, 2, phase2) - p.low[2]) * source.stride[2]
                            for q in range(before):
                                row[q] = zero
                            if stride == 1:
                                for q in range(before, end):
                                    row[q] = line[q]
                            else:
                                for q in range(before, end):
                                    row[q] = line[q * stride]
                            for q in range(end, width):
                                row[q] = zero
                        row += width


# ---- the slides

cdef inline void finish_slide(Slide* slide) noexcept nogil:
    slide.n_pixels = volume(slide.count)
    slide.n_taps = volume(slide.taps)


cdef inline Slide slide_of_conv(const Operand* w, const int64_t* out) noexcept nogil:
    """The only slide of a convolution: all outputs, all taps."""
    cdef Slide slide
    cdef int axis
    for axis in range(3):
        slide.start[axis], slide.step[axis], slide.count[axis] = 0, 1, out[axis]
        slide.tap[axis], slide.tap_step[axis], slide.taps[axis] = 0, 1, w.size[axis]
    finish_slide(&slide)
    return slide


cdef inline Slide slide_of_transpose(const Operand* w, const int64_t* out, const Window* window,
                                     const int64_t* start) noexcept nogil:
    """The outputs i = start (mod stride) of a transposed convolution, with the taps that reach them, maybe none."""
    cdef Slide slide
    cdef int64_t tap, period, wanted
    cdef int axis
    for axis in range(3):
        slide.start[axis], slide.step[axis] = start[axis], window.stride[axis]
        slide.count[axis] = (out[axis] - start[axis] + window.stride[axis] - 1) // window.stride[axis]
        period = window.stride[axis] // common_divisor(window.stride[axis], window.dilation[axis])
        wanted = (start[axis] + window.low[axis]) % window.stride[axis]
        slide.tap[axis], slide.tap_step[axis], slide.taps[axis] = 0, period, 0
        for tap in range(min(period, w.size[axis])):
            if tap * window.dilation[axis] % window.stride[axis] == wanted:
                slide.tap[axis] = tap
                slide.taps[axis] = (w.size[axis] - tap + period - 1) // period
                break
    finish_slide(&slide)
    return slide


cdef inline int64_t tap_offset(const Padded* p, const Window* window, const Slide* slide, bint transposed,
                               int axis, int64_t tap) noexcept nogil:
    """Where in a row the output j = 0 meets a tap."""
    if transposed:
        return p.low[axis] + floor_divide(slide.start[axis] + window.low[axis] - tap * window.dilation[axis],
                                          window.stride[axis])
    return tap * window.dilation[axis] // window.stride[axis]


cdef inline void list_taps(int64_t* offset, int64_t* weight, const Padded* p, const Window* window,
                           const Slide* slide, bint transposed, const Operand* w) noexcept nogil:
    """For each tap of a slide its offset in the scratch, and its offset in w."""
    cdef int64_t u0, u1, u2, t0, t1, t2, phase, n = 0
    for u0 in range(slide.taps[0]):
        t0 = slide.tap[0] + u0 * slide.tap_step[0]
        for u1 in range(slide.taps[1]):
            t1 = slide.tap[1] + u1 * slide.tap_step[1]
            for u2 in range(slide.taps[2]):
                t2 = slide.tap[2] + u2 * slide.tap_step[2]
                phase = (t0 % p.phases[0] * p.phases[1] + t1 % p.phases[1]) * p.phases[2] + t2 % p.phases[2]
                offset[n] = phase * p.images * p.plane \
                    + (tap_offset(p, window, slide, transposed, 0, t0) * p.pitch[1]
                       + tap_offset(p, window, slide, transposed, 1, t1)) * p.pitch[2] \
                    + tap_offset(p, window, slide, transposed, 2, t2)
                weight[n] = t0 * w.stride[0] + t1 * w.stride[1] + t2 * w.stride[2]
                n += 1


cdef inline void list_pixels(int64_t* position, int64_t* target, const Padded* p, const Slide* slide,
                             const Operand* out) noexcept nogil:
    """For each output of a slide its position in a plane, and its offset in `out`."""
    cdef int64_t j0, j1, j2, row, at, n = 0
    for j0 in range(slide.count[0]):
        for j1 in range(slide.count[1]):
            row = (j0 * p.pitch[1] + j1) * p.pitch[2]
            at = (slide.start[0] + j0 * slide.step[0]) * out.stride[0] \
                + (slide.start[1] + j1 * slide.step[1]) * out.stride[1] + slide.start[2] * out.stride[2]
            for j2 in range(slide.count[2]):
                position[n] = row + j2
                target[n] = at + j2 * slide.step[2] * out.stride[2]
                n += 1
