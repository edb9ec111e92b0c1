"""Weight normalisation: the length and the direction of each weight vector are learnt apart.

Source: Salimans and Kingma, "Weight normalization", 2016.
"""

from __future__ import annotations

from typing import Any, TypeVar

from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor

M = TypeVar("M", bound=Module)


class WeightNorm:
    """The hook that computes one weight before each forward."""

    def __init__(self, name: str, axes: tuple[int, ...] | None) -> None:
        self.name, self.axes = name, axes

    def length(self, v: Tensor) -> Tensor:
        """|v| over the axes, kept at size 1 (one number for None)."""
        if self.axes is None:
            return v.square().sum().sqrt()
        return v.square().sum(self.axes, keepdim=True).sqrt() if self.axes else v.abs()

    def weight(self, module: Module) -> Tensor:
        v = module.get_parameter(f"{self.name}_v")
        return v * (module.get_parameter(f"{self.name}_g") / self.length(v))

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.weight(module))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Replaces parameter `name`, w, by `name_g` and `name_v` with `w = g v / |v|`, computed before each forward.

    The norm is over all axes but `dim` (all, if None), so g has size 1 on the others.  State: that of PyTorch's
    classic `torch.nn.utils.weight_norm`, keys `weight_g` and `weight_v`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> layer = nn.utils.weight_norm(nn.Linear(2, 3))
    >>> [(name, value.shape) for name, value in layer.named_parameters()]
    [('bias', (3,)), ('weight_g', (3, 1)), ('weight_v', (3, 2))]
    """
    if _find(module, name) is not None:
        raise RuntimeError(f"weight_norm: '{name}' of this module is normalised already")
    weight = module.get_parameter(name).detach()
    axis = None if dim is None else axis_of("weight_norm", dim, weight.ndim)
    hook = WeightNorm(name, None if axis is None else tuple([j for j in range(weight.ndim) if j != axis]))
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(hook.length(weight)))
    module.register_parameter(f"{name}_v", Parameter(weight))
    hook(module, ())
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Undoes `weight_norm`: the product becomes the parameter `name` again."""
    key = _find(module, name)
    if key is None:
        raise ValueError(f"remove_weight_norm: '{name}' of this module is not normalised")
    hook = module._hooks_to_change().before.pop(key)[0]
    weight = hook.weight(module).detach()       # type: ignore[attr-defined]
    for part in (name, f"{name}_g", f"{name}_v"):
        delattr(module, part)
    module.register_parameter(name, Parameter(weight))
    return module


def _find(module: Module, name: str) -> int | None:
    """The key of the hook that computes the weight, if there is one."""
    for key, (hook, _) in module._hooks_to_change().before.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            return key
    return None
