"""A captured graph as text: a line for each instruction, and each value named after the line that computes it.

    %6: float32[8,16,10,10] = conv(%2, %features.3.weight, %features.3.bias)  k 5, then relu
    %21: float32[16,6,5,5] = conv_weight(%2, %20)  k 5, transpose of %6 conv -> %features.3.weight.grad

What is read stands in parentheses: lines before, arguments and memory from outside by name, small constants by value.
What follows says with which geometry and attributes, whether the line is a view (and so costs nothing) or writes memory
that was there before, and of which line it is the transpose: every op's pull is made of ops, so the backward pass reads
like the rest.
"""

import textwrap
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from minigrad.dtypes import DTYPES
from minigrad.geometry import Geometry
from minigrad_ext.buffer import Buffer, Storage

FEW = 4         # elements of a constant that is shown by value
LETTERS = {"kernel": ("k", None), "stride": ("s", 1), "dilation": ("d", 1)}


class Line:
    """An instruction as it reads.

    `name` is that of its value, `operands` are the names of what it reads and `notes` what else is to be said; `reads`
    are the lines whose values it reads, `outside` the names of what no line has computed; `pulled` is the line of which
    it computes a cotangent; `targets` names the gradients that its value becomes, which may be `returned`; `phase` is
    "forward", "backward" or "update".
    """

    def __init__(self, step: Any, number: int) -> None:
        self.step, self.name, self.op, self.is_view = step, f"%{number}", step.name, not step.launches
        self.type, self.targets, self.phase, self.returned = "", "", "forward", False
        self.operands: list[str] = []
        self.notes: list[str] = []
        self.reads: list[Line] = []
        self.outside: list[str] = []
        self.pulled: Line | None = None

    def __str__(self) -> str:
        notes = f"  {', '.join(self.notes)}" if self.notes else ""
        return f"{self.name}: {self.type} = {self.op}({', '.join(self.operands)}){notes}{self.targets}"


class Names:
    """What each view of each memory is called at the line that is being read."""

    def __init__(self, graph: Any) -> None:
        self.constants = graph.constants
        self.views: dict[Storage, dict[tuple, tuple[str, Line | None]]] = defaultdict(dict)
        self.memory: dict[Storage, tuple[str, Line | None]] = {}       # by its last writer
        self.outside: dict[str, tuple[Buffer, str]] = {}                # what no line computes, and of which kind it is
        for buffer, (name, kind) in graph.names.items():
            self.find(buffer, f"%{name}", kind)
        for number, buffer in enumerate(graph.inputs):
            if buffer.storage not in self.memory:
                self.find(buffer, f"%kept{number}", "input")

    def define(self, buffer: Buffer, name: str, line: Line | None) -> None:
        self.views[buffer.storage][same(buffer)] = name, line
        self.memory.setdefault(buffer.storage, (name, line))

    def find(self, buffer: Buffer, name: str, kind: str) -> tuple[str, None]:
        """Names what comes from outside."""
        self.outside[name] = buffer, kind
        self.define(buffer, name, None)
        return name, None

    def written(self, buffer: Buffer, name: str, line: Line) -> None:
        """New numbers: what other views of that memory show has no name of its own any more."""
        self.memory[buffer.storage] = name, line
        self.views[buffer.storage] = {same(buffer): (name, line)}

    def of(self, buffer: Buffer) -> tuple[str, Line | None] | None:
        """(name, line), or None of what no line has computed."""
        found, all_of_it = self.views[buffer.storage].get(same(buffer)), self.memory.get(buffer.storage)
        if found is None and all_of_it is not None:
            found = f"{all_of_it[0]} as {shape_text(buffer)}", all_of_it[1]
        if found is None and buffer.known:
            kind = "constant" if buffer.storage in self.constants else "outside"
            value = constant(buffer) if kind == "constant" else ""
            found = (value, None) if value else self.find(buffer, f"%{kind}{len(self.outside)}", kind)
        return found


def same(buffer: Buffer) -> tuple:
    """Equal for two buffers that are the same view of the same memory."""
    return buffer.storage, buffer.offset, buffer.shape, buffer.strides, buffer.dtype


def shape_text(buffer: Buffer) -> str:
    return f"[{','.join(map(str, buffer.shape))}]"


def type_text(buffer: Buffer) -> str:
    """float32[8,3], say."""
    return DTYPES[buffer.dtype].name + shape_text(buffer)


def constant(buffer: Buffer) -> str:
    """The elements, if they are few or all one number repeated by zero strides, else ""."""
    distinct = buffer.slice((0,) * buffer.ndim, (1,) * buffer.ndim, tuple([
        min(size, 1) if stride == 0 else size for size, stride in zip(buffer.shape, buffer.strides, strict=True)]))
    if not 0 < distinct.size <= FEW:
        return ""
    return repr(rounded(distinct.tolist() if distinct.size > 1 else distinct.item()))


def rounded(value: Any) -> Any:
    """Numbers to six digits, as they were probably written."""
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:g}") if isinstance(value, float) else value


def lines(graph: Any, numbers: dict[Any, int] | None = None, names: Names | None = None) -> list[Line]:
    """The lines of a graph: of its views and of what runs.

    `numbers` gives instructions the numbers that they had in an earlier state of the graph, and gets new ones.
    """
    numbers, names = {} if numbers is None else numbers, names or Names(graph)
    found: dict[Any, Line] = {}
    for step in graph.instructions:
        result = names.of(step.result) if not step.launches else None
        if result is not None and result[1] and step.row is not None and None in map(names.of, step.operands):
            result[1].notes.append(f"then {step.name}")     # stored by the line that computed its operand
        if step.launches or (step.row is not None and step.row.view is not None):
            found[step] = read(step, Line(step, numbers.setdefault(step, len(numbers))), names, graph.live, found)
    tell_phases(graph, list(found.values()), names)
    for at, buffer in enumerate(graph.outputs):
        _, line = names.of(buffer) or ("", None)
        if line is not None:
            line.returned |= at < graph.returned
            line.targets += "".join([f" -> {target}" for target in graph.targets[at:at + 1] if target])
    return list(found.values())


def read(step: Any, line: Line, names: Names, live: set, found: dict[Any, Line]) -> Line:
    """Fills the line of an instruction; `names` are what they are after it."""
    launches = step.launches
    written = [buffer for launch in launches for buffer in launch.written]
    operands = [names.of(buffer) for buffer in step.operands] if step.row else [None]
    changed = [launch for launch in launches if launch.parts or launch.name == "copy"]
    if None in operands or changed:     # a kernel called for itself, or what a pass has made of an op
        line.op = changed[0].name if len(launches) == len(changed) == 1 else line.op
        made = {buffer.storage for launch in launches if launch.parts for buffer in launch.written}
        operands = list(dict.fromkeys(names.of(x) for launch in launches for x in launch.read if x.storage not in made))
    known = [operand for operand in operands if operand]
    line.operands = [name for name, _ in known]
    line.reads = list(dict.fromkeys(source for _, source in known if source))
    line.outside = list(dict.fromkeys(name for name, source in known if not source))
    line.notes = [*attributes(step.attrs), *["view"] * line.is_view]
    over = [known[0] for known in map(names.of, written) if known] if launches else []
    if over:
        places = [line.operands.index(name) if name in line.operands else -1 for name in over]
        line.notes.append(f"writes operand{'s' * (len(over) > 1)} {', '.join(map(str, places))}"
                          if min(places) >= 0 else f"writes {', '.join(over)}")
    if any(launch.params in live for launch in launches):
        line.notes.append("numbers of each call")
    if step.pulls is not None:
        line.pulled = found.get(step.pulls) or (names.of(step.pulls.result) or (None, None))[1]
        linear = step.pulls.row is not None and step.pulls.row.kind in ("linear", "multilinear")
        line.notes.append(f"{'transpose of' if linear else 'pulls'} "
                          f"{line.pulled.name + ' ' if line.pulled else ''}{step.pulls.name}")
    results = written if len(launches) == 1 else [step.result]
    line.type = type_text(results[0])
    for at, buffer in enumerate(results):
        (names.written if launches else names.define)(buffer, f"{line.name}.{at}" if at else line.name, line)
    return line


def tell_phases(graph: Any, found: list[Line], names: Names) -> None:
    """Forward, but for what computes gradients or is a constant for these, and for what changes parameters or serves
    that alone.
    """
    gradients = {buffer.storage for buffer, label in zip(graph.outputs, graph.targets, strict=False) if label} | {
        buffer.storage for buffer, (_, kind) in graph.names.items() if kind == "gradient"}
    parameters = {buffer.storage for buffer, (_, kind) in graph.names.items() if kind == "parameter"}
    given = {name for name, (_, kind) in names.outside.items() if kind != "constant"}
    readers: dict[Line, list[Line]] = {}
    for line in reversed(found):
        touched = {line.step.result.storage} | {x.storage for launch in line.step.launches for x in launch.written}
        serves = {reader.phase for reader in readers.get(line, [])}
        if touched & parameters and not line.is_view:
            line.phase = "update"
        elif line.step.pulls is not None or touched & gradients:
            line.phase = "backward"
        elif serves == {"update"} or (serves == {"backward"} and not line.reads and not
                                           given.intersection(line.outside)):
            line.phase = serves.pop()
        for each in line.reads:
            readers.setdefault(each, []).append(line)


def attributes(attrs: dict[str, Any]) -> list[str]:
    """An op's attributes but for the shape and dtype, which its result has."""
    found = []
    for name, value in attrs.items():
        if isinstance(value, Geometry):
            found += window(value)
        elif hasattr(value, "__dict__") and not callable(value):
            found += attributes({key: each for key, each in vars(value).items() if isinstance(each, int | float)})
        elif value is not None and value is not False and name not in ("shape", "dtype"):
            found.append(name if value is True else f"{name} {getattr(value, '__name__', value)}")
    return found


def window(geometry: Geometry) -> list[str]:
    """k(ernel), s(tride), d(ilation), p(adding) and groups, where they are not what they usually are."""
    found = [f"{letter} {several(getattr(geometry, name))}" for name, (letter, usual) in LETTERS.items()
             if set(getattr(geometry, name)) != {usual}]
    sides = [low if low == high else f"({low},{high})" for low, high in zip(geometry.low, geometry.high, strict=True)]
    return found + [f"p {several(sides)}"] * any(sides) + [f"groups {geometry.groups}"] * (geometry.groups > 1)


def several(sizes: Iterable[Any]) -> str:
    """5x3, or 5 for 5x5."""
    words = list(map(str, sizes))
    return "x".join(words[:1] if len(set(words)) == 1 else words)


def text(graph: Any, numbers: dict[Any, int] | None = None) -> str:
    """The graph: what it is given, its lines by phase, what it returns."""
    names = Names(graph)
    found = lines(graph, numbers, names)
    outputs = [(names.of(buffer) or ("?",))[0] for buffer in graph.outputs]
    returned, kept = outputs[:graph.returned], [name.split(" as ")[0] for name, target in zip(
        outputs[graph.returned:], graph.targets[graph.returned:], strict=False) if not target]
    used = {name.split(" as ")[0] for each in (*[line.outside for line in found], returned) for name in each}
    parts = [listed(heading, {name: buffer for name, (buffer, kind) in names.outside.items()
                              if name in used and kind != "state" and (kind in ("input", "gradient")) == given})
             for heading, given in (("inputs", True), ("outside", False))]
    for phase, group in groupby(found, lambda line: line.phase):
        parts += [*[phase] * (len({line.phase for line in found}) > 1), *[f"  {line}" for line in group]]
    return "\n".join([*filter(None, parts), *[f"{word} {', '.join(found)}" for word, found in (
        ("return", returned), ("keep for the way back", kept)) if found]])


def listed(heading: str, buffers: dict[str, Buffer]) -> str:
    """Names with types, over several lines."""
    words = ", ".join(f"{name}:\0{type_text(buffer)}" for name, buffer in buffers.items())
    return textwrap.fill(words, 118, initial_indent=f"{heading} ", subsequent_indent="  ", break_long_words=False,
                         break_on_hyphens=False).replace("\0", " ") if words else ""


def dot(graph: Any) -> str:
    """The graph in the language of Graphviz; a line that pulls another one stands beside it."""
    found = lines(graph)
    parts = ["digraph {", "  node [shape=box, fontname=monospace]"]
    for line in found:
        label = "\\n".join([f"{line.name} {line.op}", line.type, *line.outside]).replace('"', "'") + line.targets
        style = ("dashed" if line.is_view else "solid") + ("" if line.phase == "forward" else ",filled")
        parts.append(f'  "{line.name}" [label="{label}", style="{style}", class={line.phase}]')
        parts += [f'  "{source.name}" -> "{line.name}"' for source in line.reads]
        parts += [f'  {{rank=same; "{line.pulled.name}"; "{line.name}"}}'] if line.pulled else []
    return "\n".join([*parts, "}"])
