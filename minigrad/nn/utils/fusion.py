"""Batch normalisation that no longer learns is a scale and a shift of each channel: the layer before can do both."""

import copy
from typing import Any

from minigrad.errors import require
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of `conv` that computes `bn(conv(x))`, both in evaluation mode.

    Its weight is `weight s`, its bias `(bias - running_mean) s + bn.bias`, where `s` is
    `bn.weight / sqrt(running_var + eps)`.
    Takes convolutions, transposed convolutions (`transpose` is accepted and follows from the layer) and Linear.

    >>> import minigrad
    >>> from minigrad import nn
    >>> conv, bn = nn.Conv2d(1, 2, 3).eval(), nn.BatchNorm2d(2).eval()
    >>> x = minigrad.rand(1, 1, 5, 5)
    >>> (nn.utils.fuse_conv_bn_eval(conv, bn)(x) - bn(conv(x))).abs().max().item() < 1e-5
    True
    """
    for argument, layer in (("conv", conv), ("bn", bn)):
        require(isinstance(layer, Module) and not layer.training, "fuse_conv_bn_eval", argument, type(layer).__name__,
                "a layer in evaluation mode")
    require(bn.running_mean is not None, "fuse_conv_bn_eval", "bn", "no running statistics", "track_running_stats=True")
    # Output channels are on the axis behind the groups, or behind the inputs of each group of a transposed layer.
    weight, groups, transposed = conv.weight, getattr(conv, "groups", 1), getattr(conv, "transposed", False)
    kernel = weight.shape[2:] if transposed else weight.shape[1:]
    outputs = weight.shape[1] * groups if transposed else weight.shape[0]
    require(bn.running_mean.shape == (outputs,), "fuse_conv_bn_eval", "bn", f"{bn.running_mean.shape[0]} channels",
            f"the layer's {outputs}")
    scale = (bn.running_var + bn.eps).rsqrt() * (1 if bn.weight is None else bn.weight)
    shift = ((0 if conv.bias is None else conv.bias) - bn.running_mean) * scale + (0 if bn.bias is None else bn.bias)
    by_group = weight.reshape(groups, -1 if transposed else 1, outputs // groups, *kernel)
    scaled = by_group * scale.reshape(groups, 1, -1, *[1] * len(kernel))
    fused = copy.deepcopy(conv)
    fused.weight = Parameter(scaled.reshape(weight.shape).detach(), weight.requires_grad)
    fused.bias = Parameter(shift.detach(), weight.requires_grad)
    return fused


fuse_linear_bn_eval = fuse_conv_bn_eval
