"""IDX, the format of the MNIST files.

    bytes 0-1   zero
    byte  2     type of the numbers: 8 uint8, 9 int8, 11 int16, 12 int32, 13 float32, 14 float64
    byte  3     how many axes
    4 each      the sizes, then the numbers, all big-endian

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import array
import os
import struct
import sys

from minigrad.io import FileError, atomic_write, tensor_from_bytes
from minigrad.tensor import Tensor

# IDX type -> the array module's letter in the file, the letter in the tensor (minigrad has no int8 and int16), dtype
TYPES = {
    0x08: ("B", "B", "uint8"),
    0x09: ("b", "i", "int32"),
    0x0B: ("h", "i", "int32"),
    0x0C: ("i", "i", "int32"),
    0x0D: ("f", "f", "float32"),
    0x0E: ("d", "d", "float64"),
}
WRITTEN = {"uint8": 0x08, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
MAX_AXES = 8


def read_idx(path: str | os.PathLike[str]) -> Tensor:
    """The tensor in an IDX file, gzipped or not.  Raises FileError, naming the file, when it is damaged."""
    with open(path, "rb") as file:
        return parse_idx(file.read(), str(path))


def parse_idx(content: bytes, name: str) -> Tensor:
    """The tensor in an IDX file's bytes; `name` is what the errors call it."""
    if content[:2] == b"\x1f\x8b":
        content = _unzip(content, name)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES or not 0 < content[3] <= MAX_AXES:
        raise FileError(f"{name}: not an IDX file (it begins with {content[:4].hex(' ') or 'nothing'})")
    stored, wanted, dtype = TYPES[content[2]]
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise FileError(f"{name}: truncated: {len(content)} bytes do not hold the header of {content[3]} axes")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    size = array.array(stored).itemsize
    for axis in shape:
        size *= axis
    if len(content) - start != size:
        what = "truncated" if len(content) - start < size else "too long"
        raise FileError(f"{name}: {what}: its header {shape} promises {size} bytes of numbers, it holds "
                        f"{len(content) - start}")
    if stored == "B":
        return tensor_from_bytes(memoryview(content)[start:], dtype, shape)
    numbers = array.array(stored, content[start:])
    numbers.byteswap()  # from big-endian to little-endian, which tensor_from_bytes expects on every machine
    if stored != wanted:
        if sys.byteorder != "little":
            numbers.byteswap()
        numbers = array.array(wanted, numbers)
        if sys.byteorder != "little":
            numbers.byteswap()
    return tensor_from_bytes(numbers.tobytes(), dtype, shape)


def write_idx(tensor: Tensor, path: str | os.PathLike[str]) -> None:
    """Writes a tensor of uint8, int32, float32 or float64 as an IDX file, gzipped when the name ends in .gz."""
    name = tensor.dtype.name
    if name not in WRITTEN:
        raise TypeError(f"write_idx: tensor: got dtype {name}, expected one of {', '.join(WRITTEN)}")
    if not 0 < tensor.ndim <= MAX_AXES:
        raise ValueError(f"write_idx: tensor: got shape {tuple(tensor.shape)}, expected 1 to {MAX_AXES} axes")
    numbers = array.array(TYPES[WRITTEN[name]][0], memoryview(tensor.detach()).tobytes())
    if sys.byteorder == "little":
        numbers.byteswap()
    header = struct.pack(f">4B{tensor.ndim}I", 0, 0, WRITTEN[name], tensor.ndim, *tensor.shape)
    content = header + numbers.tobytes()
    if os.fspath(path).endswith(".gz"):
        import gzip

        content = gzip.compress(content, 9, mtime=0)
    atomic_write(path, content)


def _unzip(content: bytes, name: str) -> bytes:
    import gzip
    import zlib

    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"{name}: damaged gzip file ({error})") from None
