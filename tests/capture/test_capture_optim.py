"""Optimisers and schedules, captured: every option, groups, rates changed from outside, schedules inside, outside."""

import itertools

import pytest
from twin import bits, same

import minigrad
from minigrad import nn, optim
from minigrad.optim import lr_scheduler as schedules

OPTIONS = {
    "SGD": [{"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.5}, {"weight_decay": 0.1}, {"maximize": True},
            {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}],
    "Adam": [{"amsgrad": True}, {"weight_decay": 0.1, "betas": (0.8, 0.9)}, {"maximize": True},
             {"decoupled_weight_decay": True, "weight_decay": 0.1}, {"eps": 0.1}],
    "AdamW": [{"amsgrad": True}, {"weight_decay": 0.5}, {"maximize": True}],
    "RMSprop": [{"centered": True}, {"momentum": 0.5}, {"alpha": 0.5, "weight_decay": 0.1}, {"maximize": True},
                {"momentum": 0.5, "centered": True}],
    "Adagrad": [{"lr_decay": 0.5}, {"initial_accumulator_value": 0.25}, {"weight_decay": 0.1, "eps": 0.1},
                {"maximize": True}],
    "Adadelta": [{"rho": 0.5}, {"weight_decay": 0.1}, {"maximize": True}],
}
CASES = [(name, options) for name, others in OPTIONS.items() for options in ({}, *others)]
BATCHES = [lambda k=k: [minigrad.randn(4, 3, generator=minigrad.Generator().manual_seed(k)),
                        minigrad.randn(4, 2, generator=minigrad.Generator().manual_seed(k + 50))] for k in range(4)]


def training(make, before=None, after=None, inside=None, groups=False, set_to_none=True):
    """build() of a small network's training step; `before(call, optimizer, scheduler)` runs outside before each."""
    def build():
        model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
        params = [{"params": model[0].parameters(), "lr": 0.5}, {"params": model[2].parameters()}] if groups \
            else model.parameters()
        optimizer = make(params)
        scheduler = inside(optimizer) if inside else None

        def step(x, y):
            optimizer.zero_grad(set_to_none=set_to_none)
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            return loss

        outside, calls = after(optimizer) if after else None, itertools.count(1)

        def state():
            if before is not None:
                before(next(calls), optimizer)
            if outside is not None:
                outside.step()
            return [list(model.parameters()), [p.grad for p in model.parameters()], optimizer.state_dict(),
                    scheduler and {key: value for key, value in scheduler.state_dict().items()
                                   if isinstance(value, int | float | list)}]

        return step, state
    return build


@pytest.mark.parametrize("name, options", CASES, ids=str)
def test_every_option(name, options):
    def make(params):
        return getattr(optim, name)(params, lr=0.125, **options)

    same(training(make), BATCHES)
    same(training(make, groups=True, set_to_none=False), BATCHES, None)

    def change(call, optimizer):            # rates, between calls
        for group in optimizer.param_groups:
            group["lr"] /= 2
            if call > 1:
                group["weight_decay"] = 0.25

    same(training(make, before=change), BATCHES)


SCHEDULES = {
    "StepLR": lambda o: schedules.StepLR(o, 2, 0.5), "MultiStepLR": lambda o: schedules.MultiStepLR(o, [1, 3]),
    "ExponentialLR": lambda o: schedules.ExponentialLR(o, 0.5), "LinearLR": lambda o: schedules.LinearLR(o),
    "PolynomialLR": lambda o: schedules.PolynomialLR(o, 3, 2.0),
    "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, 3),
    "CosineAnnealingWarmRestarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 2),
    "LambdaLR": lambda o: schedules.LambdaLR(o, lambda t: 1 / (t + 1)),
    "OneCycleLR": lambda o: schedules.OneCycleLR(o, 0.5, 6),
    "SequentialLR": lambda o: schedules.SequentialLR(o, [schedules.LinearLR(o), schedules.ExponentialLR(o, 0.5)], [2]),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_schedules(name, kind):
    def make(params):
        return kind(params, lr=0.25, **({"momentum": 0.9} if kind is optim.SGD else {}))

    same(training(make, inside=SCHEDULES[name]), BATCHES)
    same(training(make, after=SCHEDULES[name]), BATCHES)


def test_options_that_change_what_is_kept_are_captured_anew():
    def change(call, optimizer):
        if call == 2:
            optimizer.param_groups[0]["momentum"] = 0.5

    same(training(lambda params: optim.SGD(params, lr=0.1), before=change), BATCHES, 2)


def test_a_group_that_is_added_is_captured_anew():
    def build():
        a, b = nn.Linear(3, 2), nn.Linear(3, 2)
        optimizer = optim.Adam(a.parameters(), lr=0.1)

        def step(x, y):
            optimizer.zero_grad()
            (a(x) + b(x) - y).square().sum().backward()
            optimizer.step()

        calls = itertools.count(1)

        def state():
            if next(calls) == 2:
                optimizer.add_param_group({"params": b.parameters(), "lr": 0.5})
            return [[*a.parameters(), *b.parameters()], optimizer.state_dict()]

        return step, state

    same(build, BATCHES, 3)        # (b.grad is None at first)


def test_state_that_is_loaded_is_captured_anew():
    def change(call, optimizer):
        if call == 2:
            state = optimizer.state_dict()
            for kept in state["state"].values():
                kept["exp_avg"] = kept["exp_avg"] * 2
            optimizer.load_state_dict(state)

    same(training(lambda params: optim.Adam(params, lr=0.1), before=change), BATCHES, None)


def test_two_steps_in_a_call_and_a_closure():
    def build():
        p = nn.Parameter(minigrad.tensor([1.0, 2.0]))
        optimizer = optim.Adam([p], lr=0.1)

        def closure():
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            return loss

        return lambda: [optimizer.step(closure), optimizer.step(closure)], lambda: [p, optimizer.state_dict()]

    same(build, [list] * 4)


def test_first_step_inside_and_outside():
    """State that exists before the capture, and steps between calls."""
    def change(call, optimizer):
        optimizer.step()

    for name in OPTIONS:
        same(training(lambda params, name=name: getattr(optim, name)(params, lr=0.1), before=change), BATCHES, None)

    def build():
        p = nn.Parameter(minigrad.tensor([1.0, 2.0]))
        optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
        p.grad = minigrad.ones(2)
        optimizer.step()

        def step():
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
        return step, lambda: [p, optimizer.state_dict()]

    same(build, [list] * 3)


def test_parameters_that_are_stepped_apart():
    """Whose counts were even at the capture, and are no more."""
    def build():
        a, b = nn.Parameter(minigrad.ones(2)), nn.Parameter(minigrad.ones(2))
        optimizer, calls = optim.Adam([a, b], lr=0.1), itertools.count(1)

        def step():
            optimizer.zero_grad()
            (a * a + b * b * b).sum().backward()
            optimizer.step()

        def state():
            if next(calls) == 2:
                b.grad = None
                optimizer.step()
            return [a, b, optimizer.state_dict()]
        return step, state

    same(build, [list] * 5, None)


def test_gradients_by_hand_and_clipping():
    def build():
        model = nn.Linear(3, 2)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x, y):
            loss = (model(x) - y).square().mean()
            for p, g in zip(model.parameters(), minigrad.autograd.grad(loss, list(model.parameters())), strict=True):
                p.grad = g * 2
            norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            nn.utils.clip_grad_value_(model.parameters(), 0.25)
            optimizer.step()
            return loss, norm

        return step, lambda: [[p, p.grad] for p in model.parameters()]

    same(build, BATCHES)


def test_plain_update_under_no_grad():
    def build():
        w = minigrad.randn(3, 2, requires_grad=True)

        def step(x, y):
            (x @ w - y).square().sum().backward()
            with minigrad.no_grad():
                w.sub_(w.grad * 0.01)
                w.grad = None

        return step, lambda: [w, w.grad]

    same(build, BATCHES)


def test_plateau_is_stepped_outside():
    def build():
        step, state = training(lambda params: optim.SGD(params, lr=0.5),
                               after=lambda o: Plateau(schedules.ReduceLROnPlateau(o, patience=0, threshold=10.0)))()
        return step, state

    same(build, BATCHES)


class Plateau:
    def __init__(self, scheduler):
        self.scheduler = scheduler

    def step(self):
        self.scheduler.step(1.0)


def test_bits_tell_numbers_apart():
    one, other = minigrad.tensor([1.0, float("nan")]), minigrad.tensor([1.0 + 1e-7, float("nan")])
    assert bits(one) == bits(one.clone()) != bits(other)
    assert bits(one) != bits(one.double()) and bits([0]) != bits([0.0]) and bits(minigrad.tensor([-0.0])) == bits(
        minigrad.tensor([0.0]))
