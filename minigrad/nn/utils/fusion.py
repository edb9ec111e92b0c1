"""The same layer with other weights: their length and direction learnt apart, or a normalisation taken in.

Sources: Salimans and Kingma, "Weight normalization", 2016.  Batch normalisation that no longer learns is a scale and a
shift of each channel: the layer before can do both.
"""

import copy
from typing import Any

from minigrad.errors import require
from minigrad.nn.module import Module, Parameter
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor


class WeightNorm:
    """The hook that computes one weight before each forward."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def length(self, v: Tensor) -> Tensor:
        """|v| over all axes but `dim`, kept at size 1 (one number for None)."""
        axes = [axis for axis in range(v.ndim) if axis != self.dim]
        return v.square().sum(axes, keepdim=self.dim is not None).sqrt() if axes else v.abs()

    def __call__(self, module: Module, args: Any) -> None:
        v, g = module.get_parameter(f"{self.name}_v"), module.get_parameter(f"{self.name}_g")
        setattr(module, self.name, v * (g / self.length(v)))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Replaces parameter `name`, w, by `name_g` and `name_v` with `w = g v / |v|`, computed before each forward.

    The norm is over all axes but `dim` (all, if None), so g has size 1 on the others.  State: that of PyTorch's
    classic `torch.nn.utils.weight_norm`, keys `weight_g` and `weight_v`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.utils.weight_norm(nn.Linear(2, 3))
    >>> [(name, value.shape) for name, value in layer.named_parameters()]
    [('bias', (3,)), ('weight_g', (3, 1)), ('weight_v', (3, 2))]
    """
    require(_find(module, name) is None, "weight_norm", "name", repr(name), "one that is not normalised", RuntimeError)
    weight = module.get_parameter(name).detach()
    hook = WeightNorm(name, None if dim is None else axis_of("weight_norm", dim, weight.ndim))
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(hook.length(weight)))
    module.register_parameter(f"{name}_v", Parameter(weight))
    hook(module, ())
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undoes `weight_norm`: the product becomes the parameter `name` again."""
    key = _find(module, name)
    require(key is not None, "remove_weight_norm", "name", repr(name), "one that is normalised")
    module._hooks.pop(key).function(module, ())
    weight = getattr(module, name).detach()
    for part in (name, f"{name}_g", f"{name}_v"):
        delattr(module, part)
    module.register_parameter(name, Parameter(weight))
    return module


def _find(module: Module, name: str) -> Any:
    """The key of the hook that computes the weight, if there is one."""
    return next((key for key, hook in module._hooks.items()
                 if isinstance(hook.function, WeightNorm) and hook.function.name == name), None)


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
