"""Tracing a function leaves everything as it was: what a call changes, changes when it runs."""

import pytest

import minigrad
from minigrad import nn, optim
from minigrad.capture import CaptureError
from minigrad.nn import functional as F


class Everything:
    """A training step that moves all that minigrad's own objects keep in Python."""

    def __init__(self):
        minigrad.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.Linear(3, 2))
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.1)
        self.schedule = optim.lr_scheduler.SequentialLR(self.optimizer, [
            optim.lr_scheduler.LinearLR(self.optimizer), optim.lr_scheduler.ExponentialLR(self.optimizer, 0.5)], [2])
        self.generator = minigrad.Generator().manual_seed(7)
        self.model.eval()

    def step(self, x, fail=False):
        self.model.train()
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x + minigrad.rand(4, generator=self.generator)), minigrad.tensor([0, 1]))
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        if fail:
            loss.item()
        return loss

    def state(self):
        """All of it; without the optimiser's tensors, which may be there before the first step, as zeros."""
        state = self.optimizer.state_dict()
        steps = [kept.get("step") for kept in self.optimizer.state.values()] or [None] * 4
        return repr((state["param_groups"], steps, self.schedule.state_dict(), self.generator.get_state(),
                     minigrad.get_rng_state(), [module.training for module in self.model.modules()],
                     [(p.tolist(), p.buffer.storage.version, p.grad) for p in self.model.parameters()]))


def test_tracing_changes_nothing():
    subject = Everything()
    step, x, before = minigrad.compile(subject.step), minigrad.ones(2, 4), subject.state()
    step.captured((x,), {})
    assert subject.state() == before
    step(x)
    before = subject.state()
    step.captured((x,), {})
    assert subject.state() == before


def test_a_function_that_fails_changes_nothing():
    subject = Everything()
    step, before = minigrad.compile(subject.step), subject.state()
    with pytest.raises(CaptureError):
        step(minigrad.ones(2, 4), fail=True)
    assert subject.state() == before


def test_traced_and_run_is_run():
    eager, captured = Everything(), Everything()
    step, x = minigrad.compile(captured.step), minigrad.ones(2, 4)
    minigrad.manual_seed(3)
    wanted = [eager.step(x).item() for _ in range(4)]
    state = eager.state()
    minigrad.manual_seed(3)
    found = []
    for _ in range(4):
        step.captured((x,), {})
        found.append(step(x).item())
    assert found == wanted and captured.state() == state


def test_an_argument_traced_again_counts_once():
    """A parameter passed as an argument is seen to be one when the function has run: it runs again."""
    layer = nn.Linear(2, 2, bias=False)
    optimizer = optim.Adam(layer.parameters())

    def step(w, x):
        layer(x).sum().backward()
        optimizer.step()
        return w.sum()

    minigrad.compile(step)(layer.weight, minigrad.ones(1, 2))
    assert [state["step"] for state in optimizer.state.values()] == [1]


def test_a_graph_from_before_is_still_good():
    w = minigrad.ones(3, requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    loss = (w * w).sum()

    def step():
        (2 * w).sum().backward()
        optimizer.step()

    minigrad.compile(step).captured((), {})
    loss.backward()
    assert w.grad.tolist() == [2.0, 2.0, 2.0]
