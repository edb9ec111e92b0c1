"""IDX, the format of the MNIST files.

    bytes 0-1   zero
    byte  2     type of the numbers: 8 uint8, 9 int8, 11 int16, 12 int32, 13 float32, 14 float64
    byte  3     how many axes
    4 each      the sizes, then the numbers, all big-endian

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import array
import gzip
import os
import struct
import zlib
from math import prod

from minigrad.functions import create
from minigrad.io import FileError
from minigrad.io.tensors import in_order
from minigrad.tensor import Tensor

TYPES = {8: "B", 9: "b", 11: "h", 12: "i", 13: "f", 14: "d"}    # of the numbers in the file, for the array module
MAX_AXES = 8


def read_idx(path: str | os.PathLike[str]) -> Tensor:
    """The tensor in an IDX file, gzipped or not.  Raises FileError, naming the file, when it is damaged."""
    with open(path, "rb") as file:
        return parse_idx(file.read(), str(path))


def parse_idx(content: bytes, name: str) -> Tensor:
    """The tensor in an IDX file's bytes; `name` is what the errors call it.  int8 and int16 become int32."""
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise FileError(f"{name}: damaged gzip file ({error})") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES or not 0 < content[3] <= MAX_AXES:
        raise FileError(f"{name}: not an IDX file (it begins with {content[:4].hex(' ') or 'nothing'})")
    letter, start = TYPES[content[2]], 4 + 4 * content[3]
    if len(content) < start:
        raise FileError(f"{name}: truncated: {len(content)} bytes do not hold the header of {content[3]} axes")
    shape, held = struct.unpack(f">{content[3]}I", content[4:start]), len(content) - start
    size = array.array(letter).itemsize * prod(shape)
    if held != size:
        raise FileError(f"{name}: {'truncated' if held < size else 'too long'}: its header {shape} promises {size} "
                        f"bytes of numbers, it holds {held}")
    numbers = in_order(array.array(letter, content[start:]), "big")
    return create.tensor(numbers if letter not in "bh" else array.array("i", numbers)).reshape(shape)
