"""Schedules: known numbers, every schedule against PyTorch step for step, state, and refusals."""

import math

import pytest

import minigrad
from minigrad import nn, optim
from minigrad.optim import lr_scheduler


def optimizer_of(lib, name="SGD", lr=(0.5, 0.2), **options):
    float64 = lib.float64
    groups = [{"params": [lib.nn.Parameter(lib.ones(1, dtype=float64))], "lr": each} for each in lr]
    return getattr(lib.optim, name)(groups, lr=0.1, **options)


def named(name, *args, **kwargs):
    return lambda lib, optimizer: getattr(lib.optim.lr_scheduler, name)(optimizer, *args, **kwargs)


def warm_cosine(lib, optimizer):
    lrs = lib.optim.lr_scheduler
    return lrs.SequentialLR(optimizer, [lrs.LinearLR(optimizer, 0.1, total_iters=4),
                                        lrs.CosineAnnealingLR(optimizer, 7, 0.01), lrs.ExponentialLR(optimizer, 0.5)],
                            milestones=[4, 10])


SCHEDULES = {
    "step": named("StepLR", 3),
    "step gamma": named("StepLR", step_size=2, gamma=0.5),
    "multistep": named("MultiStepLR", [7, 2, 4, 4], gamma=0.3),
    "exponential": named("ExponentialLR", 0.9),
    "linear": named("LinearLR"),
    "linear down": named("LinearLR", 1.0, 0.0, 6),
    "polynomial": named("PolynomialLR", 6, 2.0),
    "cosine": named("CosineAnnealingLR", 5),
    "cosine from above": named("CosineAnnealingLR", T_max=4, eta_min=0.05),
    "restarts": named("CosineAnnealingWarmRestarts", 2, 2, 0.01),
    "restarts alike": named("CosineAnnealingWarmRestarts", 3),
    "lambda": named("LambdaLR", lambda t: 1 / (t + 1)),
    "lambdas": named("LambdaLR", [lambda t: 0.9 ** t, lambda t: 1.0]),
    "one cycle": named("OneCycleLR", 1.0, total_steps=20),
    "one cycle linear": named("OneCycleLR", [1.0, 2.0], epochs=4, steps_per_epoch=5, anneal_strategy="linear",
                              base_momentum=0.7, max_momentum=[0.9, 0.8], pct_start=0.4, div_factor=10.0),
    "one cycle in three": named("OneCycleLR", 0.3, 20, three_phase=True, final_div_factor=100.0),
    "one cycle alone": named("OneCycleLR", 0.3, 20, cycle_momentum=False),
    "warm-up, cosine, exponential": warm_cosine,
}


def follow(optimizer, scheduler, steps):
    """Rates and momenta, from the start and after each step."""
    rows = []
    for _ in range(steps):
        rows.append([(group["lr"], group.get("momentum", group.get("betas"))) for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return rows


def flat(rows):
    return [x for row in rows for lr, momentum in row
            for x in (lr, *(momentum if isinstance(momentum, tuple) else (momentum,)))]


def rates(schedule, steps, lr=1.0):
    optimizer = optimizer_of(minigrad, lr=(lr,))
    scheduler = schedule(minigrad, optimizer)
    return [round(row[0][0], 6) for row in follow(optimizer, scheduler, steps)]


def test_known_numbers():
    assert rates(named("StepLR", 2, 0.5), 5) == [1, 1, 0.5, 0.5, 0.25]
    assert rates(named("MultiStepLR", [1, 3], 0.5), 5) == [1, 0.5, 0.5, 0.25, 0.25]
    assert rates(named("ExponentialLR", 0.5), 4) == [1, 0.5, 0.25, 0.125]
    assert rates(named("LinearLR", 0.25, 1.0, 3), 5) == [0.25, 0.5, 0.75, 1, 1]
    assert rates(named("PolynomialLR", 2, 2), 4) == [1, 0.25, 0, 0]
    assert rates(named("CosineAnnealingLR", 2), 6) == [1, 0.5, 0, 0.5, 1, 0.5]
    assert rates(named("CosineAnnealingWarmRestarts", 2, 2), 7) == \
        [1, 0.5, 1, round((1 + math.sqrt(0.5)) / 2, 6), 0.5, round((1 - math.sqrt(0.5)) / 2, 6), 1]
    assert rates(named("LambdaLR", lambda t: t), 3) == [0, 1, 2]
    assert rates(named("OneCycleLR", 1.0, 6, pct_start=0.5, div_factor=4.0, final_div_factor=2.0,
                       anneal_strategy="linear"), 6) == [0.25, 0.625, 1, 0.708333, 0.416667, 0.125]


def test_schedulers_of_one_optimizer_multiply():
    optimizer = optimizer_of(minigrad, lr=(1.0,))
    first, second = lr_scheduler.StepLR(optimizer, 1, 0.5), lr_scheduler.ExponentialLR(optimizer, 0.25)
    for _ in range(2):
        first.step(), second.step()
    assert optimizer.param_groups[0]["lr"] == 1 / 64


def test_momentum_cycles_against_the_rate():
    for name, options in (("SGD", {"momentum": 0.9}), ("Adam", {})):
        optimizer = optimizer_of(minigrad, name, **options)
        follow(optimizer, lr_scheduler.OneCycleLR(optimizer, 1.0, 10, pct_start=0.5), 4)
        group = optimizer.param_groups[0]
        assert group["lr"] == 1.0 and (group["momentum"] if name == "SGD" else group["betas"][0]) == 0.85


def plateau(lib, optimizer, **options):
    return lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)


PLATEAUS = [{"patience": 1}, {"mode": "max", "patience": 0, "factor": 0.5},
            {"threshold": 0.3, "threshold_mode": "abs", "patience": 0, "min_lr": 0.01, "cooldown": 2},
            {"mode": "max", "threshold": 0.2, "threshold_mode": "abs", "patience": 1, "min_lr": [0.1, 0.15]},
            {"threshold": 0.1, "patience": 2, "eps": 0.1}]
MEASURES = [3.0, 2.5, 2.4, 2.4, 2.6, 2.4, 1.0, 1.0, 1.0, 0.99, 0.99, 1.2, 1.3, 1.4, 1.4, 1.4, -1.0, -1.0, -1.05]


def test_plateau():
    optimizer = optimizer_of(minigrad, lr=(1.0,))
    scheduler = plateau(minigrad, optimizer, factor=0.5, patience=1, cooldown=1, min_lr=0.2)
    found = []
    for loss in (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, minigrad.tensor(1.0), 1.0, 1.0, 1.0):
        scheduler.step(loss)
        found += scheduler.get_last_lr()
    assert found == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2]


@pytest.mark.parametrize("name", SCHEDULES)
def test_saved_state_goes_on(name, tmp_path):
    schedule, optimizer = SCHEDULES[name], optimizer_of(minigrad)
    scheduler = schedule(minigrad, optimizer)
    follow(optimizer, scheduler, 6)
    minigrad.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, tmp_path / "state")
    saved = minigrad.load(tmp_path / "state")
    twin = optimizer_of(minigrad, lr=(0.3, 0.3))
    resumed = schedule(minigrad, twin)
    twin.load_state_dict(saved["optimizer"])
    resumed.load_state_dict(saved["scheduler"])
    assert resumed.get_last_lr() == scheduler.get_last_lr()
    assert follow(twin, resumed, 8) == follow(optimizer, scheduler, 8)


@pytest.mark.parametrize("make, kind, message", [
    (lambda o: lr_scheduler.StepLR(3, 1), TypeError, "StepLR: optimizer: got int"),
    (lambda o: lr_scheduler.StepLR(o, 0), ValueError, "StepLR: step_size: got 0, expected 1 or more"),
    (lambda o: lr_scheduler.LinearLR(o, 0.0), ValueError, "start_factor: got 0.0"),
    (lambda o: lr_scheduler.LinearLR(o, 0.5, 2.0), ValueError, "end_factor: got 2.0"),
    (lambda o: lr_scheduler.CosineAnnealingLR(o, 0), ValueError, "T_max: got 0"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0: got 0"),
    (lambda o: lr_scheduler.LambdaLR(o, [math.exp]), ValueError, "lr_lambda: .* expected one, or 2"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0), ValueError, "total_steps: got 0"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 10, pct_start=2.0), ValueError, "pct_start"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 10, anneal_strategy="poly"), ValueError, "one of 'cos', 'linear'"),
    (lambda o: lr_scheduler.OneCycleLR(optim.Adagrad([nn.Parameter(minigrad.ones(1))]), 1.0, 10), ValueError,
     "neither momentum nor betas"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, "low"), ValueError, "mode: got 'low'"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor: got 1.0"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold_mode: got 'x'"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, min_lr=[0.1]), ValueError, "min_lr"),
    (lambda o: lr_scheduler.SequentialLR(o, [], []), ValueError, "schedulers"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1)], [1]), ValueError, "milestones: got"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ReduceLROnPlateau(o)], []), ValueError, "LRScheduler"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(optimizer_of(minigrad), 1)], []), ValueError,
     "of this optimizer"),
    (lambda o: lr_scheduler.StepLR(o, 1, last_epoch=3), KeyError, "no 'initial_lr'"),
])
def test_refusals(make, kind, message):
    with pytest.raises(kind, match=message):
        make(optimizer_of(minigrad))


def test_one_cycle_has_an_end():
    optimizer = optimizer_of(minigrad)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, 3)
    follow(optimizer, scheduler, 3)
    with pytest.raises(ValueError, match="at most total_steps = 3"):
        scheduler.step()


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
class TestAgainstTorch:
    @pytest.mark.parametrize("kind", ["SGD", "Adam"])
    @pytest.mark.parametrize("name", SCHEDULES)
    def test_every_step(self, name, kind):
        torch = pytest.importorskip("torch")
        schedule = SCHEDULES[name]
        ours, theirs = optimizer_of(minigrad, kind), optimizer_of(torch, kind)
        mine, other = schedule(minigrad, ours), schedule(torch, theirs)
        steps = 19
        assert flat(follow(ours, mine, steps)) == pytest.approx(flat(follow(theirs, other, steps)), rel=1e-9, abs=1e-12)
        assert mine.get_last_lr() == pytest.approx(other.get_last_lr(), rel=1e-9, abs=1e-12)

    @pytest.mark.parametrize("name", SCHEDULES)
    def test_pytorch_state_is_taken_over(self, name):
        torch = pytest.importorskip("torch")
        schedule = SCHEDULES[name]
        ours, theirs = optimizer_of(minigrad), optimizer_of(torch)
        mine, other = schedule(minigrad, ours), schedule(torch, theirs)
        follow(theirs, other, 5)
        ours.load_state_dict(theirs.state_dict())
        mine.load_state_dict(other.state_dict())
        assert flat(follow(ours, mine, 8)) == pytest.approx(flat(follow(theirs, other, 8)), rel=1e-9, abs=1e-12)

    @pytest.mark.parametrize("options", PLATEAUS)
    def test_plateau(self, options):
        torch = pytest.importorskip("torch")
        ours, theirs = optimizer_of(minigrad), optimizer_of(torch)
        mine, other = plateau(minigrad, ours, **options), plateau(torch, theirs, **options)
        for value in MEASURES:
            mine.step(value), other.step(value)
            assert mine.get_last_lr() == pytest.approx(other.get_last_lr(), rel=1e-12)
        for key in ("best", "num_bad_epochs", "cooldown_counter", "last_epoch", "min_lrs"):
            assert getattr(mine, key) == getattr(other, key)
