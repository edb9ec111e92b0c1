"""The Python files that are compiled: they are, and without their compiled modules they run as plain Python."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

CORE = ("shapes", "node", "op", "grad", "autograd", "fused", "optim.optimizer", "capture.form", "capture.replay",
        "capture.compile")
AS_SOURCE = f"""
import importlib.util, sys
from pathlib import Path

class Sources:
    def find_spec(name, path=None, target=None):
        if name.removeprefix("minigrad.") in {CORE}:
            return importlib.util.spec_from_file_location(name, Path(path[0]) / (name.rpartition(".")[2] + ".py"))

sys.meta_path.insert(0, Sources)
import pytest
code = pytest.main(sys.argv[1:])
from minigrad import op
print(op.__file__.endswith("op.py"))
sys.exit(code)
"""


@pytest.mark.parametrize("name", CORE)
def test_is_compiled(name):
    assert not import_module(f"minigrad.{name}").__file__.endswith(".py")


def test_runs_as_plain_python_too():
    here = Path(__file__).parent
    files = [str(here / name) for name in ("test_fused.py", "test_autograd.py", "capture/test_capture_calls.py",
                                           "capture/test_capture_state.py", "capture/test_derivative.py")]
    done = subprocess.run([sys.executable, "-c", AS_SOURCE, "-q", "-p", "no:cacheprovider", *files],
                          capture_output=True, text=True, cwd=here.parent)
    assert done.returncode == 0, done.stdout[-2000:]
    assert done.stdout.strip().endswith("True")
