"""What a user calls: PyTorch's functions, composed of rows of the op table.  One file per family."""

from typing import TYPE_CHECKING, Any

from minigrad.functions import create, index, linalg, math, order, parts, random, reduce, shape
from minigrad.functions.signature import checked

FAMILIES = (create, random, math, reduce, shape, parts, index, order, linalg)

__all__ = [name for family in FAMILIES for name in family.__all__]

if TYPE_CHECKING:
    def __getattr__(name: str) -> Any: ...          # what the loop below defines

for _family in FAMILIES:
    for _name in _family.__all__:
        _object = getattr(_family, _name)
        globals()[_name] = _object if isinstance(_object, type) else checked(_object)
