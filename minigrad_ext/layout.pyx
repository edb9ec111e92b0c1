"""Arithmetic of strided views.

The element at index (i0, i1, ...) lies at data + (i0 * stride0 + i1 * stride1 + ...).  Transposing, slicing, repeating
and windowing an array therefore only rewrite shape, strides and data, and no number moves.  Each function here derives
one view from another and checks that it stays within the elements the other one reaches; the strides of axes that
hold at most one element are never used, and neither is any stride of a view without elements.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy
from minigrad_ext.types cimport MAX_AXES, N_DTYPES, view_size

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object value, int* overflow) except? -1
    object PyNumber_Index(object value)

DTYPE_NAMES = ("bool", "uint8", "int32", "int64", "float32", "float64")     # by code

# So many elements of 8 bytes still have byte offsets that fit in 63 bits.
cdef int64_t MAX_ELEMENTS = 1 << 59


cdef int64_t as_int(object value, str op, str what) except? -1:
    cdef int overflow
    cdef int64_t result
    if not isinstance(value, int):
        try:
            value = PyNumber_Index(value)
        except TypeError:
            raise TypeError(f"{op}: {what}: got {type(value).__name__}, expected an integer") from None
    result = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow:
        raise ValueError(f"{op}: {what}: {value} does not fit in 64 bits")
    return result


cdef int64_t read_ints(int64_t* out, object values, int count, str op, str what) except -1:
    """Reads a tuple of integers: exactly `count`, or up to MAX_AXES when `count` is -1. Returns how many."""
    cdef tuple items = values if type(values) is tuple else tuple(values)
    cdef Py_ssize_t n = len(items)
    cdef Py_ssize_t axis
    if count >= 0 and n != count:
        raise ValueError(f"{op}: {what}: got {items}, expected {count} entries")
    if n > MAX_AXES:
        raise ValueError(f"{op}: {what}: got {n} axes, expected at most {MAX_AXES}")
    for axis in range(n):
        out[axis] = as_int(items[axis], op, what)
    return n


cdef int set_dtype(View* view, object code, str op) except -1:
    cdef int64_t value = as_int(code, op, "dtype")
    if not 0 <= value < N_DTYPES:
        raise TypeError(f"{op}: dtype: got code {value}, expected 0 to {N_DTYPES - 1}")
    view.dtype = <int>value
    return 0


cdef int check_sizes(const View* view, str op) except -1:
    """Refuses negative sizes and shapes of so many elements that offsets would overflow."""
    cdef int axis
    cdef double count = 1       # cannot overflow, and is exact enough to compare with a power of two
    for axis in range(view.ndim):
        if view.shape[axis] < 0:
            raise ValueError(f"{op}: shape: got {shape_tuple(view)}, expected sizes of at least 0")
        if view.shape[axis] > 1:
            count *= view.shape[axis]
    if count > MAX_ELEMENTS:
        raise ValueError(f"{op}: shape: {shape_tuple(view)} has too many elements (at most 2**59)")
    return 0


cdef void set_contiguous(View* view) noexcept:
    cdef int64_t stride = 1
    cdef int axis
    for axis in range(view.ndim - 1, -1, -1):
        view.strides[axis] = stride
        if view.shape[axis] > 1:
            stride *= view.shape[axis]


cdef int set_shape(View* view, object shape, str op) except -1:
    view.ndim = <int>read_ints(view.shape, shape, -1, op, "shape")
    check_sizes(view, op)
    set_contiguous(view)
    return 0


cdef tuple to_tuple(const int64_t* values, int n):
    cdef int axis
    return tuple([values[axis] for axis in range(n)])


cdef tuple shape_tuple(const View* view):
    return to_tuple(view.shape, view.ndim)


cdef tuple strides_tuple(const View* view):
    return to_tuple(view.strides, view.ndim)


cdef bint is_contiguous(const View* view) noexcept nogil:
    cdef int64_t stride = 1
    cdef int axis
    if view_size(view) == 0:
        return True
    for axis in range(view.ndim - 1, -1, -1):
        if view.shape[axis] != 1:
            if view.strides[axis] != stride:
                return False
            stride *= view.shape[axis]
    return True


cdef bint runs_backwards(const View* view) noexcept nogil:
    cdef int axis
    for axis in range(view.ndim):
        if view.shape[axis] > 1 and view.strides[axis] < 0:
            return True
    return False


cdef void extent(const View* view, int64_t* low, int64_t* high) noexcept nogil:
    cdef int axis
    cdef int64_t reach
    low[0] = 0
    high[0] = 0
    for axis in range(view.ndim):
        if view.shape[axis] == 0:
            low[0] = 0
            high[0] = 0
            return
        reach = (view.shape[axis] - 1) * view.strides[axis]
        if reach < 0:
            low[0] += reach
        else:
            high[0] += reach
    high[0] += 1


cdef char* copy_axis(const View* view, int axis, const char* source, char* target, int64_t itemsize) noexcept nogil:
    cdef int64_t j
    cdef int64_t step
    if axis == view.ndim:
        memcpy(target, source, itemsize)
        return target + itemsize
    step = view.strides[axis] * itemsize
    if axis == view.ndim - 1 and view.strides[axis] == 1:
        memcpy(target, source, view.shape[axis] * itemsize)
        return target + view.shape[axis] * itemsize
    for j in range(view.shape[axis]):
        target = copy_axis(view, axis + 1, source + j * step, target, itemsize)
    return target


cdef void copy_out(const View* view, char* target) noexcept nogil:
    if view_size(view) == 0:
        return
    if is_contiguous(view):
        memcpy(target, view.data, view_size(view) * itemsize_of(view.dtype))
    else:
        copy_axis(view, 0, view.data, target, itemsize_of(view.dtype))


cdef bint bools_along(const View* view, int axis, const uint8_t* source) noexcept nogil:
    cdef int64_t j
    cdef uint8_t bits = 0
    if axis == view.ndim:
        return source[0] <= 1
    if axis == view.ndim - 1:
        for j in range(view.shape[axis]):
            bits |= source[j * view.strides[axis]]
        return bits <= 1
    for j in range(view.shape[axis]):
        if not bools_along(view, axis + 1, source + j * view.strides[axis]):
            return False
    return True


cdef bint holds_bools(const View* view) noexcept nogil:
    return view_size(view) == 0 or bools_along(view, 0, <const uint8_t*>view.data)


cdef void make_bools(const View* view) noexcept nogil:
    cdef int64_t j
    cdef uint8_t* bytes_ = <uint8_t*>view.data
    for j in range(view_size(view)):
        bytes_[j] = bytes_[j] != 0


cdef int axis_index(const View* view, object value, str op, str what) except -1:
    cdef int64_t axis = as_int(value, op, what)
    if not -view.ndim <= axis < view.ndim:
        raise IndexError(f"{op}: {what}: got {axis}, expected an axis of a buffer with shape {shape_tuple(view)}")
    return <int>(axis + view.ndim if axis < 0 else axis)


cdef int permute(View* out, const View* view, object axes) except -1:
    cdef int64_t order[MAX_AXES]
    cdef int axis, source
    cdef int seen = 0
    read_ints(order, axes, view.ndim, "permute", "axes")
    out.data, out.dtype, out.ndim = view.data, view.dtype, view.ndim
    for axis in range(view.ndim):
        if not -view.ndim <= order[axis] < view.ndim:
            raise IndexError(f"permute: axes: got {axes}, expected a permutation of 0 to {view.ndim - 1}")
        source = <int>(order[axis] + view.ndim if order[axis] < 0 else order[axis])
        if seen & (1 << source):
            raise ValueError(f"permute: axes: got {axes}, expected each axis once")
        seen |= 1 << source
        out.shape[axis] = view.shape[source]
        out.strides[axis] = view.strides[source]
    return 0


cdef int slice_view(View* out, const View* view, object starts, object steps, object shape) except -1:
    cdef int64_t start[MAX_AXES]
    cdef int64_t step[MAX_AXES]
    cdef int64_t offset = 0
    cdef int64_t n, reach
    cdef bint empty = False
    cdef int axis
    read_ints(start, starts, view.ndim, "slice", "starts")
    read_ints(step, steps, view.ndim, "slice", "steps")
    read_ints(out.shape, shape, view.ndim, "slice", "shape")
    out.data, out.dtype, out.ndim = view.data, view.dtype, view.ndim
    for axis in range(view.ndim):
        n = out.shape[axis]
        out.strides[axis] = view.strides[axis]
        if n <= 0:
            empty = True
            if n < 0:
                raise ValueError(f"slice: shape: got {shape}, expected sizes of at least 0")
            continue
        if not 0 <= start[axis] < view.shape[axis]:
            raise ValueError(f"slice: starts: {start[axis]} is outside axis {axis} of shape {shape_tuple(view)}")
        offset += start[axis] * view.strides[axis]
        if n == 1:
            continue        # the step may be huge: it is not used
        if step[axis] == 0:
            raise ValueError(f"slice: steps: got 0 at axis {axis}, expected a step forwards or backwards")
        # How many steps of this length fit between the start and the end it moves towards, with no overflow.
        reach = (view.shape[axis] - 1 - start[axis]) // step[axis] if step[axis] > 0 \
            else (0 if step[axis] < -start[axis] else start[axis] // -step[axis])
        if n - 1 > reach:
            raise ValueError(f"slice: shape: {n} elements from {start[axis]} in steps of {step[axis]} leave "
                             f"axis {axis} of shape {shape_tuple(view)}")
        out.strides[axis] *= step[axis]
    if empty:
        set_contiguous(out)
    else:
        out.data += offset * itemsize_of(view.dtype)
    return 0


cdef int expand(View* out, const View* view, object shape) except -1:
    cdef int ndim = <int>read_ints(out.shape, shape, -1, "expand", "shape")
    cdef int lead = ndim - view.ndim
    cdef int axis
    out.data, out.dtype, out.ndim = view.data, view.dtype, ndim
    check_sizes(out, "expand")
    if lead < 0:
        raise ValueError(f"expand: shape: got {shape}, expected at least the axes of {shape_tuple(view)}")
    for axis in range(ndim):
        out.strides[axis] = 0
        if axis >= lead:
            if out.shape[axis] == view.shape[axis - lead]:
                out.strides[axis] = view.strides[axis - lead]
            elif view.shape[axis - lead] != 1:
                raise ValueError(f"expand: shape: cannot expand {shape_tuple(view)} to {shape}: "
                                 f"axis {axis} has size {view.shape[axis - lead]}, not 1")
    return 0


cdef bint reshape(View* out, const View* view, object shape) except -1:
    """A view of the same elements in the same order, where strides can express it.

    Old axes are gathered, from the last one, into chunks that lie in memory as one line (stride = stride of the next
    axis times its size); new axes must fill each chunk exactly.  The rule is the one PyTorch uses.
    """
    cdef int64_t size = view_size(view)
    cdef int64_t stride, chunk, filled
    cdef int old, new
    set_shape(out, shape, "reshape")
    out.data, out.dtype = view.data, view.dtype
    if view_size(out) != size:
        raise ValueError(f"reshape: shape: cannot give {shape_tuple(view)}, {size} elements, the shape {shape}")
    if size == 0 or is_contiguous(view):
        return True
    new = out.ndim - 1
    chunk = 1                       # elements of the chunk so far
    filled = 1                      # elements of it that new axes have taken
    stride = view.strides[view.ndim - 1]
    for old in range(view.ndim - 1, -1, -1):
        chunk *= view.shape[old]
        if old > 0 and (view.shape[old - 1] == 1 or view.strides[old - 1] == chunk * stride):
            continue
        while new >= 0 and (filled < chunk or out.shape[new] == 1):
            out.strides[new] = filled * stride
            filled *= out.shape[new]
            new -= 1
        if filled != chunk:
            return False
        if old > 0:
            stride = view.strides[old - 1]
            chunk = filled = 1
    return new == -1


cdef int as_strided(View* out, const View* view, object shape, object strides, object offset,
                    char* start, int64_t count) except -1:
    """Any strides over a storage of `count` elements at `start`, as long as every index stays inside it."""
    cdef int64_t first = as_int(offset, "as_strided", "offset")
    cdef int64_t low, high
    cdef double reach
    cdef double furthest = 0
    cdef int axis
    out.data, out.dtype = start, view.dtype
    out.ndim = <int>read_ints(out.shape, shape, -1, "as_strided", "shape")
    read_ints(out.strides, strides, out.ndim, "as_strided", "strides")
    check_sizes(out, "as_strided")
    if view_size(out) == 0:
        set_contiguous(out)
        return 0
    for axis in range(out.ndim):
        if out.shape[axis] == 1:
            out.strides[axis] = 1
        reach = <double>(out.shape[axis] - 1) * <double>out.strides[axis]
        furthest += reach if reach > 0 else -reach
    if furthest <= MAX_ELEMENTS:        # else extent() would overflow, and the view is far outside anyway
        extent(out, &low, &high)
        if 0 <= first + low and first <= count and first + high <= count:
            out.data += first * itemsize_of(view.dtype)
            return 0
    raise ValueError(f"as_strided: shape {shape}, strides {strides}, offset {first}: leaves the storage "
                     f"of {count} elements")


cdef int diagonal(View* out, const View* view, object offset, object axis1, object axis2) except -1:
    cdef int64_t k = as_int(offset, "diagonal", "offset")
    cdef int row = axis_index(view, axis1, "diagonal", "axis1")
    cdef int column = axis_index(view, axis2, "diagonal", "axis2")
    cdef int64_t size
    cdef int axis
    if row == column:
        raise ValueError(f"diagonal: axis1, axis2: got {axis1} and {axis2}, expected two different axes")
    out.data, out.dtype, out.ndim = view.data, view.dtype, 0
    for axis in range(view.ndim):
        if axis != row and axis != column:
            out.shape[out.ndim] = view.shape[axis]
            out.strides[out.ndim] = view.strides[axis]
            out.ndim += 1
    # k > -rows and k < columns first: the subtraction cannot overflow then
    if -view.shape[row] < k < view.shape[column]:
        size = min(view.shape[row] + min(k, 0), view.shape[column] - max(k, 0))
    else:
        size = 0
    out.shape[out.ndim] = size
    out.strides[out.ndim] = view.strides[row] + view.strides[column]
    out.ndim += 1
    if view_size(out) > 0:
        out.data += (k * view.strides[column] if k > 0 else -k * view.strides[row]) * itemsize_of(view.dtype)
    return 0


cdef int windows(View* out, const View* view, object axis, object size, object step) except -1:
    cdef int64_t length = as_int(size, "windows", "size")
    cdef int64_t hop = as_int(step, "windows", "step")
    cdef int along = axis_index(view, axis, "windows", "axis")
    cdef int64_t n = view.shape[along]
    if view.ndim == MAX_AXES:
        raise ValueError(f"windows: got a buffer with {MAX_AXES} axes, which has no room for one more")
    if not 0 <= length <= n:
        raise ValueError(f"windows: size: got {length}, expected 0 to {n}, the size of axis {along}")
    if hop <= 0:
        raise ValueError(f"windows: step: got {hop}, expected at least 1")
    out[0] = view[0]
    out.ndim += 1
    out.shape[along] = (n - length) // hop + 1
    if out.shape[along] > 1:
        out.strides[along] *= hop
    out.shape[view.ndim] = length
    out.strides[view.ndim] = view.strides[along]
    check_sizes(out, "windows")
    return 0
