"""What every function promises about its arguments, checked from its annotations in one place.

A parameter annotated `Tensor` takes nothing else, one annotated `Floats` only a tensor of a floating-point dtype; sizes
and axes that may follow one another (`*size`, `*dims`) may also be given by that name; `dim` and `keepdim` may be
spelled `axis` and `keepdims`.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

from minigrad.errors import require
from minigrad.node import Tensor, Value

SPELLINGS = {"axis": "dim", "keepdims": "keepdim"}
MISSING = object()
Floats = Annotated[Tensor, "of a floating-point dtype"]
VARIADIC = 4            # the flag of a code object that has *args


def checked(function: Callable, first: int = 0) -> Callable:
    """`function` with its tensor arguments checked from parameter `first` on: TypeError for anything else.

    The function itself is returned where there is nothing to check.
    """
    code = function.__code__
    names = code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]
    tensors = [(names.index(name), name, kind is Floats) for name, kind in function.__annotations__.items()
               if name in names[first:] and (kind is Floats or getattr(kind, "__name__", kind) == "Tensor")]
    spelled = "dim" in names
    several = code.co_varnames[len(names)] if code.co_flags & VARIADIC else ""
    if not tensors and not spelled and not several:
        return function

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs and spelled and not SPELLINGS.keys().isdisjoint(kwargs):
            kwargs = {SPELLINGS.get(name, name): value for name, value in kwargs.items()}
        if several and several in kwargs:
            args = (*args, kwargs.pop(several))
        for slot, name, floating in tensors:
            x = args[slot] if slot < len(args) else kwargs.get(name, MISSING)
            if isinstance(x, Value):
                if floating and not x.dtype.is_floating_point:
                    raise TypeError(f"{function.__name__}: {name}: got {x.dtype}, expected a floating-point dtype")
            elif x is not MISSING:
                raise TypeError(f"{function.__name__}: {name}: got {type(x).__name__}, expected a tensor")
        return function(*args, **kwargs)

    return call


def named(function: Callable, name: str, doc: str, like: Callable | None = None) -> Callable:
    """`function` under a name of its own, documented; `like` has the parameters that it takes after its first."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    if like is not None:
        first = Parameter("self", Parameter.POSITIONAL_ONLY)
        function.__signature__ = Signature([first, *signature(like).parameters.values()])   # type: ignore[attr-defined]
    return function


def several(op: str, tensors: Any) -> list:
    """The tensors of a list or tuple; TypeError for anything else in it, ValueError for none."""
    if isinstance(tensors, Value) or not isinstance(tensors, Iterable):
        raise TypeError(f"{op}: tensors: got {type(tensors).__name__}, expected a list or tuple of tensors")
    listed = list(tensors)
    require(listed, op, "tensors", "none", "at least one")
    for slot, x in enumerate(listed):
        if not isinstance(x, Value):
            raise TypeError(f"{op}: tensors: item {slot} is {type(x).__name__}, expected a tensor")
    return listed
