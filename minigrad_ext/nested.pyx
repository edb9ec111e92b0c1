"""Python's nested lists, read into a view; single numbers, both ways.

The lists are flattened first, one level after the other, which shows where the data is ragged; then the dtype is found,
so that memory can be had; then the numbers are written.
"""

from cpython.float cimport PyFloat_CheckExact
from libc.stdint cimport int32_t, int64_t, uint8_t
from minigrad_ext.layout cimport set_shape
from minigrad_ext.types cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_AXES, UINT8, itemsize_of

from minigrad_ext.layout import DTYPE_NAMES

cdef tuple SEQUENCES = (list, tuple, range)


cdef object plain(object value):
    """A bool, int or float from anything that stands for one: NumPy's scalars, arrays of one element, tensors."""
    if isinstance(value, (int, float)):
        return value
    for name in ("item", "__index__", "__float__"):
        if hasattr(value, name):
            value = getattr(value, name)()
            break
    if not isinstance(value, (int, float)):
        raise TypeError(f"got an element of type {type(value).__name__}, expected bool, int or float")
    return value


cdef object refused(object error, Py_ssize_t position, sizes, str detail):
    """An error that names the place of the element, or list, at a position among those below lists of these sizes."""
    indices = ""
    for n in reversed(sizes):
        indices = f"[{position % n}]{indices}"
        position //= n
    return error(f"from_nested: data{indices}: {detail}")


cdef list flatten(View* view, object data, object dtype):
    cdef list sizes = [], numbers = [data], below
    cdef Py_ssize_t n, j = 0
    cdef int axis, kind = -1
    item = data
    while isinstance(item, SEQUENCES):
        sizes.append(len(item))
        if len(sizes) > MAX_AXES:
            raise ValueError(f"from_nested: the lists are nested deeper than {MAX_AXES} axes")
        item = item[0] if item else None
    set_shape(view, sizes, "from_nested")
    for axis in range(view.ndim):
        n, below = view.shape[axis], []
        for j, item in enumerate(numbers):
            sequence = isinstance(item, SEQUENCES)
            if sequence:
                below.extend(item)
            if not sequence or len(below) != (j + 1) * n:
                got = f"length {len(below) - j * n}" if sequence else type(item).__name__
                raise refused(ValueError, j, sizes[:axis], f"got {got}, expected a sequence of {n}: the data is ragged")
        numbers = below
    try:
        for j in range(len(numbers)):
            item = numbers[j]
            if not PyFloat_CheckExact(item) and type(item) is not int:
                if isinstance(item, SEQUENCES):
                    raise ValueError("got a sequence, expected a number: the data is ragged")
                numbers[j] = item = plain(item)
            kind = max(kind, <int>(FLOAT32 if isinstance(item, float) else BOOL if isinstance(item, bool) else INT64))
    except (TypeError, ValueError) as error:
        raise refused(type(error), j, sizes, str(error)) from None
    view.dtype = dtype if dtype is not None else kind if kind >= 0 else FLOAT32
    return numbers


cdef int write(const View* view, list numbers) except -1:
    cdef Py_ssize_t j = 0
    cdef int64_t step = itemsize_of(view.dtype)
    try:
        for j in range(len(numbers)):
            write_scalar(view.data + j * step, view.dtype, numbers[j])
    except (TypeError, ValueError) as error:
        raise refused(type(error), j, [view.shape[axis] for axis in range(view.ndim)], str(error)) from None
    return 0


cdef int write_scalar(char* target, int dtype, object value) except -1:
    """Writes one Python number as `dtype`; a float becomes an integer by dropping its fraction, as int() does."""
    if not PyFloat_CheckExact(value) and type(value) is not int:
        value = plain(value)
    try:
        if dtype == FLOAT32:
            (<float*>target)[0] = value
        elif dtype == FLOAT64:
            (<double*>target)[0] = value
        elif dtype == BOOL:
            (<uint8_t*>target)[0] = 1 if value else 0
        elif isinstance(value, float):
            write_scalar(target, dtype, int(value))
        elif dtype == INT64:
            (<int64_t*>target)[0] = value
        elif dtype == INT32:
            (<int32_t*>target)[0] = value
        else:
            (<uint8_t*>target)[0] = value
    except OverflowError:
        raise ValueError(f"{value} is out of range for {DTYPE_NAMES[dtype]}") from None
    return 0


cdef object read_scalar(const char* source, int dtype):
    if dtype >= FLOAT32:
        return <double>(<float*>source)[0] if dtype == FLOAT32 else (<double*>source)[0]
    if dtype >= INT32:
        return <int64_t>(<int32_t*>source)[0] if dtype == INT32 else (<int64_t*>source)[0]
    return <int>(<uint8_t*>source)[0] if dtype == UINT8 else (<uint8_t*>source)[0] != 0
