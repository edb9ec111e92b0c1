"""Which functions are methods of a tensor, and which are its operators."""

from collections.abc import Callable
from typing import Any

from minigrad import dtypes, functions
from minigrad.functions.signature import checked, named
from minigrad.node import GRAD, Value

# Every function whose first parameter is a tensor is a method too, but for those that PyTorch has as functions alone.
FUNCTIONS_ONLY = {"cast", "empty_like", "full_like", "is_tensor", "normal", "one_hot", "ones_like", "pad", "rand_like",
                  "randint_like", "randn_like", "rsub", "where", "zeros_like"}

# Python's name of an operator, and the function (both ways round) or method (in place, with an underscore) behind it.
BINARY = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
          "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
          "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift"}
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
CASTS = {"float": dtypes.float32, "double": dtypes.float64, "int": dtypes.int32, "long": dtypes.int64,
         "byte": dtypes.uint8, "bool": dtypes.bool}
NEW = {"tensor": "A copy of `data`", "zeros": "Zeros", "ones": "Ones", "full": "`fill_value` everywhere,",
       "empty": "Uninitialised memory"}
UNARY = {"neg": "neg", "abs": "abs", "invert": "bitwise_not", "pos": "positive"}


def _operator(function: Callable, swapped: bool = False) -> Callable:
    """The operator for a tensor or a number; anything else is left to the other side of it."""
    def operator(self: Any, other: Any) -> Any:
        if isinstance(other, (Value, int, float)) or (hasattr(other, "__float__") and not hasattr(other, "__len__")):
            return function(other, self) if swapped else function(self, other)
        return NotImplemented
    return operator


def _augmented(function: Callable, in_place: Callable) -> Callable:
    """`x += y` in x's memory; where that would have to be recorded, x is the name of a new tensor instead.

    (A leaf that requires a gradient refuses, as its gradient would be that of the new one.)
    """
    def operator(self: Any, other: Any) -> Any:
        leaf = self.differentiable and not self.node
        if GRAD.enabled and not leaf and (self.node or getattr(other, "differentiable", False)):
            value = function(self, other)
            self._fits(function.__name__, value)
            return functions.cast(value, self.dtype)
        return in_place(self, other)
    return _operator(operator)


def raw(name: str) -> Callable:
    """The function without the check of its first argument: a method's is a tensor."""
    function = getattr(functions, name)
    return checked(getattr(function, "__wrapped__", function), first=1)


def _cast(name: str, dtype: dtypes.DType) -> Callable:
    def method(self: Any) -> Any:
        return functions.cast(self, dtype)
    return named(method, name, f"As {dtype.name}.")


def _new(name: str, what: str) -> Callable:
    create = getattr(functions, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return create(*args, **{"dtype": self.dtype, **kwargs})
    return named(method, f"new_{name}", f"{what} in this tensor's dtype.", create)


def bind(cls: type) -> None:
    """Gives the class its methods and operators."""
    for name in functions.__all__:
        function = getattr(functions, name)
        plain = getattr(function, "__wrapped__", function)
        if name not in FUNCTIONS_ONLY and not isinstance(plain, type) and not hasattr(cls, name) \
                and plain.__annotations__.get(plain.__code__.co_varnames[0], "").startswith("Tensor"):
            setattr(cls, name, raw(name))
    for name, target in BINARY.items():
        setattr(cls, f"__{name}__", _operator(raw(target)))
        setattr(cls, f"__r{name}__", _operator(getattr(functions, target), swapped=True))
        if hasattr(cls, f"{target}_"):
            setattr(cls, f"__i{name}__", _augmented(raw(target), getattr(cls, f"{target}_")))
    for name in COMPARISONS:
        setattr(cls, f"__{name}__", _operator(raw(name)))
    for name, target in UNARY.items():
        setattr(cls, f"__{name}__", raw(target))
    for name, dtype in CASTS.items():
        setattr(cls, name, _cast(name, dtype))
    for name, what in NEW.items():
        setattr(cls, f"new_{name}", _new(name, what))
