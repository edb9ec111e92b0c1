"""Receptive fields of a module, read off the graph that one captured call of it is.

Each value of the graph knows, for each spatial axis of the input, which of its own axes runs along it (if any does
still) and what its positions there read.  Instructions with a Geometry move that, views carry it to other axes, and
where operands meet it is united.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from minigrad.arithmetic.calls import Call, Traced, traced
from minigrad.arithmetic.reads import Reads
from minigrad.capture.graph import Instruction
from minigrad.capture.show import same
from minigrad.errors import require
from minigrad.geometry import Geometry
from minigrad.nn.module import Module

Along = tuple[int | None, Reads]        # of a value: the axis that runs along an axis of the input; what it reads there
State = list[Along]

WINDOWS = ("conv", "max_pool", "max_pool_index", "avg_pool")
TRANSPOSED = ("conv_transpose", "avg_unpool")
SAME_PLACE = ("alias", "copy", "cast", "choose")


def of_module(model: Module, shape: tuple[int, ...]) -> list[tuple[str, str, list[Reads]]]:
    """(name, layer, reads along each axis) of each module that computes something itself, in the order in which they
    finish, and of the whole, where that is another."""
    require(len(shape) > 1, "receptive_field", "input_shape", shape, "channels and then the spatial sizes")
    found = traced("receptive_field", model, shape)
    known = states(found)
    rows = [(call.name, call.layer, [reads for _, reads in known[same(buffer)]])
            for call in finishing(found.calls) if call.outer is None or computes(call)
            for buffer in call.outputs if same(buffer) in known]
    return rows[:-1] if len(rows) > 1 and rows[-1][2] == rows[-2][2] and rows[-1][0] == "model" else rows


def computes(call: Call) -> bool:
    """Whether it is no mere container of others."""
    return any(step.launches for step in call.own) or not list(call.module.children())


def finishing(calls: Sequence[Call]) -> list[Call]:
    """Calls in the order in which they end: each before the one that it is part of."""
    found: list[Call] = []
    running: list[Call] = []
    for call in calls:
        while running and running[-1] is not call.outer:
            found.append(running.pop())
        running.append(call)
    return found + running[::-1]


def states(found: Traced) -> dict[tuple, State]:
    """What each value of a traced call reads, by the view that it is."""
    known: dict[tuple, State] = {same(found.input): [(axis, Reads()) for axis in range(2, found.input.ndim)]}
    for step in found.graph.instructions:
        given = [(operand.shape, known[same(operand)]) for operand in step.operands if same(operand) in known]
        if given:
            known[same(step.result)] = meet(step.result.shape, [moved(step, *each) for each in given])
    return known


def meet(shape: tuple[int, ...], states: Sequence[State]) -> State:
    """What a result reads by all of its operands: the union."""
    found = states[0]
    for other in states[1:]:
        found = [(a if b is None else b, mine.joined(theirs, shape[a] if a is not None else 1))
                 if a == b or a is None or b is None else (None, mine.everything(1))
                 for (a, mine), (b, theirs) in zip(found, other, strict=True)]
    return found


def moved(step: Instruction, shape: tuple[int, ...], state: State) -> State:
    """What the result of an instruction reads through one operand."""
    rules = dict(rule(step, shape, {axis for axis, _ in state}))
    return [(None, reads) if axis is None else rules.get(axis, partial(collapsed, shape[axis]))(reads)
            for axis, reads in state]


def collapsed(size: int, reads: Reads) -> Along:
    """The axis is gone, or every place of it reads all."""
    return None, reads.everything(size)


def rule(step: Instruction, shape: tuple[int, ...], along: set[int | None]) -> Iterator[tuple[int, Any]]:
    """(axis of the operand, what becomes of its reads: (axis of the result, reads)); all others collapse.

    `along` are the axes of the operand that run along one of the input's.
    """
    name, attrs, out = step.name, step.attrs, step.result.shape
    stays = [axis for axis, (old, new) in enumerate(zip(shape, out, strict=False)) if old == new]
    if name in WINDOWS + TRANSPOSED:
        for axis, window in enumerate(windows(step), len(shape) - len(windows(step))):
            yield axis, partial(slid, axis, name in TRANSPOSED, window)
    elif name == "resample":
        for axis in stays + [attrs["axis"]] * (attrs["axis"] not in stays):
            yield axis, lambda reads, axis=axis: (axis, reads.mapped(attrs["rows"]) if axis == attrs["axis"] else reads)
    elif name in ("slice", "embed"):
        for axis, (start, step_of) in enumerate(zip(attrs["starts"], attrs["steps"], strict=True)):
            move = (Reads.window if name == "slice" else Reads.transposed)
            yield axis, lambda reads, axis=axis, move=move, s=step_of, low=-start: (axis, move(reads, 1, s, 1, low))
    elif name == "permute":
        for axis, old in enumerate(attrs["axes"]):
            yield old, partial(kept, axis)
    elif name == "reshape":
        yield from reshaped(shape, out, along)
    elif name == "linear" or name == "matmul":
        yield from [(axis, partial(kept, axis)) for axis in stays if axis < len(shape) - (2 if name == "matmul" else 1)]
    elif "axis" in attrs:           # softmax, argmax, gather, cat: along that axis alone
        yield from [(axis, partial(kept, axis)) for axis in stays if axis != attrs["axis"]]
    elif place_by_place(step):
        shift = len(out) - len(shape)
        yield from [(axis, partial(kept, axis + shift)) for axis, size in enumerate(shape) if out[axis + shift] == size]
    elif "shape" in attrs and len(out) == len(shape):       # sums and means
        yield from [(axis, partial(kept, axis)) for axis in stays]


def reshaped(shape: tuple[int, ...], out: tuple[int, ...], along: set[int | None]) -> Iterator[tuple[int, Any]]:
    """An axis stays; or is joined with axes to its right, of which none is along the input's, as those of the channels
    that `pixel_shuffle` lays out; or is split, when the left part of it reads what it had in blocks."""
    same_size = {(math.prod(out[:axis]), size): axis for axis, size in enumerate(out)}
    longer = {math.prod(out[:axis]): axis for axis, size in enumerate(out) if size > 1}
    for axis, size in enumerate(shape):
        before = math.prod(shape[:axis])
        new = longer.get(before)
        if (before, size) in same_size:
            yield axis, partial(kept, same_size[before, size])
        elif new is not None and size % out[new] == 0:
            yield axis, partial(split, new, size // out[new])
        elif new is not None and out[new] > size > 1:
            inner = [j for j in range(axis + 1, len(shape)) if math.prod(shape[axis:j + 1]) <= out[new]]
            if math.prod(shape[axis:axis + 1 + len(inner)]) == out[new] and along.isdisjoint(inner):
                yield axis, partial(joined, new, out[new] // size)


def place_by_place(step: Instruction) -> bool:
    """Elementwise, with broadcasting, or a normalisation by moments that are given."""
    if step.name == "normalize":
        return len(step.operands) == 5
    if step.row is None:
        return step.launches[0].kernel.elementwise
    return step.row.elementwise or step.name in SAME_PLACE or step.name == "expand"


def kept(axis: int, reads: Reads) -> Along:
    return axis, reads


def split(axis: int, m: int, reads: Reads) -> Along:
    """Blocks of m places."""
    return axis, reads.window(m, m, 1, 0)


def joined(axis: int, m: int, reads: Reads) -> Along:
    """Each place has become m of them."""
    return axis, reads.through(lambda o: [o // m], m, 1)


def slid(axis: int, transposed: bool, window: tuple, reads: Reads) -> Along:
    """Through a window (k, s, d, low), or through regions (size, count)."""
    if len(window) == 2:
        return axis, reads.regions(*window)
    return axis, (reads.transposed if transposed else reads.window)(*window)


def windows(step: Instruction) -> list[tuple]:
    """(k, s, d, low) of each axis, or (size, count) of regions; of a kernel called for itself, as it was told."""
    if "geometry" in step.attrs:
        g: Geometry = step.attrs["geometry"]
        return [(k, s, d, low) if s else (size, count) for k, s, d, low, size, count
                in zip(g.kernel, g.stride, g.dilation, g.low, g.input, g.output, strict=True)]
    axes, ints = step.result.ndim - 2, step.launches[0].params.ints       # type: ignore[union-attr]
    return list(zip(ints[10:13], ints[0:3], ints[3:6], ints[6:9], strict=True))[3 - axes:]
