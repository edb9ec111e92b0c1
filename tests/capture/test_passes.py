"""Each pass does what it says on a small graph, and leaves what it must not touch; numbers stay what they are."""

import pytest
from twin import bits, run

import minigrad
from minigrad import nn
from minigrad.capture import passes
from minigrad.nn import functional as F

NO_NUMBERS = [lambda: [minigrad.tensor([0.5, -1.0, 2.0])], lambda: [minigrad.tensor([1.0, 0.25, -3.0])]]


def kernels(function, *args):
    """The names of what runs, in order, having seen that the results are right on two calls."""
    made = list(args) or NO_NUMBERS
    wanted, _ = run(lambda: (function, lambda: None), made, False)
    found, compiled = run(lambda: (function, lambda: None), made, True)
    assert found == wanted
    (capture,) = compiled.captures
    return [launch.name for launch in capture.graph.launches]


def clone_and(change):
    """A function of x that works on a copy."""
    def function(x):
        return change(x.exp())
    return function


# ---- dead instructions -----------------------------------------------------------------------------------------------

def test_what_nobody_reads_is_not_computed():
    def function(x):
        unused = x.exp().tanh()
        z = minigrad.zeros(3)
        z.add_(unused)
        return x.sin()
    assert kernels(function) == ["sin"]


def test_what_the_outside_sees_is_computed():
    state = minigrad.zeros(3)

    def function(x):
        state.copy_(x)
        return x.sin()

    assert sorted(kernels(function)) == ["copy", "sin"] and state.tolist() == [1.0, 0.25, -3.0]

    def changing(x):
        x.add_(1)
        return x.shape[0]
    assert kernels(changing) == ["add"]

    def through_a_view(x):
        y = x.exp()
        y[0].fill_(7.0)
        y[1:].mul_(2)
        return y
    assert kernels(through_a_view) == ["exp", "copy", "mul"]


def test_old_numbers_that_show_through_are_computed():
    """scatter and the like write some places alone."""
    def function(x):
        y = x.exp()
        y.scatter_(0, minigrad.tensor([1]), x[:1])
        return y
    assert "exp" in kernels(function)


# ---- constants -------------------------------------------------------------------------------------------------------

def test_constants_are_folded():
    assert kernels(lambda x: x * (minigrad.tensor([1.0, 2.0, 3.0]).exp() + 1)) == ["mul"]
    assert kernels(lambda x: x * minigrad.full((3,), 2.0).sqrt().expand(3)) == ["mul"]
    assert kernels(lambda x: x.sum() * minigrad.arange(3).float()) == ["sum", "mul"]


def test_constants_that_are_written_are_not():
    def function(x):
        c = minigrad.tensor([1.0, 2.0, 3.0])
        before = c.exp()
        c.add_(x)
        return before, c.exp(), c
    assert kernels(function).count("exp") == 2

    def view(x):
        c = minigrad.zeros(2, 3)
        c[0].add_(x)
        return c.exp()
    assert "exp" in kernels(view)


def test_large_constants_are_computed_again():
    assert "exp" in kernels(lambda x: x.sum() * minigrad.ones(1 << 15).exp())
    assert "exp" not in kernels(lambda x: x.sum() * minigrad.ones(1 << 10).exp())


def test_random_numbers_are_no_constants():
    assert "uniform" in kernels(lambda x: x * minigrad.rand(3))


def test_constants_that_are_handed_out_are_copies():
    step = minigrad.compile(lambda x: (minigrad.tensor([1.0, 2.0]), x))
    first, second = step(minigrad.ones(1))[0], step(minigrad.ones(1))[0]
    first.fill_(9.0)
    assert second.tolist() == step(minigrad.ones(1))[0].tolist() == [1.0, 2.0]
    a, b = minigrad.compile(lambda: (c := minigrad.tensor([1.0, 2.0]), c[1]))()
    a[1] = 5.0
    assert b.item() == 5.0                  # views of each other


# ---- duplicates ------------------------------------------------------------------------------------------------------

def test_the_same_work_is_done_once():
    assert kernels(lambda x: x.exp() + x.exp()) == ["exp", "add"]
    assert kernels(lambda x: x[1:].exp() * x[1:].exp()) == ["exp", "mul"]
    assert kernels(lambda x: F.leaky_relu(x, 0.5) + F.leaky_relu(x, 0.5)) == ["leaky_relu", "add"]


def test_work_on_other_numbers_is_not():
    def written_between(x):
        a = x.sin()
        u = a.exp()
        a.add_(1)
        return u * a.exp()
    assert kernels(written_between).count("exp") == 2

    def input_written(x):
        u = x.exp()
        x.add_(1)
        return u * x.exp()
    assert kernels(input_written).count("exp") == 2

    def result_written(x):
        u, v = x.exp(), x.exp()
        u.add_(1)
        return u * v
    assert kernels(result_written).count("exp") == 2
    assert kernels(lambda x: x[:2].exp() + x[1:].exp()).count("exp") == 2
    assert kernels(lambda x: F.leaky_relu(x, 0.5) + F.leaky_relu(x, 0.25)).count("leaky_relu") == 2
    assert kernels(lambda x: x.softmax(0) * x.log_softmax(0))[:2] == ["softmax", "log_softmax"]
    assert kernels(lambda x: minigrad.rand(3) + minigrad.rand(3) * x).count("uniform") == 2
    one, other = minigrad.Generator(), minigrad.Generator()
    step = minigrad.compile(lambda: minigrad.rand(3, generator=one) - minigrad.rand(3, generator=other))
    assert step().tolist() == [0.0] * 3
    one.manual_seed(5)                  # streams that were at the same place when they were captured
    assert 0.0 not in step().tolist()
    a, b = minigrad.compile(lambda x: (x.exp(), x.exp()))(minigrad.ones(2))
    assert a.data_ptr() != b.data_ptr()


# ---- neutral numbers, copies -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("neutral", [lambda y: y * 1, lambda y: 1 * y, lambda y: y / 1, lambda y: y + 0,
                                     lambda y: 0 + y, lambda y: y - 0, lambda y: y * minigrad.ones(3),
                                     lambda y: y + minigrad.zeros(3), lambda y: y.clone(), lambda y: y.float()])
def test_neutral_numbers_and_copies(neutral):
    assert kernels(lambda x: neutral(x.exp()).tanh()) == ["exp", "tanh"]
    assert kernels(lambda x: neutral(x.exp())) == ["exp"]


@pytest.mark.parametrize("other", [lambda y: y * 2, lambda y: 1 / y, lambda y: 0 - y, lambda y: y - 1,
                                   lambda y: y * minigrad.tensor([1.0, 1.0, 1.5]),
                                   lambda y: y + minigrad.zeros(2, 3)])
def test_numbers_that_are_not_neutral(other):
    names = kernels(lambda x: other(x.exp()))
    assert len(names) == 2 and "copy" not in names


def test_a_constant_that_is_written_is_not_neutral():
    def function(x):
        c = minigrad.ones(3)
        c.add_(x)
        return x.exp() * c
    assert "mul" in kernels(function)


def test_copies_that_are_needed():
    def both_read(x):
        y = x.exp()
        z = y.clone()
        z.add_(1)
        return y * z
    assert "copy" in kernels(both_read)

    def source_changes(x):
        y = x.exp()
        z = y.clone()
        y.add_(1)
        return z * y
    assert "copy" in kernels(source_changes)
    assert "copy" in kernels(lambda x: (lambda y: (y, y.clone()))(x.exp()))
    assert kernels(lambda x: x.clone()) == ["copy"]

    def into_a_part(x):
        z = minigrad.empty(2, 3)
        z[0].copy_(x.exp())
        z[1].copy_(x.sin())
        return z
    assert kernels(into_a_part).count("copy") == 2

    def into_what_is_read(x):
        y, z = x.exp(), x.sin()
        w = z.tanh()
        z.copy_(y)
        return z * w
    assert "copy" in kernels(into_what_is_read)


def test_gradients_are_computed_where_they_are_left():
    w = nn.Parameter(minigrad.ones(3))

    def function(x):
        w.grad = None
        (w.exp() * x.exp()).square().sum().backward()
    assert "copy" not in kernels(function)


# ---- epilogues -------------------------------------------------------------------------------------------------------

def image(k):
    return lambda: [minigrad.randn(1, 2, 5, 5, generator=minigrad.Generator().manual_seed(k))]


def test_activations_join_their_convolution():
    conv = nn.Conv2d(2, 3, 3)
    images = image(1), image(2)
    assert kernels(minigrad.no_grad()(lambda x: conv(x).relu()), *images) == ["conv"]
    back = nn.ConvTranspose2d(2, 3, 3)
    assert len(kernels(minigrad.no_grad()(lambda x: back(x).relu()), *images)) == 1


@pytest.mark.parametrize("function", [
    lambda y: y.relu() + y, lambda y: (y, y.relu()), lambda y: y.relu() + y.tanh(), lambda y: y[..., 1:].relu(),
    lambda y: y.sin(), lambda y: y.transpose(2, 3).relu()])
def test_activations_that_cannot(function):
    conv = nn.Conv2d(2, 3, 3)
    assert len(kernels(minigrad.no_grad()(lambda x: function(conv(x))), image(1), image(2))) > 1


def test_a_convolution_that_is_changed_first():
    conv = nn.Conv2d(2, 3, 3)

    def function(x):
        y = conv(x)
        y.add_(1)
        return y.relu()
    assert kernels(minigrad.no_grad()(function), image(1), image(2))[0] == "conv"

    def overwritten(x):
        y = conv(x)
        y.copy_(x[:, :1, :3, :3])
        return y.relu()
    assert "relu" in kernels(minigrad.no_grad()(overwritten), image(1), image(2))

    def later(x):
        y = conv(x)
        z = minigrad.zeros(y.shape)
        z.add_(1)
        w = z.sin()
        z.copy_(y.relu())
        return z + w
    kernels(minigrad.no_grad()(later), image(1), image(2))


# ---- chains ----------------------------------------------------------------------------------------------------------

@pytest.fixture
def small_chains(monkeypatch):
    monkeypatch.setattr(passes.chains, "SMALLEST", 1)


def test_elementwise_work_goes_in_chains(small_chains):
    assert kernels(lambda x: (x.exp() + 1).tanh() * x) == ["exp+add+tanh+mul"]
    assert kernels(lambda x: x.exp().sum() + x.exp().tanh()) == ["exp", "sum", "tanh+add"]


def test_small_ones_do_not():
    assert kernels(lambda x: x.exp().tanh()) == ["exp", "tanh"]


@pytest.mark.parametrize("function", [
    lambda x: x.exp() + x.exp().flip(0), lambda x: x.exp().cumsum(0).tanh(), lambda x: (x.exp(), x.exp().tanh()),
    clone_and(lambda y: (y.add_(1), y.mul_(y))[1]), clone_and(lambda y: (y[0].add_(1), y.tanh())[1]),
    clone_and(lambda y: y.add_(y.flip(0))), lambda x: x.add_(1).exp() + x, lambda x: x.add_(x).mul_(x) + 0,
    lambda x: (x.exp() > 1).float() * x, lambda x: x.double().exp().float() + x, lambda x: x.unsqueeze(1) * x.exp(),
    lambda x: x[0] * x.exp() + x[1], lambda x: minigrad.where(x > 0, x.exp(), x.sin()).round().long() + 1,
    lambda x: sum([x.exp() * n for n in range(40)])])
def test_chains_keep_the_numbers(small_chains, function):
    kernels(function)


def long(sign):
    return lambda: [minigrad.linspace(-sign, sign, 100_000)]


@pytest.mark.parametrize("function", [
    lambda y, x: (y[0] * x, y.add_(1))[0], lambda y, x: (y[-1] * x, y.add_(1))[0] * y,
    lambda y, x: y.tanh()[-1] * x, lambda y, x: (z := y.tanh())[-1] * z, lambda y, x: (y.add_(1), y[0] + y)[1],
    lambda y, x: (x.mul_(2), y * x[-1], x.add_(y))[1], lambda y, x: y.sin() * x[:1] + y[5].cos()])
def test_single_elements_of_what_a_chain_makes(function):
    """Of long arrays, which it makes a block at a time."""
    kernels(lambda x: function(x.exp(), x), long(1.0), long(-2.0))


def test_the_order_of_passes_is_told():
    seen = []
    minigrad.compile(lambda x: x + 1).captured((minigrad.ones(2),), {}, lambda step, graph: seen.append(step))
    assert seen == [None, *passes.PASSES] and bits(seen[0]) == ("NoneType", None)
