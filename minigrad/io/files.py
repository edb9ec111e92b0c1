"""A file is either its old self or its new self, never a piece of either.

The new content goes into a file of another name beside it, is forced to the disk, and only then takes the name over:
renaming is the one step of a file system that cannot happen by halves.  Whoever pulls the plug in between loses the new
content and keeps the old.
"""

import contextlib
import os
from pathlib import Path

TEMPORARY = ".writing"  # how the names of unfinished files end, so that leftovers of a killed process can be told


class FileError(ValueError):
    """A file or folder that cannot be used.  The message names it and says what is wrong, in one line."""


def atomic_write(path: str | os.PathLike[str], *pieces: bytes | memoryview) -> None:
    """Writes the pieces to `path`, one after the other, so that no moment shows a half-written file under that name."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with open(unfinished, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Forces a folder's list of names to the disk, where the system knows how (a rename is only there afterwards)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):  # some network file systems refuse; the rename itself stands
        os.fsync(handle)
    os.close(handle)
