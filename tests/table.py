"""What the tests of the op table run each row on: shapes, layouts, values and attributes.

`SAMPLES[name]` lists the samples of a row; a row without samples fails a test.  A sample's operands are made twice: of
small integers, on which sums and products are exact in every dtype, and of reals inside the row's domain that are all
distinct, so that no two tie and none stands on a kink, where derivatives can be compared with differences.
"""

from dataclasses import dataclass, field
from math import prod

import minigrad
from minigrad import Tensor, reference
from minigrad.axismap import axis_map
from minigrad.geometry import Geometry
from minigrad.groups import Groups
from minigrad.op import OPS
from minigrad.reference import nested
from minigrad_ext.buffer import Buffer


@dataclass(frozen=True)
class Domain:
    """Where an operand's numbers lie: reals in (low, high), integers from a list."""

    low: float = -2.5
    high: float = 2.5
    ints: tuple = (-3, -2, -1, 0, 1, 2, 3)


ANY = Domain()
POSITIVE = Domain(0.3, 2.5, (1, 2, 3, 4))
UNIT = Domain(-0.9, 0.9, (0,))
ABOVE_ONE = Domain(1.2, 3.0, (2, 3))
NATURAL = Domain(0.3, 2.5, (0, 1, 2, 3))
NONZERO = Domain(0.4, 2.5, (-3, -2, -1, 1, 2, 3))
SHIFT = Domain(0, 1, (0, 1, 2, 5))
BELOW, MIDDLE, OVER = Domain(-3, -1, (-2, -1, 0)), Domain(-2.9, 2.9), Domain(1, 3, (0, 1, 2))


@dataclass(frozen=True)
class Operand:
    """Shape, memory layout, and values of one operand; its dtype is the one under test unless it is fixed here."""

    shape: tuple
    layout: str = "contiguous"
    domain: Domain = ANY
    dtype: object = None
    values: tuple | None = None             # flat, for indices and masks

    def numbers(self, n, slot, whole):
        if self.values is not None:
            return list(self.values)[:n]
        if whole:
            ints = self.domain.ints
            return [ints[(5 * j + 3 * slot + j // len(ints)) % len(ints)] for j in range(n)]
        low, high = self.domain.low, self.domain.high
        return [low + (high - low) * ((0.6180339887498949 * (j + 1) + 0.37 * slot) % 1.0) for j in range(n)]

    def make(self, dtype, slot, whole):
        """A leaf with these numbers, in its layout."""
        kind = self.dtype or dtype
        if self.dtype is not None or not kind.is_floating_point:
            whole = True
        shape = self.shape
        if self.layout == "expanded":       # one row, repeated along the first axis
            shape = (1, *shape[1:])
        python = float if kind.is_floating_point else bool if kind is minigrad.bool else int
        numbers = [python(x) for x in self.numbers(prod(shape), slot, whole)]
        plain = Buffer.empty(shape, kind.code)
        if prod(shape):
            plain = Buffer.from_nested(nested.unflatten(numbers, shape), kind.code)
        return Tensor(laid_out(plain, self.layout, self.shape))


def laid_out(plain, layout, shape):
    """A buffer with the same numbers in another memory layout."""
    if layout == "contiguous" or not shape:
        return plain
    if layout == "expanded":
        return plain.expand(shape)
    ndim = len(shape)
    order = tuple(reversed(range(ndim)))
    if layout == "transposed":
        view = Buffer.empty(shape[::-1], plain.dtype).permute(order)
    elif layout == "reversed":
        view = Buffer.empty(shape, plain.dtype).slice(tuple([n - 1 for n in shape]), (-1,) * ndim, shape)
    else:
        assert layout == "stepped"
        view = Buffer.empty([2 * n + 1 for n in shape], plain.dtype).slice((1,) * ndim, (2,) * ndim, shape)
    minigrad.kernels.KERNELS["copy"](view, plain)
    return view


@dataclass
class Sample:
    """One call of a row."""

    name: str
    operands: tuple
    attrs: dict = field(default_factory=dict)
    derivatives: bool = True                # whether differences are taken, which costs time

    def make(self, dtype, whole=False):
        return [operand.make(dtype, slot, whole) for slot, operand in enumerate(self.operands)]

    @property
    def row(self):
        return OPS[self.name]

    def __call__(self, *operands):
        return self.row(*operands, **self.attrs)

    def slots(self, operands):
        """The places of the operands that can be differentiated."""
        return [slot for slot, x in enumerate(operands)
                if x.dtype.is_floating_point and slot not in getattr(self.row, "constants", ())]

    def leaves(self, dtype):
        """The operands, those that can be differentiated as leaves that want gradients."""
        operands = self.make(dtype)
        for slot in self.slots(operands):
            operands[slot].requires_grad = True
        return operands

    def along(self, operands, slots=None):
        """The call as a function of its differentiable operands alone, and these operands."""
        slots = self.slots(operands) if slots is None else slots

        def function(*chosen):
            full = list(operands)
            for slot, x in zip(slots, chosen, strict=True):
                full[slot] = x
            return self(*full)
        return function, [operands[slot] for slot in slots]


# ---- elementwise rows ------------------------------------------------------------------------------------------------

REAL = {"exp": ANY, "exp2": ANY, "expm1": ANY, "log": POSITIVE, "log2": POSITIVE, "log10": POSITIVE, "log1p": NATURAL,
        "sqrt": POSITIVE, "root": POSITIVE, "rsqrt": POSITIVE, "reciprocal": NONZERO, "sin": ANY, "cos": ANY,
        "tan": UNIT, "asin": UNIT, "acos": UNIT, "atan": ANY, "sinh": ANY, "cosh": ANY, "asinh": ANY,
        "acosh": ABOVE_ONE, "atanh": UNIT, "erf": ANY, "erfc": ANY}
NUMBER = ("neg", "abs", "sign", "square", "floor", "ceil", "round", "trunc")
TESTS = ("isnan", "isinf", "isfinite", "logical_not")
BINARY = {"add": (ANY, ANY), "sub": (ANY, ANY), "mul": (ANY, ANY), "div": (ANY, NONZERO), "pow": (POSITIVE, NATURAL),
          "atan2": (ANY, NONZERO), "maximum": (ANY, ANY), "minimum": (ANY, ANY), "floor_divide": (ANY, NONZERO),
          "remainder": (ANY, NONZERO), "fmod": (ANY, NONZERO)}
ACTIVATIONS = {"relu": {}, "tanh": {}, "sigmoid": {}, "gelu": {}, "gelu_tanh": {}, "silu": {}, "mish": {},
               "hardswish": {}, "softplus": {"threshold": 2.0}, "elu": {"alpha": 0.5, "scale": 2.0},
               "leaky_relu": {"slope": 0.25}, "hardtanh": {"low": -0.5, "high": 1.5}}
COMPARE = ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor")
BITS = ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift")
ONLY_INTEGERS = {"bitwise_not", *BITS}

# (shapes, layouts, whether differences are taken) of one, two and three operands that broadcast
ONE = [((), "contiguous", True), ((3,), "reversed", True), ((2, 3), "transposed", True), ((1,), "contiguous", False),
       ((0,), "contiguous", False), ((2, 0, 3), "contiguous", False), ((2, 1, 2), "stepped", False),
       ((3, 2), "expanded", False), ((2, 1, 1, 1, 2, 1, 1, 2), "contiguous", False)]
TWO = [(((), ()), ("contiguous",) * 2, True), (((2, 2), (2,)), ("transposed", "contiguous"), True),
       (((2, 1), (1, 3)), ("contiguous", "reversed"), True), (((), (2,)), ("contiguous", "stepped"), True),
       (((3, 2), (3, 2)), ("expanded", "transposed"), False), (((1, 0), (3, 1)), ("contiguous",) * 2, False),
       (((2, 1, 3), (4, 1)), ("transposed", "contiguous"), False), (((0,), ()), ("contiguous",) * 2, False)]
THREE = [(((), (), ()), ("contiguous",) * 3, True),
         (((2, 2), (2,), ()), ("transposed", "reversed", "contiguous"), True),
         (((3, 1), (1, 2), (2,)), ("contiguous", "contiguous", "stepped"), True),
         (((2, 3), (2, 3), (2, 3)), ("expanded", "reversed", "stepped"), False),
         (((0, 2), (2,), (1, 1)), ("contiguous",) * 3, False)]


def elementwise(name, domains, dtypes=None, **attrs):
    shapes = {1: [((shape,), (layout,), hard) for shape, layout, hard in ONE], 2: TWO, 3: THREE}[len(domains)]
    dtypes = dtypes or (None,) * len(domains)
    return [Sample(name, tuple(Operand(shape, layout, domain, dtype) for shape, layout, domain, dtype
                               in zip(sizes, layouts, domains, dtypes, strict=True)), attrs, derivatives=hard)
            for sizes, layouts, hard in shapes]


SAMPLES = {
    **{name: elementwise(name, (domain,)) for name, domain in REAL.items()},
    **{name: elementwise(name, (ANY,)) for name in (*NUMBER, *TESTS, "bitwise_not")},
    **{name: elementwise(name, domains) for name, domains in BINARY.items()},
    **{name: elementwise(name, (ANY, ANY)) for name in COMPARE},
    **{name: elementwise(name, (ANY, SHIFT if "shift" in name else ANY)) for name in BITS},
    **{name: elementwise(name, (ANY,), **attrs) for name, attrs in ACTIVATIONS.items()},
    **{f"{name}_pull": elementwise(f"{name}_pull", (ANY, ANY), **attrs) for name, attrs in ACTIVATIONS.items()},
    "clamp": elementwise("clamp", (MIDDLE, BELOW, OVER)),
    "where": elementwise("where", (ANY, ANY, ANY), (minigrad.bool, None, None)),
}


# ---- rows that move numbers ------------------------------------------------------------------------------------------

def one(name, sizes, layout="contiguous", /, **attrs):
    """A row of one operand; the operand's sizes have no keyword because `shape` is an attribute of many rows."""
    return Sample(name, (Operand(sizes, layout),), attrs)


def transposes(name, back, cases, spatial):
    """Samples of a view and of its transpose: the transpose takes the view's result back to the shape it came from."""
    there = [one(name, shape, layout, **attrs) for shape, layout, attrs in cases]
    here = [one(back, spatial(shape, **attrs), other, **{**attrs, "shape": shape})
            for (shape, _, attrs), other in zip(cases, ("transposed", "reversed", "stepped") * 3, strict=False)]
    return {name: there, back: here}


def diagonal_shape(shape, offset, axis1, axis2):
    length = min(shape[axis1] + min(offset, 0), shape[axis2] - max(offset, 0))
    return (*[n for axis, n in enumerate(shape) if axis not in (axis1, axis2)], max(length, 0))


def windows_shape(shape, axis, size, step):
    return (*shape[:axis], (shape[axis] - size) // step + 1, *shape[axis + 1:], size)


SLICES = [((4,), "contiguous", {"starts": (1,), "steps": (2,), "shape": (2,)}),
          ((5,), "reversed", {"starts": (4,), "steps": (-2,), "shape": (3,)}),
          ((2, 3), "transposed", {"starts": (1, 0), "steps": (-1, 2), "shape": (2, 2)}),
          ((3, 3), "expanded", {"starts": (0, 1), "steps": (1, 1), "shape": (2, 1)}),
          ((3, 2), "contiguous", {"starts": (0, 0), "steps": (1, 1), "shape": (0, 2)}),
          ((0, 2), "contiguous", {"starts": (0, 1), "steps": (1, 1), "shape": (0, 1)}),
          ((), "contiguous", {"starts": (), "steps": (), "shape": ()})]

SAMPLES |= {
    name: [one(name, ()), one(name, (2, 3), "transposed"), one(name, (3,), "reversed"), one(name, (2, 0)),
           one(name, (2, 2), "expanded")] for name in ("alias", "copy")
}
SAMPLES["expand"] = [
    one("expand", (2, 1), shape=(2, 3)), one("expand", (), shape=(2, 2)), one("expand", (2,), "reversed", shape=(3, 2)),
    one("expand", (1, 2, 1), "transposed", shape=(2, 2, 2)), one("expand", (1, 2), shape=(0, 2)),
    one("expand", (2, 2), "stepped", shape=(2, 2)), one("expand", (1,), shape=(0,)), one("expand", (), shape=())]
SAMPLES["sum_to"] = [
    one("sum_to", (2, 3), "transposed", shape=(2, 1)), one("sum_to", (2, 2), shape=()),
    one("sum_to", (2, 3), "reversed", shape=(3,)), one("sum_to", (2, 2, 2), "stepped", shape=(1, 2, 1)),
    one("sum_to", (3, 2), "expanded", shape=(1, 1)), one("sum_to", (0, 3), shape=(3,)),
    one("sum_to", (2, 0), shape=(1, 1)), one("sum_to", (2, 0), shape=(1, 0)), one("sum_to", (), shape=()),
    one("sum_to", (1, 2), shape=(2,))]
SAMPLES["reshape"] = [
    one("reshape", (2, 3), shape=(3, 2)), one("reshape", (4,), shape=(2, 1, 2)), one("reshape", (), shape=(1, 1)),
    one("reshape", (1, 1), shape=()), one("reshape", (0, 3), shape=(2, 0)),
    one("reshape", (4,), "reversed", shape=(2, 2)),
    one("reshape", (2, 2), "transposed", shape=(2, 1, 2)), one("reshape", (2, 2), "stepped", shape=(1, 2, 2, 1))]
SAMPLES["permute"] = [
    one("permute", (2, 3), axes=(1, 0)), one("permute", (2, 1, 3), "stepped", axes=(2, 0, 1)),
    one("permute", (), axes=()),
    one("permute", (2, 2, 2), "expanded", axes=(1, 2, 0)), one("permute", (3,), "reversed", axes=(0,)),
    one("permute", (0, 2), axes=(1, 0))]
SAMPLES |= {
    "slice": [one("slice", shape, layout, **attrs) for shape, layout, attrs in SLICES],
    "embed": [one("embed", attrs["shape"], layout, **{**attrs, "shape": shape}) for (shape, _, attrs), layout in
              zip(SLICES, ("contiguous", "reversed", "transposed", "expanded", *("contiguous",) * 3), strict=True)],
    **transposes("diagonal", "diagonal_embed", [
        ((3, 3), "contiguous", {"offset": 0, "axis1": 0, "axis2": 1}),
        ((2, 3), "transposed", {"offset": 1, "axis1": 0, "axis2": 1}),
        ((3, 2), "reversed", {"offset": -1, "axis1": 0, "axis2": 1}),
        ((2, 2, 3), "stepped", {"offset": 0, "axis1": 2, "axis2": 0}),
        ((2, 2), "expanded", {"offset": 2, "axis1": 1, "axis2": 0}),
        ((0, 2), "contiguous", {"offset": 0, "axis1": 0, "axis2": 1})], diagonal_shape),
    **transposes("windows", "overlap_add", [
        ((5,), "contiguous", {"axis": 0, "size": 2, "step": 1}),
        ((5,), "reversed", {"axis": 0, "size": 2, "step": 2}),          # one element is in no window
        ((2, 4), "transposed", {"axis": 1, "size": 3, "step": 1}),
        ((4, 2), "stepped", {"axis": 0, "size": 2, "step": 3}),         # nor is one between two windows
        ((3, 2), "expanded", {"axis": 0, "size": 3, "step": 1}),
        ((2, 3, 0), "contiguous", {"axis": 1, "size": 2, "step": 1})], windows_shape),
    "cat": [Sample("cat", tuple(Operand(shape, layout) for shape, layout in parts), {"axis": axis}) for axis, parts in [
        (0, [((2,), "contiguous"), ((3,), "reversed")]),
        (1, [((2, 1), "contiguous"), ((2, 2), "transposed"), ((2, 0), "contiguous")]),
        (0, [((1, 2), "stepped")]),
        (0, [((2, 2), "expanded"), ((1, 2), "contiguous")]),
        (1, [((0, 1), "contiguous"), ((0, 2), "contiguous")])]],
}
SAMPLES["cast"] = [
    Sample("cast", (Operand(shape, layout, ANY, source),), {"dtype": dtype}, derivatives=source is None and hard)
    for shape, layout, source, dtype, hard in [
        ((), "contiguous", None, minigrad.float64, True), ((2, 2), "transposed", None, minigrad.float64, True),
        ((3,), "reversed", None, minigrad.float32, False), ((3,), "contiguous", None, minigrad.int64, False),
        ((3,), "contiguous", None, minigrad.int32, False), ((0, 2), "contiguous", None, minigrad.float32, False),
        ((4,), "contiguous", None, minigrad.bool, False), ((7,), "contiguous", minigrad.int64, minigrad.uint8, False),
        ((3,), "stepped", minigrad.bool, minigrad.float32, False),
        ((2, 2), "expanded", minigrad.bool, minigrad.float64, False)]]


# ---- reductions, indices, products -----------------------------------------------------------------------------------

REDUCED = [((), "contiguous", ()), ((4,), "reversed", (1,)), ((2, 3), "transposed", (2, 1)),
           ((2, 3), "stepped", (1, 3)), ((2, 2, 2), "contiguous", (1, 2, 1)), ((2, 1), "contiguous", (2, 1)),
           ((2, 2), "contiguous", (1, 1)), ((0, 2), "contiguous", (0, 1))]
SAMPLES |= {name: [one(name, sizes, layout, shape=target) for sizes, layout, target in REDUCED]
            for name in ("mean", "amax", "amin", "logsumexp")}
SAMPLES["logsumexp"] += [one("logsumexp", (2, 0), shape=(2, 1))]
SAMPLES |= {name: [Sample(name, (Operand(shape, layout, dtype=minigrad.bool),), {"shape": target})
                   for shape, layout, target in
                   [*REDUCED, ((2, 0), "contiguous", (2, 1)), ((3, 2), "expanded", (3, 1))]]
            for name in ("any", "all")}
ALONG = [((), "contiguous", 0), ((4,), "reversed", 0), ((2, 3), "transposed", 1), ((3, 2), "stepped", 0),
         ((2, 2, 2), "contiguous", 1), ((3, 2), "expanded", 1), ((1, 3), "contiguous", 0), ((0, 2), "contiguous", 1)]
SAMPLES |= {name: [one(name, sizes, layout, axis=axis) for sizes, layout, axis in ALONG]
            for name in ("argmax", "argmin")}
SAMPLES["argsort"] = [one("argsort", sizes, layout, axis=axis, descending=descending)
                      for sizes, layout, axis in ALONG if sizes for descending in (False, True)]
SAMPLES["cumsum"] = [one("cumsum", sizes, layout, axis=axis, reverse=reverse)
                     for sizes, layout, axis in ALONG for reverse in (False, True)]

PICKS = [((4,), "contiguous", (3,), (2, 0, 2), 0), ((2, 3), "transposed", (2, 2), (2, 0, 1, 1), 1),
         ((3, 2), "reversed", (4, 1), (0, 2, 1, 1), 0), ((2, 2), "expanded", (1, 2), (1, 0), 0),
         ((), "contiguous", (), (0,), 0), ((2, 2, 2), "stepped", (2, 1, 2), (1, 0, 1, 1), 1),
         ((3, 2), "contiguous", (0, 2), (), 0), ((3,), "contiguous", (0,), (), 0)]
SAMPLES["gather"] = [
    Sample("gather", (Operand(shape, layout), Operand(index, dtype=minigrad.int64, values=values)), {"axis": axis})
    for shape, layout, index, values, axis in PICKS]
SAMPLES["scatter_add"] = [
    Sample("scatter_add", (Operand(index, layout if index else "contiguous"),
                           Operand(index, dtype=minigrad.int64, values=values)), {"axis": axis, "shape": shape})
    for shape, layout, index, values, axis in PICKS]
SAMPLES["scatter_index"] = [
    Sample("scatter_index", (Operand(index, dtype=minigrad.int64, values=values),), {"axis": axis, "shape": shape})
    for shape, layout, index, values, axis in PICKS if shape]
SAMPLES["nonzero"] = [
    Sample("nonzero", (Operand(shape, layout, dtype=minigrad.bool, values=values),), {"count": sum(values)})
    for shape, layout, values in [((4,), "reversed", (1, 0, 1, 1)), ((2, 3), "transposed", (0, 1, 0, 1, 1, 0)),
                                  ((), "contiguous", (1,)), ((), "contiguous", (0,)), ((0, 2), "contiguous", ()),
                                  ((2, 2), "contiguous", (0, 0, 0, 0))]]
SAMPLES["matmul"] = [
    Sample("matmul", (Operand(a, first), Operand(b, second)), derivatives=hard) for a, first, b, second, hard in [
        ((2, 3), "contiguous", (3, 2), "transposed", True), ((1, 1), "contiguous", (1, 1), "contiguous", True),
        ((2, 1, 2), "stepped", (2, 2), "reversed", True), ((2, 2), "expanded", (2, 2, 1), "transposed", True),
        ((2, 1, 1, 3), "contiguous", (3, 3, 1), "reversed", False), ((2, 0), "contiguous", (0, 3), "contiguous", False),
        ((0, 2), "contiguous", (2, 3), "contiguous", False), ((0, 2, 2), "contiguous", (2, 1), "contiguous", False),
        ((5, 9), "transposed", (9, 7), "transposed", False)]]
SAMPLES["linear"] = [
    Sample("linear", (Operand(x, first), Operand(w, second), *([Operand(w[:1], "reversed")] if bias else [])),
           derivatives=hard) for x, first, w, second, bias, hard in [
        ((2, 3), "contiguous", (2, 3), "transposed", True, True), ((2,), "reversed", (3, 2), "contiguous", True, True),
        ((2, 1, 2), "transposed", (2, 2), "stepped", True, True),
        ((1, 2), "contiguous", (1, 2), "reversed", False, True),
        ((2, 3, 2), "expanded", (1, 2), "contiguous", True, False),
        ((0, 2), "contiguous", (3, 2), "contiguous", True, False),
        ((2, 0), "contiguous", (3, 0), "contiguous", True, False),
        ((2, 2), "contiguous", (0, 2), "contiguous", True, False),
        ((3, 2, 2, 5), "transposed", (4, 5), "transposed", True, False)]]


# ---- sliding windows -------------------------------------------------------------------------------------------------

CONVS = [   # input, kernel, how, batch, channels per group, output channels, whether differences are taken
    ((4,), (2,), {}, 1, 1, 2, True),
    ((5,), (2,), {"stride": 2, "padding": ((1, 0),), "dilation": 2}, 1, 2, 1, True),
    ((4,), (3,), {"padding": "same", "groups": 2}, 1, 1, 2, True),
    ((3, 2), (2, 2), {"padding": ((1, 0), (0, 1))}, 1, 1, 1, True),
    ((2, 2, 2), (1, 2, 1), {"stride": (1, 1, 2)}, 1, 1, 1, True),
    ((5, 4), (3, 2), {"stride": (2, 1), "padding": "full", "dilation": (1, 2)}, 2, 2, 3, False),
    ((6, 5), (3, 3), {"padding": ((2, 1), (0, 3)), "stride": 3, "groups": 2}, 2, 2, 4, False),
    ((7,), (3,), {"stride": 3, "padding": 5}, 2, 1, 2, False),              # padding wider than the kernel
    ((5, 5), (3, 3), {"padding": 1, "groups": 3}, 1, 1, 6, False),          # depthwise, two outputs for each input
    ((3, 4, 3), (2, 3, 2), {"stride": (1, 2, 1), "padding": ((0, 1), (2, 0), (1, 1)), "dilation": (1, 1, 2)}, 1, 2, 2,
     False),
    ((3, 3, 3), (1, 1, 1), {}, 2, 2, 3, False),
    ((4, 4), (2, 2), {"stride": 2}, 0, 2, 2, False),                        # an empty batch
    ((4,), (2,), {}, 2, 0, 2, False),                                       # no channels to sum over
]
REGIONS: dict = {}      # the second entry is how many, not how large
POOLS = [   # input, kernel, how, the average's attributes, whether differences are taken
    ((5,), 2, {}, (True, None), True),
    ((5,), 3, {"stride": 2, "padding": 1}, (False, None), True),
    ((4,), 2, {"stride": 1, "dilation": 2}, (True, 3), True),
    ((3, 3), 2, {"stride": 1, "padding": ((1, 0), (0, 1))}, (True, None), True),
    ((5,), 2, {"ceil_mode": True}, (True, None), True),
    ((2, 2, 3), (1, 2, 2), {"stride": 1}, (True, None), True),
    ((6, 5), (3, 2), {"padding": (1, 1), "ceil_mode": True, "stride": (2, 3)}, (False, None), False),
    ((5, 6), (2, 3), {"padding": "same", "stride": 2}, (False, None), False),
    ((4, 4, 4), 3, {"padding": ((1, 1), (0, 1), (1, 0)), "stride": (1, 2, 1)}, (True, None), False),
    ((4, 4), 2, {"padding": "full", "dilation": (1, 2)}, (False, 5), False),
    ((5, 4), (2, 3), REGIONS, (True, None), True),
    ((4, 3, 2), (3, 2, 1), REGIONS, (True, None), False),
]
LAYOUTS = ("contiguous", "transposed", "stepped", "reversed")


def _conv_samples():
    found = {"conv": [], "conv_transpose": [], "conv_weight": []}
    for j, (size, kernel, how, n, c, k, hard) in enumerate(CONVS):
        geometry = Geometry.of_conv(f"conv{len(size)}d", size, kernel, **how)
        first, second = LAYOUTS[j % 4], LAYOUTS[(j // 2 + 1) % 4]
        x = (n, c * geometry.groups, *geometry.input)
        w, g = (k, c, *geometry.kernel), (n, k, *geometry.output)
        for name, a, b in (("conv", x, w), ("conv_transpose", g, w), ("conv_weight", x, g)):
            found[name].append(Sample(name, (Operand(a, first), Operand(b, second)), {"geometry": geometry}, hard))
        for name, a, channels in (("conv", x, k), ("conv_transpose", g, c * geometry.groups)):      # with a bias
            operands = (Operand(a, second), Operand(w, first), Operand((channels,), LAYOUTS[j // 2 % 4]))
            found[name].append(Sample(name, operands, {"geometry": geometry}, hard and j % 2 == 0))
    return found


def _pool_samples():
    found = {"max_pool_index": [], "max_pool": [], "max_unpool": [], "avg_pool": [], "avg_unpool": []}
    for j, (size, kernel, how, (counted, divisor), hard) in enumerate(POOLS):
        geometry = Geometry.of_regions("pool", size, kernel) if how is REGIONS else \
            Geometry.of_pool(f"pool{len(size)}d", size, kernel, **how)
        attrs = {"geometry": geometry, "count_include_pad": counted, "divisor_override": divisor}
        for n, c in ((1, 1), (2, 2), (0, 1)):
            x, g = Operand((n, c, *size), LAYOUTS[j % 4]), Operand((n, c, *geometry.output), LAYOUTS[(j + 1) % 4])
            if geometry.empty_window is None:
                found["max_pool_index"].append(Sample("max_pool_index", (x,), {"geometry": geometry}))
                attr = {"geometry": geometry}
                found["max_pool"].append(Sample("max_pool", (Operand(x.shape, LAYOUTS[(j + 2) % 4]), x), attr, hard))
                found["max_unpool"].append(Sample("max_unpool", (g, x), attr, hard))
            found["avg_pool"].append(Sample("avg_pool", (x,), attrs, hard and n == 1))
            found["avg_unpool"].append(Sample("avg_unpool", (g,), attrs, hard and n == 1))
    return found


SAMPLES |= {**_conv_samples(), **_pool_samples()}

# Maps whose weights are multiples of 1/4, so that sums stay exact.
MAPS = [((3,), "contiguous", 0, ("linear", 3, 6, 0.5, False)), ((2, 3), "transposed", 1, ("nearest", 3, 5, 0.6)),
        ((4, 2), "stepped", 0, ("area", 4, 3)), ((2, 3, 2), "reversed", 1, ("reflect", 3, 6, 2)),
        ((2, 2), "expanded", 0, ("circular", 2, 5, 1)), ((3, 0), "contiguous", 0, ("replicate", 3, 4, 1)),
        ((2, 3), "contiguous", 1, ("linear", 3, 5, 0.5, True)), ((5, 3), "contiguous", 0, ("nearest", 5, 2, 2.5))]
SAMPLES["resample"] = [
    one("resample", (*shape[:axis], rows.size, *shape[axis + 1:]), layout, axis=axis, rows=rows)
    for shape, layout, axis, key in MAPS for rows in (axis_map(*key), axis_map(*key).T)]


# ---- fused rows ------------------------------------------------------------------------------------------------------

SAMPLES |= {name: [one(name, sizes, layout, axis=axis) for sizes, layout, axis in ALONG]
            for name in ("softmax", "log_softmax")}
SAMPLES |= {name: [Sample(name, (Operand(sizes, layout), Operand(sizes, other)), {"axis": axis})
                   for (sizes, layout, axis), other in zip(ALONG, ("contiguous", "transposed") * 4, strict=True)]
            for name in ("softmax_pull", "log_softmax_pull")}
CLASSES = [((4,), "reversed", (2,), 0), ((2, 3), "transposed", (1, 0), 1), ((3, 2), "stepped", (0, 7, 1), 1),
           ((2, 2, 2), "contiguous", (1, 1, 0, 1), 1), ((2, 3), "expanded", (2, 2), 1), ((0, 2), "contiguous", (), 1),
           ((2, 3, 1, 2), "reversed", (7, 2, 0, 1), 1), ((3, 2), "contiguous", (0, 2), 0)]
SAMPLES["class_loss"] = [
    Sample("class_loss", (Operand(shape, layout), Operand((*shape[:axis], *shape[axis + 1:]), dtype=minigrad.int64,
                                                          values=values)),
           {"axis": axis, "logs": logs, "reduction": reduction, "ignored": 7})
    for (shape, layout, values, axis), (logs, reduction) in zip(CLASSES * 2, [
        (logs, reduction) for reduction in ("mean", "sum", "none", "mean") for logs in (False, True)] * 2, strict=True)]
SAMPLES["class_loss_pull"] = [
    Sample("class_loss_pull", (Operand((), domain=NONZERO), *sample.operands),
           {**{name: sample.attrs[name] for name in ("axis", "logs", "ignored")},
            "mean": sample.attrs["reduction"] == "mean"}) for sample in SAMPLES["class_loss"]]
PAIRS = [((), ("contiguous",) * 2), ((3,), ("reversed", "contiguous")), ((2, 3), ("transposed", "stepped")),
         ((0, 2), ("contiguous",) * 2), ((3, 2), ("contiguous", "expanded"))]
KINDS = [("square", 1.0, 1.0), ("distance", 0.5, 1.0), ("huber", 2.0, 0.5), ("logits", 1.0, 1.0)]
SAMPLES["loss"] = [
    Sample("loss", tuple(Operand(shape, layout) for layout in layouts),
           {"which": which, "reduction": reduction, "scale": scale, "delta": delta}, derivatives=shape != ())
    for which, scale, delta in KINDS for reduction in ("none", "mean", "sum") for shape, layouts in PAIRS]
SAMPLES["loss_pull"] = [
    Sample("loss_pull", (Operand(g), *sample.operands),
           {**{name: sample.attrs[name] for name in ("which", "scale", "delta")}, "slot": slot}, sample.derivatives)
    for sample in SAMPLES["loss"][::3] for slot in (0, 1) for g in {(), sample.operands[0].shape}]
NORMS = [   # input, layout, channels, positions, groups, whether across samples
    ((3, 4), "transposed", 4, 1, 1, False), ((2, 4, 3), "stepped", 4, 3, 2, False),
    ((3, 2, 2), "reversed", 2, 2, 2, True),
    ((2, 2, 2, 2), "contiguous", 2, 4, 2, False), ((4, 3), "contiguous", 3, 1, 3, True),
    ((2, 2, 2), "transposed", 4, 1, 1, False), ((5, 70), "reversed", 70, 1, 70, True),
    ((0, 2, 3), "contiguous", 2, 3, 1, False),
    ((5,), "reversed", 5, 1, 1, False), ((40, 2, 20), "contiguous", 2, 20, 2, True),
    ((3, 70), "stepped", 70, 1, 1, False)]
SAMPLES["normalize"] = [
    Sample("normalize", (Operand(shape, layout), Operand((channels,), "reversed"), Operand((1, channels))),
           {"groups": Groups(channels, positions, groups, across, 0.01)},
           derivatives=prod(shape) < 50)
    for shape, layout, channels, positions, groups, across in NORMS]
SAMPLES["normalize"] += [
    Sample("normalize", (*sample.operands, Operand((sample.attrs["groups"].channels,)),
                         Operand((sample.attrs["groups"].channels,), "reversed", POSITIVE)), sample.attrs,
           sample.derivatives) for sample in SAMPLES["normalize"]
    if sample.attrs["groups"].groups == sample.attrs["groups"].channels]


# ---- what a row should give ------------------------------------------------------------------------------------------

# Rows that need no rounding on small integers: their values are compared exactly.
CURVED = sorted(set(ACTIVATIONS) - {"relu", "hardtanh", "leaky_relu"})
ROUNDED = {*REAL, *CURVED, *[f"{name}_pull" for name in CURVED], "div", "pow", "atan2", "mean", "avg_pool",
           "avg_unpool", "logsumexp", "softmax", "log_softmax", "log_softmax_pull", "class_loss", "class_loss_pull",
           "loss", "loss_pull", "normalize"}


def wanted(sample, operands, shape):
    """The definition's result for these operands, as a nested list; `shape` is all there is to say of an empty one."""
    if not prod(shape):
        return nested.full(shape, 0)
    definition, numbers = reference.KERNELS[sample.name], [x.tolist() for x in operands]
    attrs = dict(sample.attrs)
    if sample.name == "scatter_add":
        return definition(*numbers, axis=attrs["axis"], into=nested.full(attrs["shape"], 0))
    if sample.name == "nonzero":
        return definition(*numbers)
    if sample.name in ("conv_weight", "matmul") and not all(x.numel() for x in operands):
        return nested.full(shape, 0)        # a sum of nothing: the empty lists hide the other sizes
    return definition(*numbers, **attrs)


def samples(names=None, keep=lambda sample: True):
    """(id, sample) of the named rows, or of all."""
    return [(f"{name}-{j}", sample) for name in sorted(SAMPLES if names is None else names)
            for j, sample in enumerate(SAMPLES.get(name, [])) if keep(sample)]


def differentiable(kind=None):
    """The names of the rows through which gradients pass."""
    return [name for name, row in OPS.items() if row.kind != "constant" and kind in (None, row.kind)]


def leaves(operands):
    """The operands as leaves that want gradients, where they can."""
    for x in operands:
        x.requires_grad = x.dtype.is_floating_point
    return operands
