"""Which functions are methods of a tensor, and which are its operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad import functions
from minigrad.functions.signature import checked
from minigrad.node import Value

# Every function whose first parameter is a tensor is a method too, but for those that PyTorch has as functions alone.
FUNCTIONS_ONLY = {"cast", "empty_like", "full_like", "is_tensor", "normal", "one_hot", "ones_like", "pad", "rand_like",
                  "randint_like", "randn_like", "rsub", "where", "zeros_like"}

# Python's name of an operator, and the function (both ways round) or method (in place) behind it.
BINARY = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
          "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
          "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift"}
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
IN_PLACE = {"iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "ifloordiv": "floor_divide_",
            "imod": "remainder_", "ipow": "pow_", "iand": "bitwise_and_", "ior": "bitwise_or_", "ixor": "bitwise_xor_",
            "ilshift": "bitwise_left_shift_", "irshift": "bitwise_right_shift_"}
UNARY = {"neg": "neg", "abs": "abs", "invert": "bitwise_not", "pos": "positive"}


def taken(other: Any) -> bool:
    """Whether an operand is a tensor or a number; anything else is left to the other side of the operator."""
    return isinstance(other, (Value, int, float)) or (hasattr(other, "__float__") and not hasattr(other, "__len__"))


def _operator(function: Callable, swapped: bool = False) -> Callable:
    def operator(self: Any, other: Any) -> Any:
        if not taken(other):
            return NotImplemented
        return function(other, self) if swapped else function(self, other)
    return operator


def _in_place(method: Callable) -> Callable:
    return lambda self, other: method(self, other) if taken(other) else NotImplemented


def raw(function: Callable) -> Callable:
    """The function without the check of its first argument: a method's is a tensor."""
    return checked(getattr(function, "__wrapped__", function), first=1)


def bind(cls: type) -> None:
    """Gives the class its methods and operators."""
    for name in functions.__all__:
        function = getattr(functions, name)
        plain = getattr(function, "__wrapped__", function)
        if name in FUNCTIONS_ONLY or isinstance(plain, type) or hasattr(cls, name):
            continue
        first = plain.__code__.co_varnames[0]
        if plain.__annotations__.get(first, "").startswith("Tensor"):
            setattr(cls, name, raw(function))
    for name, target in BINARY.items():
        function = raw(getattr(functions, target))
        setattr(cls, f"__{name}__", _operator(function))
        setattr(cls, f"__r{name}__", _operator(function, swapped=True))
    for name in COMPARISONS:
        setattr(cls, f"__{name}__", _operator(raw(getattr(functions, name))))
    for name, target in UNARY.items():
        setattr(cls, f"__{name}__", raw(getattr(functions, target)))
    for name, target in IN_PLACE.items():
        setattr(cls, f"__{name}__", _in_place(getattr(cls, target)))
