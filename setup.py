"""Builds the compiled floor.

Everything about the package that is data stands in pyproject.toml; here is only what must be decided while building:
which instruction-set variants of the hot kernels this machine's compiler can make, and with which flags.

Environment variables:
    MINIGRAD_DEBUG=1        bounds checks, assertions, overflow checks and debug symbols, no optimisation
    MINIGRAD_SANITIZE=1     the same, under AddressSanitizer and UndefinedBehaviorSanitizer
    MINIGRAD_VARIANTS=v3    build only these variants (comma separated; "base" is always built)
    MINIGRAD_ONLY=conv,pool build only these modules, for someone at work on them
"""

import contextlib
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("MINIGRAD_DEBUG", "0") not in ("", "0")
SANITIZE = os.environ.get("MINIGRAD_SANITIZE", "0") not in ("", "0")
CHECKED = DEBUG or SANITIZE

PACKAGE = Path("minigrad_ext")
KERNELS = PACKAGE / "kernels"
# What every eager call goes through is compiled too: plain Python, to which the .pxd beside each file gives C types.
# (Without its compiled module the same file runs, slower: delete the .so to step through it.)
CORE = [Path("minigrad", f"{name}.py")
        for name in ("shapes", "node", "op", "grad", "autograd", "fused", "optim/optimizer",
                     "capture/form", "capture/replay", "capture/compile")]
GENERATED = Path("build") / ("cython-checked" if CHECKED else "cython")

# The x86-64 levels of the psABI.  Each kernel source is compiled once for each; minigrad picks one at import.
X86_VARIANTS = {
    "base": [],
    "v3": ["-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2", "-mlzcnt", "-mpopcnt"],
    "v4": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512cd", "-mprefer-vector-width=512"],
}
X86_VARIANTS["v4"] = X86_VARIANTS["v3"] + X86_VARIANTS["v4"]

# How far gcc may unroll completely before it vectorises: past the vector's lanes it would give scalar code.
PEEL = {"base": 3, "v3": 7, "v4": 15}

# Each flag cures a slowness that was measured; none changes a result or the process's floating-point mode, as
# -ffast-math would.  A compiler that does not know one goes without it.
FAST_FLAGS = [
    "-O3",
    "-fno-math-errno",                      # sqrt as an instruction
    "-fno-trapping-math",                   # selects vectorise
    "-fno-tree-loop-distribute-patterns",   # zeroing accumulators must not become memset
    "-fno-loop-interchange",                # the loop order is ours
    "-fno-loop-unroll-and-jam",
    "-falign-loops=32",                     # a short loop that straddles two cache lines took up to twice as long
]
CHECKED_FLAGS = ["-O1", "-g", "-fno-omit-frame-pointer", "-UNDEBUG"]
MACROS = [
    ("MINIGRAD_CHECKS", str(int(CHECKED))),
    ("MINIGRAD_GUARDS", str(64 * (DEBUG and not SANITIZE))),    # bytes; a sanitizer guards blocks better
]
SANITIZE_FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]

DIRECTIVES = {
    "language_level": 3,
    "binding": False,
    "embedsignature": True,
    "boundscheck": CHECKED,
    "wraparound": CHECKED,
    "initializedcheck": CHECKED,
    "cdivision": True,
    "infer_types": True,        # what is assigned gives a local its C type: only arrays and structs need declaring
    "freethreading_compatible": False,
}

# Directives for Python files: they mean in C what they mean as they stand.
PYTHON = {"language_level": 3, "binding": True, "annotation_typing": False}

NO_COMPILER = """
minigrad is built from source and needs a C compiler with Python's headers, and none that works was found.
(Tried: {command})
Install one and try again:
    Debian, Ubuntu    apt-get install gcc libc6-dev python3-dev
    Fedora            dnf install gcc python3-devel
    macOS             xcode-select --install
    Windows           https://visualstudio.microsoft.com/visual-cpp-build-tools/
"""


def wanted_variants():
    if platform.machine().lower() not in ("x86_64", "amd64") or sys.platform == "win32":
        return ["base"]
    asked = os.environ.get("MINIGRAD_VARIANTS")
    if not asked:
        return list(X86_VARIANTS)
    names = {name.strip() for name in asked.split(",")} | {"base"}
    unknown = names - set(X86_VARIANTS)
    if unknown:
        raise SystemExit(f"MINIGRAD_VARIANTS: unknown {sorted(unknown)}; it takes {list(X86_VARIANTS)}")
    return [name for name in X86_VARIANTS if name in names]


def chosen(paths):
    only = os.environ.get("MINIGRAD_ONLY")
    return [path for path in sorted(paths) if not only or path.stem in only.split(",")]


def extensions():
    """The plain modules, then every kernel module once per variant (each from its own copy of the generated C)."""
    def extension(name, source, variant):
        made = Extension(name, [str(source)], include_dirs=[str(PACKAGE)], define_macros=MACROS)
        made.variant = variant
        return made

    modules = [extension(f"minigrad_ext.{path.stem}", path, "base") for path in chosen(PACKAGE.glob("*.pyx"))]
    hot = [extension(f"minigrad_ext.kernels.{path.stem}", path, "base") for path in chosen(KERNELS.glob("*.pyx"))]
    core = [extension(".".join(path.with_suffix("").parts), path, "base") for path in chosen(CORE)]
    options = {"build_dir": str(GENERATED), "include_path": ["."]}
    built = cythonize(modules, compiler_directives=DIRECTIVES, **options)
    built += cythonize(core, compiler_directives=PYTHON, **options)
    for module in cythonize(hot, compiler_directives=DIRECTIVES, **options):
        source = Path(module.sources[0])
        for variant in wanted_variants():
            copy = GENERATED / variant / source.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists() or copy.read_bytes() != source.read_bytes():
                shutil.copyfile(source, copy)
            name = module.name.replace("kernels.", f"kernels.{variant}.")
            built.append(extension(name, copy, variant))
    for module in built:
        module.variant = getattr(module, "variant", "base")
        module.depends = [str(path) for path in (*PACKAGE.glob("*.h"), *PACKAGE.glob("*.pxd"), *KERNELS.glob("*.pxd"),
                                                 *Path("minigrad").rglob("*.pxd"))]
    return built


class BuildKernels(build_ext):
    """build_ext that asks the compiler what it can do, and says clearly when there is none."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def accepts(self, *flags):
        """Whether the compiler builds and links a small program with these flags."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text("#include <Python.h>\nint main(void) { return 0; }\n")
            silent = os.open(os.devnull, os.O_WRONLY)
            saved = os.dup(2)
            os.dup2(silent, 2)
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=list(flags))
                self.compiler.link_executable(objects, str(Path(folder) / "probe"), extra_postargs=list(flags))
            except Exception:
                return False
            finally:
                os.dup2(saved, 2)
                os.close(saved)
                os.close(silent)
        return True

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            common, link = (["/O2", "/openmp"], [])
        else:
            if not self.accepts():
                raise SystemExit(NO_COMPILER.format(command=" ".join(self.compiler.compiler_so)))
            wanted = CHECKED_FLAGS if CHECKED else FAST_FLAGS
            common = [flag for flag in wanted if self.accepts("-Werror", flag)]
            common += ["-Wno-unused-function", "-Wno-unused-but-set-variable", "-Wno-maybe-uninitialized"]
            link = []
            if SANITIZE:
                common += SANITIZE_FLAGS
                link += SANITIZE_FLAGS
            if self.accepts("-fopenmp"):
                common.append("-fopenmp")
                link.append("-fopenmp")
        self.unbuildable = set()
        for extension in self.extensions:
            variant = extension.variant
            flags = X86_VARIANTS[variant]
            peel = [f"--param=max-completely-peel-times={PEEL[variant]}"]
            if self.compiler.compiler_type != "msvc":
                if flags and not self.accepts(*flags):
                    self.unbuildable.add(variant)
                if not CHECKED and self.accepts("-Werror", *peel):
                    flags = flags + peel
            extension.extra_compile_args = common + flags
            extension.extra_link_args = link
        self.extensions = [e for e in self.extensions if e.variant not in self.unbuildable]
        super().build_extensions()
        self.forget_removed()
        if not self.inplace:
            self.place_beside_sources()

    def forget_removed(self):
        """Deletes what earlier builds made of modules without a source now: kernels are found by their files."""
        for root in (Path(), Path(self.build_lib)):
            for module in (root / PACKAGE).rglob("*.so"):
                folder = KERNELS if KERNELS.name in module.parts else PACKAGE
                if not (folder / module.name.split(".")[0]).with_suffix(".pyx").exists():
                    module.unlink()
            for module in (root / "minigrad").rglob("*.so"):
                if module.relative_to(root).with_name(module.name.split(".")[0] + ".py") not in CORE:
                    module.unlink()

    def place_beside_sources(self):
        """Copies what was built next to its source too, so that Python started in the checkout finds a whole package.

        (There `import minigrad` takes the checkout's package before the installed one.)
        """
        for extension in self.extensions:
            built = Path(self.get_ext_fullpath(extension.name))
            with contextlib.suppress(OSError):      # a read-only source tree can do without
                shutil.copyfile(built, Path(*extension.name.split(".")).parent / built.name)


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildKernels})
