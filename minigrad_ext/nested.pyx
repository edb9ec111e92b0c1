"""Python's nested lists, read into and made from a strided view.

Reading goes twice over the list: `measure` finds shape and dtype, so that memory can be had, `read` then fills it and
checks every length, as a list may be ragged (or be changed by an element's own __float__).
"""

from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_GET_ITEM, PyList_New, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t
from minigrad_ext.layout cimport itemsize_of, set_dtype, set_shape
from minigrad_ext.types cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_AXES, UINT8

from minigrad_ext.layout import DTYPE_NAMES

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object value, int* overflow) except? -1


cdef inline bint is_sequence(object data):
    return isinstance(data, (list, tuple, range))


cdef object plain(object value):
    """A bool, int or float from anything that stands for one: NumPy's scalars, arrays of one element, tensors."""
    if isinstance(value, (bool, int, float)):
        return value
    if hasattr(value, "item"):
        value = value.item()
        if isinstance(value, (bool, int, float)):
            return value
    elif hasattr(value, "__index__"):
        return value.__index__()
    elif hasattr(value, "__float__"):
        return value.__float__()
    raise TypeError(f"got an element of type {type(value).__name__}, expected bool, int or float")


cdef int dtype_of(object data, int depth, int found) except -2:
    """The largest dtype code of `found` and the elements of `data`: bool, int64 or float32.

    What is ragged or no number is passed over here: `read` refuses it, and says where it stands.
    """
    if is_sequence(data):
        if depth == 0:
            return found
        for item in data:
            if PyFloat_CheckExact(item):
                return FLOAT32
            found = dtype_of(item, depth - 1, found)
            if found == FLOAT32:
                break
        return found
    try:
        data = plain(data)
    except (TypeError, ValueError):
        return found
    if isinstance(data, bool):
        return BOOL if found < BOOL else found
    if isinstance(data, int):
        return INT64 if found < INT64 else found
    return FLOAT32


cdef int measure(View* view, object data, object code) except -1:
    cdef list shape = []
    item = data
    while is_sequence(item):
        shape.append(len(item))
        if len(shape) > MAX_AXES:
            raise ValueError(f"from_nested: the lists are nested deeper than {MAX_AXES} axes")
        if not item:
            break
        item = item[0]
    set_shape(view, tuple(shape), "from_nested")
    if code is not None:
        set_dtype(view, code, "from_nested")
    else:
        view.dtype = dtype_of(data, view.ndim, -1)
        if view.dtype < 0:
            view.dtype = FLOAT32        # no element at all
    return 0


cdef int read_int(char* target, int dtype, object value) except -1:
    cdef int overflow = 0
    cdef int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if dtype == INT64 and not overflow:
        (<int64_t*>target)[0] = number
    elif dtype == INT32 and not overflow and -0x80000000 <= number <= 0x7fffffff:
        (<int32_t*>target)[0] = <int32_t>number
    elif dtype == UINT8 and not overflow and 0 <= number <= 255:
        (<uint8_t*>target)[0] = <uint8_t>number
    else:
        raise ValueError(f"{value} is out of range for {DTYPE_NAMES[dtype]}")
    return 0


cdef double as_double(object value) except? -1.0:
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(str(error)) from None


cdef int read_scalar(char* target, int dtype, object value) except -1:
    """Writes one Python number as `dtype`; a float becomes an integer by dropping its fraction, as int() does."""
    cdef double number
    if not PyFloat_CheckExact(value) and type(value) is not int:
        value = plain(value)
    if dtype == FLOAT32 or dtype == FLOAT64:
        number = PyFloat_AS_DOUBLE(value) if PyFloat_CheckExact(value) else as_double(value)
        if dtype == FLOAT32:
            (<float*>target)[0] = <float>number
        else:
            (<double*>target)[0] = number
    elif dtype == BOOL:
        (<uint8_t*>target)[0] = 1 if value else 0
    else:
        if isinstance(value, float):
            if not isfinite(value):
                raise ValueError(f"cannot convert {value} to {DTYPE_NAMES[dtype]}")
            value = int(value)
        read_int(target, dtype, value)
    return 0


cdef str place(tuple path):
    return "data" + "".join([f"[{index}]" for index in path])


cdef list items_at(object data, int64_t n, tuple path):
    """The elements below the index `path`, of which there must be n."""
    cdef list items
    if not is_sequence(data):
        raise ValueError(f"from_nested: {place(path)}: got {type(data).__name__}, expected a sequence of {n}: "
                         "the data is ragged")
    items = <list>data if type(data) is list else list(data)
    if len(items) != n:
        raise ValueError(f"from_nested: {place(path)}: got length {len(items)}, expected {n}: the data is ragged")
    return items


cdef int read_row(char* target, int dtype, int64_t step, list items, tuple path) except -1:
    cdef int64_t n = len(items)
    cdef int64_t j = 0
    try:
        for j in range(n):
            if j >= len(items):     # an element's own code may have shortened the list
                raise ValueError("the list changed its length while it was read")
            item = <object>PyList_GET_ITEM(items, j)
            if not PyFloat_CheckExact(item) and is_sequence(item):
                raise ValueError("got a sequence, expected a number: the data is ragged")
            read_scalar(target, dtype, item)
            target += step
    except (TypeError, ValueError) as error:
        raise type(error)(f"from_nested: {place((*path, j))}: {error}") from None
    return 0


cdef int read_axis(const View* view, int axis, char* target, object data, tuple path) except -1:
    """Fills the part of the view below the index `path`."""
    cdef list items = items_at(data, view.shape[axis], path)
    cdef int64_t step = view.strides[axis] * itemsize_of(view.dtype)
    cdef int64_t j
    if axis == view.ndim - 1:
        return read_row(target, view.dtype, step, items, path)
    for j in range(view.shape[axis]):
        if j >= len(items):
            raise ValueError(f"from_nested: {place(path)}: the list changed its length while it was read")
        read_axis(view, axis + 1, target + j * step, items[j], (*path, j))
    return 0


cdef int read(const View* view, object data) except -1:
    if view.ndim > 0:
        return read_axis(view, 0, view.data, data, ())
    try:
        read_scalar(view.data, view.dtype, data)
    except (TypeError, ValueError) as error:
        raise type(error)(f"from_nested: {error}") from None
    return 0


cdef object to_scalar(const char* source, int dtype):
    if dtype == FLOAT32:
        return <double>(<float*>source)[0]
    if dtype == FLOAT64:
        return (<double*>source)[0]
    if dtype == INT64:
        return (<int64_t*>source)[0]
    if dtype == INT32:
        return (<int32_t*>source)[0]
    if dtype == UINT8:
        return (<uint8_t*>source)[0]
    return (<uint8_t*>source)[0] != 0


cdef object list_axis(const View* view, int axis, const char* source):
    cdef int64_t n, j, step
    cdef list result
    if axis == view.ndim:
        return to_scalar(source, view.dtype)
    n = view.shape[axis]
    step = view.strides[axis] * itemsize_of(view.dtype)
    result = PyList_New(n)
    for j in range(n):
        item = list_axis(view, axis + 1, source)
        Py_INCREF(item)                 # PyList_SET_ITEM takes the reference
        PyList_SET_ITEM(result, j, item)
        source += step
    return result


cdef object to_list(const View* view):
    return list_axis(view, 0, view.data)
