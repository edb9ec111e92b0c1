"""`minigrad info`."""

from __future__ import annotations

import argparse
import json
import os
import platform
from typing import Any

import minigrad


def run(options: argparse.Namespace) -> int:
    facts = gather()
    if options.json:
        print(json.dumps(facts, indent=2))
        return 0
    print(f"minigrad         {facts['version']}")
    print(f"Python           {facts['python']}")
    print(f"instruction set  {facts['instruction_set']}")
    print(f"threads          {facts['threads']} of {facts['cores']} cores")
    print(f"kernels          {sum(len(names) for names in facts['kernels'].values())}")
    for family, names in facts["kernels"].items():
        print(f"  {family + ':':<14} {' '.join(names)}")
    return 0


def gather() -> dict[str, Any]:
    """What this installation computes with; the kernels by family."""
    import importlib
    import pkgutil

    import minigrad_ext.kernels
    from minigrad import kernels

    package = importlib.import_module(f"{minigrad_ext.kernels.__name__}.{kernels.ISA}")
    families = {}
    for module in pkgutil.iter_modules(package.__path__):
        families[module.name] = sorted(importlib.import_module(f"{package.__name__}.{module.name}").KERNELS)
    return {
        "version": minigrad.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "instruction_set": kernels.ISA,
        "instruction_sets_built": kernels.built(),
        "threads": minigrad.get_num_threads(),
        "cores": os.cpu_count(),
        "kernels": families,
    }
