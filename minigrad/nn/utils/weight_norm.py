"""Weight normalisation: the length and the direction of each weight vector are learnt apart.

Source: Salimans and Kingma, "Weight normalization", 2016.
"""

from typing import Any

from minigrad.errors import require
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
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
