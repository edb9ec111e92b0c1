"""The contract between all kernels: a strided View, a Step to run, and the status it ends with."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    MAX_AXES = 8, MAX_ARGS = 8, MAX_INTS = 40, MAX_FLOATS = 8, N_DTYPES = 6

# The order is the promotion order: the result of two dtypes is the larger code.  A bool is one byte, always 0 or 1.
cdef enum DType:
    BOOL, UINT8, INT32, INT64, FLOAT32, FLOAT64

ctypedef fused real:
    float
    double

ctypedef fused number:      # every dtype; bool travels as uint8_t holding 0 or 1
    uint8_t
    int32_t
    int64_t
    float
    double

ctypedef fused bits:        # an element that is only moved, by its size alone
    uint8_t
    uint32_t
    uint64_t

ctypedef fused wrapping:    # one for arithmetic: integers of the same bits as `number`, without signed overflow
    bits
    real

cdef struct View:
    char* data                      # the element at index (0, ..., 0)
    int64_t shape[MAX_AXES]
    int64_t strides[MAX_AXES]       # in elements, of either sign; 0 repeats an element
    int ndim
    int dtype

cdef struct Params:
    int64_t i[MAX_INTS]
    double f[MAX_FLOATS]

# No memory for scratch; an index operand out of range, which Step.detail holds; an integer to be divided by zero; an
# integer to be raised to a negative power.
cdef enum Status:
    OK, NO_MEMORY, BAD_INDEX, ZERO_DIVISION, NEGATIVE_POWER

cdef struct Step

ctypedef int (*kernel_t)(Step* step) noexcept nogil

# One call of one kernel, and equally one step of a captured plan.  args[0] is the output, the inputs follow.
cdef struct Step:
    kernel_t run
    void* inner                     # the loop for the dtype at hand, where a family shares one driver
    int n_args
    View args[MAX_ARGS]
    Params params
    int64_t detail                  # what a failing kernel reports


cdef inline int64_t itemsize_of(int dtype) noexcept nogil:
    return 1 if dtype <= UINT8 else 8 if dtype == INT64 or dtype == FLOAT64 else 4


cdef inline int64_t view_size(const View* v) noexcept nogil:
    cdef int64_t n = 1
    for axis in range(v.ndim):
        n *= v.shape[axis]
    return n


cdef inline bint contiguous(const View* v) noexcept nogil:
    """Whether the elements lie in row-major order without gaps."""
    cdef int64_t expected = 1
    for axis in range(v.ndim - 1, -1, -1):
        if v.shape[axis] != 1 and v.strides[axis] != expected:
            return False
        expected *= v.shape[axis]
    return True
