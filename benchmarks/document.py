"""Figures in documents: what a command measured stands between two markers, headed by the command itself."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def replace(path: Path, kind: str, lines: list[str], headed: bool = True) -> None:
    """Puts the lines between `<!-- kind -->` and `<!-- end of kind -->`; `headed` by the command that is running."""
    text, begin, end = path.read_text(encoding="utf-8"), f"<!-- {kind} -->\n", f"<!-- end of {kind} -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{path}: has no markers {begin.strip()} and {end}")
    program = Path(sys.argv[0]).stem        # __main__ for the folder itself
    module = "benchmarks" if program == "__main__" else f"benchmarks.{program}"
    command = f"`python -m {module} {shlex.join(sys.argv[1:])}` wrote:"
    above = [command, ""] if headed else []
    path.write_text("\n".join([head + begin, *above, *lines, "", end + tail]), encoding="utf-8")
