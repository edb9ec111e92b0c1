"""`minigrad receptive-field`: what one output of each layer of a model reads."""

from __future__ import annotations

import argparse

from minigrad.arithmetic import receptive_field
from minigrad.cli.model import find, telling


def run(options: argparse.Namespace) -> int:
    """Prints a row for each layer."""
    model, shape = find(options)
    with telling(options.model):
        fields = receptive_field(model, shape)
        if options.svg:
            from minigrad.draw import pyramid

            pyramid(model, shape, options.axis).save(options.svg)
    print(fields)
    print("output o reads `size` input positions from offset + o*stride on; stride 0: every output reads all")
    if options.svg:
        print(options.svg)
    return 0
