"""An optimiser moves parameters by their gradients, in groups that share hyperparameters.

`param_groups` is a list of dictionaries, each with its "params" and its hyperparameters, read afresh at every step:
assigning `group["lr"]` is how a schedule works.  `state` holds what an optimiser remembers of each parameter.
Structure and names are PyTorch's, down to the state_dict.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from minigrad.autograd import enable_grad, no_grad
from minigrad.functions.create import full_like, tensor
from minigrad.nn.module import clear_gradients
from minigrad.nn.state import import_tensor
from minigrad.tensor import Tensor


class Optimizer:
    """Base of all optimisers; a subclass defines `update(group)`, and `check(group)` for its hyperparameters.

    `params` is an iterable of tensors, or of groups: dictionaries with "params" and any hyperparameters that differ
    from `defaults`.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor | Mapping):
            raise TypeError(f"{type(self).__name__}: params: got one {type(params).__name__}, "
                            "expected an iterable of tensors or of groups")
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError(f"{type(self).__name__}: params is empty, expected at least one parameter")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError if a hyperparameter of `group` is out of its range."""

    def require(self, group: dict[str, Any], name: str, valid: bool, expected: str) -> None:
        if not valid:
            raise ValueError(f"{type(self).__name__}: {name}: got {group[name]!r}, expected {expected}")

    def require_at_least_0(self, group: dict[str, Any], *names: str) -> None:
        for name in names:
            number = isinstance(group[name], int | float) and not isinstance(group[name], bool)
            if not number:
                raise TypeError(f"{type(self).__name__}: {name}: got {group[name]!r}, expected a number")
            self.require(group, name, group[name] >= 0, "0 or more")

    def update(self, group: dict[str, Any]) -> None:
        """Move the parameters of one group that have gradients; nothing is recorded."""
        raise NotImplementedError(f"{type(self).__name__}: update is not defined")

    def moving(self, group: dict[str, Any]) -> Iterator[tuple[Tensor, Tensor]]:
        """The parameters of a group that have gradients, with these; each is noted as changed when the next comes."""
        for param in group["params"]:
            gradient = param.grad
            if gradient is not None:
                self._fits(param, "a gradient", gradient)
                yield param, gradient
                param.buffer.bump()

    def kept(self, param: Tensor, key: str, start: float = 0.0) -> Tensor:
        """The tensor that `state[param]` keeps under `key`, at first `start` everywhere."""
        state = self.state[param]
        if state.get(key) is None:
            state[key] = full_like(param, start, requires_grad=False)
        self._fits(param, key, state[key])
        return state[key]

    def _fits(self, param: Tensor, what: str, value: Tensor) -> None:
        if value.shape != param.shape or value.dtype is not param.dtype:
            raise ValueError(f"{type(self).__name__}: {what} is {value.shape} of {value.dtype}, "
                             f"expected {param.shape} of {param.dtype} as its parameter")

    def count(self, param: Tensor) -> int:
        """The number of the step that is being made of a parameter, from 1 on."""
        self.state[param]["step"] = step = self.state[param].get("step", 0) + 1
        return step

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a dictionary with "params" and hyperparameters; those missing come from `defaults`.

        >>> import minigrad
        >>> from minigrad import nn, optim
        >>> body, head = nn.Linear(2, 2), nn.Linear(2, 1)
        >>> optimizer = optim.SGD(body.parameters(), lr=0.1)
        >>> optimizer.add_param_group({"params": head.parameters(), "lr": 1.0})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 1.0]
        """
        name = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f'{name}: param_group: got {type(param_group).__name__}, expected a dict with "params"')
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(f"{name}: params: got a set, whose order changes from run to run; expected a list")
        params = [params] if isinstance(params, Tensor) else list(params)
        known = {id(param) for group in self.param_groups for param in group["params"]}
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"{name}: params holds a {type(param).__name__}, expected tensors")
            if not param.dtype.is_floating_point:
                raise TypeError(f"{name}: params holds a tensor of {param.dtype}, expected a floating-point dtype")
            if param.grad_fn is not None:
                raise ValueError(f"{name}: params holds the result of an operation, expected leaf tensors")
            if id(param) in known:
                raise ValueError(f"{name}: params holds a tensor of shape {param.shape} twice")
            known.add(id(param))
        group = {"params": params, **{key: value for key, value in param_group.items() if key != "params"}}
        for key, value in self.defaults.items():
            group.setdefault(key, value)
        self.check(group)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or fill it with zeros."""
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; a `closure` computes the loss (and gradients) first."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                self.update(group)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """`{"state": {number: {...}}, "param_groups": [...]}`, with parameters as numbers in their order.

        >>> from minigrad import nn, optim
        >>> optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1).state_dict()["param_groups"][0]["params"]
        [0, 1]
        """
        numbers = {id(param): number for number, param in enumerate(self._params())}
        state = {numbers[id(param)]: {key: self._saved(key, value) for key, value in kept.items()}
                 for param, kept in self.state.items() if id(param) in numbers}
        groups = [{**{key: value for key, value in group.items() if key != "params"},
                   "params": [numbers[id(param)] for param in group["params"]]} for group in self.param_groups]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the state and hyperparameters of an optimiser with groups of the same sizes, all or nothing.

        Tensors are copied and take the dtype of their parameter.
        """
        name = type(self).__name__
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            raise TypeError(f'{name}.load_state_dict: got {type(state_dict).__name__}, '
                            'expected a dict with "state" and "param_groups"')
        saved = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in saved]
        own_sizes = [len(group["params"]) for group in self.param_groups]
        if sizes != own_sizes:
            raise ValueError(f"{name}.load_state_dict: got groups of {sizes} parameters, expected {own_sizes}")
        params = dict(zip((number for group in saved for number in group["params"]), self._params(), strict=True))
        groups = []
        for group, old in zip(saved, self.param_groups, strict=True):
            new = {**old, **{key: copy.deepcopy(value) for key, value in group.items() if key != "params"}}
            self.check(new)
            groups.append(new)
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for number, kept in state_dict["state"].items():
            number = int(number)
            if number not in params:
                raise ValueError(f"{name}.load_state_dict: state holds parameter {number}, which is in no group")
            state[params[number]] = {key: self._loaded(number, params[number], key, value)
                                     for key, value in kept.items()}
        for group, new in zip(self.param_groups, groups, strict=True):
            group.update(new)
        self.state = state

    def _params(self) -> list[Tensor]:
        return [param for group in self.param_groups for param in group["params"]]

    @staticmethod
    def _saved(key: str, value: Any) -> Any:
        """Counts of steps are saved as 0-d float32 tensors, which is how PyTorch keeps them."""
        return tensor(float(value)) if key == "step" else value

    def _loaded(self, number: int, param: Tensor, key: str, value: Any) -> Any:
        if key == "step":
            return int(value.item() if hasattr(value, "item") else value)
        if value is None or isinstance(value, bool | int | float | str):
            return value
        imported = import_tensor(f"{type(self).__name__}.load_state_dict: {key} of parameter {number}", value)
        if imported.shape != param.shape:
            raise ValueError(f"{type(self).__name__}.load_state_dict: {key} of parameter {number}: got shape "
                             f"{imported.shape}, expected {param.shape}")
        return imported.detach().to(param.dtype).clone()

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
            lines.append("")
        lines[-1] = ")"
        return "\n".join(lines)
