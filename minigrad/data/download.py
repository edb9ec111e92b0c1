"""Files from the network: checked, cached, and never half there."""

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from minigrad.io import FileError, atomic_write

TIMEOUT = 20.0  # seconds without a byte
LIMIT = 1 << 28  # bytes: several times the largest file there is


def cache_folder() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/minigrad`, otherwise `~/.cache/minigrad`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "minigrad"


def fetch(name: str, mirrors: Sequence[str], sha256: str, folder: Path, timeout: float = TIMEOUT) -> Path:
    """The file `name` in `folder`, downloaded from the first mirror that serves the expected content.

    Raises FileError with one line that gives each mirror's reason.
    """
    path = folder / name
    if path.exists():
        return path
    import http.client
    import urllib.request

    reasons = []
    for mirror in mirrors:
        try:
            with urllib.request.urlopen(mirror + name, timeout=timeout) as answer:
                content = answer.read(LIMIT)
            if hashlib.sha256(content).hexdigest() != sha256:
                raise ValueError(f"{len(content)} bytes with the wrong checksum")
        except (OSError, http.client.HTTPException, ValueError) as error:
            reasons.append(f"{mirror}: {getattr(error, 'reason', None) or error}")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            atomic_write(path, content)
            print(f"downloaded {mirror}{name} to {folder}", file=sys.stderr)
            return path
    raise FileError(f"{name}: cannot be downloaded ({'; '.join(reasons) or 'download=False'}); "
                    "give the folder that holds the files with --data-dir")
