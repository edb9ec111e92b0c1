"""Every row of the op table, captured, gives what it gives: results and gradients, for other numbers at each call."""

import pytest
from table import ONLY_INTEGERS, samples
from twin import nothing, same

import minigrad


@pytest.mark.parametrize("sample", [pytest.param(sample, id=name) for name, sample in samples()])
def test_row(sample):
    reals = (minigrad.float32, minigrad.float64)
    for dtype in (minigrad.int32, minigrad.int64) if sample.name in ONLY_INTEGERS else reals:
        check(sample, dtype)


def check(sample, dtype):
    if sample.row.kind == "constant":
        same(lambda: (sample, nothing), [lambda: sample.make(dtype), lambda: sample.make(dtype, whole=True)])
        return

    def function(*operands):
        out = sample(*operands)
        if out.requires_grad:
            (out * out.detach()).sum().backward()
        return out

    def wanting(whole):
        operands = sample.make(dtype, whole)
        for slot in sample.slots(operands):
            operands[slot].requires_grad = True
        return operands

    same(lambda: (function, nothing), [lambda: wanting(False), lambda: wanting(True), lambda: wanting(False)])
