"""A captured plan: an array of steps with direct pointers to kernels and memory, run in one loop without the GIL.

A step may be a chain: elementwise steps of one shape that run one after another on a block of elements, then on the
next block.  What one of them leaves for another is still in the cache then, and if nobody else reads it, it has no
other memory than that of a block.
"""

import time

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from minigrad_ext.allocator cimport discard, scratch
from minigrad_ext.buffer cimport Buffer, known
from minigrad_ext.kernel cimport Kernel, Params, fail
from minigrad_ext.kernels.axes cimport share_out
from minigrad_ext.types cimport MAX_ARGS, NO_MEMORY, OK, Step, itemsize_of, view_size

cdef enum:
    # Elements of a block: some blocks stay in the second cache, and a part's call (100 ns) is a tenth of its work.
    # 13 operations on 262,144 elements took 255, 246 and 229 us with blocks of 2048, 4096 and 8192, 336 us unchained.
    BLOCK = 8192
    WIDEST = 8          # bytes of an element, at most
    TASK = 8            # blocks that a thread takes at a time

# How an argument of a chain's part moves from block to block; from INNER on, it is a block of scratch of that number.
cdef enum:
    REPEATED = -2, MOVING = -1, INNER = 0


cdef int run_blocks(const void* job, int64_t first, int64_t end, void* kind) noexcept nogil:
    cdef Step step
    cdef int status = OK
    cdef int64_t number
    chain = <const Chain*>job
    memory = <char*>scratch(chain.n_inner * BLOCK * WIDEST + 1)
    if memory == NULL:
        return NO_MEMORY
    for number in range(first, end):
        for at in range(chain.n):
            part = &chain.parts[at]
            step.run, step.inner, step.n_args, step.params = part.run, part.inner, part.n_args, part.params
            for arg in range(part.n_args):
                move, view = chain.moves[at][arg], &step.args[arg]
                view.ndim, view.dtype = 1, part.args[arg].dtype
                view.shape[0], view.strides[0] = min(<int64_t>BLOCK, chain.size - number * BLOCK), move != REPEATED
                view.data = (memory + move * BLOCK * WIDEST if move >= INNER else part.args[arg].data
                             + (number * BLOCK * itemsize_of(view.dtype) if move == MOVING else 0))
            status = part.run(&step)
            if status != OK:
                break
    discard(memory)
    return status


cdef int run_chain(Step* step) noexcept nogil:
    chain = <Chain*>step.inner
    return share_out(<void*>run_blocks, chain, (chain.size + BLOCK - 1) // BLOCK, TASK, 0.3 * chain.n * chain.size)


cdef class Plan:
    """Steps of `launches`, in their order: pairs (kernel, arguments), or for a chain (its parts, storages of blocks).

    Memory of its own is one arena of `nbytes`, where `places` gives the offset of a storage.  `slots` are buffers whose
    storages are bound to memory before a run: an argument that lies in one lies as far from the memory's first element.
    Everything else is used where it is.  `live` are Params whose numbers are read again at each run.  `packed` are
    copies of the outside's memory: (its storage, the kernel and arguments that make the copy), made before a run if the
    storage's version is another than when they were made last, or while it is lent to who writes without counting.
    """

    def __cinit__(self, launches, places, slots, live, int64_t nbytes, packed=()):
        cdef int at = 0, total = 0
        self.launches, self.n, self.n_slots = tuple(launches), len(launches), len(slots)
        self.packed, self.versions = list(packed), [None] * len(packed)
        # All (kernel, arguments): for a chain its first part (to be made the chain), and at the end all parts of chains.
        calls = [what[0] if type(what) is tuple else (what, args) for what, args in self.launches]
        calls += [part for what, _ in self.launches if type(what) is tuple for part in what]
        total = len(calls)
        self.steps = <Step*>calloc(max(total, 1), sizeof(Step))
        self.chains = <Chain*>calloc(max(total - self.n, 1), sizeof(Chain))
        self.first = <int*>calloc(self.n_slots + 1, sizeof(int))
        self.bound = <char**>calloc(max(self.n_slots, 1), sizeof(char*))
        if self.steps == NULL or self.chains == NULL or self.first == NULL or self.bound == NULL:
            raise MemoryError
        self.arena = Buffer.empty((nbytes,), 1)
        by_slot, number_of = [[] for _ in slots], {}
        for number, slot in enumerate(slots):
            number_of.setdefault((<Buffer>slot).storage, number)
        lives = []
        for number, (kernel, args) in enumerate(calls):
            self.place(number, kernel, args, places, slots, number_of, by_slot)
            lives += [(number, arg) for arg in args if type(arg) is Params and arg in live]
        self.live = tuple(lives)
        at = self.n
        for number, (what, inner) in enumerate(self.launches):
            if type(what) is tuple:
                self.link(number, at, what, inner)
                at += len(what)
        at = 0
        self.patches = <Patch*>calloc(max(sum(map(len, by_slot)), 1), sizeof(Patch))
        if self.patches == NULL:
            raise MemoryError
        for number, patches in enumerate(by_slot):
            self.first[number] = at
            for step_, arg, offset in patches:
                self.patches[at] = Patch(step_, arg, offset)
                at += 1
        self.first[self.n_slots] = at

    cdef place(self, int number, Kernel kernel, tuple args, dict places, list slots, dict number_of, list by_slot):
        """Fills step `number`, with its arguments where they lie."""
        cdef Buffer buffer, base
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

    cdef link(self, int number, int first, tuple parts, inner):
        """Makes step `number` the chain of the steps from `first` on."""
        chain, block_of = &self.chains[first - self.n], {storage: at for at, storage in enumerate(inner)}
        chain.parts, chain.n, chain.n_inner = &self.steps[first], len(parts), len(block_of)
        chain.size = view_size(&self.steps[first].args[0])
        for at, (kernel, args) in enumerate(parts):
            for arg in range(self.steps[first + at].n_args):
                buffer = <Buffer>args[arg]
                chain.moves[at][arg] = (block_of[buffer.storage] if buffer.storage in block_of else
                                        MOVING if buffer.size == chain.size and buffer.is_contiguous() else REPEATED)
        self.steps[number].run, self.steps[number].inner = run_chain, chain

    def __dealloc__(self):
        free(self.steps)
        free(self.chains)
        free(self.patches)
        free(self.first)
        free(self.bound)

    cpdef bind(self, int slot, Buffer buffer):
        """Has the slot's arguments lie in the memory of a buffer, which must outlive the next run."""
        known(buffer)
        data = buffer.view.data
        self.ready += 1
        if self.bound[slot] == data:
            return
        self.bound[slot] = data
        for at in range(self.first[slot], self.first[slot + 1]):
            patch = &self.patches[at]
            self.steps[patch.step].args[patch.arg].data = data + patch.offset

    cpdef run(self):
        """All steps.  Raises what the kernel of a failing one would have raised; RuntimeError unless all slots were
        bound since the last run: what they were bound to then may be gone."""
        cdef int at = 0, status = OK
        if self.ready < self.n_slots:
            raise RuntimeError(f"Plan: run: {self.ready} of {self.n_slots} slots are bound; call the compiled function")
        self.ready = 0
        if self.packed:
            self.pack()
        for number, params in self.live:
            self.steps[<int>number].params = (<Params>params).raw
        if self.clocked is not None:
            self.clocked.append(self.times())
            return
        with nogil:
            while at < self.n:
                status = self.steps[at].run(&self.steps[at])
                if status != OK:
                    break
                at += 1
        if status != OK:
            self.fail(at, status)

    cdef pack(self):
        """Copies again what may have changed."""
        for at, (source, kernel, args) in enumerate(self.packed):
            if self.versions[at] != source.version or source.lent:
                self.versions[at] = source.version
                (<Kernel>kernel).launch(args)

    cdef fail(self, int at, int status):
        what = self.launches[at][0]
        fail((what if type(what) is Kernel else what[0][0]).name, status, self.steps[at].detail)

    cdef list times(self):
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
                self.fail(at, status)
        return found

    @property
    def nbytes(self):
        """Bytes of the arena."""
        return self.arena.size

    def __len__(self):
        return self.n
