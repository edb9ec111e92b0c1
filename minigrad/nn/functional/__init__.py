"""Layers as functions: everything a layer computes, without the layer's state. Usually imported as `F`."""

from typing import TYPE_CHECKING, Any

from minigrad.functions import one_hot, pad
from minigrad.functions.signature import checked
from minigrad.nn.functional import activation, loss, norm, patches, pool, resample, weighted

FAMILIES = (activation, loss, norm, patches, pool, resample, weighted)

__all__ = ["one_hot", "pad", *[name for family in FAMILIES for name in family.__all__]]

if TYPE_CHECKING:
    def __getattr__(name: str) -> Any: ...          # what the loop below defines

for _family in FAMILIES:
    for _name in _family.__all__:
        globals()[_name] = vars(_family)[_name] = checked(getattr(_family, _name))      # (where pickle looks for it)
