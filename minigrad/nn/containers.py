"""Modules made of a row or a dictionary of modules.

The children of a row are registered under "0", "1", ...; these numbers are part of the names in `state_dict`, so
taking one out renumbers the ones after it.
"""

import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any

from minigrad.errors import require
from minigrad.nn.layer import publish
from minigrad.nn.module import MODULE, Module, tree_repr


class _Row(Module, MutableSequence):
    """Children in a row, used like a list: what Sequential and ModuleList share."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def _name(self, index: Any) -> str:
        names, position = [name for name, _ in self._own(MODULE)], operator.index(index)
        require(-len(names) <= position < len(names), type(self).__name__, "index", position,
                f"one of {len(names)} modules", IndexError)
        return names[position]

    def _replace(self, values: list[Any]) -> None:
        """Make `values` the children "0", "1", ..."""
        for name, _ in self._own(MODULE):
            delattr(self, name)
        self.extend(values)

    def __len__(self) -> int:
        return len(self._own(MODULE))

    def __iter__(self) -> Iterator[Any]:
        return iter([value for _, value in self._own(MODULE)])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self.__dict__[self._name(index)]

    def __setitem__(self, index: Any, value: Any) -> None:
        setattr(self, self._name(index), value)

    def __delitem__(self, index: Any) -> None:
        values = list(self)
        del values[index]
        self._replace(values)

    def insert(self, index: int, value: Any) -> Any:
        """Put a value before position `index`; returns the row itself."""
        self.append(value)
        values = list(self)
        values.insert(index, values.pop())
        self._replace(values)
        return self

    def append(self, value: Any) -> Any:
        """Add a value at the end; returns the row itself."""
        free = (name for name in map(str, itertools.count(len(self))) if name not in self._kinds)
        self.add_module(next(free), value)         # (the names of a slice do not start at "0")
        return self

    def extend(self, values: Iterable[Any]) -> Any:
        """Add several values at the end; returns the row itself."""
        for value in list(values):
            self.append(value)
        return self

    def __add__(self, other: Iterable[Any]) -> Any:
        return type(self)([*self, *other])


class Sequential(_Row):
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
        named = len(args) == 1 and isinstance(args[0], Mapping)
        super().__init__(() if named else args)
        for name, module in args[0].items() if named else ():
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        values = self.__dict__
        for name, kind in self._kinds.items():
            input = values[name](input) if kind == MODULE else input
        return input

    def __getitem__(self, index: Any) -> Any:
        """A slice keeps the names its children have, so its state_dict is a part of the whole one's."""
        return Sequential(dict(self._own(MODULE)[index])) if isinstance(index, slice) else super().__getitem__(index)

    def __add__(self, other: Iterable[Any]) -> Any:
        return Sequential(*self, *other)


class ModuleList(_Row):
    """A list whose modules are registered: their parameters count, and `forward` is up to its owner.

    >>> from minigrad import nn
    >>> nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__(modules)

    def __repr__(self) -> str:
        """Equal neighbours are folded into one line."""
        lines, start = [], 0
        for text, run in itertools.groupby(map(repr, self)):
            count = len(list(run))
            lines.append(f"({start}): {text}" if count == 1 else f"({start}-{start + count - 1}): {count} x {text}")
            start += count
        return tree_repr(type(self).__name__, "", lines)


class ModuleDict(Module, MutableMapping):
    """A dictionary whose modules are registered, in insertion order.

    >>> from minigrad import nn
    >>> heads = nn.ModuleDict({"digit": nn.Linear(4, 10), "parity": nn.Linear(4, 2)})
    >>> list(heads)
    ['digit', 'parity']
    >>> heads["parity"].out_features
    2
    """

    __eq__, __hash__ = Module.__eq__, Module.__hash__      # as a module, not as a mapping

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or ())

    def __getitem__(self, key: str) -> Module:
        return dict(self._own(MODULE))[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        self[key]                                           # which must be there
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._own(MODULE))

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._own(MODULE)])


publish(globals())
