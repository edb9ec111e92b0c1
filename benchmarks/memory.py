"""The memory that a training step needs: each library and network in a process of its own.

Two figures: `tensors`, the most bytes that tensors had at one time of a step, by the library's own books (minigrad's
allocator, which the kernels' scratch comes from too; PyTorch's profiler, which is told each allocation, added to the
tensors that were there before); and `process`, by how much the process's resident memory grew at most from the building
of the network to the end of the steps, by the system's (which counts scratch memory, kept blocks and code that was
compiled meanwhile too).

Of a captured step the tensors are the network's, its results and its plan's `arena`, in which all that lives only
during a step has its place; beside it stands the `bound`: what of that must be there at one moment at least.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.libraries import CAPTURED, MINIGRAD, PYTORCH
from benchmarks.networks import NETWORKS, training_step

STEPS = 3


def tensors_minigrad(step: Any) -> int:
    from minigrad_ext.allocator import memory_stats, reset_peak
    reset_peak()
    step()
    return memory_stats()["peak_bytes"]


def tensors_torch(step: Any) -> int:
    import torch
    stores = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes()
              for x in gc.get_objects() if isinstance(x, torch.Tensor)}
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    now = most = sum(stores.values())
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


def resident(field: str) -> int:
    """VmRSS, the resident memory of this process now, or VmHWM, the most that it was; in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split(f"{field}:")[1].split()[0])


def measured(library: str, network: str, batch: int) -> dict[str, int]:
    """In this process, which should be a fresh one."""
    m = import_module("torch" if library == PYTORCH else "minigrad")
    m.set_num_threads(1)
    captured = library == CAPTURED
    training_step(m, network, 1, captured)()    # what is loaded and compiled at the first step of any network
    gc.collect()
    before = resident("VmRSS")
    step = training_step(m, network, batch, captured)
    for _ in range(STEPS):
        step()
    found = {"process": resident("VmHWM") - before,
             "tensors": (tensors_torch if library == PYTORCH else tensors_minigrad)(step)}
    if captured:
        memory = step.captures[0].memory
        found |= {"arena": memory.nbytes, "bound": memory.bound}
    return found


def table(batches: list[int]) -> list[str]:
    names = (MINIGRAD, CAPTURED, PYTORCH)
    columns = [("tensors", name) for name in names] + [(kind, CAPTURED) for kind in ("arena", "bound")] + [
        ("process", name) for name in names]
    lines = ["Megabytes (10^6 bytes), one thread.", "",
             f"| network | batch | {' | '.join(f'{name}: {kind}' for kind, name in columns)} |",
             "|---" * (2 + len(columns)) + "|"]
    print("\n".join(lines), flush=True)
    for network in NETWORKS:
        for batch in batches:
            found = {}
            for name in names:
                command = [sys.executable, "-m", "benchmarks.memory", name, network, str(batch)]
                found[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            cells = [f"{found[name][kind] / 1e6:.2f}" for kind, name in columns]
            lines.append(f"| {network} | {batch} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return lines


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
