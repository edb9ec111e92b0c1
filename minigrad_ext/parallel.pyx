"""How many threads the loops may use, and why a forked child uses one.

libgomp keeps its worker threads between loops.  fork() copies only the calling thread, so a child that enters a
parallel loop would wait forever for workers that it does not have; it therefore runs every loop on one thread.

Waiting threads spin for about 90 us (minigrad_ext/__init__.py) and then sleep.  To share a loop out among threads that
spin costs a microsecond; to wake them, 20 to 70.  So it matters how much there was to share lately, without a pause in
which they fell asleep: a large loop is worth waking them, and so are many small ones close to each other.  Who pays
for waking only after having lost as much by not doing so never loses more than twice of what the best choice costs.
Where nothing comes after they were woken, again and again (the last loop of each small training step, say), it takes
twice as much to wake them the next time.
"""

import os

from cython.parallel cimport prange, threadid

cdef extern from * nogil:
    """
    #ifdef _OPENMP
        #define MG_OPENMP 1
    #else
        #define MG_OPENMP 0
        #define omp_in_parallel() 0
        #define omp_get_wtime() 0.0
    #endif
    """
    int omp_in_parallel()
    double omp_get_wtime()
    const bint MG_OPENMP

cdef int MAX_THREADS = 1024

cdef enum:
    PAUSE = 60_000              # nanoseconds after which threads may be asleep
    WAKING = 40                 # grains: what they are woken for, at first
    LEAST = 7                   # grains that must have been spared until they sleep again, or waking them was in vain
    LONGEST = 2 * WAKING        # grains: what they are woken for in any case

# What each thread should have to do at least, in nanoseconds.
cdef double grain = 3_000

# Work that could have been shared out, since the last pause, and when the last such loop ends.  (Where several threads
# of Python's ask at once they may disturb each other's notes: no harm is done.)
cdef double lately = 0, until = 0
cdef double spared = 0, enough = WAKING         # by threads since then; the grains that they are woken for now

cdef int n_threads = 1
cdef bint forked = False        # whether this process is the child of one that may have had threads


cdef int threads_for(double work) noexcept nogil:
    global lately, until, spared, enough
    if n_threads == 1 or work < 2 * grain or forked or omp_in_parallel():
        return 1
    now = 1e9 * omp_get_wtime()
    if now >= until + PAUSE:
        if spared > 0:
            enough = WAKING if spared >= LEAST * grain else min(2 * enough, <double>LONGEST)
        lately = spared = 0
    lately += work
    threads = 1 if lately < enough * grain else n_threads if work > n_threads * grain else <int>(work / grain)
    until = now + work / threads
    spared += work - work / threads
    return threads


def has_openmp():
    """Whether the loops were compiled with OpenMP; without it they all run on one thread."""
    return MG_OPENMP


def usable_cores():
    """The number of cores this process may run on."""
    # macOS and Windows do not tell.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_num_threads(n):
    """Sets how many threads a loop may use, at least 1. Results do not depend on it.

    The default is MINIGRAD_NUM_THREADS, else OMP_NUM_THREADS, else the number of usable cores.  A forked child
    always uses one.  Raises TypeError for anything but an integer, ValueError outside 1 to 1024.
    """
    global n_threads
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"set_num_threads: n: got {type(n).__name__}, expected an int")
    if not 1 <= n <= MAX_THREADS:
        raise ValueError(f"set_num_threads: n: got {n}, expected 1 to {MAX_THREADS}")
    n_threads = n if MG_OPENMP else 1


def get_num_threads():
    """How many threads a loop may use now."""
    return 1 if forked else n_threads


def _set_grain(nanoseconds):
    """For tests: the least work of a thread; next to nothing shares out all that can be."""
    global grain, enough
    grain, enough = nanoseconds, WAKING


def threads_used(work):
    """How many threads a loop of `work` nanoseconds is really run by, found out by running one."""
    cdef int used = 0
    wanted = threads_for(work)
    for i in prange(wanted, nogil=True, num_threads=wanted, schedule="static"):
        used += threadid() == i
    return used


def _forked():
    global forked
    forked = True


def _default_threads():
    for name in ("MINIGRAD_NUM_THREADS", "OMP_NUM_THREADS"):
        first = os.environ.get(name, "").split(",")[0].strip()      # OpenMP allows one number per nesting level
        if first.isdecimal() and 1 <= int(first) <= MAX_THREADS:
            return int(first)
    return min(usable_cores(), MAX_THREADS)


if hasattr(os, "register_at_fork"):     # not on Windows
    os.register_at_fork(after_in_child=_forked)
set_num_threads(_default_threads())
