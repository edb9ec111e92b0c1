"""A plain PyTorch script runs unchanged with `minigrad` in place of `torch`, and prints the same numbers."""

import re
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "scripts" / "torch_script.py"


def run(library, path, *args):
    """What `main` logs, with `library` for torch in the import lines."""
    text = SCRIPT.read_text(encoding="utf-8")
    if library != "torch":
        text = re.sub(r"^import torch$", f"import {library} as torch", text, flags=re.M)
        text = re.sub(r"^(import|from) torch\.", rf"\1 {library}.", text, flags=re.M)
    space = {"__name__": "script"}
    exec(compile(text, str(SCRIPT), "exec"), space)
    return space["main"](path, *args)


def test_runs_and_learns(tmp_path):
    log = run("minigrad", tmp_path / "model.safetensors", "Adam", 5)
    losses = [row[-1] for row in log if row[0] == "train"]
    assert losses[-1] < losses[0]
    assert ("accuracy", 1.0) in [row[:2] for row in log] and ("reloaded", True) in log
    assert log[-1][1] == 40 + 8 + 296 + 1168 + 51


@pytest.mark.torch
@pytest.mark.parametrize("optimizer", ["Adadelta", "SGD", "Adam", "RMSprop", "Adagrad"])
def test_prints_what_pytorch_prints(optimizer, tmp_path):
    pytest.importorskip("torch")
    ours, theirs = run("minigrad", tmp_path / "ours", optimizer), run("torch", str(tmp_path / "theirs"), optimizer)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert len(mine) == len(other)
        for a, b in zip(mine, other, strict=True):
            assert a == pytest.approx(b, abs=2e-3) if isinstance(b, float) else a == b
