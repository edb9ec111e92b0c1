"""Losses and softmax: known numbers, every option against PyTorch, and what they refuse."""

import itertools
import math
import re

import pytest
from against_torch import both_refuse, differentiates, same_twice

import minigrad
from minigrad import nn
from minigrad.nn import functional as F

LOGITS = [[2.0, 1.0, 0.5], [0.0, -1.0, 3.0], [1.0, 1.0, 1.0], [-2.0, 0.5, 0.25]]


def expected_nll(row, target):
    return math.log(sum(map(math.exp, row))) - row[target]


def test_softmax_known_numbers():
    assert F.softmax(minigrad.tensor([math.log(1), math.log(3)]), 0).tolist() == pytest.approx([0.25, 0.75])
    assert F.log_softmax(minigrad.tensor([1e4, 0.0]), 0).tolist() == [0.0, -1e4]
    assert F.softmax(minigrad.tensor([[1e4, 0.0], [float("-inf"), 0.0]]), 1).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert F.softmax(minigrad.zeros(2, 0), 1).shape == (2, 0)
    assert F.softmax(minigrad.tensor([0, 0]), 0, dtype=minigrad.float64).tolist() == [0.5, 0.5]
    with pytest.raises(TypeError, match="softmax: input: got"):
        F.softmax(minigrad.tensor([1, 2]), 0)
    with pytest.raises(IndexError, match="softmax: dim: got 2"):
        F.softmax(minigrad.zeros(2, 2), 2)
    with pytest.warns(UserWarning, match="dim was not given"):
        nn.Softmax()(minigrad.zeros(2, 2))


def test_mse_known_numbers():
    a, b = minigrad.tensor([[1.0, 2.0], [3.0, 4.0]]), minigrad.tensor([[1.0, 0.0], [0.0, 4.0]])
    assert F.mse_loss(a, b).item() == 13 / 4
    assert nn.MSELoss(reduction="sum")(a, b).item() == 13.0
    assert F.mse_loss(a, b, reduction="none").tolist() == [[0.0, 4.0], [9.0, 0.0]]
    with pytest.warns(UserWarning, match="broadcast"):
        F.mse_loss(a, minigrad.zeros(2, 1))


def test_cross_entropy_known_numbers():
    logits, target = minigrad.tensor(LOGITS), minigrad.tensor([0, 2, 1, 0])
    each = [expected_nll(row, t) for row, t in zip(LOGITS, [0, 2, 1, 0], strict=True)]
    assert F.cross_entropy(logits, target, reduction="none").tolist() == pytest.approx(each, rel=1e-5)
    assert F.cross_entropy(logits, target).item() == pytest.approx(sum(each) / 4, rel=1e-5)
    ignoring = minigrad.tensor([0, -100, 1, 0])
    assert F.cross_entropy(logits, ignoring).item() == pytest.approx((sum(each) - each[1]) / 3, rel=1e-5)
    assert F.cross_entropy(logits, target, ignore_index=2).item() == pytest.approx((sum(each) - each[1]) / 3, rel=1e-5)
    weight = minigrad.tensor([1.0, 2.0, 4.0])
    wanted = (each[0] + 4 * each[1] + 2 * each[2] + each[3]) / 8
    assert nn.CrossEntropyLoss(weight)(logits, target).item() == pytest.approx(wanted, rel=1e-5)
    assert F.cross_entropy(logits[0], minigrad.tensor(1)).item() == pytest.approx(expected_nll(LOGITS[0], 1), rel=1e-5)
    assert math.isnan(F.cross_entropy(logits, minigrad.full((4,), -100)).item())
    sure = minigrad.tensor([[float("-inf"), 0.0]])
    assert F.cross_entropy(sure, minigrad.tensor([-100]), reduction="sum").item() == 0.0


def test_gradient_of_cross_entropy_is_probability_minus_target():
    logits = minigrad.tensor(LOGITS, dtype=minigrad.float64, requires_grad=True)
    F.cross_entropy(logits, minigrad.tensor([0, 2, 1, 0])).backward()
    probabilities = F.softmax(logits.detach(), 1).tolist()
    for row, p, t in zip(logits.grad.tolist(), probabilities, [0, 2, 1, 0], strict=True):
        assert row == pytest.approx([(value - (c == t)) / 4 for c, value in enumerate(p)], abs=1e-12)


def test_gradcheck():
    logits = minigrad.tensor(LOGITS, dtype=minigrad.float64, requires_grad=True)
    target = minigrad.tensor([0, -100, 1, 0])
    for function in (lambda x: F.cross_entropy(x, target, label_smoothing=0.1), lambda x: F.softmax(x, 1),
                     lambda x: F.log_softmax(x, 0)):
        assert minigrad.check.gradcheck(function, [logits])
        assert minigrad.check.gradgradcheck(function, [logits])


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss, nn.CrossEntropyLoss(), nn.NLLLoss()])
def test_refusals(loss):
    logits = minigrad.tensor(LOGITS)
    for wrong in (3, -1):
        with pytest.raises(IndexError, match=rf"target holds a class that is not among 0 to 2 .* {wrong} "):
            loss(logits, minigrad.tensor([0, wrong, 1, 0]))
    with pytest.raises(ValueError, match=r"target: got shape \(3,\), expected \(4,\) for input \(4, 3\)"):
        loss(logits, minigrad.tensor([0, 1, 2]))
    with pytest.raises(TypeError, match="expected int64 classes"):
        loss(logits, minigrad.tensor([0.0, 1.0, 2.0, 0.0]))
    with pytest.raises(TypeError, match=r"input: got minigrad\.int64"):
        loss(minigrad.zeros(4, 3, dtype=minigrad.int64), minigrad.tensor([0, 1, 2, 0]))


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss, F.mse_loss])
def test_operands_must_be_tensors(loss):
    with pytest.raises(TypeError, match="input: got list, expected a tensor"):
        loss([1.0], minigrad.tensor(0))
    with pytest.raises(TypeError, match="target: got int, expected a tensor"):
        loss(minigrad.zeros(1), 0)


def test_more_refusals():
    logits, target = minigrad.tensor(LOGITS), minigrad.tensor([0, 1, 2, 0])
    with pytest.raises(ValueError, match="reduction: got 'avg'"):
        F.cross_entropy(logits, target, reduction="avg")
    with pytest.raises(ValueError, match="label_smoothing: got 2"):
        F.cross_entropy(logits, target, label_smoothing=2)
    with pytest.raises(ValueError, match=r"weight: got shape \(2,\), expected \(3,\)"):
        F.cross_entropy(logits, target, minigrad.ones(2))
    with pytest.raises(ValueError, match="reduction: got 'no'"):
        nn.MSELoss(reduction="no")


def test_regression_known_numbers():
    a, b = minigrad.tensor([1.0, 4.0, -3.0]), minigrad.tensor([1.0, 2.0, 0.0])
    assert F.l1_loss(a, b, reduction="none").tolist() == [0.0, 2.0, 3.0]
    assert nn.SmoothL1Loss(reduction="sum", beta=2.0)(a, b).item() == 1.0 + 2.0
    assert nn.SmoothL1Loss(beta=0)(a, b).item() == pytest.approx(5 / 3)
    assert nn.HuberLoss("sum", 2.0)(a, b).item() == 2.0 + 4.0
    weight = minigrad.tensor([1.0, 2.0, 1.0])
    assert F.mse_loss(a, b, weight=weight).item() == 17 / 4 and F.l1_loss(a, b, weight=weight).item() == 7 / 4
    for loss in (F.l1_loss, F.smooth_l1_loss, F.huber_loss):
        with pytest.warns(UserWarning, match=f"{loss.__name__}: input .* broadcast"):
            loss(a, minigrad.zeros(1))


def test_binary_known_numbers():
    x, t = minigrad.tensor([0.0, 3.0, -2.0]), minigrad.tensor([1.0, 0.0, 0.25])
    each = [-(t * math.log(p) + (1 - t) * math.log(1 - p))
            for p, t in zip([1 / (1 + math.exp(-v)) for v in x.tolist()], t.tolist(), strict=True)]
    assert F.binary_cross_entropy_with_logits(x, t, reduction="none").tolist() == pytest.approx(each, rel=1e-5)
    assert nn.BCELoss(reduction="none")(x.sigmoid(), t).tolist() == pytest.approx(each, rel=1e-5)
    weight = minigrad.tensor([1.0, 2.0, 0.0])
    assert nn.BCEWithLogitsLoss(weight, reduction="sum")(x, t).item() == pytest.approx(each[0] + 2 * each[1], rel=1e-5)
    assert list(nn.BCEWithLogitsLoss(weight, pos_weight=weight).state_dict()) == ["weight", "pos_weight"]


def test_certain_errors_are_finite():
    """Probabilities of 0 and 1: PyTorch's values, slopes that are finite and point the right way."""
    p = minigrad.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, minigrad.tensor([1.0, 0.0, 0.0, 1.0]), reduction="none")
    assert loss.tolist() == [100.0, 100.0, 0.0, 0.0]
    slopes, = minigrad.autograd.grad(loss.sum(), p, create_graph=True)
    assert slopes.tolist() == pytest.approx([-1e12, 1e12, 1.0, -1.0], rel=1e-5)
    assert all(math.isfinite(v) for v in minigrad.autograd.grad(slopes.sum(), p)[0].tolist())
    x = minigrad.tensor([1e4, -1e4], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, minigrad.tensor([0.0, 1.0]), reduction="none")
    assert loss.tolist() == [1e4, 1e4]
    loss.sum().backward()
    assert x.grad.tolist() == [1.0, -1.0]


def test_kl_div_known_numbers():
    p, q = minigrad.tensor([[0.5, 0.5], [0.25, 0.75]]), minigrad.tensor([[1.0, 0.0], [0.25, 0.75]])
    assert nn.KLDivLoss(reduction="batchmean")(p.log(), q).item() == pytest.approx(math.log(2) / 2)
    assert F.kl_div(p.log(), p.log(), log_target=True, reduction="sum").item() == 0.0
    assert F.kl_div(p.log(), q, reduction="none")[0].tolist() == pytest.approx([math.log(2), 0.0])


def test_dice():
    minigrad.manual_seed(0)
    p, t = minigrad.rand(2, 3, 4, 4, dtype=minigrad.float64), minigrad.rand(2, 3, 4, 4, dtype=minigrad.float64).round()
    assert F.dice_loss(t, t).item() == 0.0
    assert F.dice_loss(t, 1 - t, smooth=0.0, reduction="none").tolist() == [[1.0] * 3] * 2
    overlap, total = (p * t)[1, 2].sum().item(), (p + t)[1, 2].sum().item()
    got = nn.DiceLoss(smooth=0.5, reduction="none")(p, t)
    assert got.shape == (2, 3) and got[1, 2].item() == pytest.approx(1 - (2 * overlap + 0.5) / (total + 0.5))
    assert minigrad.check.gradcheck(F.dice_loss, [p.requires_grad_(), t])
    assert minigrad.check.gradgradcheck(F.dice_loss, [p, t])
    with pytest.raises(ValueError, match=r"dice_loss: input: got shape \(2, 3\)"):
        F.dice_loss(p[:, :, 0, 0], t[:, :, 0, 0])


def test_refusals_of_the_new():
    x = minigrad.tensor([0.5, 0.5])
    for loss in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        with pytest.raises(ValueError, match=rf"{loss.__name__}: target: got shape \(1,\), expected \(2,\)"):
            loss(x, minigrad.ones(1))
        with pytest.raises(TypeError, match=r"input: got minigrad\.int64"):
            loss(minigrad.tensor([0, 1]), x)
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="binary_cross_entropy: input: got numbers outside 0 to 1"):
            F.binary_cross_entropy(minigrad.tensor([bad, 0.5]), x)
    with pytest.raises(ValueError, match="smooth_l1_loss: beta: got -1"):
        F.smooth_l1_loss(x, x, beta=-1)
    with pytest.raises(ValueError, match="huber_loss: delta: got 0"):
        F.huber_loss(x, x, delta=0)
    with pytest.raises(ValueError, match=r"mse_loss: weight: got shape \(1,\), expected \(2,\)"):
        F.mse_loss(x, x, weight=minigrad.ones(1))
    for loss in (F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.kl_div, F.binary_cross_entropy):
        with pytest.raises(ValueError, match=f"{loss.__name__}: reduction: got 'avg'"):
            loss(x, x, reduction="avg")
    with pytest.raises(TypeError, match="CrossEntropyLoss: got an unexpected keyword argument 'smoothing'"):
        nn.CrossEntropyLoss(smoothing=0.1)


# Every loss with every option, but for the reduction.
CALLS = [
    "mse_loss(x, y", "mse_loss(x, y, weight=w", "l1_loss(x, y", "l1_loss(x, y, weight=w", "smooth_l1_loss(x, y",
    "smooth_l1_loss(x, y, beta=0.3", "smooth_l1_loss(x, y, beta=0", "huber_loss(x, y", "huber_loss(x, y, delta=0.3",
    "huber_loss(x, y, delta=0.5, weight=w", "binary_cross_entropy(x.sigmoid(), t",
    "binary_cross_entropy(x.sigmoid(), t, weight=w", "binary_cross_entropy(x.sigmoid(), t.round(), w",
    "binary_cross_entropy_with_logits(x, t", "binary_cross_entropy_with_logits(x * 9, t, w",
    "binary_cross_entropy_with_logits(x, t, pos_weight=w + 2", "kl_div(x, y.exp()", "kl_div(x, y, log_target=True",
    "binary_cross_entropy_with_logits(x, t, weight=w[0], pos_weight=w + 2", "nll_loss(x, m.tensor([1, 0])",
    "nll_loss(x, m.tensor([1, 0]), w[0], ignore_index=0", "cross_entropy(x, m.tensor([1, 2]), label_smoothing=0.1",
    "cross_entropy(x, t, w[1], label_smoothing=0.1", "cross_entropy(x, m.tensor([-100, 2]), w[0]",
]


def operands(call):
    return {name: (2, 3) for name in "xy" if re.search(rf"\b{name}\b", call)}


@pytest.mark.parametrize("call", CALLS)
def test_derivatives(call):
    differentiates(f"F.{call})", scope={"w": (2, 3), "t": (2, 3)}, **operands(call))


@pytest.mark.torch
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore:reduction")
def test_twice_against_torch(call, reduction):
    pytest.importorskip("torch")
    same_twice(f"F.{call}, reduction='{reduction}')", scope={"w": (2, 3), "t": (2, 3)}, **operands(call))


@pytest.mark.torch
@pytest.mark.parametrize("text", [
    "F.binary_cross_entropy(x, x[0])", "F.binary_cross_entropy(x - 1, x)", "F.binary_cross_entropy(x + 2, x)",
    "F.binary_cross_entropy_with_logits(x, x[0])", "F.smooth_l1_loss(x, x, beta=-1)", "F.huber_loss(x, x, delta=0)",
    "F.huber_loss(x, x, delta=-1)", "F.mse_loss(x, x, weight=x[0])", "F.l1_loss(x, x, weight=x[0])",
    "F.huber_loss(x, x, weight=x[0])", "F.l1_loss(x, x, reduction='avg')", "F.kl_div(x, x, reduction='avg')",
    "F.binary_cross_entropy(x, x, reduction='avg')", "F.mse_loss(x, m.zeros(5))", "F.kl_div(x, m.zeros(5))",
    "F.cross_entropy(x, m.zeros(2, 4, dtype=m.int64))", "F.cross_entropy(x, x, m.ones(3))",
    "F.cross_entropy(x, m.zeros(2, 3))", "F.cross_entropy(x, m.zeros(2, 3, dtype=m.int64) + 4)",
    "F.cross_entropy(x, x, label_smoothing=1.5)", "F.nll_loss(x, m.zeros(2, 3, dtype=m.int64), m.ones(3))",
    "F.nll_loss(x, m.zeros(2, 3))", "F.nll_loss(x[0, 0, 0], m.tensor(0))", "F.mse_loss(x, x, reduction='batchmean')",
    "nn.MSELoss()(x)", "nn.HuberLoss(beta=1.0)", "F.binary_cross_entropy_with_logits(x, x, pos_weight=m.ones(5))",
])
@pytest.mark.filterwarnings("ignore")
def test_what_pytorch_refuses(text):
    pytest.importorskip("torch")
    both_refuse(text)


@pytest.mark.torch
def test_batchmean_against_torch():
    pytest.importorskip("torch")
    same_twice("F.kl_div(x, y, reduction='batchmean', log_target=True)", x=(4, 3), y=(4, 3))
    same_twice("F.kl_div(x, y.exp(), reduction='batchmean')", x=(2, 3, 2), y=(2, 3, 2))


@pytest.mark.torch
@pytest.mark.parametrize("text", [
    "BCELoss()", "BCEWithLogitsLoss()", "MSELoss()", "L1Loss(reduction='sum')", "SmoothL1Loss(beta=0.5)",
    "HuberLoss('none', 0.3)", "HuberLoss(delta=2.0)", "KLDivLoss(reduction='batchmean', log_target=True)",
    "CrossEntropyLoss(label_smoothing=0.1)"])
def test_modules_against_torch(text):
    torch = pytest.importorskip("torch")
    theirs, ours = eval(text, vars(torch.nn)), eval(text, vars(nn))
    assert repr(ours) == repr(theirs)
    x, t = [[0.25, 0.5, 0.1], [0.9, 0.3, 0.2]], [[0.5, 0.4, 0.1], [0.2, 0.8, 0.0]]
    wanted, got = theirs(torch.tensor(x), torch.tensor(t)), ours(minigrad.tensor(x), minigrad.tensor(t))
    assert got.flatten().tolist() == pytest.approx(wanted.flatten().tolist(), rel=1e-5)


@pytest.mark.torch
class TestAgainstTorch:
    @pytest.mark.parametrize("reduction, smoothing, weighted, ignore, spatial", list(itertools.product(
        ("mean", "sum", "none"), (0.0, 0.2), (False, True), (-100, 2), ((), (2, 3)))))
    def test_class_targets(self, reduction, smoothing, weighted, ignore, spatial):
        torch = pytest.importorskip("torch")
        torch.manual_seed(0)
        theirs = torch.randn(4, 5, *spatial, dtype=torch.float64, requires_grad=True)
        ours = minigrad.tensor(theirs.tolist(), dtype=minigrad.float64, requires_grad=True)
        target = torch.randint(0, 5, (4, *spatial))
        target[0] = ignore
        weight = torch.rand(5, dtype=torch.float64) + 0.5 if weighted else None
        wanted = torch.nn.functional.cross_entropy(theirs, target, weight, ignore_index=ignore, reduction=reduction,
                                                   label_smoothing=smoothing)
        got = F.cross_entropy(
            ours, minigrad.tensor(target.tolist()),
            None if weight is None else minigrad.tensor(weight.tolist(), dtype=minigrad.float64),
            ignore_index=ignore, reduction=reduction, label_smoothing=smoothing)
        assert got.shape == tuple(wanted.shape)
        assert got.flatten().tolist() == pytest.approx(wanted.flatten().tolist(), rel=1e-10, abs=1e-14)
        wanted.sum().backward()
        got.sum().backward()
        assert ours.grad.flatten().tolist() == pytest.approx(theirs.grad.flatten().tolist(), rel=1e-10, abs=1e-14)

    @pytest.mark.parametrize("reduction, smoothing, weighted, spatial", list(itertools.product(
        ("mean", "sum", "none"), (0.0, 0.2), (False, True), ((), (2,)))))
    def test_probability_targets(self, reduction, smoothing, weighted, spatial):
        torch = pytest.importorskip("torch")
        torch.manual_seed(1)
        theirs = torch.randn(4, 5, *spatial, dtype=torch.float64)
        target = torch.softmax(torch.randn(4, 5, *spatial, dtype=torch.float64), 1)
        weight = torch.rand(5, dtype=torch.float64) if weighted else None
        wanted = torch.nn.functional.cross_entropy(theirs, target, weight, reduction=reduction,
                                                   label_smoothing=smoothing)

        def convert(tensor):
            return minigrad.tensor(tensor.tolist(), dtype=minigrad.float64)

        got = F.cross_entropy(convert(theirs), convert(target), None if weight is None else convert(weight),
                              reduction=reduction, label_smoothing=smoothing)
        assert got.flatten().tolist() == pytest.approx(wanted.flatten().tolist(), rel=1e-10)

    def test_softmax_far_from_zero(self):
        torch = pytest.importorskip("torch")
        theirs = torch.tensor([[1000.0, 1001.0, 998.5], [-5.0, 0.0, 80.0]])
        ours = minigrad.tensor(theirs.tolist())
        for name in ("softmax", "log_softmax"):
            wanted = getattr(torch.nn.functional, name)(theirs, 1).flatten().tolist()
            assert getattr(F, name)(ours, 1).flatten().tolist() == pytest.approx(wanted, rel=3e-6, abs=1e-30)
