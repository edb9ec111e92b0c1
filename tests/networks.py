"""The networks that the benchmarks train."""

from from_benchmarks import load

_module = load("networks")
NETWORKS, training_step = _module.NETWORKS, _module.training_step
