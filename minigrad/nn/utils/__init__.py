"""Helpers over whole models: their parameters all at once, layers joined into one, and what they cost."""

from minigrad.nn.utils import vector
from minigrad.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval, remove_weight_norm, weight_norm
from minigrad.nn.utils.summary import summary
from minigrad.nn.utils.vector import *  # noqa: F403

__all__ = ["fuse_conv_bn_eval", "fuse_linear_bn_eval", "remove_weight_norm", "summary", "weight_norm", *vector.__all__]
