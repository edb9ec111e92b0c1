"""Results of a captured function, differentiated outside it: gradients, graphs and errors as without capture."""

import gc
import threading

import pytest

import minigrad
from minigrad import nn, optim
from minigrad.capture.derivative import Derivative
from minigrad.nn import functional as F

f64 = minigrad.float64


def numbers(*shape, seed=0, dtype=f64, wanting=False):
    values = minigrad.randn(*shape, generator=minigrad.Generator().manual_seed(seed), dtype=dtype)
    return values.requires_grad_() if wanting else values


def network():
    minigrad.manual_seed(5)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.3),
                         nn.Conv2d(4, 6, 3, bias=False), nn.GroupNorm(2, 6), nn.GELU(), nn.Flatten(), nn.Linear(6, 3))


LOSSES = {
    "cross_entropy": F.cross_entropy,
    "sum": lambda scores, _: scores.sum(),
    "square": lambda scores, _: (scores * scores).mean(),
    "turned": lambda scores, _: scores.t().contiguous().sin().sum(),
    "part": lambda scores, _: scores[:, 1:].exp().sum(),
}


@pytest.mark.parametrize("dtype", [minigrad.float32, f64], ids=str)
@pytest.mark.parametrize("loss", list(LOSSES))
def test_training_a_compiled_model_gives_the_same_bits(loss, dtype):
    def trained(compiled):
        model = network().to(dtype)
        function = minigrad.compile(model) if compiled else model
        optimizer, found = optim.AdamW(model.parameters(), lr=0.05), []
        for step in range(4):
            x, y = numbers(5, 1, 8, 8, seed=step, dtype=dtype, wanting=True), minigrad.arange(5) % 3
            optimizer.zero_grad()
            value = LOSSES[loss](function(x), y)
            value.backward()
            optimizer.step()
            found += [value.tolist(), x.grad.tolist()]
        assert not compiled or len(function.captures) == 1
        return found, {name: value.tolist() for name, value in model.state_dict().items()}

    assert trained(True) == trained(False)




def test_gradients_accumulate_where_a_parameter_is_used_twice():
    def run(compile):
        w, x = numbers(3, 3, seed=1, wanting=True), numbers(2, 3)
        layer = compile(lambda x: (x @ w).tanh())
        for _ in range(2):
            layer(layer(x)).sum().backward()
        return w.grad.tolist()

    assert run(minigrad.compile) == run(lambda each: each)


def test_calls_are_differentiated_in_any_order():
    def run(compile):
        minigrad.manual_seed(1)
        w = numbers(4, 4, seed=1, wanting=True)
        f = compile(lambda x: F.dropout((x @ w).exp(), 0.5))
        outs = [f(numbers(4, seed=seed)) for seed in range(3)]
        found = []
        for at in (1, 0, 2):
            found += [minigrad.autograd.grad(outs[at].sum(), w)[0].tolist(), outs[at].tolist()]
        return found

    assert run(minigrad.compile) == run(lambda each: each)


def test_graphs_are_retained_and_freed():
    x = numbers(3, wanting=True)
    y = minigrad.compile(lambda x: x.exp() * 2)(x)
    y.sum().backward(retain_graph=True)
    first = x.grad.tolist()
    y.sum().backward()
    assert x.grad.tolist() == [2 * g for g in first]
    with pytest.raises(RuntimeError, match="the graph behind compile was freed by an earlier backward; pass retain"):
        y.sum().backward()


def changed(name):
    w, x, target = numbers(3, seed=1, wanting=True), numbers(3, wanting=True), minigrad.tensor([2, 0, 1])
    y = minigrad.compile(lambda x, target: (x * w).exp().gather(0, target))(x, target)
    with minigrad.no_grad():
        {"parameter": w, "argument": x, "index": target}[name].add_(1)
    return y


@pytest.mark.parametrize("name", ["parameter", "argument", "index"])
def test_a_change_in_place_is_noticed(name):
    with pytest.raises(RuntimeError, match=r"compile: a value of shape .* was changed in place"):
        changed(name).sum().backward()


def test_a_change_of_the_result_in_place_is_noticed_where_it_is_read():
    def run(function):
        x = numbers(3, wanting=True)
        y = minigrad.compile(function)(x)
        with minigrad.no_grad():
            y.mul_(2)
        y.sum().backward()
        return x.grad.tolist()

    with pytest.raises(RuntimeError, match="changed in place"):
        run(lambda x: x.exp())
    assert run(lambda x: x * 3) == [3.0] * 3


def test_a_change_within_the_function_is_an_error_of_backward():
    def run(compile):
        w = numbers(3, wanting=True)

        def function(x):
            y = w.square() * x
            with minigrad.no_grad():
                w.sub_(1)
            return y

        y = compile(function)(numbers(3, seed=1))
        with pytest.raises(RuntimeError, match=r"square: a value .* was changed in place"):
            y.sum().backward()
        return w.tolist(), y.tolist(), y.requires_grad

    assert run(minigrad.compile) == run(lambda each: each)


def test_several_results_have_a_derivative_each():
    def run(compile):
        x, w = numbers(3, wanting=True), numbers(3, seed=1, wanting=True)

        def function(x):
            h = x * w
            return {"a": h, "both": [h.exp(), (h.sin(), h)], "none": h.detach(), "count": 3}

        found = compile(function)(x)
        exp, (sin, again) = found["both"]
        assert found["none"].requires_grad is False and found["count"] == 3
        result = []
        for part in (found["a"], exp, sin, again):
            part.sum().backward(retain_graph=True)
            result += [x.grad.tolist(), w.grad.tolist()]
        return result

    assert run(minigrad.compile) == run(lambda each: each)


def test_several_results_at_once():
    x = numbers(3, wanting=True)
    a, b = minigrad.compile(lambda x: (x.exp(), x.sin()))(x)
    (a * b).sum().backward()
    assert minigrad.allclose(x.grad, x.exp() * (x.sin() + x.cos()))


def test_pieces_are_chained():
    def run(compile):
        minigrad.manual_seed(0)
        first, second = nn.Linear(3, 4), nn.Linear(4, 2)
        h = compile(first)(numbers(5, 3, dtype=minigrad.float32))
        h.retain_grad()
        compile(second)(h.relu()).square().mean().backward()
        return [h.grad.tolist(), *[p.grad.tolist() for p in (*first.parameters(), *second.parameters())]]

    assert run(minigrad.compile) == run(lambda each: each)


def test_a_tensor_from_outside_that_has_a_graph():
    def run(compile):
        w, x = numbers(3, wanting=True), numbers(3, seed=1, wanting=True)
        h = w.exp()
        hooked = []
        h.register_hook(lambda g: hooked.append(g.tolist()))
        compile(lambda x: (x * h).sin() + h)(x).sum().backward()
        return w.grad.tolist(), x.grad.tolist(), hooked

    assert run(minigrad.compile) == run(lambda each: each)


@pytest.mark.parametrize("twice", [False, True])
def test_a_tensor_from_outside_beside_what_it_was_made_of(twice):
    def run(compile):
        w, x = numbers(3, wanting=True), numbers(3, seed=1, wanting=True)
        h = w.exp()
        y = compile(lambda x: (x * h).sin() * w)(x)
        found = minigrad.autograd.grad(y.sum(), (x, w, h), create_graph=True) if twice else [y]
        sum([part.sum() for part in found]).backward()
        return [*w.grad.tolist(), *x.grad.tolist()]

    assert run(minigrad.compile) == pytest.approx(run(lambda each: each), rel=1e-13)


def test_one_run_of_the_plan_serves_all_operands(monkeypatch):
    runs, pulled = [], Derivative.pulled
    monkeypatch.setattr(Derivative, "pulled", lambda *args: runs.append(args) or pulled(*args))
    model = network()
    y = minigrad.compile(model)(numbers(2, 1, 8, 8, dtype=minigrad.float32, wanting=True))
    for times in (1, 2):
        y.sum().backward(retain_graph=True)
        assert len(runs) == times and all(p.grad is not None for p in model.parameters())


def test_the_same_tensor_as_argument_and_from_outside():
    def run(compile):
        w = numbers(3, wanting=True)
        compile(lambda x: x * w.sin())(w).sum().backward()
        return w.grad.tolist()

    assert run(minigrad.compile) == run(lambda each: each)


def test_one_tensor_as_two_arguments_and_views_of_one_memory():
    def run(compile):
        x = numbers(4, wanting=True)
        f = compile(lambda a, b: a.exp() * b.sin())
        f(x, x).sum().backward()
        f(x[:2], x[2:]).sum().backward()
        f(x[1:3], x[2:]).sum().backward()
        return x.grad.tolist()

    assert run(minigrad.compile) == run(lambda each: each)


def test_hooks_are_called_once_with_the_whole_gradient():
    def run(compile):
        w, x, seen = numbers(3, wanting=True), numbers(3, seed=1, wanting=True), []
        for tensor in (w, x):
            tensor.register_hook(lambda g: seen.append(g.tolist()))
        y = compile(lambda x: x * w * w)(x)
        y.register_hook(lambda g: g * 2)
        y.register_hook(lambda g: seen.append(g.tolist()))
        (y + y).sum().backward()
        return sorted(seen), w.grad.tolist(), x.grad.tolist()

    assert run(minigrad.compile) == run(lambda each: each)


def test_a_hook_within_the_function_is_part_of_the_graph():
    def run(compile):
        x = numbers(3, wanting=True)

        def function(x):
            h = x.exp()
            h.register_hook(lambda g: g * 3)
            return h.sin()

        f = compile(function)
        for _ in range(2):
            f(x).sum().backward()
        return x.grad.tolist()

    assert run(minigrad.compile) == run(lambda each: each)


def test_chosen_inputs_only():
    def run(compile):
        x, w = numbers(3, wanting=True), numbers(3, seed=1, wanting=True)
        y = compile(lambda x: (x * w).exp())(x)
        (g,) = minigrad.autograd.grad(y.sum(), x, retain_graph=True)
        y.sum().backward(inputs=[w])
        assert x.grad is None
        return g.tolist(), w.grad.tolist()

    assert run(minigrad.compile) == run(lambda each: each)


def test_what_has_no_graph_without_capture_has_none():
    w = numbers(3, wanting=True)
    f = minigrad.compile(lambda x: x * w)
    with minigrad.no_grad():
        assert not f(numbers(3)).requires_grad
    assert f(numbers(3)).requires_grad and len(f.captures) == 2
    w.requires_grad_(False)
    assert not f(numbers(3)).requires_grad
    assert not minigrad.compile(lambda x: x > 0)(numbers(3, wanting=True)).requires_grad


def test_a_step_that_has_freed_its_graph_returns_the_loss_alone():
    model = nn.Linear(3, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @minigrad.compile
    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(2):
        loss = step(numbers(2, 3, dtype=minigrad.float32))
        assert not loss.requires_grad and loss.grad_fn is None


def test_views_and_arguments_as_results():
    def run(compile):
        x, w = numbers(2, 3, wanting=True), numbers(3, 2, seed=1, wanting=True)
        f = compile(lambda x: (x, x.t(), w, w.t(), x.reshape(6)[1:]))
        same, turned, weight, other, part = f(x)
        assert same is x and weight is w
        (turned * 2).sum().backward()
        (other * 3).sum().backward()
        (part * part).sum().backward()
        return x.grad.tolist(), w.grad.tolist(), turned.tolist(), part.tolist()

    assert run(minigrad.compile) == run(lambda each: each)


def test_constants_written_in_place_are_kept_for_the_way_back():
    def run(compile):
        def function(x, at):
            mask = minigrad.zeros(4, dtype=f64)
            with minigrad.no_grad():
                mask[1:3] = 2.0
                mask.scatter_(0, at, minigrad.tensor([5.0], dtype=f64))
            return x * mask

        f, found = compile(function), []
        for at in (0, 3):
            x = numbers(4, wanting=True)
            f(x, minigrad.tensor([at])).sum().backward()
            found.append(x.grad.tolist())
        return found

    assert run(minigrad.compile) == run(lambda each: each)


def test_leaves_that_the_function_makes_and_returns():
    def run(compile):
        def function(x):
            w = minigrad.tensor([1.0, 2.0, 3.0], dtype=f64, requires_grad=True)
            v = (x * 2).detach().requires_grad_()
            hidden = minigrad.tensor([4.0], dtype=f64, requires_grad=True)
            return w, v, w * v.exp() * x * hidden

        f, found = compile(function), []
        for seed in range(2):
            w, v, y = f(numbers(3, seed=seed))
            assert w.is_leaf and w.requires_grad and v.is_leaf and v.requires_grad
            y.sum().backward()
            found += [*w.grad.tolist(), *v.grad.tolist()]
        return found

    assert run(minigrad.compile) == run(lambda each: each)


def test_checkpoint_within():
    def run(compile):
        minigrad.manual_seed(3)
        w, found = numbers(4, 4, wanting=True), []
        f = compile(lambda x: minigrad.func.checkpoint(lambda h: F.dropout((h @ w).tanh(), 0.5) @ w, x * 2))
        outs = []
        for seed in range(3):
            x = numbers(2, 4, seed=seed, wanting=True)
            f(x).square().sum().backward()
            outs.append((x, f(x)))
            found.append(x.grad.tolist())
        for x, out in outs:                     # three calls first, then their derivatives
            out.sum().backward()
            found.append(x.grad.tolist())
        return found, w.grad.tolist(), minigrad.rand(2).tolist()

    assert run(minigrad.compile) == run(lambda each: each)


# Higher order, and forward mode: the function is recorded again ------------------------------------------------------

def smooth(x, w):
    return (x @ w).sin() * x.sum(1, keepdim=True).exp()


def test_first_and_second_order_by_differences():
    f = minigrad.compile(smooth)
    points = numbers(2, 3, wanting=True), numbers(3, 2, seed=1, wanting=True)
    assert minigrad.check.gradcheck(f, points)
    assert minigrad.check.gradgradcheck(f, points)


def test_a_gradient_penalty():
    def run(compile):
        w, x = numbers(3, 2, seed=1, wanting=True), numbers(2, 3, wanting=True)
        y = compile(lambda x: smooth(x, w))(x)
        (g,) = minigrad.autograd.grad(y.sum(), x, create_graph=True)
        (g.square().sum() + y.sum()).backward()
        return [*w.grad.flatten().tolist(), *x.grad.flatten().tolist()]

    assert run(minigrad.compile) == pytest.approx(run(lambda each: each), rel=1e-13)


def test_derivatives_of_functions():
    x, w, t = numbers(2, 3), numbers(3, 2, seed=1), numbers(2, 3, seed=2)
    f, g = (lambda x: smooth(x, w).sum()), minigrad.compile(lambda x: smooth(x, w).sum())
    for transform in (minigrad.func.grad, minigrad.func.hessian, minigrad.func.jacrev, minigrad.func.jacfwd):
        assert transform(g)(x).tolist() == transform(f)(x).tolist()
    for derivative in (minigrad.func.jvp, minigrad.func.hvp):
        assert str(derivative(g, (x,), (t,))) == str(derivative(f, (x,), (t,)))
    assert minigrad.compile(minigrad.func.grad(g))(x).tolist() == minigrad.func.grad(f)(x).tolist()


def test_random_numbers_are_those_of_the_call_when_it_is_recorded_again():
    def run(compile):
        minigrad.manual_seed(4)
        f, found = compile(lambda x: F.dropout(x.exp(), 0.5)), []
        for _ in range(3):
            x = numbers(6, wanting=True)
            (g,) = minigrad.autograd.grad(f(x).sum(), x, create_graph=True)
            found.append(minigrad.autograd.grad(g.sum(), x)[0].tolist())
        return found, minigrad.rand(2).tolist()

    assert run(minigrad.compile) == run(lambda each: each)


def test_threads_differentiate_for_themselves():
    w = numbers(8, 8, seed=1)
    f, found = minigrad.compile(lambda x: (x @ w).tanh() @ w), {}
    f(numbers(8, wanting=True))

    def work(seed):
        for _ in range(20):
            x = numbers(8, seed=seed, wanting=True)
            y = f(x)
            y.square().sum().backward()
            found.setdefault(seed, set()).add(str((y.tolist(), x.grad.tolist())))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(found[seed]) for seed in range(4)] == [1] * 4
    x = numbers(8, seed=3, wanting=True)
    y = (x @ w).tanh() @ w
    y.square().sum().backward()
    assert found[3] == {str((y.tolist(), x.grad.tolist()))}


# Memory --------------------------------------------------------------------------------------------------------------

def test_results_and_gradients_are_never_overwritten():
    w = numbers(3, 3, wanting=True)
    f, kept = minigrad.compile(lambda x: (x @ w).exp()), []
    for seed in range(4):
        x = numbers(2, 3, seed=seed, wanting=True)
        y = f(x)
        (g,) = minigrad.autograd.grad(y.sum(), x)
        kept.append((y, g, y.tolist(), g.tolist()))
    assert all(y.tolist() == before and g.tolist() == old for y, g, before, old in kept)


def test_a_graph_goes_with_its_result():
    class Watched(minigrad.Tensor):
        gone = 0

        def __del__(self):
            Watched.gone += 1

    f = minigrad.compile(lambda x: x.exp().sin())
    f(numbers(3, wanting=True))
    gc.disable()
    try:
        for _ in range(3):
            x = Watched(numbers(3).buffer)
            x.requires_grad_()
            y = f(x)
            y.sum().backward()
            del x, y
        assert Watched.gone == 3
    finally:
        gc.enable()
