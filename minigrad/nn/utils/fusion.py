"""Batch normalisation that no longer learns is a scale and a shift of each channel: the layer before can do both."""

from __future__ import annotations

import copy
from typing import Any

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
        if not isinstance(layer, Module) or layer.training:
            raise ValueError(f"fuse_conv_bn_eval: {argument}: got {type(layer).__name__}"
                             f"{' in training mode' if isinstance(layer, Module) else ''}, expected a layer in "
                             "evaluation mode")
    if bn.running_mean is None:
        raise ValueError("fuse_conv_bn_eval: bn: has no running statistics, expected track_running_stats=True")
    # Output channels are on the axis behind the groups, or behind the inputs of each group of a transposed layer.
    weight, channels, groups = conv.weight, bn.running_mean.shape[0], getattr(conv, "groups", 1)
    transposed = getattr(conv, "transposed", False)
    kernel = weight.shape[2:] if transposed else weight.shape[1:]
    outputs = weight.shape[1] * groups if transposed else weight.shape[0]
    if outputs != channels:
        raise ValueError(f"fuse_conv_bn_eval: got {outputs} output channels and a normalisation of {channels}, "
                         "expected as many")
    scale, shift = (bn.running_var + bn.eps).rsqrt(), -bn.running_mean
    scale = scale if bn.weight is None else scale * bn.weight
    shift = (shift if conv.bias is None else shift + conv.bias) * scale
    shift = shift if bn.bias is None else shift + bn.bias
    by_group = weight.reshape(groups, -1 if transposed else 1, outputs // groups, *kernel)
    scaled = by_group * scale.reshape(groups, 1, -1, *[1] * len(kernel))
    fused = copy.deepcopy(conv)
    fused.weight = Parameter(scaled.reshape(weight.shape).detach(), weight.requires_grad)
    fused.bias = Parameter(shift.detach(), weight.requires_grad)
    return fused


fuse_linear_bn_eval = fuse_conv_bn_eval
