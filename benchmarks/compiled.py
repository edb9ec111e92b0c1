"""Compiles a .pyx of this folder on demand, with the flags under test: for measurements, never part of the package.

It needs Cython, setuptools and a C compiler, as the development extra has them.  What was built stays in build/, under
a name made of source and flags.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "build" / "benchmarks"
DIRECTIVES = {"language_level": 3, "boundscheck": False, "wraparound": False, "initializedcheck": False,
              "cdivision": True, "infer_types": True}


def compiler() -> list[str]:
    """The C compiler's command, as setuptools chooses it."""
    return (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()


def accepted(flags: Iterable[str]) -> list[str]:
    """Those of the flags that the compiler knows."""
    probe = ["-Werror", "-x", "c", "-c", os.devnull, "-o", os.devnull]
    return [flag for flag in flags if not subprocess.run([*compiler(), flag, *probe], capture_output=True).returncode]


def compiled(name: str, flags: Iterable[str], include: Iterable[Path] = ()) -> ModuleType:
    """The module of benchmarks/NAME.pyx, compiled with the flags (those that the compiler knows) if it is not yet."""
    for module in ("Cython", "setuptools"):
        if importlib.util.find_spec(module) is None:
            raise SystemExit(f"benchmarks: {name}.pyx is compiled on demand and needs {module}: pip install '.[dev]'")
    if shutil.which(compiler()[0]) is None:
        raise SystemExit(f"benchmarks: {name}.pyx is compiled on demand and needs a C compiler: no {compiler()[0]}")
    source, flags = HERE / f"{name}.pyx", list(flags)
    key = sha256(repr((source.read_bytes(), flags, sysconfig.get_platform(), sysconfig.get_python_version())).encode())
    folder = BUILT / f"{name}-{key.hexdigest()[:12]}"
    target = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not target.exists():
        _build(name, source, accepted(flags), [str(path) for path in include], folder)
    spec = importlib.util.spec_from_file_location(name, target)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _build(name: str, source: Path, flags: list[str], include: list[str], folder: Path) -> None:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    modules = cythonize([Extension(name, [str(source)], include_dirs=include)], build_dir=str(folder / "c"),
                        compiler_directives=DIRECTIVES, quiet=True)
    for module in modules:      # not before: Cython would remember them for the next build of the same source
        module.extra_compile_args = flags
    command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder), str(folder / "c")
    command.ensure_finalized()
    command.run()
