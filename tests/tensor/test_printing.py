"""How tensors read: as in PyTorch, letter by letter."""

import math

import pytest

import minigrad

NAMES = {"inf": math.inf, "nan": math.nan}
VALUES = """1.5|2|True|[1.,2.]|[1,2,3]|[True,False]|[]|[[]]|[1e-5,1.]|[1e10,1.]|[nan,1.]|[inf,-inf,1.5]|[nan,inf]|[1e8]|
[123456789.]|[99999.,1.]|[100000.5,1.]|[0.00001]|[1e-3,1.5]|[1000.5,0.001]|[-0.0,1.]|[1e38,1e-38]|[[1.5,-2.],[3.,4.25]]|
[[[1,2],[3,4]],[[5,6],[7,8]]]|0.1|1e-10|1e20|nan|-inf|[0.,0.]|[-1,10,100]|[1.,nan]|[3.,1e5]|[1e-4,1.]|[12345.678,0.1]|
[16777216.,1.]|[1e7,1e7+1]|[1000.,1.]|[1001.5,1.]|[.1,.01,.001]|[[1e10,2],[3,4]]|[[1.,2.],[nan,4.]]|1e8|123456."""
TEXTS = [f"m.tensor({value.strip()})" for value in VALUES.split("|")] + [
    "m.arange(30)", "m.arange(30.)", "m.arange(2000)", "m.zeros(20, 100)", "m.ones(3, 4, 5)", "m.arange(50) * 1.5",
    "m.arange(12.).reshape(3, 4) / 7", "m.zeros(0, 3)", "m.zeros(2, 0, 3)", "m.zeros(0, dtype=m.int64)",
    "m.ones(2, dtype=m.float64)", "m.ones(2, dtype=m.int32)", "m.ones(2, dtype=m.uint8)", "m.arange(100) - 50",
    "m.tensor(2., requires_grad=True)", "m.arange(10000.).reshape(100, 100)", "m.arange(4096).reshape(16, 16, 16)",
    "m.arange(25).reshape(5, 5) % 2 == 0", "m.ones(1, 1, 1, 1)", "m.arange(24).reshape(2, 3, 4)", "m.full((3,), 1e-7)",
    "m.ones(30, 30)", "m.zeros(2, 1100)", "m.arange(0, 1, 0.01)", "m.arange(1001).reshape(7, 11, 13)",
    "m.arange(14., dtype=m.float64)", "m.arange(15., dtype=m.float64)",
    "m.arange(12., dtype=m.float64, requires_grad=True)"]


@pytest.mark.torch
@pytest.mark.parametrize("text", TEXTS)
def test_reads_as_in_torch(text):
    torch = pytest.importorskip("torch")
    ours, theirs = (repr(eval(text, {"m": m, **NAMES})) for m in (minigrad, torch))
    assert ours.replace("minigrad.", "torch.") == theirs


@pytest.mark.parametrize("text, expected", [
    ("m.tensor(1.5)", "tensor(1.5000)"),
    ("m.tensor([1., 2.])", "tensor([1., 2.])"),
    ("m.tensor([1, 20])", "tensor([ 1, 20])"),
    ("m.tensor([True, False])", "tensor([ True, False])"),
    ("m.tensor([1e-5, 1.])", "tensor([1.0000e-05, 1.0000e+00])"),
    ("m.zeros(0, 3)", "tensor([], size=(0, 3))"),
    ("m.ones(2, dtype=m.float64)", "tensor([1., 1.], dtype=minigrad.float64)"),
    ("m.tensor([[1, 2], [3, 4]])", "tensor([[1, 2],\n        [3, 4]])"),
    ("m.arange(2000)", "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    ("m.tensor(1., requires_grad=True)", "tensor(1., requires_grad=True)"),
    ("m.tensor(1., requires_grad=True).exp()", "tensor(2.7183, grad_fn=<exp>)")])
def test_reads(text, expected):
    assert repr(eval(text, {"m": minigrad})) == str(eval(text, {"m": minigrad})) == expected


def test_formatting_one_number():
    assert f"{minigrad.tensor(1.23456):.2f} {minigrad.tensor(7):03d} {minigrad.tensor([1])}" == "1.23 007 tensor([1])"
    assert round(minigrad.tensor(1.25).item(), 1) == 1.2


def test_a_large_tensor_is_not_read_whole():
    x = minigrad.zeros(1, 1).expand(10**7, 10**7)       # to read it would take weeks
    assert repr(x).count("...") == 7
