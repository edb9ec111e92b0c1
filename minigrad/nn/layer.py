"""A function of nn.functional as a module: what every layer without parameters of its own is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from minigrad.nn.functional.checks import check_probability, check_reduction
from minigrad.nn.module import Module

TENSORS = ("input", "target")               # arguments of the call
WEIGHTS = ("weight", "pos_weight")          # options that are tensors: buffers, part of the state
CHECKS: dict[str, Callable[[str, Any], None]] = {
    "p": lambda layer, value: check_probability(layer, "p", value),
    "label_smoothing": lambda layer, value: check_probability(layer, "label_smoothing", value),
    "reduction": lambda layer, value: check_reduction(layer, value, "batchmean"),
}


class Layer(Module):
    """`class ELU(Layer, function=F.elu)`: built with the function's options, called with its tensors.

    The constructor has the function's arguments after `input` and `target`: the same names, order and defaults.
    Each becomes an attribute that the call reads; `training` is the module's own.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> class Sharp(Layer, function=F.softplus): ...
    >>> Sharp(beta=8.0)
    Sharp(beta=8.0, threshold=20.0)
    >>> Sharp(beta=8.0)(minigrad.tensor([0.0, 1.0]))
    tensor([0.0866, 1.0000])
    """

    function: Callable[..., Any]
    names: tuple[str, ...]                  # of the options that a call passes on
    __signature__: inspect.Signature

    def __init_subclass__(cls, function: Callable[..., Any] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if function is None:
            return
        options = [option for name, option in inspect.signature(function).parameters.items()
                   if name not in (*TENSORS, "dtype")]
        cls.function = staticmethod(function)
        cls.names = tuple([option.name for option in options])
        cls.__signature__ = inspect.Signature([option for option in options if option.name != "training"])
        if cls.__doc__ is None and function.__doc__:
            cls.__doc__ = f"{function.__doc__.splitlines()[0]}\n\nThe layer of `nn.functional.{function.__name__}`."

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        name = type(self).__name__
        try:
            bound = self.__signature__.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}: {error}, expected {self.__signature__}") from None
        bound.apply_defaults()
        for option, value in bound.arguments.items():
            if option in CHECKS:
                CHECKS[option](name, value)
            if option in WEIGHTS:
                self.register_buffer(option, value)
            else:
                setattr(self, option, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        values = self.__dict__
        return self.function(*args, **kwargs, **{name: values[name] for name in self.names})

    def extra_repr(self) -> str:
        """Options by name, those without a default by value alone; switches that are off are not worth a word."""
        shown = []
        for name, option in self.__signature__.parameters.items():
            value = getattr(self, name)
            if option.default is option.empty:
                shown.append(repr(value))
            elif value is not False and not (option.kind is option.KEYWORD_ONLY and value == option.default):
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)
