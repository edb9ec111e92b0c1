"""The contract between all kernels: a strided View, a Step to run, and the status it ends with."""

from libc.stdint cimport int32_t, int64_t, uint8_t

cdef enum:
    MAX_AXES = 8
    MAX_ARGS = 8
    MAX_INTS = 40
    MAX_FLOATS = 8
    N_DTYPES = 6

# The order is the promotion order: the result of two dtypes is the larger code.
cdef enum DType:
    BOOL = 0        # one byte, always 0 or 1
    UINT8 = 1
    INT32 = 2
    INT64 = 3
    FLOAT32 = 4
    FLOAT64 = 5

ctypedef fused real:
    float
    double

ctypedef fused number:      # every dtype; bool travels as uint8_t holding 0 or 1
    uint8_t
    int32_t
    int64_t
    float
    double

cdef struct View:
    char* data                      # the element at index (0, ..., 0)
    int64_t shape[MAX_AXES]
    int64_t strides[MAX_AXES]       # in elements, of either sign; 0 repeats an element
    int ndim
    int dtype

cdef struct Params:
    int64_t i[MAX_INTS]
    double f[MAX_FLOATS]

cdef enum Status:
    OK = 0
    NO_MEMORY = 1       # scratch could not be allocated: MemoryError
    BAD_INDEX = 2       # an index operand was out of range; Step.detail holds it: IndexError
    ZERO_DIVISION = 3   # an integer was to be divided by zero: ZeroDivisionError
    NEGATIVE_POWER = 4  # an integer was to be raised to a negative power: ValueError

cdef struct Step

ctypedef int (*kernel_t)(Step* step) noexcept nogil

# One call of one kernel, and equally one step of a captured plan.  args[0] is the output, the inputs follow.
cdef struct Step:
    kernel_t run
    void* inner                     # the loop for the dtype at hand, where a family shares one driver; else NULL
    int n_args
    View args[MAX_ARGS]
    Params params
    int64_t detail                  # what a failing kernel reports


cdef inline int64_t view_size(const View* v) noexcept nogil:
    cdef int64_t n = 1
    cdef int axis
    for axis in range(v.ndim):
        n *= v.shape[axis]
    return n
