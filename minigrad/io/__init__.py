"""Tensors in files: `save` and `load` in the safetensors format, and files that are written whole or not at all."""

from minigrad.io.files import FileError, atomic_write
from minigrad.io.tensors import load, save, tensor_from_bytes

__all__ = ["FileError", "atomic_write", "load", "save", "tensor_from_bytes"]
