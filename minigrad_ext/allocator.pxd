"""Blocks of memory, 64-byte aligned and recycled."""

# A block of at least `nbytes` bytes (its contents are whatever was there before); MemoryError when there is none.
cdef char* take(size_t nbytes) except NULL
# Returns a block taken with the same `nbytes`.
cdef void give(char* block, size_t nbytes) noexcept nogil
# Whether the bytes around a block are as they were: False after a write beyond it, if this build has guards.
cdef bint intact(const char* block, size_t nbytes) noexcept

# The same without the GIL and without remembering the size, for a kernel's scratch memory: aligned; NULL when there is
# none; `discard(NULL)` does nothing.
cdef void* scratch(size_t nbytes) noexcept nogil
cdef void discard(void* memory) noexcept nogil
