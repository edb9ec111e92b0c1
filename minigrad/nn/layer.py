"""What layers share: how they are declared, built, called and printed; and a function of nn.functional as a module."""

import inspect
import types
from collections.abc import Callable
from typing import Any

from minigrad.errors import require
from minigrad.functions.create import empty
from minigrad.nn.functional.checks import check_probability, check_reduction
from minigrad.nn.module import Module, Parameter
from minigrad.shapes import integer


def family(base: "type[Layer]", **attributes: Any) -> list[Any]:
    """Classes derived from `base`: where an attribute is a list, one class for each of its elements.

    They have no names yet: `publish` gives them those that they have in their file.
    """
    listed = {name: values for name, values in attributes.items() if isinstance(values, list)}
    return [types.new_class("", (base,), {**attributes, **dict(zip(listed, values, strict=True))})
            for values in zip(*listed.values(), strict=True)]


def publish(names: dict[str, Any], *others: str) -> None:
    """Makes a file's layers public: all but bases and those with an underscore; the nameless ones get their names."""
    public = [name for name, thing in names.items() if isinstance(thing, type) and issubclass(thing, Module)
              and name[0] != "_" and thing not in (Layer, Functional)]
    for name in public:
        if not names[name].__name__:
            names[name].__name__ = names[name].__qualname__ = name
            names[name].__module__ = names["__name__"]
    names["__all__"] = [*others, *public]


def calling(function: Callable[..., Any], names: tuple[str, ...]) -> Any:
    """A forward: `function` of the arguments of the call and, by their names, of attributes.

    As text, since picking the attributes in a loop took half a microsecond of each call more.
    """
    options = "".join([f"{name}=self.{name}, " for name in names])
    return eval(f"lambda self, *args, **more: function(*args, {options}**more)", {"function": function})


class Layer(Module):
    """Base of the layers: the keywords of a class statement, as in `class Conv1d(_Conv, axes=1)`, become attributes.

    `function` is what a call computes: from the arguments of the call, and for the function's other arguments but those
    in `tensors`, from the attributes that have their names.
    `shown` is what stands between the parentheses of the layer's line: names of attributes, those with "=" behind them
    by name; of a parameter, whether there is one.

    >>> import minigrad
    >>> class Scale(Layer, function=lambda input, factor: input * factor, shown="size factor="):
    ...     def __init__(self, size):
    ...         super().__init__(size=size)
    ...         self._learn(None, None, factor=(size,))
    ...     def reset_parameters(self):
    ...         minigrad.nn.init.constant_(self.factor, 2.0)
    >>> Scale(3), Scale(3)(minigrad.tensor(5.0)).tolist()
    (Scale(3, factor=True), [10.0, 10.0, 10.0])
    """

    called = Module.forward                 # what a call computes, and what a forward that is written out may call
    function: Callable[..., Any]
    tensors: tuple[str, ...] = ("input", "target", "dtype")
    names: tuple[str, ...]                  # of the function's arguments that come from attributes
    shown: Any = ""

    def __init_subclass__(cls, **attributes: Any) -> None:
        super().__init_subclass__()
        for name, value in attributes.items():
            setattr(cls, name, staticmethod(value) if inspect.isfunction(value) else value)
        if "function" in attributes:
            about, options = cls.function, inspect.signature(cls.function).parameters
            cls.names = tuple([name for name in options if name not in cls.tensors])
            plain, cls.called = cls.forward is cls.called, calling(about, cls.names)
            if plain:                           # no class above has a forward of its own
                cls.forward = cls.called        # type: ignore[method-assign]
            if issubclass(cls, Functional):
                order = sorted(cls.names, key=lambda name: name == cls.last)
                cls.__signature__ = inspect.Signature([options[name] for name in order if name != "training"])
            if cls.__doc__ is None and about.__doc__:
                cls.__doc__ = f"{about.__doc__.splitlines()[0]}\n\nThe layer of `nn.functional.{about.__name__}`."

    def __init__(self, **sizes: Any) -> None:
        """Attributes that are sizes: ints of 0 or more."""
        super().__init__()
        for name, size in sizes.items():
            require(integer(type(self).__name__, name, size) >= 0, type(self).__name__, name, size, "0 or more")
            setattr(self, name, size)

    def _learn(self, device: Any, dtype: Any, **shapes: tuple[int, ...] | bool) -> None:
        """Parameters of these shapes (False for one not wanted), filled by the layer's `reset_parameters`."""
        for name, shape in shapes.items():
            wanted = isinstance(shape, tuple)
            self.register_parameter(name, Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None)
        self.reset_parameters()

    def extra_repr(self) -> str:
        values = {**self.__dict__, **{name: self.__dict__[name] is not None for name in self._kinds}}
        return ", ".join([f"{word}{values[word[:-1]]!r}" if word[-1] == "=" else repr(values[word])
                          for word in self.shown.split()])


class Functional(Layer):
    """`class ELU(Functional, function=F.elu)`: built with the function's options, called with its tensors.

    The constructor has the function's arguments but those in `tensors`: the same names, order and defaults.
    Each becomes an attribute; `training` is the module's own.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> class Sharp(Functional, function=F.softplus): ...
    >>> Sharp(beta=8.0)
    Sharp(beta=8.0, threshold=20.0)
    >>> Sharp(beta=8.0)(minigrad.tensor([0.0, 1.0]))
    tensor([0.0866, 1.0000])
    """

    last = ""                               # an option that stands behind the others in the constructor
    __signature__: inspect.Signature

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        layer = type(self).__name__
        try:
            bound = self.__signature__.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{layer}: {error}, expected {self.__signature__}") from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if name in ("p", "label_smoothing"):
                check_probability(layer, name, value)
            elif name == "reduction":
                check_reduction(layer, value, "batchmean")
            elif name == "max_val":
                require(value >= self.min_val, layer, name, value, f"at least min_val, {self.min_val}")
            # (Options that are tensors are buffers: part of the state.)
            (self.register_buffer if name in ("weight", "pos_weight") else self.__setattr__)(name, value)

    @property
    def shown(self) -> str:     # type: ignore[override]
        """Options by name, those without a default by value alone; switches that are off are not worth a word."""
        return " ".join([name if option.default is option.empty else f"{name}="
                         for name, option in self.__signature__.parameters.items() if getattr(self, name) is not False
                         and not (option.kind is option.KEYWORD_ONLY and getattr(self, name) == option.default)])
