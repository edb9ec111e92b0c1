"""`minigrad receptive-field`: what one output of each layer of a model reads."""

from __future__ import annotations

import argparse

from minigrad.arithmetic import receptive_field
from minigrad.cli.main import UsageError
from minigrad.models import build


def run(options: argparse.Namespace) -> int:
    """Prints a row for each layer."""
    try:
        fields = receptive_field(build(options.model, options.shape, options.classes), options.shape)
    except ValueError as error:
        raise UsageError(str(error)) from None
    print(fields)
    print("output o reads `size` input positions from offset + o*stride on; stride 0: every output reads all")
    return 0
