"""Writes docs/reference.md, one page with every public name: `python docs/reference.py` (`--check` compares instead).

Signatures and lines are those of the source.  A derivative is the rule of the row of the op table that has the name,
as the row states it; of a composed function, the rows in the graph that its own example records.
"""

import ast
import doctest
import inspect
import re
import sys
import types
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout, suppress
from functools import cache, wraps
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import minigrad
from minigrad import (
    arithmetic,
    autograd,
    capture,
    check,
    data,
    draw,
    dtypes,
    func,
    functions,
    io,
    matrix,
    memory,
    models,
    nn,
    optim,
    report,
)
from minigrad.node import order, origin
from minigrad.op import OPS, Linear, Multilinear, Op, Pointwise

PAGE = Path(__file__).resolve().parent / "reference.md"
MOVING = {"alias", "cast", "copy", "diagonal", "embed", "expand", "permute", "reshape", "slice", "sum_to", "windows"}

# What differs from PyTorch, by name; docs/differences.md says why.  What holds everywhere stands in the page's head.
DIFFERENCES = [
    (r"Conv(Transpose)?\dd|conv(_transpose)?\dd",
     "`padding` also as a `(low, high)` pair per axis, \"causal\" or \"full\"; "
     "\"same\" with a stride"),
    (r"conv\dd", "`flip` for the true convolution"),
    (r"conv(_transpose)?\dd", "`activation` in the same pass"),
    (r"(MaxU|max_u)npool\dd", "of several values for one place the last stays, and it alone has a gradient"),
    (r"conv_transpose\dd", "`output_size` here too"),
    (r"(Max|Avg|LP)Pool\dd|(max|avg|lp)_pool\dd", "`padding` also as `(low, high)` pairs and without the half-kernel "
     "limit; `dilation` and `ceil_mode` on each"),
    (r"flip", "a view"),
    (r"argmax|argmin|max|min|median|mode", "the first of equal elements"),
    (r"save|load", "safetensors with JSON, never pickle"),
    (r"DataLoader", "batches are made in the calling process"),
    (r"rand|randn|randint|randperm|bernoulli|normal|rand_like|randn_like|manual_seed|multinomial",
     "other numbers from the same seed, the same for every number of threads"),
    (r"checkpoint", "derivatives of any order, forward mode too"),
    (r"fuse_conv_bn_eval", "grouped transposed convolutions too"),
    (r"numpy", "NumPy must be installed; nothing else here imports it"),
    (r"(Depthwise|Separable)Conv\dd|(avg|nearest|nails)_unpool|(Avg|Nearest|Nails)Unpool|global_(avg|max)_pool|"
     r"Global(Avg|Max)Pool|lp_pool_features|FeatureLPPool|gated_tanh|GatedTanh|maxout|Maxout|dice_loss|DiceLoss|"
     r"linear_transpose|summary|cast|Digits|(Fashion)?MNIST|"
     r"ImageDataset|load_images|read_idx|write_idx|atomic_write|FileError|tensor_from_bytes|DATASETS|adjoint|"
     r"(maximum|minimum)_", "not there"),
    (r"hvp", "`autograd.functional.hvp` gives the value too"),
]


# ---- Derivatives -----------------------------------------------------------------------------------------------------

@cache
def lambdas(path: str) -> list[ast.Lambda]:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]


def same_code(node: ast.Lambda, code: types.CodeType) -> bool:
    """Whether compiling the source of a lambda gives that code (there may be several lambdas on a line)."""
    made = next(constant for constant in compile(ast.Expression(node), "", "eval").co_consts
                if isinstance(constant, types.CodeType))
    return all(getattr(made, part) == getattr(code, part) for part in ("co_code", "co_names", "co_consts",
                                                                       "co_varnames"))


def first_name(node: ast.Lambda) -> str:
    return rf"\b{node.args.args[0].arg}\b"


def formula(rule: Any, renamed: str = "") -> str:
    """The expression of a rule that is a lambda; of a function, the first line of its documentation or its name.

    The first parameter is written as `renamed`, if given.
    """
    if not callable(rule):
        return f"`{rule}`"
    code = rule.__code__
    for node in lambdas(code.co_filename):
        if node.lineno == code.co_firstlineno and same_code(node, code):
            text = re.sub(r"\b_(?=\w)", "", ast.unparse(node.body))
            return f"`{re.sub(first_name(node), renamed, text) if renamed else text}`"
    return (rule.__doc__ or rule.__name__).splitlines()[0].rstrip(".")


def derivative(op: Op) -> str:
    """How a row is differentiated, as a formula."""
    if isinstance(op, Linear):
        return f"g ↦ {formula(op.transpose, 'g')}"
    if isinstance(op, Multilinear):
        return "; ".join(trilinear(rule) or f"in operand {slot}: g ↦ {formula(rule, 'g')}"
                         for slot, rule in enumerate(op.derivatives))
    if isinstance(op, Pointwise):
        names = next((list(inspect.signature(rule).parameters)[:-1] for rule in op.derivatives if callable(rule)),
                     "x" if len(op.derivatives) == 1 else "ab")
        return "; ".join(f"∂/∂{name.strip('_')} = {formula(rule)}"
                         for name, rule in zip(names, op.derivatives, strict=False))
    return "none"


def trilinear(rule: Callable) -> str:
    """The derivative of one of the three faces of a trilinear form in one operand, in its letters; "" for others."""
    kept = inspect.getclosurevars(rule).nonlocals
    if not {"faces", "result", "wanted"} <= kept.keys():
        return ""
    name, operands, *_ = kept["faces"][kept["wanted"]]
    return f"in {kept['wanted']}: {kept['result']} ↦ `{name}({', '.join(operands)})`"


def passed(name: str, thing: Any) -> set[str]:
    """The rows in the graph of what a function returns in the example of its documentation."""
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(thing) or "")
    found: set[str] = set()
    running = []

    @wraps(thing)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if running:
            return thing(*args, **kwargs)
        running.append(True)
        try:
            result = thing(*map(wanting, args), **{key: wanting(value) for key, value in kwargs.items()})
        finally:
            running.pop()
        outputs = result if isinstance(result, (tuple, list)) else [result]
        found.update(node.op.name for node in order(origin(x) for x in outputs if isinstance(x, minigrad.Tensor)))
        return result

    with ExitStack() as stack:
        for owner in (minigrad, functions, nn.functional):
            if getattr(owner, name, None) is thing:
                stack.enter_context(mock.patch.object(owner, name, watched))
        stack.enter_context(redirect_stdout(StringIO()))
        space: dict[str, Any] = {"minigrad": minigrad, "F": nn.functional, name: watched}
        with suppress(Exception):           # an example may show an error; `watched` wants gradients, which it may not
            for example in examples:
                exec(compile(example.source, name, "single"), space)
    return found - MOVING or found - {"alias", "cast", "copy"}


def wanting(value: Any) -> Any:
    """A tensor of real numbers as a leaf that wants a gradient; anything else as it is."""
    if isinstance(value, minigrad.Tensor) and value.is_floating_point():
        return value.detach().requires_grad_()
    return type(value)(map(wanting, value)) if type(value) in (tuple, list) else value


def rule_of(name: str, thing: Any) -> str:
    """The derivative of a public function."""
    known = name if name in OPS else getattr(inspect.unwrap(thing), "__name__", "")
    if known in OPS and OPS[known].kind != "constant":
        return f"Derivative: {derivative(OPS[known])}."
    names = passed(name, thing)
    return f"Derivative: through {', '.join(f'`{row}`' for row in sorted(names))}." if names else ""


# ---- Entries ---------------------------------------------------------------------------------------------------------

def signature(thing: Any) -> str:
    """Names and defaults, without types."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return "()"
    parameters = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name != "self"]
    text = str(found.replace(parameters=parameters, return_annotation=found.empty))
    return re.sub(r"<(\w+ )?[\w.]+( at 0x\w+)?>", "...", text)


def first_line(thing: Any) -> str:
    doc = inspect.getdoc(thing) or ""
    text = " ".join(doc.split("\n\n")[0].split())
    return text + "." if text and text[-1] not in ".:!?" else text


def entry(name: str, thing: Any, rules: bool = False) -> str:
    parts = [first_line(thing)]
    if rules and callable(thing):
        parts.append(rule_of(name, thing))
    shape = signature(thing) if callable(thing) else ""
    notes = [note for pattern, note in DIFFERENCES if re.fullmatch(pattern, name)]
    notes += ["`inplace=True` computes a new tensor"] if "inplace=" in shape else []
    if notes:
        parts.append(f"*PyTorch:* {'; '.join(notes)}.")
    return f"- **`{name}{shape}`** " + " ".join(part for part in parts if part)


def section(title: str, names: Any, owner: Any, rules: bool = False, about: str = "") -> list[str]:
    lines = [f"## {title}", ""] + ([about, ""] if about else [])
    return [*lines, *[entry(name, getattr(owner, name), rules) for name in sorted(names, key=str.lower)
                      if not isinstance(getattr(owner, name), types.ModuleType)], ""]


def own_methods(owner: type) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_") and name not in ("buffer", "result")
            and inspect.getdoc(getattr(owner, name))]


def rows() -> list[str]:
    lines = ["## The op table", "", "Every operation that can be differentiated is one row.  `g` is the cotangent of "
             "the result, `y` the result; a linear row's tangent is the row itself.  The three convolutions are the "
             "faces of one form of x, w and g: there the cotangent has the letter of the result.", "",
             "| row | kind | computes | derivative |", "|---|---|---|---|"]
    for name, op in sorted(OPS.items()):
        cells = (f"`{name}`", op.kind, op.doc, derivative(op))
        lines.append("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |")
    return [*lines, ""]


def top_level() -> list[str]:
    """What the package itself offers beside its functions, modules and dtypes."""
    families = {*functions.__all__, "Tensor"}
    return [name for name in dir(minigrad) if not name.startswith("_") and name not in families
            and any(kind(getattr(minigrad, name)) for kind in (inspect.isclass, inspect.isfunction, inspect.ismethod))
            and not isinstance(getattr(minigrad, name), types.ModuleType)] + ["CaptureError", "compile", "load", "save"]


def page() -> str:
    public = set(functions.__all__)
    only_methods = [name for name in own_methods(minigrad.Tensor) if name not in public]
    both = [name for name in own_methods(minigrad.Tensor) if name in public]
    head = """# Reference

Every public name, with what it takes and what it is; generated from the source by `python docs/reference.py`.
Names, argument order, defaults and meaning are PyTorch's; *PyTorch:* says where they are not, and
[differences.md](differences.md) why.  Everywhere: the one device is the CPU; errors are ValueError for shapes and
values, TypeError for dtypes, IndexError for positions; derivatives are of any order, in both modes, and follow from the
[op table](#the-op-table): a function that names no derivative is composed of its rows, or has none.
"""
    functional = [name for name in dir(nn.functional) if name in nn.functional.__all__]
    parts = [
        head.splitlines(), [""],
        *[section(f"minigrad: {family.__name__.rpartition('.')[2]}", family.__all__, functions, True,
                  first_line(family)) for family in functions.FAMILIES],
        section("minigrad: everything else", top_level(), minigrad, False, "Dtypes: " + ", ".join(
            f"`{name}`" for name in dir(minigrad) if isinstance(getattr(minigrad, name), dtypes.DType)) + ".  Of "
            "devices that are not there, `cuda`, `accelerator` and `backends.mps`, `is_available()` is False."),
        section("Tensor", only_methods, minigrad.Tensor, False,
                "And as methods, with the tensor as first argument: " + ", ".join(f"`{name}`" for name in both) + "."),
        section("minigrad.nn", nn.__all__, nn, False, first_line(nn)),
        section("nn.Module", own_methods(nn.Module), nn.Module, False, "What every layer and model has."),
        section("minigrad.nn.functional", functional, nn.functional, True, first_line(nn.functional)),
        section("minigrad.nn.init", [n for n in dir(nn.init) if inspect.isfunction(getattr(nn.init, n)) and n[0] != "_"
                                     and getattr(nn.init, n).__module__ == nn.init.__name__], nn.init),
        section("minigrad.nn.utils", nn.utils.__all__, nn.utils, False, first_line(nn.utils)),
        section("minigrad.optim", optim.__all__, optim, False, first_line(optim)),
        section("minigrad.optim.lr_scheduler", optim.lr_scheduler.__all__, optim.lr_scheduler, False,
                first_line(optim.lr_scheduler)),
        section("minigrad.autograd", autograd.__all__, autograd, False, first_line(autograd)),
        section("minigrad.func", func.__all__, func, False, first_line(func)),
        section("minigrad.check", check.__all__, check, False, first_line(check)),
        section("minigrad.data", data.__all__, data, False, "Also `minigrad.utils.data`.  " + first_line(data)),
        section("minigrad.io", io.__all__, io, False, first_line(io)),
        section("minigrad.models", models.__all__, models, False, first_line(models)),
        section("minigrad.capture.Compiled", own_methods(capture.Compiled), capture.Compiled, False,
                "What `compile` makes of a function, called like it."),
        section("minigrad.arithmetic", [n for n in arithmetic.__all__ if n != "RELATIONSHIPS"], arithmetic, False,
                first_line(arithmetic) + "  `RELATIONSHIPS` holds the fourteen by number."),
        section("minigrad.draw", draw.__all__, draw, False, first_line(draw)),
        section("minigrad.report", report.__all__, report, False, first_line(report)),
        section("minigrad.matrix", matrix.__all__, matrix, False, first_line(matrix)),
        section("Matrix", own_methods(matrix.Matrix), matrix.Matrix, False, "What `matrix_of` returns."),
        section("minigrad.memory", [n for n in dir(memory) if not n.startswith("_")], memory, False,
                first_line(memory)),
        rows(),
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def main() -> int:
    text = page()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print(f"{PAGE.name} is not what the source says: run python docs/reference.py")
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
