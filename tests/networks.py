"""The networks that the benchmarks train, for tests: the module benchmarks/networks.py, which is part of no package."""

import importlib.util
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "benchmarks" / "networks.py"
_spec = importlib.util.spec_from_file_location("benchmark_networks", PATH)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
NETWORKS, training_step = _module.NETWORKS, _module.training_step
