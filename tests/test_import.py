"""What `import minigrad` costs and what it leaves alone."""

import os
import subprocess
import sys
import tempfile

import pytest

import minigrad

FOREIGN = ("numpy", "torch", "rich", "safetensors")


def python(code, **env):
    """What the code prints in a process of its own, outside the checkout: the installed package is meant."""
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **env}, cwd=tempfile.gettempdir(),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", [
    "import minigrad",
    "import minigrad as m; x = m.randn(4, 4, requires_grad=True); (x @ x).exp().sum().backward(); repr(x.grad)",
    "import minigrad as m; l = m.nn.Linear(2, 1); m.optim.SGD(l.parameters(), lr=0.1); l(m.ones(3, 2))",
    "import array, minigrad as m; m.tensor(array.array('f', [1])); m.from_dlpack(m.ones(2)); m.ones(3)[[0, 1]]"])
def test_nothing_foreign_is_imported(code):
    found = python(f"{code}\nimport sys\nprint([name for name in {FOREIGN!r} if name in sys.modules])")
    assert found.strip() == "[]"


def test_public_names_are_there_and_documented():
    for name in ("tensor", "Tensor", "no_grad", "manual_seed", "Generator", "float32", "device", "nn", "optim",
    "autograd",
                 "func", "check", "is_tensor", "set_num_threads", "get_num_threads", "from_dlpack", "dtype"):
        assert hasattr(minigrad, name)
    functions = minigrad.functions
    assert [name for name in functions.__all__ if not getattr(functions, name).__doc__] == []
    methods = {name: getattr(minigrad.Tensor, name) for name in dir(minigrad.Tensor) if not name.startswith("_")}
    assert [name for name, method in methods.items() if callable(method) and not method.__doc__] == []


def test_runs_as_torch():
    lines = ["import minigrad as torch", "torch.manual_seed(0)", "device = torch.device('cpu')",
             "x = torch.randn(8, 3, device=device, dtype=torch.float32).to(device)", "assert torch.is_tensor(x)",
             "w = torch.zeros(3, 1, requires_grad=True)", "loss = ((x @ w - x.sum(dim=1, keepdim=True)) ** 2).mean()",
             "loss.backward()", "with torch.no_grad():\n    w -= 0.1 * w.grad", "w.grad.zero_()",
             "assert isinstance(w, torch.Tensor) and w.dtype is torch.float32",
             "print(w.shape, x.device, loss.item() > 0)"]
    assert python("\n".join(lines)).strip() == "(3, 1) cpu True"
