"""Helpers over whole models: their parameters all at once, layers joined into one, and what they cost."""

from typing import TYPE_CHECKING, Any

from minigrad.nn.utils import vector
from minigrad.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval, remove_weight_norm, weight_norm
from minigrad.nn.utils.vector import *  # noqa: F403

if TYPE_CHECKING:
    from minigrad.arithmetic.summary import summary

__all__ = ["fuse_conv_bn_eval", "fuse_linear_bn_eval", "remove_weight_norm", "summary", "weight_norm", *vector.__all__]


def __getattr__(name: str) -> Any:
    """The summary stands on graphs that were captured, on a higher floor: it is imported when first asked for."""
    if name == "summary":
        from minigrad.arithmetic.summary import summary
        return summary
    raise AttributeError(f"module 'minigrad.nn.utils' has no attribute {name!r}")
