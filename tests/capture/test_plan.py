"""Plans by themselves."""

import pytest

import minigrad
from minigrad import nn


def test_a_plan_does_not_run_into_memory_that_may_be_gone():
    double = minigrad.compile(lambda x: x * 2)
    assert double(minigrad.ones(3)).tolist() == [2.0] * 3
    plan = double.captures[0].plan
    with pytest.raises(RuntimeError, match="Plan: run: 0 of 2 slots are bound; call the compiled function"):
        plan.run()
    assert double(minigrad.ones(3)).tolist() == [2.0] * 3


def test_a_packed_weight_follows_the_weight():
    layer, x = nn.Linear(256, 256), minigrad.randn(8, 256)
    captured = minigrad.compile(layer)

    def compare():
        with minigrad.no_grad():
            assert (captured(x) - layer(x)).abs().max() < 1e-5

    compare()
    (pair,) = captured.captures[0].graph.packed
    assert pair[0] is layer.weight.buffer.storage
    with minigrad.no_grad():
        layer.weight.mul_(-1)
    compare()
    view = memoryview(layer.weight.detach())        # who writes here counts nothing
    for number in (3.0, 4.0):
        view[0, 0] = number
        compare()
    del view
    compare()
    layer.load_state_dict(nn.Linear(256, 256).state_dict())
    compare()
    assert len(captured.captures) == 1 and layer.weight.buffer.storage.lent == 0


def test_weights_are_not_packed_where_they_are_trained_from_outside():
    def trained(compile):
        minigrad.manual_seed(0)
        layer = nn.Linear(256, 256)
        optimizer = minigrad.optim.SGD(layer.parameters(), lr=0.1)
        captured = compile(layer)
        for _ in range(3):
            captured(minigrad.randn(8, 256)).square().mean().backward()
            optimizer.step()
        if captured is not layer:
            assert not captured.captures[0].graph.packed
        return layer.weight.tolist()

    assert trained(minigrad.compile) == trained(lambda layer: layer)


def test_weights_that_the_plan_changes_are_not_packed():
    layer, x = nn.Linear(256, 256), minigrad.randn(8, 256)
    optimizer = minigrad.optim.SGD(layer.parameters())

    @minigrad.compile
    def step():
        optimizer.zero_grad()
        layer(x).sum().backward()
        optimizer.step()

    step()
    assert not step.captures[0].graph.packed


def launched(function, *args):
    """The kernels that a captured function runs."""
    captured = minigrad.compile(function)
    captured(*args)
    return [launch.name for launch in captured.captures[0].graph.launches]


def test_copies_are_read_where_they_come_from_unless_that_changes():
    def kept(x):
        y = x.clone()
        x.add_(1)
        return y.exp()

    assert launched(lambda x: x.clone().exp(), minigrad.ones(3)) == ["exp"]
    assert launched(lambda x: x[1:].clone().exp(), minigrad.ones(3)) == ["exp"]
    assert launched(kept, minigrad.ones(3)) == ["copy", "add", "exp"]
    assert minigrad.compile(kept)(minigrad.zeros(3)).tolist() == [1.0] * 3


def test_what_is_computed_twice_with_equal_numbers_is_computed_once():
    assert launched(lambda x: (x * 2) @ (x * 2), minigrad.ones(3, 3)) == ["mul", "matmul"]
    assert launched(lambda x: (x * 2) @ (x * 3), minigrad.ones(3, 3)) == ["mul", "mul", "matmul"]
