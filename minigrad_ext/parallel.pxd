"""Threads for kernels: `for i in prange(n, num_threads=threads_for(work))`.

Work is always cut by the problem's shape, never by the number of threads, so results do not depend on it.
"""

# How many threads a loop of `work` nanoseconds should use: 1 below the size at which threads pay, which depends on
# whether they are awake, 1 in a forked child (libgomp hangs there), else what set_num_threads() asked for.
cdef int threads_for(double work) noexcept nogil
