"""A Module is a tree of named tensors with a `forward`.

Assigning a Parameter, a Module or (through `register_buffer`) a Tensor to an attribute is all it takes to grow the
tree: `__setattr__` notes the name and what kind of thing it holds.  The values themselves stay ordinary attributes,
so reading `self.weight` inside `forward` costs what any attribute costs.  Everything else here (parameters, state
dictionaries, moving, printing) is a walk over those notes.

Names and meaning follow PyTorch's `torch.nn.Module`.
"""

from __future__ import annotations

import itertools
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from minigrad.autograd import no_grad
from minigrad.dtypes import float32, float64
from minigrad.errors import require
from minigrad.functions.create import as_tensor, zeros, zeros_like
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Handle, Tensor
from minigrad_ext.recorder import change, current

PARAMETER, BUFFER, TRANSIENT, MODULE = "parameter", "buffer", "transient buffer", "module"
M = TypeVar("M", bound="Module")
Named = Iterator[tuple[str, Any]]

# A function that runs before or after forward: to look at what passes, or to change it.
Hook = namedtuple("Hook", ["function", "before", "with_kwargs"])
_serial = itertools.count(1)


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict(strict=False)` skipped: two lists of names."""

    def __repr__(self) -> str:
        return super().__repr__() if any(self) else "<All keys matched successfully>"


class Module:
    """Base of every layer and model: assign parts in `__init__`, compute in `forward`.

    >>> import minigrad
    >>> from minigrad import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = nn.Linear(2, 3)
    ...         self.out = nn.Linear(3, 1)
    ...     def forward(self, x):
    ...         return self.out(self.hidden(x).relu())
    >>> net = Net()
    >>> net(minigrad.ones(5, 2)).shape
    (5, 1)
    >>> [name for name, _ in net.named_parameters()]
    ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']
    >>> net
    Net(
      (hidden): Linear(in_features=2, out_features=3, bias=True)
      (out): Linear(in_features=3, out_features=1, bias=True)
    )
    """

    training: bool
    _kinds: dict[str, str]          # name -> PARAMETER | BUFFER | TRANSIENT | MODULE, in order of registration
    _hooks: dict[int, Hook]         # which run in the order of their keys

    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...

    def __init__(self) -> None:
        self.__dict__.update(training=True, _kinds={}, _hooks={})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What calling the module computes; each subclass defines its own."""
        raise NotImplementedError(f"{type(self).__name__}: forward is not defined")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is not None:
            recorder.module(self)
        return self._call_with_hooks(args, kwargs) if self._hooks else self.forward(*args, **kwargs)

    # --- registering ---------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        change()
        kind = (PARAMETER if isinstance(value, Parameter) else MODULE if isinstance(value, Module) else
                self.__dict__.get("_kinds", {}).get(name))
        if kind is None:
            object.__setattr__(self, name, value)
        else:
            self._register(name, value, kind, replace=True)

    def __delattr__(self, name: str) -> None:
        change()
        object.__delattr__(self, name)
        self._kinds.pop(name, None)

    def _register(self, name: str, value: Any, kind: str, replace: bool = False) -> None:
        kinds, owner = self.__dict__.get("_kinds"), type(self).__name__
        if kinds is None:
            raise AttributeError(f"{owner}: call super().__init__() before assigning a {kind}")
        require(isinstance(name, str), owner, f"{kind} name", type(name).__name__, "str", TypeError)
        require(name and "." not in name, owner, f"{kind} name", repr(name), "one not empty and with no dot", KeyError)
        taken = not replace and name not in kinds and hasattr(self, name)
        require(not taken, owner, f"{kind} name", repr(name), "one that no other attribute has", KeyError)
        require(value is None or isinstance(value, KINDS[kind]), owner, f"{kind} {name!r}", type(value).__name__,
                f"a {KINDS[kind].__name__} or None", TypeError)
        if kinds.get(name, kind) != kind:
            del kinds[name]
        kinds[name] = kind
        self.__dict__[name] = value
        change()

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or None: a name the module knows and has no parameter for (a layer without bias)."""
        require(getattr(param, "grad_fn", None) is None, "register_parameter", name, "the result of an op", "a leaf")
        self._register(name, param, PARAMETER)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the state but is not trained; `persistent=False` keeps it out of state_dict.

        >>> import minigrad
        >>> from minigrad import nn
        >>> module = nn.Module()
        >>> module.register_buffer("mean", minigrad.zeros(3))
        >>> list(module.state_dict())
        ['mean']
        """
        self._register(name, tensor, BUFFER if persistent else TRANSIENT)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child under a name that may be computed, such as "0"; `self.name = module` does the same."""
        self._register(name, module, MODULE)

    register_module = add_module

    # --- walking -------------------------------------------------------------------------------------------------

    def _own(self, *kinds: str) -> list[tuple[str, Any]]:
        """This module's registered names of some kinds with their values (None included): parameters, then others."""
        found = [(name, self.__dict__[name]) for name, kind in self._kinds.items() if kind in kinds]
        return found if len(kinds) == 1 else sorted(found, key=lambda entry: self._kinds[entry[0]] != PARAMETER)

    def _named(self, *kinds: str, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Named:
        """What the tree (or this module alone) has of some kinds, under dotted names."""
        seen: set[int] = set()
        for path, owner in self.named_modules(None, prefix, remove_duplicate) if recurse else ((prefix, self),):
            for name, value in owner._own(*kinds):
                if value is not None and id(value) not in seen:
                    if remove_duplicate:
                        seen.add(id(value))
                    yield (f"{path}.{name}" if path else name), value

    def named_children(self) -> Named:
        """Direct children with their names; a child held twice comes once."""
        return self._named(MODULE, recurse=False)

    def children(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def named_modules(self, memo: Any = None, prefix: str = "", remove_duplicate: bool = True) -> Named:
        """Every module of the tree, itself first, under dotted names; a shared module comes once.

        >>> from minigrad import nn
        >>> [name for name, _ in nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())).named_modules()]
        ['', '0', '1', '1.0']
        """
        memo = set() if memo is None else memo
        if self not in memo:
            if remove_duplicate:
                memo.add(self)
            yield prefix, self
            for name, module in self._own(MODULE):
                if module is not None:
                    yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_parameters(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Named:
        """Every parameter of the tree under its dotted name; a shared one comes once, under its first name."""
        return self._named(PARAMETER, prefix=prefix, recurse=recurse, remove_duplicate=remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter of the tree, each once: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Named:
        return self._named(BUFFER, TRANSIENT, prefix=prefix, recurse=recurse, remove_duplicate=remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _get(self, target: str, *kinds: str) -> Any:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if owner._kinds.get(name) not in kinds or owner.__dict__[name] is None:
            raise AttributeError(f"{type(owner).__name__} has no {kinds[0]} '{name}' (looking for '{target}')")
        return owner.__dict__[name]

    def get_submodule(self, target: str) -> Module:
        """The module under a dotted name; "" is the module itself.

        >>> from minigrad import nn
        >>> nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())).get_submodule("1.0")
        Tanh()
        """
        return self._get(target, MODULE) if target else self

    def get_parameter(self, target: str) -> Parameter:
        """The parameter under a dotted name."""
        return self._get(target, PARAMETER)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer under a dotted name."""
        return self._get(target, BUFFER, TRANSIENT)

    # --- state ---------------------------------------------------------------------------------------------------

    def state_dict(self, destination: Any = None, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """Every parameter and persistent buffer under its dotted name, detached but sharing memory.

        >>> from minigrad import nn
        >>> {name: tensor.shape for name, tensor in nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        state = {} if destination is None else destination
        for name, tensor in self._named(PARAMETER, BUFFER, remove_duplicate=False):
            state[prefix + name] = tensor if keep_vars else tensor.detach()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy the values of `state_dict` into this module's tensors, all of them or none.

        Everything is checked before anything is copied; one ValueError lists all that is wrong: keys missing or
        unexpected (allowed with `strict=False`, and returned) and shapes that differ.  Values that are not minigrad
        tensors (arrays of other libraries) are taken through DLPack or the buffer protocol.

        >>> from minigrad import nn
        >>> a, b = nn.Linear(3, 2), nn.Linear(3, 2)
        >>> b.load_state_dict(a.state_dict())
        <All keys matched successfully>
        >>> b.weight.tolist() == a.weight.tolist()
        True
        """
        op = "load_state_dict"
        require(isinstance(state_dict, Mapping), op, "state_dict", type(state_dict).__name__, "a mapping", TypeError)
        own = dict(self._named(PARAMETER, BUFFER, remove_duplicate=False))
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        new = {name: import_tensor(f"{op}: {name}", state_dict[name]) for name in own if name in state_dict}
        wrong = [f"{what} keys: {', '.join(map(str, names))}"
                 for what, names in (("unexpected", unexpected), ("missing", missing)) if strict and names]
        wrong += [f"{name}: got shape {tensor.shape}, expected {own[name].shape}"
                  for name, tensor in new.items() if tensor.shape != own[name].shape]
        if wrong:
            raise ValueError(f"{op}: state_dict does not fit {type(self).__name__}:\n    " + "\n    ".join(wrong))
        with no_grad():
            for name, tensor in new.items():
                own[name].copy_(tensor)
        return IncompatibleKeys(missing, unexpected)

    # --- changing every part ---------------------------------------------------------------------------------------

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` on every module of the tree, children first: how a model is initialised in its own way.

        >>> from minigrad import nn
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> _ = net.apply(lambda m: nn.init.zeros_(m.bias) if isinstance(m, nn.Linear) else None)
        >>> net[0].bias.tolist()
        [0.0, 0.0]
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: M, mode: bool = True) -> M:
        """Set `training` in every module: what Dropout and BatchNorm read."""
        require(isinstance(mode, bool), "train", "mode", type(mode).__name__, "bool", TypeError)
        recorder = current()
        for module in self.modules():
            if recorder is not None:
                recorder.keep(module.__dict__, "training")
            if module.training != mode:
                module.training = mode
        if recorder is not None:
            recorder.renewal(lambda: self.train(mode), *[module.__dict__ for module in self.modules()])
        return self

    def eval(self: M) -> M:
        """The same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Freeze (False) or unfreeze every parameter."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or fill it with zeros."""
        clear_gradients(self.parameters(), set_to_none)

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """`to(dtype)`, `to(device)`, `to(device, dtype)` or `to(tensor)`, in place; the only device is "cpu".

        A dtype must be a floating one and reaches the floating tensors only.

        >>> import minigrad
        >>> from minigrad import nn
        >>> nn.Linear(2, 1).to(minigrad.float64).weight.dtype
        minigrad.float64
        """
        wanted = zeros(0).to(*args, **kwargs).dtype
        require(wanted.is_floating_point, "Module.to", "dtype", wanted, "a floating-point dtype", TypeError)

        def converted(tensor: Tensor | None) -> Any:
            return tensor.to(*args, **kwargs) if tensor is not None and tensor.is_floating_point() else tensor

        with no_grad():
            for parameter in self.parameters():
                gradient, parameter.grad = parameter.grad, None
                parameter.data, parameter.grad = converted(parameter), converted(gradient)
            for module in self.modules():
                module.__dict__.update([(name, converted(buffer)) for name, buffer in module._own(BUFFER, TRANSIENT)])
        change()
        return self

    def float(self: M) -> M:
        """All floating-point parameters and buffers as float32."""
        return self.to(float32)

    def double(self: M) -> M:
        """All floating-point parameters and buffers as float64."""
        return self.to(float64)

    def cpu(self: M) -> M:
        """Itself: the CPU is where every module is."""
        return self

    # --- hooks ---------------------------------------------------------------------------------------------------

    def _add_hook(self, function: Callable, before: bool, prepend: bool, with_kwargs: bool) -> Handle:
        """A hook behind (or before) the others; the handle takes it away."""
        require(callable(function), "hook", "function", type(function).__name__, "something callable", TypeError)
        key = next(_serial) * (-1 if prepend else 1)
        self._hooks[key] = Hook(function, before, with_kwargs)
        change()
        return Handle(self._hooks, key)       # type: ignore[arg-type]

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Forward of the arguments as the hooks before it make them; its output as those after it make it."""
        hooks = [hook for _, hook in sorted(self._hooks.items())]
        for function, _, with_kwargs in [hook for hook in hooks if hook.before]:
            changed = function(self, args, kwargs) if with_kwargs else function(self, args)
            if changed is not None and with_kwargs:
                require(isinstance(changed, tuple) and len(changed) == 2, "forward pre-hook", "result", repr(changed),
                        "None or a tuple (args, kwargs)", TypeError)
                args, kwargs = changed
            elif changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        output = self.forward(*args, **kwargs)
        for function, _, with_kwargs in [hook for hook in hooks if not hook.before]:
            changed = function(self, args, kwargs, output) if with_kwargs else function(self, args, output)
            output = output if changed is None else changed
        return output

    def register_forward_pre_hook(self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Call `hook(module, args)` before `forward`; what it returns, unless None, replaces the arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)`, returning None or `(args, kwargs)`.
        """
        return self._add_hook(hook, True, prepend, with_kwargs)

    def register_forward_hook(self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Call `hook(module, args, output)` after `forward`; what it returns, unless None, replaces the output.

        With `with_kwargs` it is `hook(module, args, kwargs, output)`.

        >>> import minigrad
        >>> from minigrad import nn
        >>> layer, seen = nn.ReLU(), []
        >>> handle = layer.register_forward_hook(lambda module, args, output: seen.append(output.shape))
        >>> _ = layer(minigrad.zeros(2, 3))
        >>> handle.remove()
        >>> _ = layer(minigrad.zeros(4))
        >>> seen
        [(2, 3)]
        """
        return self._add_hook(hook, False, prepend, with_kwargs)

    # --- printing ------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's own line."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): {child!r}" for name, child in self._own(MODULE)]
        return tree_repr(type(self).__name__, self.extra_repr(), children)


KINDS: dict[str, type] = {PARAMETER: Parameter, BUFFER: Tensor, TRANSIENT: Tensor, MODULE: Module}


def tree_repr(name: str, extra: str, children: list[str]) -> str:
    """`name(extra)` on one line if that is all, else one indented entry per line."""
    lines = "\n".join([part for part in (extra, *children) if part])
    if not children and "\n" not in lines:
        return f"{name}({lines})"
    return f"{name}(\n  " + lines.replace("\n", "\n  ") + "\n)"


def clear_gradients(parameters: Iterable[Tensor], set_to_none: bool) -> None:
    """Drop each gradient, or (`set_to_none=False`) put fresh zeros in its place."""
    for parameter in parameters:
        old = None if set_to_none else parameter.grad
        parameter.grad = None if old is None else zeros_like(old, requires_grad=False)


def import_tensor(what: str, value: Any) -> Tensor:
    """`value` if it is a Tensor, else the array of another library it is, sharing memory where possible."""
    try:
        return as_tensor(value)
    except (TypeError, ValueError, BufferError) as error:
        raise TypeError(f"{what}: got {type(value).__name__}, expected a Tensor ({error})") from error
