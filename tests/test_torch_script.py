"""A plain PyTorch script runs unchanged with `minigrad` in place of `torch`, and prints the same numbers."""

import re
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "scripts" / "torch_script.py"


def run(library, path, *args, dtype="float32"):
    """What `main` logs, with `library` for torch in the import lines."""
    text = SCRIPT.read_text(encoding="utf-8")
    if library != "torch":
        text = re.sub(r"^import torch$", f"import {library} as torch", text, flags=re.M)
        text = re.sub(r"^(import|from) torch\.", rf"\1 {library}.", text, flags=re.M)
    space = {"__name__": "script"}
    exec(compile(text, str(SCRIPT), "exec"), space)
    space["torch"].set_default_dtype(getattr(space["torch"], dtype))
    try:
        return space["main"](path, *args)
    finally:
        space["torch"].set_default_dtype(space["torch"].float32)


def test_runs_and_learns(tmp_path):
    log = run("minigrad", tmp_path / "model.safetensors", "Adam", 5)
    losses = [row[-1] for row in log if row[0] == "train"]
    assert losses[-1] < losses[0]
    assert ("accuracy", 1.0) in [row[:2] for row in log] and ("reloaded", True) in log
    assert log[-1][1] == 40 + 8 + 296 + 1168 + 51


@pytest.mark.torch
@pytest.mark.parametrize("optimizer", ["Adadelta", "SGD", "Adam", "RMSprop", "Adagrad"])
def test_prints_what_pytorch_prints(optimizer, tmp_path):
    """In float64: Adagrad's first steps carry PyTorch's float32 rounding 3e-3 away from its own float64."""
    pytest.importorskip("torch")
    ours, theirs = [run(library, str(tmp_path / library), optimizer, dtype="float64")
                    for library in ("minigrad", "torch")]
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert len(mine) == len(other)
        for a, b in zip(mine, other, strict=True):
            assert a == pytest.approx(b, abs=1e-6) if isinstance(b, float) else a == b
