"""Checks that look at numbers do not stop a capture: kernels make those of positions, others are left out."""

import pytest

import minigrad
from minigrad import nn
from minigrad.nn import functional as F


def ints(*values):
    return minigrad.tensor(list(values))


def placed(x, key, value):
    x = x.detach().clone()
    x[key] = value
    return x


X = minigrad.arange(24.0).reshape(2, 3, 4)
GOOD = {
    "rows": (lambda x, i: x[i], [ints(0, 1), ints(1, -2)]),
    "columns": (lambda x, i: x[:, i], [ints(0, 2), ints(-1, -3)]),
    "two": (lambda x, i: x[i, :, i + 1], [ints(0, 1), ints(-2, 0)]),
    "neighbours": (lambda x, i: x[:, i, i], [ints(0, 2), ints(-2, 1)]),
    "broadcast": (lambda x, i: x[i[:, None], i], [ints(0, 1), ints(-1, 0)]),
    "number": (lambda x, i: x[i], [minigrad.tensor(0), minigrad.tensor(-1)]),
    "numbers apart": (lambda x, i: x[i, :, i], [minigrad.tensor(0), minigrad.tensor(-1)]),
    "number and slice": (lambda x, i: x[1:, i, ::2], [minigrad.tensor(1), minigrad.tensor(-3)]),
    "assigned": (lambda x, i: placed(x, i, 7.0), [ints(0, 1), ints(1, -2)]),
    "assigned to two": (lambda x, i: placed(x, (i, slice(None), i), 7.0), [ints(0, 1), ints(1, -2)]),
    "assigned to a number": (lambda x, i: placed(x, i, 7.0), [minigrad.tensor(0), minigrad.tensor(-1)]),
    "gather": (lambda x, i: x.gather(0, i.reshape(2, 1, 1)), [ints(0, 1), ints(1, 1)]),
    "scatter": (lambda x, i: x.scatter(1, i.reshape(2, 1, 1), 5.0), [ints(0, 2), ints(1, 1)]),
    "scatter_add": (lambda x, i: x.scatter_add(1, i.reshape(2, 1, 1), x), [ints(0, 2), ints(1, 1)]),
    "index_select": (lambda x, i: x.index_select(1, i), [ints(0, 2), ints(1, 1)]),
    "embedding": (lambda x, i: F.embedding(i, x[0], padding_idx=1), [ints(0, 2), ints(1, 1)]),
    "one_hot": (lambda x, i: F.one_hot(i, 3) @ x[0].long(), [ints(0, 2), ints(1, 1)]),
    "max_unpool": (lambda x, i: F.max_unpool1d(x[:, :1, :2], i.reshape(2, 1, 1).expand(2, 1, 2) + ints(0, 1), 2),
                   [ints(0, 2), ints(1, 1)]),
    "cross_entropy": (lambda x, i: F.cross_entropy(x[:, :, 0], i, label_smoothing=0.1), [ints(0, 2), ints(1, 1)]),
    "binary_cross_entropy": (lambda x, i: F.binary_cross_entropy(x.sigmoid(), (x > i.sum()).float()),
                             [ints(0, 2), ints(9, 1)]),
    "bernoulli": (lambda x, i: minigrad.bernoulli(x / (23 + i.sum())), [ints(0, 2), ints(1, 1)]),
    "normal": (lambda x, i: minigrad.normal(x, x * i.sum()), [ints(0, 2), ints(1, 1)]),
    "take_along": (lambda x, i: x[i][:, ints(0, -1)], [ints(0, 1), ints(1, -2)]),
}


@pytest.mark.parametrize("case", list(GOOD))
def test_as_without_capture(case):
    function, choices = GOOD[case]

    def run(compile):
        minigrad.manual_seed(2)
        f, found = compile(function), []
        for choice in choices:
            x = X.clone().requires_grad_()
            out = f(x, choice)
            found.append(out.tolist())
            if out.requires_grad:
                out.square().sum().backward()
                found.append(x.grad.tolist())
        return found, minigrad.rand(1).item()

    assert run(minigrad.compile) == run(lambda each: each)


BAD = {"rows": ints(0, 2), "columns": ints(-4, 0), "two": ints(1, 3), "neighbours": ints(3, 0), "number": ints(5)[0],
       "numbers apart": ints(-3)[0], "assigned": ints(0, -3), "assigned to two": ints(0, 2), "gather": ints(0, 2),
       "scatter": ints(3, 0), "index_select": ints(0, 3), "embedding": ints(-1, 0), "max_unpool": ints(4, 0),
       "cross_entropy": ints(0, 3), "assigned to a number": ints(2)[0], "broadcast": ints(0, 3)}


@pytest.mark.parametrize("case", list(BAD))
def test_positions_out_of_range_are_found_by_the_replay(case):
    function, choices = GOOD[case]
    f = minigrad.compile(function)
    f(X, choices[0])
    for compiled in (f, function):
        with pytest.raises(IndexError):
            compiled(X, BAD[case])
    assert f(X, choices[1]).tolist() == function(X, choices[1]).tolist()


ASKING = {
    "mask": lambda x: x[x > 3],
    "nonzero": lambda x: x.nonzero(),
    "masked_select": lambda x: x.masked_select(x > 3),
    "where": lambda x: minigrad.where(x > 3),
    "one_hot": lambda x: F.one_hot(x.long()),
    "allclose": lambda x: minigrad.allclose(x, x),
    "equal": lambda x: minigrad.equal(x, x),
    "norm": lambda x: nn.utils.get_total_norm([x], error_if_nonfinite=True),
    "number and tensor": lambda x: x[x[0, 0, 0].long(), :, ints(0, 1)],
}


@pytest.mark.parametrize("case", list(ASKING))
def test_what_needs_numbers_cannot_be_captured(case):
    with pytest.raises(minigrad.CaptureError, match="asks for numbers"):
        minigrad.compile(ASKING[case])(X)


def test_numbers_that_the_function_makes_of_python_s_can_be_looked_at():
    f = minigrad.compile(lambda x: x * minigrad.tensor([2.0, 3.0])[1].item() + minigrad.tensor([4])[-1:].tolist()[0])
    assert f(X).tolist() == (X * 3 + 4).tolist()


class Words(nn.Module):
    """What a step may well be made of beside layers: embeddings, positions, interpolation, averaged weights."""

    def __init__(self):
        super().__init__()
        self.embed, self.conv, self.head = nn.Embedding(7, 6, padding_idx=0), nn.Conv1d(6, 4, 3), nn.Linear(4, 3)
        self.mean = [p.detach().clone() for p in self.parameters()]

    def forward(self, words, at):
        x = F.interpolate(self.conv(self.embed(words).transpose(1, 2)), scale_factor=2.0, mode="linear")
        x = x.scatter_add(2, at[:, None, None].expand(-1, 4, 1), minigrad.ones(len(at), 4, 1))
        return self.head(x[minigrad.arange(len(at)), :, at] + x.topk(2, 2)[0].sum(2) * F.one_hot(at, 4))

    def follow(self):
        with minigrad.no_grad():
            for mean, p in zip(self.mean, self.parameters(), strict=True):
                mean.mul_(0.9).add_(p, alpha=0.1)


@pytest.mark.parametrize("norm", [2.0, 1.0, float("inf")])
def test_a_step_of_many_things(norm):
    def run(compile):
        minigrad.manual_seed(3)
        model = Words()
        optimizer = minigrad.optim.AdamW(model.parameters(), lr=0.1)

        @compile
        def step(words, at, target):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(words, at), target, label_smoothing=0.1)
            loss.backward()
            total = nn.utils.clip_grad_norm_(model.parameters(), 0.5, norm)
            nn.utils.clip_grad_value_(model.parameters(), 0.2)
            optimizer.step()
            model.follow()
            return loss.detach(), total

        found = []
        for seed in range(4):
            g = minigrad.Generator().manual_seed(seed)
            words = minigrad.randint(0, 7, (5, 4), generator=g)
            at, target = minigrad.randint(0, 3, (2, 5), generator=g)
            found += [each.item() for each in step(words, at, target)]
        return found, [p.tolist() for p in (*model.parameters(), *model.mean)]

    assert run(minigrad.compile) == run(lambda each: each)
