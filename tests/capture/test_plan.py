"""Plans by themselves."""

import pytest

import minigrad


def test_a_plan_does_not_run_into_memory_that_may_be_gone():
    double = minigrad.compile(lambda x: x * 2)
    assert double(minigrad.ones(3)).tolist() == [2.0] * 3
    plan = double.captures[0].plan
    with pytest.raises(RuntimeError, match="Plan: run: 0 of 2 slots are bound; call the compiled function"):
        plan.run()
    assert double(minigrad.ones(3)).tolist() == [2.0] * 3
