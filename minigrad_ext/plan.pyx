"""A captured plan: an array of steps with direct pointers to kernels and memory, run in one loop without the GIL."""

import time

from libc.stdlib cimport calloc, free
from minigrad_ext.buffer cimport Buffer, Storage, whole
from minigrad_ext.kernel cimport Kernel, Params, fail
from minigrad_ext.types cimport OK


cdef class Plan:
    """Steps of `launches`, pairs (kernel, arguments), in their order.

    Memory of its own is one arena of `nbytes`, where `places` gives the offset of a storage.  `slots` are buffers whose
    storages are bound to memory before a run: an argument that lies in one lies as far from the memory's first element.
    Everything else is used where it is.  `live` are Params whose numbers are read again at each run.
    """

    def __cinit__(self, launches, places, slots, live, int64_t nbytes):
        cdef Kernel kernel
        cdef Buffer buffer, base
        cdef Step* step
        cdef int at = 0
        self.launches, self.n, self.n_slots = tuple(launches), len(launches), len(slots)
        self.steps = <Step*>calloc(max(self.n, 1), sizeof(Step))
        self.first = <int*>calloc(self.n_slots + 1, sizeof(int))
        self.bound = <char**>calloc(max(self.n_slots, 1), sizeof(char*))
        if self.steps == NULL or self.first == NULL or self.bound == NULL:
            raise MemoryError
        self.arena = Buffer.empty((nbytes,), 1)
        by_slot, number_of = [[] for _ in slots], {}
        for number, slot in enumerate(slots):
            number_of.setdefault((<Buffer>slot).storage, number)
        lives = []
        for number, (kernel, args) in enumerate(self.launches):
            step = &self.steps[number]
            kernel.fill(step, args)
            for arg in range(step.n_args):
                buffer = args[arg]
                storage = buffer.storage
                if storage in places:
                    step.args[arg].data = self.arena.view.data + <int64_t>places[storage] + (
                        buffer.view.data - storage.data)
                elif storage in number_of:
                    base = slots[number_of[storage]]
                    by_slot[number_of[storage]].append((number, arg, buffer.view.data - base.view.data))
            if len(args) > step.n_args and args[step.n_args] in live:
                lives.append((number, args[step.n_args]))
        self.live = tuple(lives)
        self.patches = <Patch*>calloc(max(sum(map(len, by_slot)), 1), sizeof(Patch))
        if self.patches == NULL:
            raise MemoryError
        for number, patches in enumerate(by_slot):
            self.first[number] = at
            for step_, arg, offset in patches:
                self.patches[at] = Patch(step_, arg, offset)
                at += 1
        self.first[self.n_slots] = at

    def __dealloc__(self):
        free(self.steps)
        free(self.patches)
        free(self.first)
        free(self.bound)

    cpdef bind(self, int slot, Buffer buffer):
        """Has the slot's arguments lie in the memory of a buffer, which must outlive the next run."""
        data = buffer.view.data
        if self.bound[slot] == data:
            return
        self.bound[slot] = data
        for at in range(self.first[slot], self.first[slot + 1]):
            patch = &self.patches[at]
            self.steps[patch.step].args[patch.arg].data = data + patch.offset

    cpdef run(self):
        """All steps.  Raises what the kernel of a failing one would have raised."""
        cdef int at = 0, status = OK
        for number, params in self.live:
            self.steps[<int>number].params = (<Params>params).raw
        with nogil:
            while at < self.n:
                status = self.steps[at].run(&self.steps[at])
                if status != OK:
                    break
                at += 1
        if status != OK:
            fail((<Kernel>self.launches[at][0]).name, status, self.steps[at].detail)

    def times(self):
        """Runs all steps once; the nanoseconds that each took."""
        cdef int status
        found = []
        clock = time.perf_counter_ns
        for at in range(self.n):
            begun = clock()
            with nogil:
                status = self.steps[at].run(&self.steps[at])
            found.append(clock() - begun)
            if status != OK:
                fail((<Kernel>self.launches[at][0]).name, status, self.steps[at].detail)
        return found

    @property
    def nbytes(self):
        """Bytes of the arena."""
        return self.arena.size

    def __len__(self):
        return self.n
