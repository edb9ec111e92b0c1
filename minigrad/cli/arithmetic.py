"""`minigrad arithmetic`: sizes along one axis, derived."""

from __future__ import annotations

import argparse

from minigrad.arithmetic import associated_transpose, explain
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
        back = associated_transpose(options.i, options.k, options.s or 1, options.p, options.d)
        low, high = back.padding
        print(f"its transpose: stretched input {back.stretched}, padding {low} + {high}"
              f"{f' (a = {back.a} of it)' * (back.a > 0)}, s' = 1, k' = k: o' = {back.output_size}")
    return 0
