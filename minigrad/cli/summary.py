"""`minigrad summary`: what a model is made of, what it costs and what it sees."""

from __future__ import annotations

import argparse
import json

from minigrad.arithmetic import summary
from minigrad.cli.model import find, telling


def run(options: argparse.Namespace) -> int:
    """Prints the table, or the same as JSON."""
    model, shape = find(options)
    with telling(options.model):
        found = summary(model, shape, options.batch)
    print(json.dumps(found.to_dict(), indent=2) if options.json else found)
    return 0
