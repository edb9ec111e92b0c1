"""Threads for kernels: `for i in prange(n, num_threads=threads_for(work))`.

Work is always cut by the problem's shape, never by the number of threads, so results do not depend on it.
"""

# How many threads a loop of `work` elementary operations (about a nanosecond each) should use: 1 below the size at
# which threads pay, 1 in a forked child (libgomp hangs there), else what set_num_threads() asked for.
cdef int threads_for(double work) noexcept nogil
