"""Replaying: what is left of a captured function when it is called again.

A call checks that the capture fits, binds the memory of arguments and results, has minigrad's own objects take their
step (the learning rate, the place in a random stream), runs the plan, and hands the results out.  Nothing here depends
on how long the plan is.
"""

import threading
from collections.abc import Callable
from typing import Any

from minigrad.capture.state import of_module, unchanged
from minigrad.node import Value
from minigrad.random import get_rng_state
from minigrad_ext.buffer import Buffer, alike, rebased, unshared, whole
from minigrad_ext.plan import Plan
from minigrad_ext.recorder import changes


class Argument:
    """A tensor among the arguments: the twin that stood for it, and what one that takes its place must have."""

    def __init__(self, twin: Value, wanting: bool, same: int, fixed: bool) -> None:
        self.twin, self.buffer, self.wanting, self.fixed = twin, twin.buffer, wanting, fixed
        self.same = same        # the number of an earlier argument in whose memory it lies, or its own


class Result:
    """A tensor that is handed out: an argument, one from outside, or `buffer` in what a slot of the plan has."""

    def __init__(self, value: Value | None, argument: int, slot: int, buffer: Buffer, source: Buffer) -> None:
        self.value, self.argument, self.slot, self.buffer, self.source = value, argument, slot, buffer, source


class Gradient:
    """A leaf (or the number of the argument that is one) whose `.grad` is read, or left otherwise than it was.

    `bound` is the slot of the gradient that was there, -1 where there was none; `result` the number of the result that
    becomes the gradient, -1 where there is to be none, -2 where that which was there stays.  Where `alone`, its memory
    may be that of the last one, if nobody else has that any more.
    """

    def __init__(self, leaf: Value | None, argument: int, read: bool, before: Buffer | None, bound: int, result: int,
                 alone: bool) -> None:
        self.leaf, self.argument, self.read, self.before = leaf, argument, read, before
        self.bound, self.result, self.alone = bound, result, alone

    def holder(self, tensors: list) -> Any:
        """The tensor whose gradient it is."""
        return self.leaf if self.argument < 0 else tensors[self.argument]


class State:
    """What a capture depends on beside its arguments, looked at now and compared with later."""

    def __init__(self, around: Callable[[], list], guards: list, outside: list, modules: list) -> None:
        self.around, self.names = around, around()
        self.guards = [(look, look()) for look in guards]
        self.outside = [(ref, ref().buffer, ref().differentiable) for ref in outside if ref() is not None]
        self.known = {id(ref()) for ref, *_ in self.outside}
        self.modules = [(module, of_module(module, self.known)) for module in modules]
        self.changes = changes()

    def holds(self) -> bool:
        """Whether it is as it was.  Most of it is only looked at if something has said that it changed."""
        if not unchanged(self.around(), self.names):
            return False
        for look, state in self.guards:
            if look() != state:
                return False
        now = changes()
        if now != self.changes:
            for ref, buffer, wanting in self.outside:
                value = ref()
                if value is not None and (value.buffer is not buffer or value.differentiable != wanting):
                    return False
            for module, state in self.modules:
                if of_module(module, self.known) != state:
                    return False
            self.changes = now
        return True


class Replay:
    """A plan and what is bound to it.

    `results` are the `returned` tensors of what the function returns, then those that become gradients; `fresh` shows
    all bytes of each storage that gets memory of its own in each call; `written` is the outside's memory that the plan
    writes, `changed` the slots of arguments that it does.

    `fits(tensors)` says whether the capture is right for these arguments, `run(tensors)` does what a call does and
    returns the results, in order.
    """

    def __init__(self, plan: Plan, arguments: list, results: list, returned: int, gradients: list, fresh: list,
                 written: dict, changed: list, effects: list, state: State) -> None:
        self.plan, self.arguments, self.results, self.gradients = plan, arguments, results, gradients
        self.returned, self.fresh, self.written, self.changed = returned, fresh, written, changed
        self.effects, self.state = effects, state
        self.saved = len(results)       # from which number on they are kept for derivatives, which `history` attaches
        self.history: Any = None
        self.words: dict[str, str] = {}         # what it means, by kernels' names, if one fails
        self.lock = threading.Lock()

    def fits(self, tensors: list) -> bool:
        """Whether what was captured is what the function would do now."""
        for at, argument in enumerate(self.arguments):
            x = tensors[at]
            if x.differentiable != argument.wanting or not alike(x.buffer, argument.buffer):
                return False
            if argument.fixed:
                if x is not argument.twin:
                    return False
            elif argument.same != at:
                if not self.same_place(tensors, at):
                    return False
            elif self.written and x.buffer.storage in self.written:
                return False
            else:
                for other in range(at):
                    if x.buffer.storage is tensors[other].buffer.storage:
                        return False
        for gradient in self.gradients:
            if gradient.read:
                held = gradient.holder(tensors).grad_slot
                if held is None or gradient.before is None:
                    if held is not gradient.before:
                        return False
                elif not alike(held.buffer, gradient.before):
                    return False
        return self.state.holds()

    def same_place(self, tensors: list, at: int) -> bool:
        """Whether an argument lies in the memory of an earlier one, where it did."""
        same = self.arguments[at].same
        x, y = tensors[at].buffer, tensors[same].buffer
        here, there = self.arguments[at].buffer, self.arguments[same].buffer
        return x.storage is y.storage and x.data_ptr - y.data_ptr == here.data_ptr - there.data_ptr

    def run(self, tensors: list) -> list:
        """A call."""
        with self.lock:
            bound = self.bind(tensors)
            before = None if self.history is None else get_rng_state()
            for again, _ in self.effects:
                again()
            try:
                self.plan.run()
            except Exception as error:
                for _, undo in reversed(self.effects):
                    undo()
                words = self.words.get(str(error).partition(":")[0])
                raise error if words is None else type(error)(f"{words}: {error}") from None
            finally:
                for buffer in self.written.values():
                    buffer.bump()
                for at in self.changed:
                    bound[at].bump()
        made = [self.handed_out(self.results[at], tensors, bound) for at in range(self.returned)]
        for gradient in self.gradients:
            at = gradient.result
            if at == -1:
                gradient.holder(tensors).grad_slot = None
            elif at >= 0 and at < self.returned:
                gradient.holder(tensors).grad_slot = made[at]
            elif at >= 0:
                self.leave(gradient.holder(tensors), self.results[at], tensors, bound)
        if self.history is not None:
            saved = [self.handed_out(result, tensors, bound) for result in self.results[self.saved:]]
            self.history.attach(made, saved, bound, tensors, before)
        return made

    def leave(self, holder: Any, result: Result, tensors: list, bound: list) -> None:
        """Makes a result the holder's gradient, unless it has been computed into that one's memory."""
        held = holder.grad_slot
        if held is None or result.slot < 0 or held.buffer is not bound[result.slot]:
            holder.grad_slot = self.handed_out(result, tensors, bound)

    def bind(self, tensors: list) -> list:
        """Memory for all slots: of the arguments, of gradients that were there, and for the results."""
        bound = []
        for at, argument in enumerate(self.arguments):
            if not argument.fixed:
                bound.append(tensors[at].buffer)
        for gradient in self.gradients:
            if gradient.bound >= 0:
                bound.append(gradient.holder(tensors).grad_slot.buffer)
        n = len(bound)
        bound += self.fresh
        for gradient in self.gradients:
            if gradient.alone:
                result = self.results[gradient.result]
                buffer = self.own(gradient.holder(tensors), result.buffer)
                if buffer is not None:
                    bound[result.slot] = buffer
        for at in range(len(bound)):
            if at >= n and bound[at] is self.fresh[at - n]:
                bound[at] = whole(bound[at].storage, True)
            self.plan.bind(at, bound[at])
        return bound

    def own(self, holder: Any, like: Buffer) -> Any:
        """The memory of a holder's gradient, if nobody else has it and it is as large."""
        held = holder.grad_slot
        return held.buffer if held is not None and alike(held.buffer, like) and unshared(held, 2) else None

    def handed_out(self, result: Result, tensors: list, bound: list) -> Any:
        """A result of the run, as a tensor."""
        if result.argument >= 0:
            return tensors[result.argument]
        if result.value is not None:
            return result.value
        return Value.result(rebased(result.buffer, result.source, bound[result.slot]))
