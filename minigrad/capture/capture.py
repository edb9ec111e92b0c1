"""One capture of a function: traced, passed through the passes, placed in memory, and replayed."""

import threading
from collections.abc import Callable
from typing import Any

from minigrad.capture.form import flattened, mapped
from minigrad.capture.memory import Memory
from minigrad.capture.passes import PASSES, own_constants
from minigrad.capture.state import of_function, of_module, unchanged
from minigrad.capture.trace import Tracer
from minigrad.node import GRAD, Value
from minigrad_ext.buffer import Buffer, alike, rebased, unknown, whole
from minigrad_ext.plan import Plan
from minigrad_ext.recorder import changes, recording


class Leaf:
    """Where a captured function leaves a gradient: of which leaf (or argument), and where it comes from."""

    def __init__(self, leaf: Any, argument: int, slot: int, output: int) -> None:
        self.leaf, self.argument, self.slot, self.output = leaf, argument, slot, output


class Capture:
    """A function captured for arguments of one form.

    `graph` is what was traced after all passes, `stages` the text of it before and after each (if wanted), `plan` what
    runs.  `replay(tensors)` runs it for the tensors among other arguments of that form.
    """

    key: Any                # the form of the calls that it may fit

    def __init__(self, function: Callable, args: tuple, kwargs: dict, stages: list | None = None) -> None:
        self.function = function
        tensors: list[Value] = []
        self.form = flattened((args, kwargs), tensors)
        self.held = args, kwargs            # by whose ids the form knows them
        fixed: set[int] = set()
        while True:                         # again, where an argument turns out to be what is written by another name
            found = self.trace(function, args, kwargs, tensors, fixed)
            if found <= fixed:
                break
            fixed |= found
        self.finish(stages)

    # Tracing --------------------------------------------------------------------------------------------------------

    def trace(self, function: Callable, args: tuple, kwargs: dict, tensors: list[Value], fixed: set[int]) -> set[int]:
        """Runs the function on twins of its tensors; the numbers of those arguments that must be no twins."""
        self.tracer = tracer = Tracer()
        graph = self.graph = tracer.graph
        self.fixed = {at: tensors[at] for at in fixed}
        self.wanting = [x.differentiable for x in tensors]
        self.first = [next(at for at, y in enumerate(tensors) if y.buffer.storage is x.buffer.storage) for x in tensors]
        self.twins: list[Value] = []
        for at, x in enumerate(tensors):
            same = self.first[at]
            twin = x if at in fixed else Value.result(
                unknown(x.buffer) if same == at or same in fixed else
                rebased(x.buffer, tensors[same].buffer, self.twins[same].buffer))
            if twin is not x:
                twin.differentiable = x.differentiable
                graph.inputs.append(twin.buffer)
            self.twins.append(twin)
        by_id: dict[int, Value] = {id(x): twin for x, twin in zip(tensors, self.twins, strict=True)}
        args, kwargs = mapped((args, kwargs), lambda x: by_id[id(x)])
        look = of_function(function)
        self.around, recorded = (look, look()), GRAD.enabled
        try:
            with recording(tracer):
                self.returned = function(*args, **kwargs)
                tracer.flush()
        finally:
            GRAD.enabled = recorded
            for slot in tracer.slots.values():
                slot.after, slot.leaf.grad_slot = slot.leaf.grad_slot, slot.before
        outside = {buffer.storage for launch in graph.launches for buffer in launch.buffers if buffer.known}
        return {at for at, x in enumerate(tensors) if x.buffer.storage in outside} | set(fixed)

    # From graph to plan ---------------------------------------------------------------------------------------------

    def finish(self, stages: list | None) -> None:
        tracer, graph = self.tracer, self.graph
        twins = {id(twin): at for at, twin in enumerate(self.twins)}
        slots = list(tracer.slots.values())
        graph.inputs += [slot.bound.buffer for slot in slots if slot.bound is not None]
        self.outs: list[Value] = []         # the tensors in what is returned, then what becomes a gradient
        mapped(self.returned, self.outs.append)
        self.n_returned = len(self.outs)
        self.leaves = []
        for slot in slots:
            at = -1
            if slot.after is not None and slot.after is not slot.bound:
                at = len(self.outs)
                self.outs.append(slot.after)
            kept = slot.after is not None and slot.after is slot.bound
            self.leaves.append((slot, twins.get(id(slot.leaf), -1), at, kept))
        graph.outputs = [out.buffer for out in self.outs]
        self.input_of = {buffer.storage: at for at, buffer in reversed(list(enumerate(graph.inputs)))}
        own_constants(graph)
        for step in (None, *PASSES):
            if step is not None:
                step(graph)
            if stages is not None:
                stages.append((step, graph.text()))
        self.build()

    def build(self) -> None:
        graph, tracer = self.graph, self.tracer
        self.memory = memory = Memory(graph)
        inputs = {buffer.storage for buffer in graph.inputs}
        self.storages = list(dict.fromkeys(buffer.storage for buffer in graph.outputs
                                           if not buffer.known and buffer.storage not in inputs))
        self.slot_of = {storage: at for at, storage in enumerate(self.storages, len(graph.inputs))}
        slots = [*graph.inputs, *[whole(storage) for storage in self.storages]]
        launches = [(launch.kernel, launch.args) for launch in graph.launches]
        self.plan = Plan(launches, memory.places, slots, graph.live, memory.nbytes)
        written = {buffer.storage for launch in graph.launches for buffer in launch.written}
        self.written = {buffer.storage: buffer for launch in graph.launches for buffer in launch.written
                        if buffer.known}
        self.changed_inputs = [at for at, buffer in enumerate(graph.inputs) if buffer.storage in written]
        alive = [(ref, buffer, ref()) for buffer, ref in tracer.outside.values()]
        self.outside = [(ref, buffer, value.differentiable) for ref, buffer, value in alive if value is not None]
        known = {id(value) for *_, value in alive if value is not None}
        self.modules = [(module, of_module(module, known)) for module in tracer.guarded.values()]
        self.known = known
        self.guards = [(look, look()) for look in tracer.guards]
        self.effects, self.fresh = tracer.effects, True
        self.changes = changes()
        self.lock = threading.Lock()
        del self.tracer

    # Replaying ------------------------------------------------------------------------------------------------------

    def fits(self, tensors: list[Value]) -> bool:
        """Whether what was captured is what the function would do now."""
        for at, x in enumerate(tensors):
            twin = self.twins[at]
            if not alike(x.buffer, twin.buffer) or x.differentiable != self.wanting[at]:
                return False
            if at in self.fixed:
                if x is not twin:
                    return False
            elif self.first[at] == at:
                if x.buffer.storage in self.written or any(x.buffer.storage is y.buffer.storage for y in tensors[:at]):
                    return False
            elif not self.same_place(tensors, at):
                return False
        for slot, argument, _, _ in self.leaves:
            if slot.read:
                found = (slot.leaf if argument < 0 else tensors[argument]).grad_slot
                if found is None or slot.bound is None:
                    if found is not slot.bound:
                        return False
                elif not alike(found.buffer, slot.bound.buffer):
                    return False
        look, before = self.around
        if not unchanged(look(), before):
            return False
        for look, state in self.guards:
            if look() != state:
                return False
        now = changes()
        if now != self.changes:
            if not self.holds():
                return False
            self.changes = now
        return True

    def same_place(self, tensors: list[Value], at: int) -> bool:
        """Whether an argument lies in the memory of an earlier one, where it did."""
        x, y, first = tensors[at].buffer, tensors[self.first[at]].buffer, self.twins[self.first[at]].buffer
        return x.storage is y.storage and x.data_ptr - y.data_ptr == self.twins[at].buffer.data_ptr - first.data_ptr

    def holds(self) -> bool:
        """Whether modules and tensors from outside are what they were."""
        for ref, buffer, wanting in self.outside:
            value = ref()
            if value is not None and (value.buffer is not buffer or value.differentiable != wanting):
                return False
        return all(of_module(module, self.known) == state for module, state in self.modules)

    def replay(self, tensors: list[Value]) -> Any:
        """Runs the plan for these arguments; what the function returns."""
        with self.lock:
            plan, bound = self.plan, []
            for at, x in enumerate(tensors):
                if at not in self.fixed:
                    bound.append(x.buffer)
            for slot, argument, _, _ in self.leaves:
                if slot.bound is not None:
                    held: Any = slot.leaf if argument < 0 else tensors[argument]
                    bound.append(held.grad_slot.buffer)
            bound += [whole(storage, True) for storage in self.storages]
            for at, buffer in enumerate(bound):
                plan.bind(at, buffer)
            if self.fresh:
                self.fresh = False          # tracing has done what belongs to the first call
            else:
                for again in self.effects:
                    again()
            plan.run()
        for buffer in self.written.values():
            buffer.bump()
        for at in self.changed_inputs:
            bound[at].bump()
        made = [self.handed_out(at, tensors, bound) for at in range(len(self.outs))]
        for slot, argument, at, kept in self.leaves:
            if not kept:
                leaf = slot.leaf if argument < 0 else tensors[argument]
                leaf.grad_slot = None if at < 0 else made[at]
        items = iter(made)
        return mapped(self.returned, lambda _: next(items))

    def handed_out(self, at: int, tensors: list[Value], bound: list[Buffer]) -> Any:
        """Output number `at`, as a tensor over the memory that was bound."""
        out, buffer = self.outs[at], self.graph.outputs[at]
        for twin, x in zip(self.twins, tensors, strict=True):
            if out is twin:
                return x
        if buffer.known:
            return out
        slot = self.input_of.get(buffer.storage)
        if slot is not None:
            return Value.result(rebased(buffer, self.graph.inputs[slot], bound[slot]))
        slot = self.slot_of[buffer.storage]
        return Value.result(rebased(buffer, whole(buffer.storage), bound[slot]))
