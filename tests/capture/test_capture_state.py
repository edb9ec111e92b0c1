"""What a captured function depends on and changes beside its arguments is live, or captured anew when it changes."""

import copy
import gc
import pickle
import weakref

import pytest
from twin import bits, same

import minigrad
from minigrad import func, nn, optim
from minigrad.nn import functional as F


def counted(function, **options):
    """The function compiled, and how often it has been captured."""
    seen = []

    def body(*args, **kwargs):
        seen.append(1)
        return function(*args, **kwargs)

    return minigrad.compile(body, **options), lambda: len(seen)


def ones(*shape):
    return minigrad.ones(shape)


# ---- what is outside is live -----------------------------------------------------------------------------------------

def test_parameters_are_seen_and_changed_where_they_are():
    p = nn.Parameter(minigrad.tensor([1.0, 2.0]))
    step, captures = counted(lambda: p.detach().mul_(2) + 0)
    assert step().tolist() == [2.0, 4.0] == p.tolist()
    with minigrad.no_grad():
        p.fill_(5.0)
    assert step().tolist() == [10.0, 10.0] == p.tolist() and captures() == 1


def test_memory_that_is_replaced():
    p, plain = nn.Parameter(minigrad.tensor([1.0])), minigrad.tensor([1.0])
    step, captures = counted(lambda: p * 2 + plain)
    assert step().item() == 3.0
    p.data = minigrad.tensor([7.0])
    assert step().item() == 15.0
    plain.data = minigrad.tensor([-4.0])
    assert step().item() == 10.0 and captures() == 3
    plain[0] = 0.0
    assert step().item() == 14.0 and captures() == 3


def test_modules_parts_modes_and_options():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.BatchNorm1d(2))
    x = minigrad.randn(4, 2)
    step, captures = counted(lambda x: model(x))
    step(x), step(x)
    assert captures() == 1
    model.eval()
    assert bits(step(x)) == bits(model(x).detach()) and captures() == 2
    model.train()
    step(x)
    assert captures() == 2                              # the first fits again
    model[1].p = 0.0
    assert captures() == 2 and (step(x) == model(x)).all() and captures() == 3
    model.eval()
    for change in (lambda: setattr(model[0], "weight", nn.Parameter(ones(2, 2))), lambda: model.append(nn.ReLU()),
                   lambda: model.__setitem__(1, nn.Tanh()), lambda: model.__delitem__(2),
                   lambda: model.requires_grad_(False), lambda: setattr(model[0], "bias", None),
                   lambda: model.double(), lambda: model.float()):
        change()
        like = x.to(model[0].weight.dtype)
        assert bits(step(like)) == bits(model(like).detach())
        before = captures()
        step(like)
        assert captures() == before


def test_hooks_of_modules():
    model, seen = nn.Linear(2, 2), []
    step, captures = counted(lambda x: model(x))
    x = ones(3, 2)
    step(x)
    handle = model.register_forward_hook(lambda module, args, out: out * 2)
    assert bits(step(x)) == bits(model(x).detach()) and captures() == 2
    handle.remove()
    assert bits(step(x)) == bits(model(x).detach())
    assert not seen


def test_modes_of_gradients_and_of_numbers():
    p = nn.Parameter(ones(2))
    step, captures = counted(lambda x: minigrad.full((2,), 0.5) * x * p)
    x = ones(2)
    step(x)
    with minigrad.no_grad():
        assert not step(x).requires_grad
    assert captures() == 2
    try:
        minigrad.set_default_dtype(minigrad.float64)
        assert step(x).dtype is minigrad.float64 and captures() == 3
    finally:
        minigrad.set_default_dtype(minigrad.float32)
    step(x.requires_grad_())
    assert captures() == 4
    p.requires_grad_(False)
    step(x)
    assert captures() == 5


def test_names_around_the_function():
    scale = 2.0
    other = minigrad.tensor([1.0])

    def function(x):
        return x * scale + other + GLOBAL

    step = minigrad.compile(function)
    assert step(ones(1)).item() == 3.0 + GLOBAL
    scale = 5.0
    assert step(ones(1)).item() == 6.0 + GLOBAL
    other = minigrad.tensor([10.0])
    assert step(ones(1)).item() == 15.0 + GLOBAL
    globals()["GLOBAL"] += 1
    assert step(ones(1)).item() == 15.0 + GLOBAL
    assert len(step.captures) == 4


GLOBAL = 1.0


# ---- arguments -------------------------------------------------------------------------------------------------------

def test_arguments_that_are_no_tensors_count_by_value():
    def function(x, *, how, n, parts):
        return {"a": x * n if how == "mul" else x + n, "b": [part * 2 for part in parts], "c": (n, None, how)}

    step, captures = counted(function)

    def check(**kwargs):
        assert bits(step(ones(2), **kwargs)) == bits(function(ones(2), **kwargs))
        return captures()

    parts = [ones(3), ones(1)]
    assert check(how="mul", n=2, parts=parts) == check(how="mul", n=2, parts=[ones(3) * 4, ones(1)]) == 1
    assert check(how="add", n=2, parts=parts) == 2 and check(how="mul", n=2.0, parts=parts) == 3
    assert check(how="mul", n=True, parts=parts) == 4 and check(how="mul", n=2, parts=tuple(parts)) == 5
    assert check(how="mul", n=2, parts=parts[:1]) == 6 and check(n=2, how="mul", parts=parts) <= 7
    assert check(how="mul", n=float("inf"), parts=parts) <= 8


def test_shapes_dtypes_and_strides():
    step, captures = counted(lambda x: (x * 2).sum(0))
    for x in (ones(2, 3), ones(3, 2), ones(3, 2).t(), ones(2, 3).double(), ones(2, 3).long(), ones(2, 6)[:, ::2],
              ones(1, 3).expand(2, 3), ones(0, 3), ones(3), ones(2, 3).flip(0)):
        assert bits(step(x)) == bits((x * 2).sum(0))
        before = captures()
        assert bits(step(x + 1 if x.is_contiguous() else x)) and captures() <= before + 1
    assert bits(step(ones(2, 3))) == bits((ones(2, 3) * 2).sum(0))


def test_the_cache_is_bounded():
    step, captures = counted(lambda x: x + 1, cache_size=2)
    for n in (1, 2, 3, 3, 2):
        assert step(ones(n)).shape == (n,)
    assert captures() == 3 and len(step.captures) == 2
    step(ones(1))
    assert captures() == 4 and len(step.captures) == 2
    step.clear()
    step(ones(1))
    assert captures() == 5 and len(step.captures) == 1
    for wrong in (0, -1, 2.0, None):
        with pytest.raises(ValueError, match="cache_size"):
            minigrad.compile(lambda: None, cache_size=wrong)


def test_the_same_tensor_twice_and_views_of_each_other():
    def function(a, b):
        with minigrad.no_grad():
            a.add_(1)
            return b * 2, a + b

    x = minigrad.arange(6.0).reshape(2, 3)
    for pick in (lambda x: (x, x), lambda x: (x, x[0]), lambda x: (x[0], x), lambda x: (x[0], x[1]),
                 lambda x: (x, x.t().t()), lambda x: (x[:, 0], x[:, 1]), lambda x: (x, x.clone()),
                 lambda x: (x.detach(), x), lambda x: (x[0, :2], x[0, 1:])):
        same(lambda: (function, lambda: None), [lambda pick=pick, k=k: list(pick(x.clone() + k)) for k in range(3)])
    step = minigrad.compile(function)
    for pick in (lambda x: (x, x), lambda x: (x, x.clone()), lambda x: (x[0], x[1]), lambda x: (x[1], x[0]),
                 lambda x: (x[0], x[0])) * 2:
        assert bits(step(*pick(x.clone()))) == bits(function(*pick(x.clone())))


def test_arguments_that_lie_in_parameters():
    def build():
        p = nn.Parameter(minigrad.arange(6.0).reshape(2, 3))
        optimizer = optim.SGD([p], lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = (p * x).sum()
            loss.backward()
            optimizer.step()
            return loss, x * 1
        return p, step

    def run(captured, pick):
        p, step = build()
        step = minigrad.compile(step) if captured else step
        return [bits([step(pick(p)), p, p.grad]) for _ in range(3)]

    for pick in (lambda p: p, lambda p: p.detach(), lambda p: p.detach()[0], lambda p: p.detach().clone()):
        assert run(True, pick) == run(False, pick)

    p, step = build()
    q, plain = build()
    step = minigrad.compile(step)
    for pick in (lambda p: p.detach().clone(), lambda p: p.detach(), lambda p: p, lambda p: p.detach() + 1) * 2:
        assert bits([step(pick(p)), p]) == bits([plain(pick(q)), q])


# ---- results ---------------------------------------------------------------------------------------------------------

def test_results_that_are_not_computed():
    p, held = nn.Parameter(ones(2)), object()

    def function(x, y):
        return x, x[0], p, p[0].detach(), minigrad.tensor([3.0, 4.0]), y["t"], y["t"].t(), held, "text", None, [x, (x,)]

    step, x, t = minigrad.compile(function), ones(2, 2), minigrad.zeros(2, 3)
    for _ in range(2):
        out = step(x, {"t": t})
        assert out[0] is x and out[2] is p and out[5] is t and out[7] is held and out[10][0] is x
        assert bits(out) == bits(function(x, {"t": t}))
        x[0, 0] += 1
        assert out[1][0].item() == x[0, 0].item() and out[3].data_ptr() == p.data_ptr()
        assert out[6].data_ptr() == t.data_ptr()
        out[4].fill_(9.0)                               # a constant is the caller's own
    assert minigrad.compile(lambda: None)() is None and minigrad.compile(lambda x: [])(x) == []


def test_results_are_not_overwritten():
    model, x = nn.Linear(2, 2), [minigrad.randn(3, 2) for _ in range(3)]

    @minigrad.compile
    def step(x):
        y = model(x)
        return y, y.t(), y[0], y * 2

    results = [step(each) for each in x]
    copies = [bits([part.clone() for part in result]) for result in results]
    for each in x:
        step(each)
    assert [bits([part.contiguous() for part in result]) for result in results] == [
        bits([part.contiguous() for part in result]) for result in results]
    assert [bits([part.clone() for part in result]) for result in results] == copies
    y = results[0]
    assert y[0].data_ptr() == y[1].data_ptr() == y[2].data_ptr() != y[3].data_ptr()      # views of each other


def test_gradients_that_are_held_are_not_overwritten():
    model, x = nn.Linear(2, 1), minigrad.randn(3, 2)

    @minigrad.compile
    def step(x):
        model.zero_grad()
        model(x).sum().backward()

    step(x)
    held = model.weight.grad
    view, numbers = held.t(), held.tolist()
    step(x * 2)
    assert held.tolist() == numbers and model.weight.grad.tolist() != numbers
    second = model.weight.grad.detach()                 # only a view is held
    numbers = second.tolist()
    step(x * 5)
    assert second.tolist() == numbers and view.shape == (2, 1)


def test_gradients_accumulate():
    for set_to_none in (True, False):
        def build(set_to_none=set_to_none):
            model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
            calls = []

            def step(x):
                model(x).sum().backward()

            def state():
                calls.append(1)
                if len(calls) == 3:
                    model.zero_grad(set_to_none)
                return [p.grad for p in model.parameters()]
            return step, state

        same(build, [lambda k=k: [minigrad.randn(4, 2, requires_grad=True)] for k in range(6)], None)


def test_gradients_of_arguments_and_outside():
    p = nn.Parameter(ones(2))

    @minigrad.compile
    def step(x):
        (x * x * p).sum().backward()

    x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    step(x), step(x)
    assert x.grad.tolist() == [4.0, 8.0] and p.grad.tolist() == [2.0, 8.0]
    p.grad = minigrad.tensor([100.0, 100.0])
    step(x)
    assert p.grad.tolist() == [101.0, 104.0]
    p.grad = None
    step(x)
    assert p.grad.tolist() == [1.0, 4.0]


def test_older_graphs_notice_what_a_plan_writes():
    p = nn.Parameter(minigrad.tensor([1.0, 2.0]))
    optimizer = optim.SGD([p], lr=0.1)

    @minigrad.compile
    def step():
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()

    for _ in range(2):                                  # at the capture, and at a replay
        loss = (p * p).sum()
        step()
        with pytest.raises(RuntimeError, match="changed in place"):
            loss.backward()
    x = minigrad.tensor([1.0])
    add = minigrad.compile(lambda x: x.add_(1) * 1)
    for _ in range(2):
        y = (x * p.detach()[:1].requires_grad_()).sum()
        add(x)
        with pytest.raises(RuntimeError, match="changed in place"):
            y.backward()


# ---- randomness ------------------------------------------------------------------------------------------------------

def test_a_new_mask_each_time_and_the_same_stream():
    own = minigrad.Generator()

    def build():
        own.manual_seed(3)

        def step(x):
            return F.dropout(x, 0.5), minigrad.randn(2, generator=own), minigrad.randint(0, 9, (3,)), \
                minigrad.randperm(4), minigrad.bernoulli(x, 0.5)

        def between():
            minigrad.rand(3), minigrad.randn(1, generator=own)          # draws outside, between the calls
            return own.get_state()
        return step, between

    same(build, [lambda: [ones(4, 8)]] * 4)
    drop = minigrad.compile(lambda x: F.dropout(x, 0.5))
    masks = {str(drop(ones(64)).tolist()) for _ in range(4)}
    assert len(masks) == 4
    minigrad.manual_seed(1)
    first = drop(ones(64)).tolist()
    minigrad.manual_seed(1)
    assert drop(ones(64)).tolist() == first


def test_seeds_and_states_inside():
    def build():
        own = minigrad.Generator()

        def step():
            before = own.get_state()
            a = minigrad.rand(3, generator=own)
            own.set_state(before)
            b = minigrad.rand(3, generator=own)
            own.manual_seed(5)
            return a, b, minigrad.rand(2, generator=own), minigrad.rand(2)
        return step, own.get_state

    same(build, [list] * 3)


def test_checkpoints_draw_their_masks_again():
    def build():
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 1))

        def step(x):
            model.zero_grad()
            loss = func.checkpoint(model, x).sum()
            loss.backward()
            return loss.detach()
        return step, lambda: [p.grad for p in model.parameters()]

    same(build, [lambda: [minigrad.randn(5, 4)]] * 3, None)


# ---- running statistics, modes that change inside --------------------------------------------------------------------

def test_modes_set_inside():
    def build():
        model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))

        def step(x):
            a = model.eval()(x)
            return a, model.train()(x)
        return step, lambda: [model.state_dict(), model.training]

    same(build, [lambda: [minigrad.randn(4, 2)]] * 4, None)


def test_one_batch_norm_twice_in_a_call():
    for momentum in (0.1, None):
        def build(momentum=momentum):
            norm = nn.BatchNorm1d(2, momentum=momentum)
            return lambda x: norm(norm(x) * 2), norm.state_dict

        same(build, [lambda: [minigrad.randn(4, 2)]] * 4)


# ---- the object ------------------------------------------------------------------------------------------------------

def test_what_is_compiled_looks_like_what_it_is_made_of():
    model = nn.Linear(2, 3)
    compiled = minigrad.compile(model)
    assert compiled.weight is model.weight and list(compiled.parameters()) and compiled.in_features == 2
    assert bits(compiled(ones(1, 2))) == bits(model(ones(1, 2)))

    @minigrad.compile(cache_size=3)
    def documented(x):
        """What it does."""
        return x

    assert documented.__doc__ == "What it does." and documented.__name__ == "documented" and documented.cache_size == 3
    assert "documented" in repr(documented) and repr(documented).endswith("0 captures>")
    with pytest.raises(AttributeError):
        _ = documented.nothing
    with pytest.raises(TypeError, match="compile: function"):
        minigrad.compile(3)


def test_compiled_inside_compiled():
    inner = minigrad.compile(lambda x: x * 2)
    outer = minigrad.compile(lambda x: inner(x) + inner(x + 1))
    assert outer(ones(2)).tolist() == outer(ones(2)).tolist() == [6.0, 6.0] and not inner.captures


def test_methods():
    class Adder:
        def __init__(self, by):
            self.by = by

        def add(self, x):
            return x + self.by

    assert minigrad.compile(Adder(2.0).add)(ones(1)).item() == 3.0


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy, copy.copy])
def test_it_is_rebuilt_not_copied(copied):
    step = minigrad.compile(nn.Linear(2, 2))
    step(ones(1, 2))
    with pytest.raises(TypeError, match="compile it again"):
        copied(step)


def test_captures_are_freed():
    model = nn.Linear(2, 2)
    step = minigrad.compile(lambda x: model(x))
    step(ones(1, 2))
    plan = weakref.ref(step.captures[0])
    step.clear()
    gc.collect()
    assert plan() is None


def test_weights_that_are_laid_out_anew():
    """Whatever changes them: results are those of a capture that is made now."""
    layer, x = nn.Linear(256, 256), minigrad.randn(8, 256)
    step = minigrad.no_grad()(minigrad.compile(lambda x: layer(x)))
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    train = minigrad.compile(lambda x: (optimizer.zero_grad(), layer(x).square().mean().backward(), optimizer.step()))
    lent = layer.weight.detach()
    shared = memoryview(lent)

    def lend():
        shared[3, 5] = 100.0

    def by_hand():
        with minigrad.no_grad():
            layer.weight[0, 0] = -50.0

    changes = [lambda: None, by_hand, lambda: train(x), lambda: train(x), lend, lambda: lent.mul_(0.5), optimizer.step,
               lambda: setattr(layer.weight, "data", minigrad.randn(256, 256)), lambda: nn.init.zeros_(layer.weight),
               lambda: layer.load_state_dict(nn.Linear(256, 256).state_dict()), by_hand]
    seen = []
    for change in changes:
        change()
        found = step(x)
        assert bits(found) == bits(minigrad.no_grad()(minigrad.compile(lambda x: layer(x)))(x))
        assert (found - layer(x).detach()).abs().max() < 1e-3
        seen.append(str(found[0, :4].tolist()))
    assert len(set(seen)) == len(seen)
