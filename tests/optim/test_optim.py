"""Optimisers: known numbers, each option against PyTorch, state that is saved and loaded, and refusals."""

import copy

import pytest

import minigrad
from minigrad import nn, optim


def parameter(*values, dtype=minigrad.float64):
    return nn.Parameter(minigrad.tensor(list(values), dtype=dtype))


def give(param, *values):
    param.grad = minigrad.tensor(list(values), dtype=param.dtype)


def test_sgd_known_numbers():
    p = parameter(1.0, 2.0)
    optimizer = optim.SGD([p], lr=0.5)
    give(p, 1.0, -2.0)
    assert optimizer.step() is None
    assert p.tolist() == [0.5, 3.0] and optimizer.state_dict()["state"] == {}
    q = parameter(1.0)
    optimizer = optim.SGD([q], lr=0.5, momentum=0.5, weight_decay=1.0)
    for expected in (0.0, -1.0):            # g = 1 + 1, v = 2;  then g = 1 + 0, v = 0.5 * 2 + 1 = 2
        give(q, 1.0)
        optimizer.step()
        assert q.tolist() == [expected]
    assert optimizer.state[q]["momentum_buffer"].tolist() == [2.0]


def test_adam_known_numbers():
    p = parameter(1.0, -1.0)
    optimizer = optim.Adam([p], lr=0.125, eps=0.0)
    give(p, 100.0, -1e-6)
    optimizer.step()
    assert p.tolist() == pytest.approx([0.875, -0.875], abs=1e-12)       # the first step is lr, whatever the gradient
    state = optimizer.state[p]
    assert state["exp_avg"].tolist() == pytest.approx([10.0, -1e-7]) and state["step"] == 1
    assert state["exp_avg_sq"].tolist() == pytest.approx([10.0, 1e-15])
    q = parameter(2.0)
    give(q, 0.0)
    optim.AdamW([q], lr=0.5, weight_decay=0.5).step()
    assert q.tolist() == [1.5]


def test_rmsprop_and_adagrad_known_numbers():
    p, q = parameter(1.0, -1.0), parameter(1.0)
    give(p, 4.0, -0.5)
    optim.RMSprop([p], lr=0.125, alpha=0.75, eps=0.0).step()
    assert p.tolist() == [0.75, -0.75]                  # v = g² / 4: the first step is 2 lr
    optimizer = optim.Adagrad([q], lr=0.5, eps=0.0, lr_decay=1.0)
    for expected in (0.5, 0.5 - 0.25 / 2**0.5):
        give(q, 3.0)
        optimizer.step()
        assert q.tolist() == pytest.approx([expected], rel=1e-12)
    assert optimizer.state[q]["sum"].tolist() == [18.0]


def test_step_without_gradient_and_closure():
    p, q = parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([p, q], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with minigrad.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert p.tolist() == [0.5] and q.tolist() == [1.0]
    optimizer.zero_grad()
    assert p.grad is None
    give(p, 3.0)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0]


def test_a_step_is_a_change_in_place_that_the_graph_notices():
    p = parameter(1.0)
    loss = (p * p).sum()
    give(p, 1.0)
    optim.SGD([p], lr=0.5).step()
    with pytest.raises(RuntimeError, match="in place"):
        loss.backward()


def test_gradients_that_are_views():
    """A gradient may be one number repeated (that of a sum) or a transposed matrix."""
    p = nn.Parameter(minigrad.zeros(2, 3))
    optimizer = optim.SGD([p], lr=1.0, momentum=0.5)
    p.sum().backward()
    optimizer.step()
    assert p.tolist() == [[-1.0] * 3] * 2
    optimizer.zero_grad()
    (p.T * minigrad.arange(6.0).reshape(3, 2)).sum().backward()
    optimizer.step()
    assert p.tolist() == [[-1.5, -3.5, -5.5], [-2.5, -4.5, -6.5]]


def test_groups():
    p, q, r = parameter(1.0), parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([{"params": [p]}, {"params": q, "lr": 0.5}], lr=0.25)
    optimizer.add_param_group({"params": [r], "lr": 1.0})
    for param in (p, q, r):
        give(param, 1.0)
    optimizer.step()
    assert [param.item() for param in (p, q, r)] == [0.75, 0.5, 0.0]
    optimizer.param_groups[0]["lr"] = 0.75
    optimizer.step()
    assert p.item() == 0.0
    assert [group["lr"] for group in optimizer.param_groups] == [0.75, 0.5, 1.0]
    assert repr(optim.SGD([p], lr=0.5)) == """SGD (
Parameter Group 0
    dampening: 0
    lr: 0.5
    maximize: False
    momentum: 0
    nesterov: False
    weight_decay: 0
)"""


BUILDS = {
    "sgd": lambda lib, p: lib.optim.SGD(p, lr=0.1),
    "decay": lambda lib, p: lib.optim.SGD(p, lr=0.1, weight_decay=0.3),
    "momentum": lambda lib, p: lib.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.25, weight_decay=0.1),
    "nesterov": lambda lib, p: lib.optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True),
    "sgd up": lambda lib, p: lib.optim.SGD(p, lr=0.1, momentum=0.8, weight_decay=0.1, maximize=True),
    "adam": lambda lib, p: lib.optim.Adam(p, lr=0.1),
    "adam decay": lambda lib, p: lib.optim.Adam(p, lr=0.1, betas=(0.5, 0.7), eps=1e-3, weight_decay=0.3),
    "amsgrad": lambda lib, p: lib.optim.Adam(p, lr=0.1, amsgrad=True, betas=(0.9, 0.5)),
    "adam up": lambda lib, p: lib.optim.Adam(p, lr=0.1, maximize=True, weight_decay=0.1),
    "adamw": lambda lib, p: lib.optim.AdamW(p, lr=0.1, weight_decay=0.3),
    "rmsprop": lambda lib, p: lib.optim.RMSprop(p, lr=0.1),
    "rmsprop centred": lambda lib, p: lib.optim.RMSprop(p, lr=0.1, alpha=0.7, centered=True, weight_decay=0.1),
    "rmsprop momentum": lambda lib, p: lib.optim.RMSprop(p, 0.1, 0.9, 1e-3, 0.1, 0.8, True, maximize=True),
    "adagrad": lambda lib, p: lib.optim.Adagrad(p, lr=0.1),
    "adagrad decay": lambda lib, p: lib.optim.Adagrad(p, 0.1, 0.2, 0.3, 0.5, 1e-3),
    "adagrad up": lambda lib, p: lib.optim.Adagrad(p, lr=0.1, maximize=True),
    "adadelta": lambda lib, p: lib.optim.Adadelta(p, lr=0.1),
    "adadelta decay": lambda lib, p: lib.optim.Adadelta(p, 0.1, 0.7, 1e-2, 0.3, maximize=True),
    "adamw amsgrad": lambda lib, p: lib.optim.AdamW(p, lr=0.1, amsgrad=True, maximize=True),
}


def run(lib, optimizer, params, steps, start=0):
    """Some steps whose gradients depend on the parameters and on the step."""
    for step in range(start, start + steps):
        optimizer.zero_grad()
        loss = sum(((p - 0.5 * (step % 3)) ** 2 * (k + 1)).sum() for k, p in enumerate(params))
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("name", BUILDS)
def test_saved_state_goes_on_bitwise(name):
    build = BUILDS[name]
    straight = [parameter(1.0, -2.0), parameter(3.0)]
    optimizer = build(minigrad, straight)
    run(minigrad, optimizer, straight, 3)
    resumed = [nn.Parameter(p.detach().clone()) for p in straight]
    fresh = build(minigrad, resumed)
    state = copy.deepcopy(optimizer.state_dict())
    run(minigrad, optimizer, straight, 3, start=3)
    fresh.param_groups[0]["lr"] = 77.0
    fresh.load_state_dict(state)
    run(minigrad, fresh, resumed, 3, start=3)
    assert [p.tolist() for p in straight] == [p.tolist() for p in resumed]
    assert fresh.param_groups[0]["lr"] == 0.1


def test_structure_of_the_state_dict():
    p, q = parameter(1.0, 2.0), parameter(3.0)
    optimizer = optim.Adam([{"params": [p]}, {"params": [q], "lr": 1.0}], lr=0.5)
    give(q, 1.0)
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state["state"]) == [1] and set(state["state"][1]) == {"step", "exp_avg", "exp_avg_sq"}
    step = state["state"][1]["step"]
    assert step.shape == () and step.dtype is minigrad.float32 and step.item() == 1.0
    assert state["param_groups"][1] == {
        "lr": 1.0, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False, "maximize": False,
        "decoupled_weight_decay": False, "params": [1]}
    twin = copy.deepcopy(optimizer)
    assert twin.state_dict()["state"][1]["exp_avg"].tolist() == state["state"][1]["exp_avg"].tolist()


def test_load_state_dict_refuses_what_does_not_fit():
    p, q = parameter(1.0, 2.0), parameter(3.0)
    optimizer = optim.SGD([p, q], lr=0.5, momentum=0.5)
    give(p, 1.0, 1.0), give(q, 1.0)
    optimizer.step()
    good = optimizer.state_dict()
    other = optim.SGD([q, p], lr=0.25, momentum=0.5)
    with pytest.raises(ValueError, match=r"momentum_buffer of parameter 0: got shape \(2,\), expected \(1,\)"):
        other.load_state_dict(good)
    assert other.param_groups[0]["lr"] == 0.25 and not other.state
    with pytest.raises(ValueError, match=r"got groups of \[2\] parameters, expected \[1\]"):
        optim.SGD([p]).load_state_dict(good)
    with pytest.raises(ValueError, match="parameter 5"):
        optimizer.load_state_dict({**good, "state": {5: {}}})
    with pytest.raises(ValueError, match="lr: got -1"):
        optimizer.load_state_dict({**good, "param_groups": [{**good["param_groups"][0], "lr": -1}]})
    with pytest.raises(TypeError, match="param_groups"):
        optimizer.load_state_dict({"state": {}})
    optimizer.load_state_dict(good)


def test_loaded_state_takes_the_parameters_dtype():
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.5, momentum=0.5)
    give(p, 1.0)
    optimizer.step()
    q = parameter(1.0, dtype=minigrad.float32)
    single = optim.SGD([q], lr=0.5, momentum=0.5)
    single.load_state_dict(optimizer.state_dict())
    assert single.state[q]["momentum_buffer"].dtype is minigrad.float32
    give(q, 1.0)
    single.step()
    assert q.tolist() == [0.25] and optimizer.state[p]["momentum_buffer"].tolist() == [1.0]


@pytest.mark.parametrize("make, message", [
    (lambda p: optim.SGD([p], lr=-1), "SGD: lr: got -1, expected 0 or more"),
    (lambda p: optim.SGD([p], lr=float("nan")), "lr: got nan"),
    (lambda p: optim.SGD([p], momentum=-0.5), "momentum: got -0.5"),
    (lambda p: optim.SGD([p], weight_decay=-0.5), "weight_decay: got -0.5"),
    (lambda p: optim.SGD([p], nesterov=True), "momentum: got 0, expected more than 0 with nesterov"),
    (lambda p: optim.SGD([p], nesterov=True, momentum=0.5, dampening=0.1), "dampening: got 0.1, expected 0"),
    (lambda p: optim.Adam([p], betas=(0.9, 1.0)), "betas: got"),
    (lambda p: optim.Adam([p], betas=0.9), "betas: got 0.9"),
    (lambda p: optim.Adam([p], eps=-1e-8), "Adam: eps: got"),
    (lambda p: optim.AdamW([p], weight_decay=-1), "AdamW: weight_decay: got -1"),
    (lambda p: optim.RMSprop([p], alpha=-1), "RMSprop: alpha: got -1"),
    (lambda p: optim.Adagrad([p], lr_decay=-1), "Adagrad: lr_decay: got -1"),
    (lambda p: optim.Adagrad([p], initial_accumulator_value=-1), "initial_accumulator_value: got -1"),
    (lambda p: optim.SGD([]), "params: got none"),
    (lambda p: optim.SGD([p, p]), "twice"),
    (lambda p: optim.SGD([{"params": [p]}, {"params": [p]}]), "twice"),
    (lambda p: optim.SGD([p * 2]), "the result of an operation"),
    (lambda p: optim.SGD([{"params": [p], "lr": -2}]), "lr: got -2"),
])
def test_value_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make(parameter(1.0))


@pytest.mark.parametrize("make, message", [
    (lambda p: optim.SGD(p), "got one Parameter, expected an iterable"),
    (lambda p: optim.SGD([1.0]), "got a float"),
    (lambda p: optim.SGD([p], lr="0.1"), "SGD: lr: got '0.1', expected a number"),
    (lambda p: optim.AdamW([p], eps=None), "AdamW: eps: got None, expected a number"),
    (lambda p: optim.SGD([{"params": {p}}]), "got a set"),
    (lambda p: optim.SGD([{"lr": 1}]), 'expected a dict with "params"'),
    (lambda p: optim.SGD([minigrad.tensor([1])]), "minigrad.int64"),
])
def test_type_errors(make, message):
    with pytest.raises(TypeError, match=message):
        make(parameter(1.0))


def test_state_that_no_longer_fits_is_refused():
    p = parameter(1.0, 2.0)
    optimizer = optim.Adam([p])
    give(p, 1.0, 1.0)
    optimizer.step()
    optimizer.state[p]["exp_avg"] = minigrad.zeros(3, dtype=minigrad.float64)
    with pytest.raises(ValueError, match=r"Adam: exp_avg: got \(3,\)"):
        optimizer.step()


@pytest.mark.torch
class TestAgainstTorch:
    @pytest.mark.parametrize("name", BUILDS)
    def test_steps_and_exchanged_state(self, name):
        torch = pytest.importorskip("torch")
        build = BUILDS[name]
        ours = [parameter(1.0, -2.0), parameter(3.0)]
        theirs = [torch.nn.Parameter(torch.tensor(p.tolist(), dtype=torch.float64)) for p in ours]
        mine, other = build(minigrad, ours), build(torch, theirs)
        run(minigrad, mine, ours, 4)
        run(torch, other, theirs, 4)
        self.same(ours, theirs)

        saved, wanted = mine.state_dict(), other.state_dict()
        assert saved["state"].keys() == wanted["state"].keys()
        for number, kept in saved["state"].items():
            assert kept.keys() == wanted["state"][number].keys()
            for key, value in kept.items():
                assert value.tolist() == pytest.approx(wanted["state"][number][key].tolist(), rel=1e-13)
        assert saved["param_groups"][0].items() <= wanted["param_groups"][0].items()

        swapped, other_swapped = build(minigrad, ours), build(torch, theirs)
        swapped.load_state_dict(wanted)
        state = {number: {key: torch.from_dlpack(value).clone() for key, value in kept.items()}
                 for number, kept in saved["state"].items()}
        other_swapped.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
        run(minigrad, swapped, ours, 3, start=4)
        run(torch, other_swapped, theirs, 3, start=4)
        self.same(ours, theirs)

    @staticmethod
    def same(ours, theirs):
        for p, q in zip(ours, theirs, strict=True):
            assert p.tolist() == pytest.approx(q.tolist(), rel=1e-12)

    def test_clip_grad_norm(self):
        torch = pytest.importorskip("torch")
        ours = [parameter(1.0, -2.0), parameter(3.0)]
        theirs = [torch.nn.Parameter(torch.tensor(p.tolist(), dtype=torch.float64)) for p in ours]
        for order in (1.0, 2.0, 3.0, float("inf")):
            for p, q in zip(ours, theirs, strict=True):
                p.grad = minigrad.tensor([v * 3 for v in p.tolist()], dtype=minigrad.float64)
                q.grad = torch.tensor(p.grad.tolist(), dtype=torch.float64)
            total = nn.utils.clip_grad_norm_(ours, 2.0, order)
            assert total.item() == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, 2.0, order).item())
            for p, q in zip(ours, theirs, strict=True):
                assert p.grad.tolist() == pytest.approx(q.grad.tolist())
