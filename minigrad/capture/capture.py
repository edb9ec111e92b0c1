"""One capture of a function: traced, passed through the passes, placed in memory, made a plan."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from minigrad.capture.derivative import Derivative, History
from minigrad.capture.form import flattened, mapped
from minigrad.capture.graph import covers
from minigrad.capture.names import named
from minigrad.capture.placed import Placed
from minigrad.capture.replay import Argument, Gradient, Replay, Result, State
from minigrad.capture.state import of_function
from minigrad.capture.trace import Slot, Tracer
from minigrad.node import GRAD, Value
from minigrad_ext.buffer import rebased, unknown, whole
from minigrad_ext.recorder import recording


class Capture:
    """A function captured for arguments of one form.

    `graph` is what was traced after all passes, `plan` what runs, in `memory`, and `replay` what a call does.
    `watch(pass, graph)` is called after each pass, and with None before the first.
    """

    def __init__(self, function: Callable, args: tuple, kwargs: dict, watch: Callable | None = None) -> None:
        self.function, self.around = function, of_function(function)[1]
        tensors: list[Value] = []
        flattened((args, kwargs), tensors)
        self.held = args, kwargs            # by whose ids a form knows them
        fixed: set[int] = set()
        while True:                         # again, where an argument turns out to be what is written by another name
            found = self.trace(function, args, kwargs, tensors, fixed)
            if found <= fixed:
                break
            fixed |= found
            self.tracer.restore()
        self.finish(watch)

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
                twin.differentiable, twin.grad_slot = x.differentiable, x.grad_slot
                tracer.filled.add(twin.buffer.storage)
                graph.inputs.append(twin.buffer)
            self.twins.append(twin)
        self.by_id = {id(x): twin for x, twin in zip(tensors, self.twins, strict=True)}
        args, kwargs = mapped((args, kwargs), lambda x: self.by_id[id(x)])
        recorded = GRAD.enabled
        try:
            with recording(tracer):
                self.returned = function(*args, **kwargs)
                tracer.flush()
                self.derivatives = self.derived()
        except BaseException:
            tracer.restore()
            raise
        finally:
            GRAD.enabled = recorded
            for slot in tracer.slots.values():
                slot.after, slot.leaf.grad_slot = slot.leaf.grad_slot, slot.before
            for at, twin in enumerate(self.twins):
                if at not in fixed:
                    twin.grad_slot = None
        outside = {buffer.storage for launch in graph.launches for buffer in launch.buffers if buffer.known}
        return {at for at, x in enumerate(tensors) if x.buffer.storage in outside} | set(fixed)

    def derived(self) -> list[Derivative]:
        """Of the results that have a graph.  (One that shows numbers of the outside has the graph that it needs.)"""
        returned: list[Value] = []
        mapped(self.returned, returned.append)
        places = {id(out): at for at, out in enumerate(returned) if out.node is not None and not out.buffer.known}
        self.leaves = [at for at, out in enumerate(returned) if out.differentiable and out.node is None
                       and not any(out is twin for twin in self.twins)
                       and (not out.buffer.known or out.buffer.storage in self.graph.constants)]
        found = [Derivative(self.tracer, returned, at, self.twins, self.leaves) for at in places.values()]
        for at in places.values():
            returned[at].node = None        # by which all that was traced would stay
        return [derivative for derivative in found if derivative.ends]

    # From graph to plan ---------------------------------------------------------------------------------------------

    def finish(self, watch: Callable | None) -> None:
        """Passes, memory and plan."""
        tracer, graph = self.tracer, self.graph
        slots = list(tracer.slots.values())
        graph.inputs += [slot.bound.buffer for slot in slots if slot.bound is not None]
        outs: list[Value] = []                      # the tensors in what is returned, then those that become gradients
        mapped(self.returned, outs.append)
        returned = len(outs)
        outs += [slot.after for slot in slots if slot.after is not None and slot.after is not slot.bound
                 and not any(slot.after is out for out in outs)]
        kept = [whole(storage) for derivative in self.derivatives for storage in derivative.saved]
        graph.outputs, graph.returned = [*[out.buffer for out in outs], *kept], returned
        graph.trained = len(outs) > returned or bool(self.derivatives)
        graph.names = named(self.function, *self.held, self.by_id, tracer)
        graph.targets = [", ".join([f"%{graph.names[slot.leaf.buffer][0]}.grad" for slot in slots if slot.after is out])
                         for out in outs] + [""] * len(kept)
        for derivative in self.derivatives:
            derivative.graph.names = graph.names | dict.fromkeys(derivative.graph.inputs[:1], ("cotangent", "input"))
        placed = Placed(graph, watch)
        self.memory, self.plan = placed.memory, placed.plan
        arguments = [Argument(twin, wanting, first, at in self.fixed) for at, (twin, wanting, first)
                     in enumerate(zip(self.twins, self.wanting, self.first, strict=True))]
        results = [placed.result(out, buffer, self.twins) for out, buffer in
                   zip([*outs, *[None] * len(kept)], graph.outputs, strict=True)]
        self.replay = Replay(
            self.plan, arguments, results, returned, self.gradients(slots, outs, results, returned), placed.fresh,
            placed.written, placed.changed, tracer.effects,
            State(self.around, tracer.guards, [ref for _, ref in tracer.outside.values()],
                  list(tracer.guarded.values())))
        if self.derivatives or self.leaves:
            self.replay.saved = len(outs)
            self.replay.history = History(self.function, self.held, self.derivatives, self.leaves)
        self.replay.words = tracer.words
        tracer.restore()
        del self.tracer

    def called(self, tensors: list[Value]) -> Any:
        """What the function returns for these tensors among its arguments."""
        made = self.replay.run(tensors)
        if self.returned is None:
            return None
        items = iter(made)
        return mapped(self.returned, lambda _: next(items))

    def gradients(self, slots: list[Slot], outs: list[Value], results: list[Result], returned: int) -> list[Gradient]:
        """How each gradient that the function touches is found and left."""
        found, bound = [], sum(not argument for argument in (at in self.fixed for at in range(len(self.twins))))
        shared = Counter(result.slot for result in results)
        for slot in slots:
            argument = next((at for at, twin in enumerate(self.twins) if slot.leaf is twin), -1)
            number, before = -1, None if slot.bound is None else slot.bound.buffer
            if slot.after is not None:
                number = -2 if slot.after is slot.bound else next(at for at, out in enumerate(outs)
                                                                  if out is slot.after)
            alone = (number >= returned and before is None and results[number].slot >= 0
                     and shared[results[number].slot] == 1 and covers(results[number].buffer))
            found.append(Gradient(None if argument >= 0 else slot.leaf, argument, slot.read, before,
                                  -1 if before is None else bound, number, alone))
            bound += before is not None
        return found
