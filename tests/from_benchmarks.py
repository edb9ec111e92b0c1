"""Modules of benchmarks/ for tests: a folder that no installation has, so they are loaded by their place."""

import importlib.util
import sys
from pathlib import Path


def load(name):
    """The module benchmarks/NAME.py."""
    path = Path(__file__).resolve().parent.parent / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
