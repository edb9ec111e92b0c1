"""`save` and `load`: nested dicts and lists of tensors as one safetensors file, with no pickle anywhere.

A safetensors file is eight bytes of length, a JSON header naming every tensor's dtype, shape and place, and the numbers
themselves.  Reading one can therefore never run code, and any other program reads ours: a flat dict of tensors, such as
a `state_dict()`, becomes a file with just these names.  What the format has no place for (nesting, integers as keys,
numbers and strings between the tensors) is one JSON text in the header's metadata.
"""

import array
import json
import os
import sys
from typing import Any

from minigrad import dtypes
from minigrad.device import check_device
from minigrad.functions import create
from minigrad.io.files import FileError, atomic_write
from minigrad.tensor import Tensor

METADATA = "__metadata__"
TREE = "minigrad"  # the one key of our metadata: one key, because the order of several is nobody's promise

# safetensors' name -> minigrad's name, and minigrad's name -> the letter of its bytes for the array module
DTYPES = {"BOOL": "bool", "U8": "uint8", "I32": "int32", "I64": "int64", "F32": "float32", "F64": "float64"}
LETTERS = {"bool": "B", "uint8": "B", "int32": "i", "int64": "q", "float32": "f", "float64": "d"}
STORED = {name: stored for stored, name in DTYPES.items()}

Scalar = (str, int, float, bool, type(None))


def tensor_from_bytes(data: bytes | bytearray | memoryview, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """A new tensor from little-endian C-ordered bytes.

    >>> tensor_from_bytes(bytes([1, 2, 3, 4]), "uint8", (2, 2)).tolist()
    [[1, 2], [3, 4]]
    """
    numbers = in_order(array.array(LETTERS[dtype], bytes(data)), "little")
    return create.tensor(numbers, dtype=getattr(dtypes, dtype)).reshape(shape)


def in_order(numbers: array.array, byteorder: str) -> array.array:
    """The numbers taken from this machine's order of bytes to the one named, or back."""
    if sys.byteorder != byteorder:
        numbers.byteswap()
    return numbers


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Writes tensors, and dicts, lists and tuples of tensors, strings and numbers, to a safetensors file, atomically.

    Only values are kept: not gradients, nor whether a tensor requires one.  A tensor that occurs twice is stored once,
    and is one tensor again after `load`.  Raises TypeError for anything else, naming where it is.
    """
    tensors: dict[str, Tensor] = {}
    try:
        tree = _encode(obj, tensors, {}, ())
    except RecursionError:
        raise ValueError("save: obj contains itself, or is nested too deeply") from None
    blocks = [memoryview(tensor.detach()).tobytes() for tensor in tensors.values()]
    header: dict[str, Any] = {METADATA: {TREE: json.dumps(tree)}}
    offset = 0
    for (name, tensor), block in zip(tensors.items(), blocks, strict=True):
        offset += len(block)
        header[name] = {"dtype": STORED[tensor.dtype.name], "shape": tensor.shape,
                        "data_offsets": [offset - len(block), offset]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of 8, so that they can be mapped into memory
    atomic_write(path, len(text).to_bytes(8, "little"), text, *blocks)


def load(path: str | os.PathLike[str], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Reads what `save` wrote; of another program's safetensors file, a dict from names to tensors.

    `map_location` may name the one device; nothing but values is ever read, whatever `weights_only` says.
    Raises FileError, naming the file, when it is not a whole safetensors file, and OSError when it cannot be read.
    """
    import safetensors

    check_device("load", map_location)
    with open(path, "rb") as file:
        content = file.read()
    try:
        found = dict(safetensors.deserialize(content))  # checks the header, every offset and the length
    except safetensors.SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing: ")
        raise FileError(f"{path}: not a whole safetensors file ({reason})") from None
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    metadata = header.pop(METADATA, None) or {}
    tensors = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if entry["dtype"] not in DTYPES:
            raise FileError(f"{path}: tensor {name!r} has dtype {entry['dtype']}, expected one of {', '.join(DTYPES)}")
        tensors[name] = tensor_from_bytes(found[name]["data"], DTYPES[entry["dtype"]], tuple(entry["shape"]))
    if TREE not in metadata:
        return tensors
    try:
        return _decode(json.loads(metadata[TREE]), tensors)
    except (KeyError, TypeError, ValueError, RecursionError, AttributeError):
        raise FileError(f"{path}: the description of its contents is damaged") from None


def _encode(obj: Any, tensors: dict[str, Tensor], seen: dict[int, str], path: tuple[str, ...]) -> Any:
    """`obj` as JSON; a container or tensor becomes a one-entry object that says what it is."""
    if isinstance(obj, Tensor):
        if id(obj) not in seen:
            name = ".".join(path) or "tensor"
            while name in tensors or name == METADATA:
                name += "_"
            tensors[name], seen[id(obj)] = obj, name
        return {"tensor": seen[id(obj)]}
    if isinstance(obj, dict):
        for key in obj:
            if not isinstance(key, Scalar):
                raise TypeError(f"save: {_place(path)} has a key of type {type(key).__name__}, expected str or number")
        return {"dict": [[key, _encode(value, tensors, seen, (*path, str(key)))] for key, value in obj.items()]}
    if isinstance(obj, list | tuple):
        values = [_encode(value, tensors, seen, (*path, str(i))) for i, value in enumerate(obj)]
        return {"list" if isinstance(obj, list) else "tuple": values}
    if isinstance(obj, Scalar):
        return obj
    raise TypeError(f"save: {_place(path)} is of type {type(obj).__name__}; expected tensors, dicts, lists, tuples, "
                    f"strings, numbers, bools or None")


def _decode(tree: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, value),) = tree.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {key: _decode(entry, tensors) for key, entry in value}
    if kind in ("list", "tuple"):
        return (list if kind == "list" else tuple)(_decode(entry, tensors) for entry in value)
    raise ValueError(kind)


def _place(path: tuple[str, ...]) -> str:
    return "obj" + "".join(f"[{key!r}]" for key in path)
