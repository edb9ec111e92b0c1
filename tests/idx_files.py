"""IDX files for the tests."""

import gzip
import struct

CODES = {"uint8": (8, "B"), "int32": (12, "i"), "float32": (13, "f"), "float64": (14, "d")}


def write_idx(tensor, path):
    """A tensor as an IDX file, gzipped when the name ends in .gz."""
    code, letter = CODES[tensor.dtype.name]
    header = struct.pack(f">4B{tensor.ndim}I", 0, 0, code, tensor.ndim, *tensor.shape)
    content = header + struct.pack(f">{tensor.numel()}{letter}", *tensor.flatten().tolist())
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)
