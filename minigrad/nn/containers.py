"""Modules made of a row or a dictionary of modules.

The children of a row are registered under "0", "1", ...; these numbers are part of the names in `state_dict`, so
taking one out renumbers the ones after it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from minigrad.nn.module import MODULE, PARAMETER, Module, tree_repr
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = ["ModuleDict", "ModuleList", "ParameterList", "Sequential"]

R = TypeVar("R", bound="Row")


class Row(Module):
    """Children in a row, used like a list: what Sequential and ModuleList share."""

    def _names(self) -> list[str]:
        return [name for name, kind in self._kinds.items() if kind == MODULE]

    def _name(self, index: int) -> str:
        names = self._names()
        position = operator.index(index)
        if not -len(names) <= position < len(names):
            raise IndexError(f"{type(self).__name__}: index {position} is out of range for {len(names)} modules")
        return names[position]

    def _renumber(self, modules: list[Module]) -> None:
        """Make `modules` the children "0", "1", ..."""
        for name in self._names():
            delattr(self, name)
        for position, module in enumerate(modules):
            self.add_module(str(position), module)

    def __len__(self) -> int:
        return len(self._names())

    def __iter__(self) -> Iterator[Module]:
        return iter([module for _, module in self._own(MODULE)])

    def __contains__(self, module: object) -> bool:
        return any(module is child for child in self)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._sliced(index)
        return self.__dict__[self._name(index)]

    def _sliced(self: R, index: slice) -> R:
        return type(self)().extend(list(self)[index])

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        if not isinstance(index, slice):
            self._name(index)
        del modules[index]
        self._renumber(modules)

    def append(self: R, module: Module) -> R:
        """Add a module at the end; returns the row itself."""
        number = len(self)
        while str(number) in self._kinds:       # the names of a slice do not start at "0"
            number += 1
        self.add_module(str(number), module)
        return self

    def extend(self: R, modules: Iterable[Module]) -> R:
        """Add several modules at the end; returns the row itself."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self: R, index: int, module: Module) -> R:
        """Put a module before position `index`; returns the row itself."""
        if not isinstance(module, Module):
            raise TypeError(f"insert: got {type(module).__name__}, expected a Module")
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, index: int = -1) -> Module:
        """Take a module out and return it."""
        module = self[index]
        del self[index]
        return module

    def __add__(self: R, other: Iterable[Module]) -> R:
        return type(self)().extend(self).extend(other)

    def __iadd__(self: R, other: Iterable[Module]) -> R:
        return self.extend(other)


class Sequential(Row):
    """Modules applied one after the other: `Sequential(f, g)(x) = g(f(x))`.

    Takes modules in order, or one mapping of names to modules.

    >>> import minigrad
    >>> from minigrad import nn
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU())
    >>> net(minigrad.zeros(5, 2, 3)).shape
    (5, 4)
    >>> net[1:]
    Sequential(
      (1): Linear(in_features=6, out_features=4, bias=True)
      (2): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for position, module in enumerate(args):
                self.add_module(str(position), module)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input

    def _sliced(self, index: slice) -> Sequential:
        """A slice keeps the names its children have, so its state_dict is a part of the whole one's."""
        return Sequential(dict(list(self._own(MODULE))[index]))

    def __add__(self, other: Iterable[Module]) -> Sequential:
        return Sequential(*self, *other)


class ModuleList(Row):
    """A list whose modules are registered: their parameters count, and `forward` is up to its owner.

    >>> from minigrad import nn
    >>> nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __repr__(self) -> str:
        """Equal neighbours are folded into one line."""
        runs: list[list[Any]] = []                   # [first, last, text]
        for position, text in enumerate(repr(module) for module in self):
            if runs and runs[-1][2] == text:
                runs[-1][1] = position
            else:
                runs.append([position, position, text])
        return tree_repr(self._get_name(), [], [
            f"({first}): {text}" if first == last else f"({first}-{last}): {last - first + 1} x {text}"
            for first, last, text in runs
        ])


class ModuleDict(Module):
    """A dictionary whose modules are registered, in insertion order.

    >>> from minigrad import nn
    >>> heads = nn.ModuleDict({"digit": nn.Linear(4, 10), "parity": nn.Linear(4, 2)})
    >>> list(heads)
    ['digit', 'parity']
    >>> heads["parity"].out_features
    2
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        if self._kinds.get(key) != MODULE:
            raise KeyError(key)
        return self.__dict__[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        self[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def keys(self) -> list[str]:
        return [name for name, _ in self._own(MODULE)]

    def values(self) -> list[Module]:
        return [module for _, module in self._own(MODULE)]

    def items(self) -> list[tuple[str, Module]]:
        return list(self._own(MODULE))

    def pop(self, key: str) -> Module:
        """Take the module under `key` out and return it."""
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        for key in self.keys():
            del self[key]

    def update(self, modules: Any) -> None:
        """Add the modules of a mapping, or of pairs (name, module)."""
        pairs = modules.items() if isinstance(modules, Mapping | ModuleDict) else modules
        for name, module in pairs:
            self[name] = module


class ParameterList(Module):
    """A list whose parameters are registered; plain tensors given to it become parameters.

    >>> import minigrad
    >>> from minigrad import nn
    >>> len(list(nn.ParameterList([minigrad.zeros(2), minigrad.zeros(3)]).parameters()))
    2
    """

    def __init__(self, values: Iterable[Tensor] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def _values(self) -> list[Parameter]:
        return [parameter for _, parameter in self._own(PARAMETER)]

    def __len__(self) -> int:
        return len(self._values())

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._values())

    def __getitem__(self, index: int) -> Parameter:
        return self._values()[index]

    def __setitem__(self, index: int, value: Tensor) -> None:
        position = range(len(self))[index]
        setattr(self, str(position), value if isinstance(value, Parameter) else Parameter(value))

    def append(self, value: Tensor) -> ParameterList:
        """Add a parameter at the end; returns the list itself."""
        self.register_parameter(str(len(self)), value if isinstance(value, Parameter) else Parameter(value))
        return self

    def extend(self, values: Iterable[Tensor]) -> ParameterList:
        for value in list(values):
            self.append(value)
        return self

    def extra_repr(self) -> str:
        sizes = ["x".join(map(str, parameter.shape)) for parameter in self]
        return "\n".join(f"({position}): Parameter containing: [{parameter.dtype} of size {size}]"
                         for position, (parameter, size) in enumerate(zip(self, sizes, strict=True)))
