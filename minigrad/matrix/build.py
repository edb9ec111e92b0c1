"""From a function to its matrix: linear forms go through the definitions of the ops that the function is made of.

The function runs once, at zeros, and leaves its graph.  Along the graph, each op's definition in plain loops
(`minigrad.reference`, against which its kernel is tested) is called with linear forms in place of numbers.  A
definition visits just the terms of its sum, so the work grows with the matrix's entries, where one run of the function
for each basis vector would compute all the zeros too.

The result is compared with the function at one point, since a graph does not show all: which branch was taken, where
the largest element was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from minigrad import reference
from minigrad.dtypes import FLOATS, DType, check_dtype, get_default_dtype
from minigrad.errors import refuse, require
from minigrad.func import run
from minigrad.functions.create import tensor, zeros
from minigrad.fused import Fused
from minigrad.grad import grad_mode
from minigrad.matrix.form import Form, Named
from minigrad.matrix.matrix import Matrix
from minigrad.matrix.reason import reason
from minigrad.node import Meta, Node, Value, order, origin
from minigrad.reference.nested import flat, full, indices, unflatten
from minigrad.shapes import shape_of

LINEAR = "a linear function of one tensor"
# The letters of an op's two operands: an entry is named by the one that is held fixed.
LETTERS = {"conv": "xw", "conv_transpose": "gw", "conv_weight": "xg", "matmul": "ab", "linear": "xw"}


def matrix_of(fn: Callable, input_shape: Sequence[int], dtype: DType | None = None) -> Matrix:
    """The matrix A of a linear function of one tensor of shape `input_shape`: fn(x), flattened, is A @ x, flattened.

    Both are flattened in row-major order: left to right, top to bottom.  The function must be made of minigrad's ops;
    it is called twice, with tensors of `dtype` (default: the default dtype).  An entry that is a weight of a
    convolution or of a dense layer has its name: `w[row,column]`, with channels in front where there are several
    (`w[k,c,row,column]`); a second weight is `w2`, and of compositions the entries are formulas.

    ValueError, with the op and the reason, where the function is not linear: it multiplies what depends on its
    argument, adds what does not (affine), or chooses by the numbers.  TypeError for a dtype that is not floating.
    The time is proportional to the entries of the matrix (of a composition: to the products it takes).
    Source: Dumoulin and Visin 2016, "convolution as a matrix operation", where this very matrix is printed.

    >>> import minigrad
    >>> from minigrad.matrix import matrix_of
    >>> w = minigrad.arange(1., 10.).reshape(1, 1, 3, 3)
    >>> A = matrix_of(lambda x: minigrad.nn.functional.conv2d(x, w), (1, 1, 4, 4))
    >>> A.shape, A.nnz
    ((4, 16), 36)
    >>> print(matrix_of(lambda x: minigrad.nn.functional.conv1d(x, w[0, :, :1].reshape(1, 1, 3)), (1, 1, 5)))
    w[0] w[1] w[2]    0    0
       0 w[0] w[1] w[2]    0
       0    0 w[0] w[1] w[2]
    >>> matrix_of(lambda x: x + 1, (2,))
    Traceback (most recent call last):
        ...
    ValueError: matrix_of: fn: got add, which adds what does not depend on the argument: affine, as fn(0) is not 0, \
expected a linear function of one tensor
    """
    require(isinstance(input_shape, Sequence), "matrix_of", "input_shape", input_shape, "the sizes of all axes",
            TypeError)
    shape = shape_of("matrix_of", input_shape, "input_shape")
    dtype = dtype or get_default_dtype()
    check_dtype("matrix_of", "dtype", dtype, *FLOATS)
    (x,), out, outputs, _ = run("matrix_of", fn, (zeros(*shape, dtype=dtype),))
    require(len(outputs) == 1 and isinstance(out, Value), "matrix_of", "fn", "several results", LINEAR)
    forms = Forms({origin(x): [Form((), {j: 1}) for j in range(prod(shape))]}, {})
    rows = forms.of(out)
    if out.ne(0).any():
        refuse("matrix_of", "fn", f"{forms.adding(out)}, which adds what does not depend on the argument: affine, as "
               "fn(0) is not 0", LINEAR)
    made = Matrix([form.terms or {} for form in rows], shape, tuple(out.shape), out.dtype)
    compare(fn, made, dtype)
    return made


class Forms:
    """The forms of the elements of what is in a graph: `known`, by node or leaf.  `letters`: whose names are taken;
    `inside`: the fused op whose formula this is."""

    def __init__(self, known: dict[Any, list[Form]], letters: dict[str, list], inside: str = "") -> None:
        self.known, self.letters, self.inside = known, letters, inside

    def of(self, out: Any) -> list[Form]:
        """Those of a value's elements, through the graph behind it: zeros if it does not lead to what is known."""
        for node in reversed(order([origin(out)])):
            slots = [slot for slot, parent in enumerate(node.parents) if parent in self.known]
            if slots:
                self.known[node] = self.made(node, slots)
        return self.known.get(origin(out)) or zero(out.buffer.size)

    def made(self, node: Node, slots: list[int]) -> list[Form]:
        """Those of a node's result, from those of the operands at `slots`."""
        op, size = node.op, prod(node.meta.shape)
        require(op.name != "compile", "matrix_of", "fn", "a captured function, whose calls are one op without "
                "a definition", "the function that was captured")
        inputs = {slot: self.known[node.parents[slot]] for slot in slots}
        if not size or not any(inputs.values()):
            return zero(size)
        if isinstance(op, Fused) and op.name not in LETTERS:
            return self.composed(node, inputs)
        reads, reads_output = op.reads(slots, len(node.parents))
        require(not reads_output and reads.isdisjoint(slots), "matrix_of", "fn",
                f"{self.inside or op.name}, whose derivative depends on the argument", LINEAR)
        if op.name == "cast":
            return inputs[0]
        operands = [unflatten(inputs[slot], x.shape) if slot in inputs
                    else full(x.shape, 0) if type(x) is Meta        # only added: whether it is 0 is seen at 0
                    else self.named(op.name, slot, x) if op.name in LETTERS else x.tolist()
                    for slot, x in enumerate(node.operands)]
        attrs = dict(node.attrs)
        if op.name == "scatter_add":
            attrs["into"] = full(attrs.pop("shape"), 0)
        try:
            result = reference.KERNELS[op.name](*operands, **attrs)
        except TypeError:       # what is done to a form is neither adding nor scaling
            refuse("matrix_of", "fn", f"{self.inside or op.name}, which does more than add and scale numbers", LINEAR)
        return [each.settled() if isinstance(each, Form) else NOTHING for each in flat(result)]

    def named(self, op: str, slot: int, x: Any) -> Any:
        """An operand that is held fixed, as nested lists of numbers with names."""
        letter = LETTERS[op][slot]
        taken = self.letters.setdefault(letter, [])
        number = next((j for j, other in enumerate(taken) if other is x), len(taken))
        if number == len(taken):
            taken.append(x)
        letter += str(number + 1) * (number > 0)
        first = 2 if op.startswith("conv") and x.shape[:2] == (1, 1) else 0
        return unflatten([Named.of(value, f"{letter}[{','.join(map(str, index[first:]))}]")
                          for index, value in zip(indices(x.shape), flat(x.tolist()), strict=True)], x.shape)

    def composed(self, node: Node, inputs: dict[int, list[Form]]) -> list[Form]:
        """The same of a fused op: through the graph of its formula."""
        own = []
        for slot, x in enumerate(node.operands):
            fresh = zeros(*x.shape, dtype=x.dtype) if type(x) is Meta or slot in inputs else Value.result(x.buffer)
            fresh.differentiable = slot in inputs
            own.append(fresh)
        with grad_mode(True):
            out = node.op.formula(*own, **node.attrs)
        return Forms({origin(own[slot]): forms for slot, forms in inputs.items()}, self.letters,
                     self.inside or node.op.name).of(out)

    def adding(self, out: Any) -> str:
        """The ops that add, to what depends on what is known, something that does not."""
        found: dict[str, None] = {}
        for node in order([origin(out)])[::-1]:
            reached = [parent in self.known for parent in node.parents]
            if any(reached) and any(type(x) is Meta and not here
                                    for x, here in zip(node.operands, reached, strict=True)):
                found[node.op.name] = None
        return ", ".join(found) or "a result"


NOTHING = Form((), {})


def zero(count: int) -> list[Form]:
    return [NOTHING] * count


def compare(fn: Callable, made: Matrix, dtype: DType) -> None:
    """ValueError unless the function gives what its matrix does, but for rounding, at a point without pattern and on
    the other side of 0."""
    for size in (10, -10):
        point = [size * ((0.6180339887498949 * (j + 1)) % 1.0 - 0.4) for j in range(made.shape[1])]
        x = tensor(point, dtype=dtype).reshape(made.input_shape)
        with grad_mode(False):
            y = fn(x)
        same = tuple(y.shape) == made.output_shape
        digits = 1e-4 if "float32" in (dtype.name, y.dtype.name) else 1e-12
        for row, number in zip(made.rows, flat(y.tolist()), strict=True) if same else ():
            products = [value * point[column] for column, value in row.items()]
            same = same and abs(number - sum(products)) <= digits * (sum(map(abs, products)) + digits)
        if not same:
            refuse("matrix_of", "fn", f"one that differs from its matrix at a point: {reason(fn, x)}", LINEAR)
