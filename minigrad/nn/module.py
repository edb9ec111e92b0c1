"""A Module is a tree of named tensors with a `forward`.

Assigning a Parameter, a Module or (through `register_buffer`) a Tensor to an attribute is all it takes to grow the
tree: `__setattr__` notes the name and what kind of thing it holds.  The values themselves stay ordinary attributes,
so reading `self.weight` inside `forward` costs what any attribute costs.  Everything else here (parameters, state
dictionaries, moving, printing) is a walk over those notes.

Names and meaning follow PyTorch's `torch.nn.Module`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from minigrad import dtypes
from minigrad.dtypes import DType
from minigrad.functions.create import check_device, zeros_like
from minigrad.nn.hooks import Hooks, add_hook
from minigrad.nn.parameter import Parameter
from minigrad.nn.state import IncompatibleKeys, load_state
from minigrad.tensor import Handle, Tensor

PARAMETER, BUFFER, MODULE = "parameter", "buffer", "module"
M = TypeVar("M", bound="Module")


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
    _kinds: dict[str, str]          # name -> PARAMETER | BUFFER | MODULE, in order of registration
    _transient: set[str]            # buffers that the state_dict leaves out
    _hooks: Hooks | None

    def __init__(self) -> None:
        self.__dict__.update(training=True, _kinds={}, _transient=set(), _hooks=None)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What calling the module computes; each subclass defines its own."""
        raise NotImplementedError(f"{type(self).__name__}: forward is not defined")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        return self._call_with_hooks(self._hooks, args, kwargs)

    def _call_with_hooks(self, hooks: Hooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs = hooks.run_before(self, args, kwargs)
        return hooks.run_after(self, args, kwargs, self.forward(*args, **kwargs))

    # --- registering ---------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        kinds = self.__dict__.get("_kinds")
        if isinstance(value, Parameter):
            self._register(name, value, PARAMETER, replace=True)
        elif isinstance(value, Module):
            self._register(name, value, MODULE, replace=True)
        elif kinds is None or name not in kinds:
            object.__setattr__(self, name, value)
        else:
            kind = kinds[name]
            if value is not None and not (kind == BUFFER and isinstance(value, Tensor)):
                expected = {PARAMETER: "a Parameter", BUFFER: "a Tensor", MODULE: "a Module"}[kind]
                raise TypeError(f"{type(self).__name__}.{name} is a {kind}: got {type(value).__name__}, "
                                f"expected {expected} or None")
            self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._kinds.pop(name, None)
        self._transient.discard(name)

    def _register(self, name: str, value: Any, kind: str, replace: bool = False) -> None:
        kinds = self.__dict__.get("_kinds")
        if kinds is None:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning a {kind}")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name: got {type(name).__name__}, expected str")
        if "." in name or not name:
            raise KeyError(f'{kind} name: got "{name}", expected one that is not empty and has no dot')
        if not replace and name not in kinds and hasattr(self, name):
            raise KeyError(f"{type(self).__name__} already has an attribute '{name}'")
        if kinds.get(name, kind) != kind:
            del kinds[name]
        if kind != BUFFER:
            self._transient.discard(name)
        kinds[name] = kind
        self.__dict__[name] = value

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or None: a name the module knows and has no parameter for (a layer without bias)."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: '{name}': got {type(param).__name__}, expected a Parameter or None")
        if param is not None and param.grad_fn is not None:
            raise ValueError(f"register_parameter: '{name}' is the result of an operation, expected a leaf")
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
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: '{name}': got {type(tensor).__name__}, expected a Tensor or None")
        self._register(name, tensor, BUFFER)
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child under a name that may be computed, such as "0"; `self.name = module` does the same."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: '{name}': got {type(module).__name__}, expected a Module or None")
        self._register(name, module, MODULE)

    register_module = add_module

    # --- walking -------------------------------------------------------------------------------------------------

    def _own(self, kind: str) -> Iterator[tuple[str, Any]]:
        """This module's registered names of one kind with their values (None included), in order."""
        values = self.__dict__
        return ((name, values[name]) for name, its_kind in list(self._kinds.items()) if its_kind == kind)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Direct children with their names; a child held twice comes once."""
        seen: set[Module] = set()
        for name, module in self._own(MODULE):
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        for _, module in self.named_children():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Every module of the tree, itself first, under dotted names; a shared module comes once.

        >>> from minigrad import nn
        >>> [name for name, _ in nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())).named_modules()]
        ['', '0', '1', '1.0']
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._own(MODULE):
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        for _, module in self.named_modules():
            yield module

    def _named_tensors(
        self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        owners: Iterable[tuple[str, Module]] = [(prefix, self)]
        if recurse:
            owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        seen: set[int] = set()
        for owner_name, owner in owners:
            for name, tensor in owner._own(kind):
                if tensor is None or id(tensor) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(tensor))
                yield (f"{owner_name}.{name}" if owner_name else name), tensor

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Every parameter of the tree under its dotted name; a shared one comes once, under its first name."""
        return self._named_tensors(PARAMETER, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter of the tree, each once: what an optimizer takes."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        return self._named_tensors(BUFFER, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The module under a dotted name; "" is the module itself.

        >>> from minigrad import nn
        >>> nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())).get_submodule("1.0")
        Tanh()
        """
        module: Any = self
        for name in target.split(".") if target else ():
            if module._kinds.get(name) != MODULE or module.__dict__[name] is None:
                raise AttributeError(f"{type(module).__name__} has no child '{name}' (looking for '{target}')")
            module = module.__dict__[name]
        return module

    def _get(self, target: str, kind: str) -> Any:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if owner._kinds.get(name) != kind or owner.__dict__[name] is None:
            raise AttributeError(f"{type(owner).__name__} has no {kind} '{name}' (looking for '{target}')")
        return owner.__dict__[name]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter under a dotted name."""
        return self._get(target, PARAMETER)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer under a dotted name."""
        return self._get(target, BUFFER)

    # --- state ---------------------------------------------------------------------------------------------------

    def _named_state(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """Parameters, then persistent buffers, then children: PyTorch's order. A shared tensor has all its names."""
        for kind in (PARAMETER, BUFFER):
            for name, tensor in self._own(kind):
                if tensor is not None and name not in self._transient:
                    yield prefix + name, tensor
        for name, module in self._own(MODULE):
            if module is not None:
                yield from module._named_state(f"{prefix}{name}.")

    def state_dict(
        self, destination: dict[str, Tensor] | None = None, *, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """Every parameter and persistent buffer under its dotted name, detached but sharing memory.

        >>> from minigrad import nn
        >>> {name: tensor.shape for name, tensor in nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        state = {} if destination is None else destination
        for name, tensor in self._named_state(prefix):
            state[name] = tensor if keep_vars else tensor.detach()
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
        return load_state(type(self).__name__, dict(self._named_state()), state_dict, strict)

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
        if not isinstance(mode, bool):
            raise TypeError(f"train: mode: got {type(mode).__name__}, expected bool")
        for module in self.modules():
            module.training = mode
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

    def _convert(self: M, convert: Callable[[Tensor], Tensor]) -> M:
        """Replace the contents of every tensor by `convert` of it; the Parameter objects stay the same."""
        done: set[int] = set()
        for module in self.modules():
            for _, parameter in module._own(PARAMETER):
                if parameter is None or id(parameter) in done:
                    continue
                done.add(id(parameter))
                gradient, parameter.grad = parameter.grad, None
                parameter.data = convert(parameter.detach())
                if gradient is not None:
                    parameter.grad = convert(gradient.detach())
            for name, buffer in module._own(BUFFER):
                if buffer is not None:
                    module.__dict__[name] = convert(buffer)
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """`to(dtype)`, `to(device)`, `to(device, dtype)` or `to(tensor)`, in place; the only device is "cpu".

        A dtype must be a floating one and reaches the floating tensors only.

        >>> import minigrad
        >>> from minigrad import nn
        >>> nn.Linear(2, 1).to(minigrad.float64).weight.dtype
        minigrad.float64
        """
        dtype = _target_dtype(*args, **kwargs)
        if dtype is None:
            return self
        if not dtype.is_floating_point:
            raise TypeError(f"Module.to: got {dtype}, expected a floating-point dtype")
        return self._convert(lambda tensor: tensor.to(dtype) if tensor.dtype.is_floating_point else tensor)

    def float(self: M) -> M:
        """All floating-point parameters and buffers as float32."""
        return self.to(dtypes.float32)

    def double(self: M) -> M:
        """All floating-point parameters and buffers as float64."""
        return self.to(dtypes.float64)

    def cpu(self: M) -> M:
        """Itself: the CPU is where every module is."""
        return self

    # --- hooks ---------------------------------------------------------------------------------------------------

    def _hooks_to_change(self) -> Hooks:
        if self._hooks is None:
            self.__dict__["_hooks"] = Hooks()
        assert self._hooks is not None
        return self._hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call `hook(module, args)` before `forward`; what it returns, unless None, replaces the arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)`, returning None or `(args, kwargs)`.
        """
        return add_hook(self._hooks_to_change().before, hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
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
        return add_hook(self._hooks_to_change().after, hook, prepend, with_kwargs)

    # --- printing ------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's own line."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        return tree_repr(self._get_name(), extra.split("\n") if extra else [],
                         [f"({name}): {module!r}" for name, module in self._own(MODULE)])


def tree_repr(name: str, extra: list[str], children: list[str]) -> str:
    """`name(extra)` on one line if that is all, else one indented entry per line."""
    entries = ["\n  ".join(entry.split("\n")) for entry in children]
    if len(extra) == 1 and not entries:
        return f"{name}({extra[0]})"
    lines = extra + entries
    return f"{name}(\n  " + "\n  ".join(lines) + "\n)" if lines else f"{name}()"


def clear_gradients(parameters: Iterable[Tensor], set_to_none: bool) -> None:
    """Drop each gradient, or (`set_to_none=False`) put fresh zeros in its place."""
    for parameter in parameters:
        if set_to_none:
            parameter.grad = None
        elif parameter.grad is not None:
            parameter.grad = zeros_like(parameter.grad, requires_grad=False)


def _target_dtype(*args: Any, device: Any = None, dtype: DType | None = None, non_blocking: bool = False,
                  **other: Any) -> DType | None:
    """The dtype among the arguments of `Module.to`; a device other than the CPU is refused."""
    if other:
        raise TypeError(f"Module.to: unexpected argument '{next(iter(other))}'")
    for argument in args:
        if isinstance(argument, Tensor):
            dtype = argument.dtype
        elif isinstance(argument, DType):
            dtype = argument
        elif isinstance(argument, bool):        # non_blocking
            continue
        elif argument is not None:
            device = argument
    check_device("Module.to", device)
    return dtype
