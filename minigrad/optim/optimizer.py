"""An optimiser moves parameters by their gradients, in groups that share hyperparameters.

`param_groups` is a list of dictionaries, each with its "params" and its hyperparameters, read afresh at every step:
assigning `group["lr"]` is how a schedule works.  `state` holds what an optimiser remembers of each parameter.
Structure and names are PyTorch's, down to the state_dict.
"""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from minigrad.autograd import enable_grad, no_grad
from minigrad.dtypes import DTYPES
from minigrad.errors import require
from minigrad.functions.create import full_like, tensor
from minigrad.kernels import KERNELS
from minigrad.nn.module import clear_gradients, import_tensor
from minigrad.tensor import Tensor
from minigrad_ext.buffer import alike
from minigrad_ext.kernel import Params
from minigrad_ext.recorder import current, recording


class Optimizer:
    """Base of all optimisers: a subclass defines `update(group)`, or names what the one here runs.

    These are its `kernel`, the tensors that it `keeps` of a parameter, and the kernel's `options`.  `check(group)`
    refuses hyperparameters.  `params` is an iterable of tensors, or of groups: dictionaries with "params" and any
    hyperparameters that differ from `defaults`.
    """

    kernel: str
    not_negative: ClassVar[tuple[str, ...]] = ()    # the hyperparameters that are numbers of 0 or more
    keeps: ClassVar[dict[str, str]] = {}    # names in the kernel's order: the hyperparameter that asks for it, if any
    counts = True                           # whether `count` must be asked in each step, for each parameter
    start = ""                              # the hyperparameter that they are filled with at first, if not with 0

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        require(not isinstance(params, Tensor | Mapping), name, "params", f"one {type(params).__name__}",
                "an iterable of tensors or of groups", TypeError)
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        require(groups, name, "params", "none", "at least one parameter")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def check(self, group: dict[str, Any]) -> None:
        """TypeError or ValueError if a hyperparameter of `group` is no number or out of its range."""
        for key in self.not_negative:
            value, name = group[key], type(self).__name__
            number = isinstance(value, int | float) and not isinstance(value, bool)
            require(number, name, key, repr(value), "a number", TypeError)
            require(value >= 0, name, key, value, "0 or more")

    def options(self, group: dict[str, Any], step: int) -> Params:
        """What the kernel is told in a parameter's step of that number, from 1 on."""
        raise NotImplementedError(f"{type(self).__name__}: neither update nor options is defined")

    def count(self, state: dict[str, Any]) -> int:
        """The number of the step that is being made of the parameter that has this state, from 1 on."""
        state["step"] = step = state.get("step", 0) + 1
        return step

    def update(self, group: dict[str, Any]) -> None:
        """Move the parameters of one group that have gradients; nothing is recorded."""
        kernel, start, by_step, recorder = KERNELS[self.kernel], group.get(self.start, 0.0), {}, current()
        keys, moving = self.kept(group), []
        for param in group["params"]:
            gradient, moved = param.grad, param.buffer
            if gradient is None:
                continue
            state = self.state[param] if keys else {}
            if recorder is not None:
                recorder.keep(state, "step", *keys)
            step = self.count(state)
            if step not in by_step:
                by_step[step] = self.options(group, step)
            moving.append((state, by_step[step]))
            used = [gradient.buffer]
            for key in keys:
                if state.get(key) is None:
                    with recording(None):
                        state[key] = full_like(param, start, requires_grad=False)
                used.append(state[key].buffer)
            for buffer in used:
                if not alike(buffer, moved) and (buffer.shape != moved.shape or buffer.dtype != moved.dtype):
                    key = ("grad", *keys)[used.index(buffer)]
                    raise ValueError(f"{type(self).__name__}: {key}: got {buffer.shape} of {DTYPES[buffer.dtype]}, "
                                     f"expected {param.shape} of {param.dtype} as its parameter")
            kernel(moved, *used, by_step[step])
            moved.bump()
        if recorder is not None:
            self.tell(recorder, group, moving)

    def kept(self, group: dict[str, Any]) -> list[str]:
        """The names of the tensors that are kept of each parameter of a group."""
        return [key for key, option in self.keeps.items() if not option or group[option]]

    def tell(self, recorder: Any, group: dict[str, Any], moving: list[tuple[dict, Params]]) -> None:
        """While a function is captured: what changes from one call of `update` to the next, and what must not."""
        keys, held = self.kept(group), self.state
        traced = [(state, {key: state[key] for key in keys}) for state, _ in moving]

        def again() -> None:
            renewed = set()
            for state, params in moving:
                step = self.count(state)
                if params not in renewed:
                    params.become(self.options(group, step))
                    renewed.add(params)
            while traced:                       # at the first call, what is kept of a parameter comes to be
                state, kept = traced.pop()
                state.update(kept)

        def undo() -> None:
            for state, _ in moving if self.counts else ():
                state["step"] -= 1

        def look() -> tuple:
            steps = [state.get("step", 0) for state, _ in moving] if self.counts else [0]
            return (self.kept(group), len(group["params"]), len(self.param_groups), self.state is held,
                    [step - steps[0] for step in steps])        # those that are even share their Params

        if not self.counts:
            moving = list({params: (state, params) for state, params in moving}.values())
        recorder.optimizers.append(self)
        recorder.effect(again, undo, *[params for _, params in moving])
        recorder.guard(look)

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
        require(isinstance(param_group, dict) and "params" in param_group, name, "param_group",
                type(param_group).__name__, 'a dict with "params"', TypeError)
        params = param_group["params"]
        require(not isinstance(params, set), name, "params", "a set, which has no order", "a list", TypeError)
        params = [params] if isinstance(params, Tensor) else list(params)
        known = {id(param) for param in self._params()}
        for param in params:
            require(isinstance(param, Tensor), name, "params", f"a {type(param).__name__}", "tensors", TypeError)
            require(param.dtype.is_floating_point, name, "params", param.dtype, "a floating-point dtype", TypeError)
            require(param.grad_fn is None, name, "params", "the result of an operation", "leaf tensors")
            require(id(param) not in known, name, "params", f"a tensor of shape {param.shape} twice", "each once")
            known.add(id(param))
        group = {**self.defaults, **param_group, "params": params}
        self.check(group)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or fill it with zeros."""
        clear_gradients(self._params(), set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; a `closure` computes the loss (and gradients) first."""
        loss = enable_grad()(closure)() if closure is not None else None
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
        # Counts of steps are saved as 0-d float32 tensors, which is how PyTorch keeps them; and first,
        # also where a first step that was captured has made the other tensors before: equal states are equal files.
        state = {numbers[id(param)]: {key: tensor(float(value)) if key == "step" else value
                                      for key, value in sorted(kept.items(), key=lambda item: item[0] != "step")}
                 for param, kept in self.state.items() if id(param) in numbers}
        groups = [{**group, "params": [numbers[id(x)] for x in group["params"]]} for group in self.param_groups]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the state and hyperparameters of an optimiser with groups of the same sizes, all or nothing.

        Tensors are copied and take the dtype of their parameter.
        """
        name = f"{type(self).__name__}.load_state_dict"
        require(isinstance(state_dict, Mapping) and {"state", "param_groups"} <= set(state_dict), name, "state_dict",
                type(state_dict).__name__, 'a dict with "state" and "param_groups"', TypeError)
        saved = state_dict["param_groups"]
        sizes, own = ([len(group["params"]) for group in groups] for groups in (saved, self.param_groups))
        require(sizes == own, name, "param_groups", f"groups of {sizes} parameters", f"{own}")
        params = dict(zip((number for group in saved for number in group["params"]), self._params(), strict=True))
        groups = [{**old, **copy.deepcopy({**group, "params": []}), "params": old["params"]}
                  for group, old in zip(saved, self.param_groups, strict=True)]
        for group in groups:
            self.check(group)
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for number, kept in state_dict["state"].items():
            require(int(number) in params, name, "state", f"parameter {number}", "one of a group")
            param = params[int(number)]
            state[param] = {key: self._loaded(name, f"{key} of parameter {number}", param, value) if key != "step"
                            else int(value) for key, value in kept.items()}
        for group, new in zip(self.param_groups, groups, strict=True):
            group.update(new)
        self.state = state

    def _loaded(self, name: str, what: str, param: Tensor, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float | str):
            return value
        imported = import_tensor(f"{name}: {what}", value)
        require(imported.shape == param.shape, name, what, f"shape {imported.shape}", f"{param.shape}")
        return imported.detach().to(param.dtype).clone()

    def _params(self) -> list[Tensor]:
        return [param for group in self.param_groups for param in group["params"]]

    def __repr__(self) -> str:
        groups = [[f"Parameter Group {n}", *[f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]]
                  for n, group in enumerate(self.param_groups)]
        return f"{type(self).__name__} (\n" + "\n\n".join(map("\n".join, groups)) + "\n)"
