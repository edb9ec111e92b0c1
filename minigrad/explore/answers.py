"""What the page asks, answered as plain dicts: an operation with its sizes and matrix, a step of its loop, a stack.

Cells are counted through a board, image by image and row by row, as the page lays them out; it adds nothing but looks.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from minigrad.arithmetic import associated_transpose, explain
from minigrad.draw.matrix import bands
from minigrad.draw.steps import number
from minigrad.explore import state as states, trace
from minigrad.explore.operation import Board, Operation, cell_name, operation
from minigrad.explore.stack import stack
from minigrad.explore.state import BadState, State, Window
from minigrad.matrix import Matrix
from minigrad.matrix.form import Named, words
from minigrad.reference.nested import flat

WRITTEN = 12        # terms of a sum that are written out

LABELS = {
    "axes": "axes", "i": "input size", "k": "kernel size", "s": "stride", "p": "padding", "d": "dilation",
    "a": "output padding", "c": "channels in", "f": "channels out", "g": "groups", "view": "view", "mode": "mode",
}
OPERATION_LABELS = {
    "conv": "convolution", "transposed": "transposed convolution", "weight-gradient": "weight gradient",
    "max-pool": "max pooling", "avg-pool": "average pooling", "max-unpool": "max unpooling",
    "avg-unpool": "average unpooling", "upsample": "upsampling",
}


def operations() -> dict[str, Any]:
    """The operations with their parameters: what the page makes its controls of."""
    return {
        "operations": [{"name": op, "label": OPERATION_LABELS[op], "parameters": [
            {"name": name, "label": "factor" if (op, name) == ("upsample", "s") else LABELS[name], "default": default,
             **({"choices": states.WORDS[name]} if name in states.WORDS else
                {"least": states.NUMBERS[name][0], "most": [states.most(name, axes) for axes in (1, 2)]})}
            for name, default in takes.items()]} for op, takes in states.OPERATIONS.items()],
        "paddings": states.MODES,
        "stack": {"n": [states.NUMBERS["n"][0], states.most("n", 2)], "layers": states.LAYERS,
                  "layer": {name: list(ends) for name, ends in states.LAYER.items()}},
    }


def about(state: State) -> dict[str, Any]:
    """The state itself: each parameter's value as text, and its shortest query."""
    window = {name: states.text(value) for name, value in vars(state.window).items() if value is not None}
    return {"query": states.query(state), "values": window, "n": state.stack.n,
            "layers": [list(layer) for layer in state.stack.layers],
            **{name: getattr(state, name) for name in ("entries", "step", "line", "hold", "unit")}}


def window(state: State) -> dict[str, Any]:
    """An operation: its sizes derived, its boards, its steps and its matrix; or the problem that there is none."""
    found = about(state)
    try:
        found["sizes"] = derivation(state.window)
        made = _operation(state.window)
    except ValueError as error:
        return found | {"problem": str(error).replace("explain: ", "")}
    return found | {
        "title": made.title, "scatters": made.scatters, "boards": [board(each) for each in
                                                                 (made.source, made.kernel, made.target)],
        "steps": steps(made, state.window), "matrix": matrix(made), **program(made, state.window)}


def program(made: Operation, window: Window) -> dict[str, Any]:
    """The text of the naive loop, and the sizes that it is called with."""
    text = trace.program(window).text
    names = re.findall(r"\w+", text.partition("(")[2].partition(")")[0])
    return {"loop": text, "given": {name: value for name, value in made.arguments.items()
                                    if name in names and isinstance(value, int)}}


def loop(state: State) -> dict[str, Any]:
    """The lines of the naive loop that make one step; BadState for a step that is none."""
    try:
        made, run = _operation(state.window), _trace(state.window)
    except ValueError as error:
        return {"problem": str(error)}
    step = state.step or 0
    if step >= len(run.steps):
        raise BadState("step", str(step), f"a whole number from 0 to {len(run.steps) - 1}")
    return {"step": step, "moments": trace.moments(run, made, step)}


def layers(state: State) -> dict[str, Any]:
    """The stack of layers."""
    return about(state) | stack(state.stack)


@lru_cache(maxsize=32)
def _operation(window: Window) -> Operation:
    return operation(window)


@lru_cache(maxsize=16)
def _trace(window: Window) -> trace.Trace:
    return trace.run(_operation(window), window)


# ---- sizes

def derivation(window: Window) -> dict[str, Any]:
    """The output size along one axis, derived; ValueError where there is none."""
    if window.op == "upsample":
        made = _operation(window)
        i, o = made.source.values.shape[3], made.target.values.shape[3]
        lines = [f"upsampling: i = {i}, by a factor of {window.s}",
                 f"output: {window.s} cells for each of {i}: o = {window.s}*{i} = {o}"]
        return {"size": o, "lines": named(lines), "relationship": ""}
    kind = {"transposed": "conv_transpose", "max-pool": "pool", "avg-pool": "pool", "max-unpool": "pool",
            "avg-unpool": "pool"}.get(window.op, "conv")
    sizes = window.i, window.k or 1, window.s, window.p or 0, window.d or 1
    found = explain(*sizes, window.a or 0, op=kind)
    *lines, relationship = found.lines
    size = found.output_size
    if window.op == "conv":
        back = associated_transpose(*sizes)
        low, high = back.padding
        lines.append(f"its transpose: from {back.input} to {back.output_size}, the direct convolution over "
                     f"{back.stretched} stretched, padded {low} + {high}" + f" (a = {back.a} of it)" * (back.a > 0))
    elif window.op == "weight-gradient":
        lines.append(f"the kernel's gradient: as large as the kernel, {window.k}; each of its numbers sums over the "
                     f"{size} outputs along each axis")
    elif window.op in ("max-unpool", "avg-unpool"):
        lines.append(f"back: from the {size} that were pooled to {window.i}")
    return {"size": size, "lines": named(lines), "relationship": relationship}


def named(lines: list[str]) -> list[list[str]]:
    """[name, words] of each line of a derivation; the name of what goes on from the line before is empty.

    >>> named(["output: 2 + 1 = 3", "nothing is left over, and i = 5 to 6 all have o = 3"])
    [['output', '2 + 1 = 3'], ['', 'nothing is left over, and i = 5 to 6 all have o = 3']]
    """
    return [[name, words] if sign else ["", line] for line in lines for name, sign, words in [line.partition(": ")]]


# ---- boards and steps

def board(of: Board | None) -> dict[str, Any] | None:
    """A board: shape (images, rows, columns), a word, a kind and a name for each cell."""
    if of is None:
        return None
    _, maps, rows, columns = of.values.shape
    found = kinds(of)
    return {"name": of.name, "fill": of.fill, "shape": [maps, rows, columns], "across": of.across,
            "words": [number(value) for value in flat(of.values.tolist())], "kinds": found, "entries": of.entries,
            "names": [cell_name(of, j) if kind == "cell" else "a zero between" if kind == "zero" else "padding"
                      for j, kind in enumerate(found)]}


def kinds(of: Board) -> list[str]:
    """Of each cell: "cell", "zero" (put between cells) or "pad" (around them)."""
    if of.cells is None:
        return ["cell"] * of.values.numel()
    inside = flat(of.cells.tolist())
    between = inside if of.zeros is None else flat(of.zeros.tolist())
    return ["cell" if i else "zero" if b else "pad" for i, b in zip(inside, between, strict=True)]


def steps(made: Operation, window: Window) -> list[dict[str, Any]]:
    """Each step: the cell at which it stands, [cell, tap, label] of its window, what is chosen, and a line of words."""
    still = flat((made.target if made.scatters else made.source).values.tolist())
    at = flat((made.source if made.scatters else made.target).values.tolist())
    taps = None if made.kernel is None or window.op == "max-unpool" else flat(made.kernel.values.tolist())
    after = None if made.after is None else made.after.tolist()
    end = made.source if made.scatters else made.target
    found = []
    for j, row in enumerate(made.links):
        tap = [None if taps is None else round(value) - 1 for _, value in row]
        factors = [value if taps is None else taps[round(value) - 1] for _, value in row]
        name = cell_name(end, j)
        if made.scatters:
            says = f"{name} = {number(at[j])} is added to {cells_of(len(row))}"
            says += f", times the kernel: {', '.join(f'+{number(at[j] * f)}' for f in factors[:WRITTEN])}" * (
                taps is not None) + ", …" * (taps is not None and len(factors) > WRITTEN)
            labels = [f"+{number(at[j] * factor)}" for factor in factors]
        elif window.op == "max-pool":
            says = f"{name} = max({listed([number(still[cell]) for cell, _ in row], ', ')}) = {number(at[j])}"
            labels = [""] * len(row)
        else:
            terms = [f"{number(factor)}·{number(still[cell])}" for (cell, _), factor in zip(row, factors, strict=True)]
            says = f"{name} = {listed(terms, ' + ') or '0'} = {number(at[j])}"
            labels = [number(factor) for factor in factors]
        step = {"at": j, "says": says, "window": [[cell, t, label] for (cell, _), t, label in
                                                  zip(row, tap, labels, strict=True)],
                "picked": picked(made, j)}
        if after is not None:
            now = flat(after[j])
            step["after"] = [number(now[cell]) for cell, _ in row]
        found.append(step)
    return found


def picked(made: Operation, step: int) -> list[list[int]]:
    """The cells that a maximum is taken from, as [board, cell]: of the window, or of the input that was pooled."""
    if made.picked:
        return [[0, cell] for cell, _ in made.picked[step]]
    looks = made.kernel is not None and not made.kernel.entries
    return [[1, cell] for cell, _ in made.links[step]] if looks else []


def cells_of(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def listed(terms: list[str], sign: str) -> str:
    """Terms with a sign between them; of many, the first and the last."""
    return sign.join(terms if len(terms) <= WRITTEN else [*terms[:WRITTEN - 2], "…", terms[-1]])


# ---- matrix

def matrix(made: Operation) -> dict[str, Any]:
    """The matrix by rows: [column, name, number, band] of each entry; and which cells its columns and rows are."""
    found = made.matrix if made.kernel is None or made.kernel.values.shape[2] > 1 else without_row(made.matrix)
    band = bands(found)
    return {
        "shape": list(found.shape),
        "rows": [[[i, words(value), number(float(value)), band[o, i] % 3] for i, value in row.items()]
                 for o, row in enumerate(found.rows)],
        "columns_of": made.columns or real(made.source), "rows_of": real(made.target),
        "blocks": [found.output_shape[-1], found.input_shape[-1]], "structure": str(found.structure())}


def without_row(found: Matrix) -> Matrix:
    """The matrix of a kernel of one row, whose entries need not name the row: w[2] for w[0,2]."""
    rows = [{i: Named.of(value, re.sub(r"0,(\d+\])$", r"\1", value.name)) if isinstance(value, Named) else value
             for i, value in row.items()} for row in found.rows]
    return Matrix(rows, found.input_shape, found.output_shape, found.dtype)


def real(of: Board) -> list[int]:
    """The cells that are neither padding nor zeros put in."""
    return [j for j, kind in enumerate(kinds(of)) if kind == "cell"]
