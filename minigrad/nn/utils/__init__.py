"""Helpers over whole models: their parameters all at once, layers joined into one, and what they cost."""

from minigrad.nn.utils.clip import clip_grad_norm_, clip_grad_value_, get_total_norm
from minigrad.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from minigrad.nn.utils.summary import summary
from minigrad.nn.utils.vector import parameters_to_vector, vector_to_parameters
from minigrad.nn.utils.weight_norm import remove_weight_norm, weight_norm

__all__ = ["clip_grad_norm_", "clip_grad_value_", "fuse_conv_bn_eval", "fuse_linear_bn_eval", "get_total_norm",
           "parameters_to_vector", "remove_weight_norm", "summary", "vector_to_parameters", "weight_norm"]
