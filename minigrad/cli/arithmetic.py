"""`minigrad arithmetic`: sizes along one axis, derived."""

from __future__ import annotations

import argparse
from typing import Any

from minigrad.arithmetic import associated_transpose, explain
from minigrad.arithmetic.sizes import conv_geometry
from minigrad.cli.main import UsageError


def run(options: argparse.Namespace) -> int:
    """Prints the derivation; of a convolution also how its transpose leads back."""
    op = "conv_transpose" if options.transposed else "pool" if options.pool else "conv"
    try:
        found = explain(options.i, options.k, options.s, options.p, options.d, options.a, op)
    except ValueError as error:
        raise UsageError(str(error).replace("explain: ", "")) from None
    print(found)
    if op == "conv":
        print(_way_back(options.i, options.k, options.s or 1, options.p, options.d))
    if options.svg is not None:
        _draw(options, op)
    return 0


def _way_back(i: int, k: int, s: int, p: Any, d: int) -> str:
    """The line about the transpose, with its relationship, where it has one."""
    back, geometry = associated_transpose(i, k, s, p, d), conv_geometry("arithmetic", i, k, s, p, d)
    sides = geometry.low[0], geometry.high[0]
    found = explain(back.input, k, s, sides[0] if sides[0] == sides[1] else sides, d, back.a, "conv_transpose")
    low, high = back.padding
    return ("its transpose" + (f" (Relationship {found.relationship.number})" if found.relationship else "")
            + f": stretched input {back.stretched}, padding {low} + {high}" + f" (a = {back.a} of it)" * (back.a > 0)
            + f", s' = 1, k' = k: o' = {back.output_size}")


def _draw(options: argparse.Namespace, op: str) -> None:
    """The animation, drawn from the same geometry; sizes are bounded by what makes a picture."""
    from minigrad.draw import conv_steps, pool_steps, transpose_steps

    padding: Any = (options.p,) if isinstance(options.p, tuple) else options.p
    window = {"stride": options.s or 1, "padding": padding, "dilation": options.d}
    try:
        if op == "conv_transpose":
            steps = transpose_steps(options.i, options.k, output_padding=options.a, **window)
        elif op == "pool":
            steps = pool_steps("max", options.i, options.k, **window | {"stride": options.s})
        else:
            steps = conv_steps(options.i, options.k, **window)
    except ValueError as error:
        raise UsageError(str(error)) from None
    print(steps.animation().save(options.svg))
