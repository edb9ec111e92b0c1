"""How long `import minigrad` takes in a fresh process, beside a bare start of Python."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Any

import pytest


@pytest.mark.parametrize("code", ["pass", "import minigrad"])
def test_import(code: str, benchmark: Any, tmp_path_factory: Any) -> None:
    cache = tempfile.gettempdir() + "/minigrad-bytecode"        # an installed package has its bytecode
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}

    def run() -> None:
        subprocess.run([sys.executable, "-c", code], env=environment, cwd=tempfile.gettempdir(), check=True)

    benchmark.pedantic(run, rounds=15, warmup_rounds=2)
