"""Activations: fused rows, each with a kernel and, as `NAME_pull`, a second one for its derivative.

The formulas define them.  Two things are seen to: no branch that is not taken may overflow (its cotangent would be
0 * infinity), so its argument is put to 0 first; and at a kink the derivative is the one that PyTorch takes, which the
choice of < or <= decides.  A formula's keywords are the row's attributes, in the order in which the kernels read them.
"""

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from minigrad.fused import Fused, back_through, fused
from minigrad.kernels import KERNELS, Params
from minigrad.op import zeros
from minigrad.ops.math import erfc, exp, expm1, ge, le, log1p, maximum, where

LINEAR = 40.0           # from here on ln(1 + e^x) and x are the same float64: e^-40 < 2^-53


def ones(like: Any) -> Any:
    return zeros(like) + 1


def activation(name: str, formula: Callable, doc: str, example: tuple = (), promotes: str = "float",
               derivative: Callable | None = None) -> Fused:
    """Two rows.  The pull reads the operand, and its formula is the derivative of the row's; or where there is a
    `derivative`, that is the formula, and it reads the result."""
    attributes = list(inspect.signature(formula).parameters)[1:]

    def compute(kernel: str) -> Callable:
        run = KERNELS[kernel]
        return lambda out, *x, **given: run(out, *x, Params((), tuple([given[key] for key in attributes])))

    pull: Fused = fused(
        f"{name}_pull", lambda t, _g, x, _out, **given: pull(t, x, **given), promotes="float", arity=2,
        formula=derivative or (lambda g, x, **given: g * back_through(partial(formula, **given), ones(x), (x,), 0)),
        compute=compute(f"{name}_pull") if attributes else None,
        doc=f"g times the derivative of {name}" + " at its result y" * (derivative is not None))
    pulls = (lambda g, _x, y: pull(g, y)) if derivative else (lambda g, x, _y, **given: pull(g, x, **given))
    return fused(name, pulls, formula=formula, promotes=promotes, doc=doc, example=example,
                 compute=compute(name) if attributes else None)


relu = activation("relu", lambda x: maximum(x, 0), "max(x, 0), with derivative 0 at 0", ("1., -2.", "1., 0."),
                  "number", lambda g, y: where(y > 0, g, 0))
tanh = activation("tanh", lambda x: 2 * sigmoid(2 * x) - 1, "(e^x - e^-x) / (e^x + e^-x)",
                  ("0., 1.", "0.0000, 0.7616"), derivative=lambda g, y: g * (1 - y * y))
sigmoid = activation("sigmoid", lambda x: 1 / (1 + exp(-x)), "1 / (1 + e^-x)", ("0., 1.", "0.5000, 0.7311"),
                     derivative=lambda g, y: g * (y * (1 - y)))


def _hardtanh(x: Any, *, low: float, high: float) -> Any:
    return where(le(x, low), low, where(ge(x, high), high, x))


def _elu(x: Any, *, alpha: float, scale: float) -> Any:
    return scale * where(x > 0, x, alpha * expm1(where(x > 0, 0.0, x)))


def _softplus(x: Any, *, threshold: float) -> Any:
    linear = x > min(threshold, LINEAR)
    return where(linear, x, log1p(exp(where(linear, 0.0, x))))


hardtanh = activation("hardtanh", _hardtanh, "x brought into [low, high], with derivative 0 at both")
hardswish = activation("hardswish", lambda x: x * (_hardtanh(x + 3, low=0.0, high=6.0) / 6),
                       "x min(max(0, x + 3), 6) / 6")
leaky_relu = activation("leaky_relu", lambda x, *, slope: where(x > 0, x, slope * x), "x where x > 0, else slope x")
elu = activation("elu", _elu, "scale x where x > 0, else scale alpha (e^x - 1)")
silu = activation("silu", lambda x: x * sigmoid(x), "x sigmoid(x)")
softplus = activation("softplus", _softplus, "ln(1 + e^x), and x itself above the threshold")
mish = activation("mish", lambda x: x * tanh(_softplus(x, threshold=LINEAR)), "x tanh(softplus(x))")
gelu = activation("gelu", lambda x: x * erfc(x * -math.sqrt(0.5)) * 0.5, "x P(N < x) for a standard normal N")
gelu_tanh = activation("gelu_tanh", lambda x: x * sigmoid((x + x * x * x * 0.044715) * math.sqrt(8 / math.pi)),
                       "x (1 + tanh u) / 2, u = sqrt(2/pi) (x + 0.044715 x^3)")
