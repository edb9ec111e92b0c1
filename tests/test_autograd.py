"""Reverse mode as a user meets it: PyTorch's semantics of backward, grad, hooks, modes and the in-place guard."""

import copy
import gc
import pickle
import sys
import threading
import weakref

import pytest

import minigrad
from minigrad import autograd, check, func
from minigrad.autograd import enable_grad, grad, is_grad_enabled, no_grad, set_grad_enabled
from minigrad.node import order
from minigrad.ops import view as rows

f64 = minigrad.float64


def leaf(data, dtype=f64):
    return minigrad.tensor(data, dtype=dtype, requires_grad=True)


def fails(kind, text, call, *args, **kwargs):
    with pytest.raises(kind) as caught:
        call(*args, **kwargs)
    assert str(caught.value) == text


FREED = ("backward: the graph behind exp was freed by an earlier backward; pass retain_graph=True to that one to go "
         "through it again")


# ---- accumulation ----------------------------------------------------------------------------------------------------

def test_backward_adds_to_grad_in_place():
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    first = x.grad
    assert first.tolist() == [2.0, 4.0] and not first.requires_grad and first.is_leaf
    (3 * x).sum().backward()
    assert x.grad is first and first.tolist() == [5.0, 7.0]
    x.grad = None
    (3 * x).sum().backward()
    assert x.grad is not first and x.grad.tolist() == [3.0, 3.0]


def test_grad_has_memory_of_its_own():
    x, y, g = leaf([1.0, 2.0]), leaf([3.0, 4.0]), minigrad.tensor([5.0, 6.0], dtype=f64)
    for create_graph in (False, True):
        x.grad = y.grad = None
        (x + y).backward(g, create_graph=create_graph)
        assert not x.grad.buffer.overlaps(g.buffer) and not x.grad.buffer.overlaps(y.grad.buffer)
    z = leaf([1.0, 2.0])
    z.sum().backward()                          # the cotangent of a sum is one number, repeated
    assert z.grad.stride() == (1,)
    z.grad.add_(minigrad.tensor([1.0, 0.0], dtype=f64))
    assert z.grad.tolist() == [2.0, 1.0]


def test_a_cotangent_that_is_a_view_of_grad_is_added_whole():
    n = 150
    x = leaf(0.0).expand(n, n).detach().clone().requires_grad_()
    x.grad = minigrad.arange(n * n, dtype=f64).reshape(n, n)
    expected = (x.grad + x.grad.T).tolist()
    x.T.backward(x.grad)
    assert x.grad.tolist() == expected


def test_same_tensor_twice_and_diamonds():
    x = leaf([3.0])
    (x * x + x).backward()
    assert x.grad.tolist() == [7.0]
    x.grad = None
    a = x * 2
    b, c = a * 3, a + 1
    (b * c).sum().backward()                    # 6x (2x + 1)
    assert x.grad.tolist() == [24 * 3.0 + 6]


def test_a_node_is_passed_once_when_its_cotangent_is_complete():
    x, seen = leaf([1.0]), []
    y = x * 1
    for _ in range(40):                         # 2^40 paths
        y = y + y
        y.register_hook(lambda g: seen.append(1))
    y.backward()
    assert x.grad.tolist() == [2.0 ** 40] and len(seen) == 40


def test_several_outputs():
    x = leaf([1.0, 2.0])
    autograd.backward([x * 2, (x * x).sum()], [minigrad.ones(2, dtype=f64), None])
    assert x.grad.tolist() == [4.0, 6.0]
    assert [g.tolist() for g in grad([x * 2, x * x], [x], [minigrad.ones(2, dtype=f64)] * 2)] == [[4.0, 6.0]]


def test_the_output_may_be_the_leaf():
    x = leaf(2.0)
    x.backward()
    assert x.grad.item() == 1.0
    assert grad(x, x)[0].item() == 1.0


def test_gradient_of_a_broadcast():
    a, b, c = leaf([[1.0], [2.0]]), leaf([1.0, 2.0, 3.0]), leaf(2.0)
    (a * b * c).sum().backward()
    assert a.grad.tolist() == [[12.0], [12.0]] and b.grad.tolist() == [6.0, 6.0, 6.0] and c.grad.item() == 18.0
    assert (a.grad.shape, b.grad.shape, c.grad.shape) == (a.shape, b.shape, c.shape)


def test_backward_of_given_inputs_only():
    x, y = leaf([1.0]), leaf([2.0])
    z = x * y
    (z * z).backward(inputs=[x, z])
    assert x.grad.tolist() == [8.0] and z.grad.tolist() == [4.0] and y.grad is None


def test_empty_tensors():
    x = leaf([])
    (x * 2).sum().backward()
    assert x.grad.shape == (0,)


# ---- autograd.grad ---------------------------------------------------------------------------------------------------

def test_grad_leaves_grad_alone():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    gx, gy = grad((x * y).sum(), (x, y))
    assert gx.tolist() == [3.0, 4.0] and gy.tolist() == [1.0, 2.0]
    assert x.grad is None and y.grad is None


def test_grad_of_inner_values():
    x = leaf([2.0])
    y = x * x
    z = y * y
    gy, gx, gz = grad(z, [y, x, z])
    assert (gy.tolist(), gx.tolist(), gz.tolist()) == ([8.0], [32.0], [1.0])


def test_what_was_not_passed_is_not_freed():
    x = leaf([1.0])
    y = x.exp()
    grad(y * y, y)
    y.backward()                                # the way from y to x is still there
    assert x.grad.tolist() == y.tolist()


def test_unused_inputs():
    x, other, inner = leaf([1.0]), leaf([1.0]), leaf([1.0]) * 2
    y = (x * 2).sum()
    fails(RuntimeError, "grad: inputs: got input 1, which the outputs do not depend on, "
                        "expected allow_unused=True, which gives None for it",
          grad, y, [x, other], retain_graph=True)
    found = grad(y, [x, other, inner], allow_unused=True)
    assert found[0].tolist() == [2.0] and found[1:] == (None, None)


def test_grad_outputs_are_differentiated_too():
    x, g = leaf([2.0]), leaf([3.0])
    (gx,) = grad(x * x, x, g, create_graph=True)
    gx.backward()
    assert x.grad.tolist() == [6.0] and g.grad.tolist() == [4.0]


def test_grad_of_grad_of_grad():
    x = leaf([0.5, 2.0])
    expected = [lambda v: 5 * v ** 4, lambda v: 20 * v ** 3, lambda v: 60 * v ** 2, lambda v: 120 * v, lambda v: 120.0]
    y = x ** 5
    for closed in expected:
        (y,) = grad(y.sum(), x, create_graph=True)
        assert y.tolist() == pytest.approx([closed(v) for v in x.tolist()], rel=1e-12)


def test_create_graph_by_backward():
    x = leaf(3.0)
    (x ** 3).backward(create_graph=True)
    g = x.grad
    assert g.requires_grad
    x.grad = None
    g.backward()
    assert x.grad.item() == 18.0


def test_a_gradient_made_without_create_graph_has_no_history():
    x = leaf([1.0])
    (g,) = grad(x.exp(), x)
    assert not g.requires_grad and g.grad_fn is None


# ---- freeing ---------------------------------------------------------------------------------------------------------

def test_a_freed_graph_is_refused():
    x = leaf([1.0, 2.0])
    y = x.exp().sum()
    y.backward()
    fails(RuntimeError, FREED, y.backward)
    fails(RuntimeError, FREED, grad, y, x)
    z = x.exp()
    (z * 2).sum().backward()
    fails(RuntimeError, FREED, (z * 3).sum().backward)              # shared with a graph that was gone through


def test_retain_graph():
    x = leaf([1.0])
    y = x.exp()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == pytest.approx([2 * y.item()])
    fails(RuntimeError, FREED, y.backward)
    y = x.exp()
    y.backward(create_graph=True)                                    # which retains, unless told otherwise
    y.backward(create_graph=True, retain_graph=False)
    fails(RuntimeError, FREED, y.backward)


def test_linear_graphs_keep_nothing_and_can_be_walked_again():
    x = leaf([1.0, 2.0])
    y = (x + x).reshape(2, 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_backward_frees_memory():
    x = minigrad.ones(1 << 16, requires_grad=True)
    before = minigrad.memory.memory_stats()["allocated_bytes"]
    y = x.exp().sum()
    assert minigrad.memory.memory_stats()["allocated_bytes"] >= before + x.nbytes
    y.backward()
    x.grad = None
    assert minigrad.memory.memory_stats()["allocated_bytes"] < before + x.nbytes


def test_what_no_derivative_reads_is_freed_while_the_graph_lives():
    x = minigrad.ones(1 << 16, requires_grad=True)
    before = minigrad.memory.memory_stats()["allocated_bytes"]
    y = x
    for _ in range(10):
        y = (y + 1) * 2 - 3
    assert minigrad.memory.memory_stats()["allocated_bytes"] < before + 3 * x.nbytes
    y.sum().backward()
    assert x.grad[:2].tolist() == [1024.0, 1024.0]


def test_graphs_die_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0])
        y = x.tanh()                            # keeps its own result
        z = (y * x).exp()
        gone = [weakref.ref(value) for value in (y, z)] + [weakref.ref(value.grad_fn) for value in (y, z)]
        del y, z
        assert [ref() for ref in gone] == [None] * 4
        y = x.tanh().sum()
        (g,) = grad(y, x, create_graph=True)
        gone = [weakref.ref(y), weakref.ref(g), weakref.ref(g.grad_fn)]
        del y, g
        assert [ref() for ref in gone] == [None] * 3
    finally:
        gc.enable()


# ---- modes -----------------------------------------------------------------------------------------------------------

def test_no_grad_and_enable_grad_nest():
    x = leaf([1.0])
    with no_grad():
        assert not is_grad_enabled() and not (x * 2).requires_grad
        with enable_grad():
            assert is_grad_enabled() and (x * 2).requires_grad
            with no_grad():
                assert not is_grad_enabled()
            assert is_grad_enabled()
        assert not is_grad_enabled()
    assert is_grad_enabled()


def test_modes_end_with_an_error_too():
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert is_grad_enabled()


def test_one_mode_object_can_be_entered_again():
    mode = no_grad()
    with mode, enable_grad(), mode:
        assert not is_grad_enabled()
    assert is_grad_enabled()


def test_modes_decorate():
    @no_grad()
    def off(x, *, scale):
        """What it says."""
        return is_grad_enabled(), (x * scale).requires_grad

    @no_grad
    def plain():
        return is_grad_enabled()

    @enable_grad
    def on():
        return is_grad_enabled()

    assert off.__name__ == "off" and off.__doc__ == "What it says."
    assert off(leaf([1.0]), scale=2) == (False, False) and not plain() and is_grad_enabled()
    with no_grad():
        assert on() and not is_grad_enabled()


def test_set_grad_enabled():
    with set_grad_enabled(False):
        assert not is_grad_enabled()
        with set_grad_enabled(True):
            assert is_grad_enabled()
        assert not is_grad_enabled()
    assert is_grad_enabled()
    set_grad_enabled(False)
    assert not is_grad_enabled()
    set_grad_enabled(True)
    assert is_grad_enabled()

    @set_grad_enabled(False)
    def off():
        return is_grad_enabled()
    assert is_grad_enabled() and not off() and is_grad_enabled()


def test_modes_belong_to_a_thread():
    seen = []

    def work():
        seen.append(is_grad_enabled())
        with no_grad():
            entered.set()
            leave.wait(10)
        seen.append(is_grad_enabled())

    entered, leave = threading.Event(), threading.Event()
    with no_grad():
        thread = threading.Thread(target=work)
        thread.start()
        entered.wait(10)
    assert is_grad_enabled()
    leave.set()
    thread.join()
    assert seen == [True, True]


def test_threads_can_go_through_graphs_of_their_own():
    x, results = leaf([1.0, 2.0]), []

    def work():
        for _ in range(20):
            results.append(grad((x * x).sin().sum(), x)[0].tolist())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80 and all(result == results[0] for result in results)


def test_backward_works_under_no_grad():
    x = leaf([2.0])
    y = x * x
    with no_grad():
        y.backward()
    assert x.grad.tolist() == [4.0]


# ---- hooks -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("inner", [False, True], ids=["leaf", "inner value"])
def test_hooks_run_in_order_and_replace(inner):
    x, seen = leaf([1.0, 2.0]), []
    y = x * 1 if inner else x
    y.register_hook(lambda g: seen.append(("first", g.tolist())))
    y.register_hook(lambda g: g * 2)
    y.register_hook(lambda g: seen.append(("third", g.tolist())))
    (y * 3).sum().backward()
    assert seen == [("first", [3.0, 3.0]), ("third", [6.0, 6.0])]
    assert x.grad.tolist() == [6.0, 6.0]


def test_a_hook_sees_the_complete_gradient_once():
    x, seen = leaf([1.0]), []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 2 + x * 3).backward()
    assert seen == [[5.0]]


def test_handles_remove_hooks():
    x = leaf([1.0])
    with x.register_hook(lambda g: g * 10) as handle:
        (x * 1).backward()
    (x * 1).backward()
    handle.remove()                             # a second time does nothing
    assert x.grad.tolist() == [11.0]
    seen = []
    first = x.register_hook(lambda g: seen.append(1))
    first.remove()
    second = x.register_hook(lambda g: seen.append(2))
    first.remove()                              # must not take the second one's place
    (x * 1).backward()
    assert seen == [2]
    second.remove()


def test_a_hook_may_remove_itself():
    x, seen = leaf([1.0]), []

    def once(g):
        seen.append(g.item())
        handle.remove()
    handle = x.register_hook(once)
    y = x * 2
    y.backward(retain_graph=True)
    y.backward()
    assert seen == [2.0]


def test_hooks_run_for_grad_too():
    x = leaf([1.0])
    y = x * 2
    y.register_hook(lambda g: g * 10)
    assert [g.tolist() for g in grad(y * 3, [x, y])] == [[60.0], [30.0]]


def test_hooks_are_differentiated():
    x = leaf([3.0])
    x.register_hook(lambda g: g * g)
    (g,) = grad(x * x, x, create_graph=True)    # (2x)^2
    assert g.tolist() == [36.0]
    x.detach_()
    x.requires_grad_()


def test_hook_errors():
    x = leaf([1.0, 2.0])
    fails(TypeError, "register_hook: hook: got int, expected a function", x.register_hook, 3)
    fails(RuntimeError, "register_hook: tensor: got one that does not require a gradient, expected one that does",
          minigrad.ones(1).register_hook, lambda g: g)
    handle = x.register_hook(lambda g: g.sum())
    fails(ValueError, "hook: the gradient it returns: got shape (), expected (2,)", x.sum().backward)
    handle.remove()
    x.register_hook(lambda g: 3.0)
    fails(TypeError, "hook: the gradient it returns: got float, expected a tensor of shape (2,)", x.sum().backward)


def test_retain_grad():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.retain_grad()
    y.retain_grad()                             # once is enough
    y.register_hook(lambda g: g * 5)            # it keeps what the hooks, also later ones, have made
    (y * y).sum().backward()
    assert y.grad.tolist() == [20.0, 40.0] and x.grad.tolist() == [40.0, 80.0]
    z = x * 2
    (z * z).sum().backward()
    assert z.grad is None
    x.retain_grad()                             # a leaf keeps its gradient anyway
    fails(RuntimeError, "retain_grad: tensor: got one that does not require a gradient, expected one that does",
          minigrad.ones(1).retain_grad)


def test_retained_grads_add_up_and_die_with_their_tensor():
    x = leaf([1.0])
    y = x * 2
    y.retain_grad()
    z = y * 3
    z.backward(retain_graph=True)
    z.backward(retain_graph=True)
    assert y.grad.tolist() == [6.0]
    del y
    z.backward()
    assert x.grad.tolist() == [18.0]


# ---- leaves ----------------------------------------------------------------------------------------------------------

def test_requires_grad():
    x = minigrad.ones(2)
    assert not x.requires_grad and x.is_leaf and x.requires_grad_() is x and x.requires_grad
    y = x * 2
    assert y.requires_grad and not y.is_leaf and y.requires_grad_() is y
    fails(RuntimeError,
          "requires_grad: only leaves can be turned off; this tensor was made by mul; use clone() or detach()",
          y.requires_grad_, False)
    fails(TypeError, "requires_grad: input: got dtype int64, expected float32 or float64",
          minigrad.tensor([1]).requires_grad_)
    with pytest.raises(TypeError, match="requires_grad: input: got dtype bool"):
        minigrad.tensor([True], requires_grad=True)
    x.requires_grad = False
    assert not (x * 2).requires_grad


def test_what_has_no_gradient_to_give():
    text = ("backward: outputs: got one of shape () that does not require a gradient, expected the result, outside "
            "no_grad, of something that does")
    fails(RuntimeError, text, minigrad.ones(2).sum().backward)
    with no_grad():
        y = leaf([1.0]).sum()
    fails(RuntimeError, text, y.backward)
    fails(RuntimeError, text.replace("backward", "grad", 1), grad, y, leaf([1.0]))
    x = leaf([1.0, 2.0])
    fails(RuntimeError, "backward: gradient: got None for an output of shape (2,), expected a tensor, or an output "
          "of one element (reduce it first)", (x * 2).backward)
    fails(RuntimeError, "grad: inputs: input 0 does not require a gradient", grad, x.sum(), minigrad.ones(1))
    fails(RuntimeError, "backward: inputs: input 0 does not require a gradient", x.sum().backward,
          inputs=[minigrad.ones(1)])


def test_wrong_gradients_are_refused():
    x = leaf([1.0, 2.0])
    y = x * 2
    fails(ValueError, "backward: gradient: got shape (3,), expected (2,)",
          y.backward, minigrad.ones(3, dtype=f64))
    fails(TypeError, "backward: gradient: got float, expected a tensor of shape (2,)", y.backward, 1.0)
    fails(TypeError, "backward: gradient: got dtype float32, expected float64",
          y.backward, minigrad.ones(2))
    fails(ValueError, "grad: gradient: got 2, expected 1, one tensor each", grad, y, x, [y, y])
    fails(TypeError, "grad: outputs: got int, expected tensors", grad, 3, x)
    fails(ValueError, "grad: value: got shape (3,), expected (2,)", setattr, x, "grad", minigrad.ones(3, dtype=f64))
    fails(TypeError, "grad: value: got dtype float32, expected float64", setattr, x, "grad", minigrad.ones(2))
    fails(TypeError, "grad: value: got float, expected a tensor of shape (2,)", setattr, x, "grad", 1.0)


def test_detach():
    x = leaf([1.0, 2.0])
    y = x * 2
    d = y.detach()
    assert d.is_leaf and not d.requires_grad and d.buffer is y.buffer
    (d * x).sum().backward()
    assert x.grad.tolist() == y.tolist()
    assert y.detach_() is y and y.is_leaf and not y.requires_grad


def test_data_setter():
    x = leaf([1.0, 2.0])
    x.data = minigrad.tensor([5.0, 6.0], dtype=f64)
    assert x.tolist() == [5.0, 6.0] and x.requires_grad and not x.data.requires_grad
    fails(RuntimeError, "data: only leaves can be replaced; this tensor was made by mul; use clone() or detach()",
          setattr, x * 2, "data", minigrad.ones(2))
    y = x * x
    x.data = minigrad.tensor([7.0, 8.0], dtype=f64)
    fails(RuntimeError, "backward: mul: a value of shape (2,) that its derivative needs was changed in place after it "
          "was used", y.sum().backward)


def test_leaves_are_copied_and_pickled():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    (x * x).sum().backward()
    twin = copy.deepcopy(x)
    assert twin.tolist() == x.tolist() and twin.requires_grad and twin.is_leaf and twin is not x
    assert twin.grad.tolist() == x.grad.tolist() and twin.grad is not x.grad
    assert not twin.buffer.overlaps(x.buffer) and not twin.grad.buffer.overlaps(x.grad.buffer)
    pair = copy.deepcopy([x, x])
    assert pair[0] is pair[1]
    for value in (x, x.detach().T, minigrad.tensor([1, 2]), minigrad.tensor(True), minigrad.zeros(0, 3)):
        again = pickle.loads(pickle.dumps(value))
        assert (again.tolist(), again.shape, again.dtype) == (value.tolist(), value.shape, value.dtype)
        assert again.requires_grad == value.requires_grad and again.is_leaf
    fails(RuntimeError, "deepcopy: only leaves can be copied; this tensor was made by mul; use clone() or detach()",
          copy.deepcopy, x * 2)
    fails(RuntimeError, "pickle: only leaves can be pickled; this tensor was made by mul; use clone() or detach()",
          pickle.dumps, x * 2)


# ---- changing in place -----------------------------------------------------------------------------------------------

LOST = ("requires a gradient, so this cannot be done in place where gradients are recorded; do it under no_grad, or "
        "use the form that returns a new tensor")
GUARD, LOSES = f"the tensor {LOST}", f"operand 1 {LOST}"


def test_in_place_work_is_refused_where_it_would_have_to_be_recorded():
    x, plain = leaf([1.0, 2.0]), minigrad.ones(2, dtype=f64)
    for value in (x, x * 1):
        fails(RuntimeError, f"add_: {GUARD}", value.add_, 1)
        fails(RuntimeError, f"exp_: {GUARD}", value.exp_)
        fails(RuntimeError, f"copy_: {GUARD}", value.copy_, plain)
        fails(RuntimeError, f"assignment: {GUARD}", value.__setitem__, 0, 1.0)
    fails(RuntimeError, f"mul_: {LOSES}", plain.mul_, x)
    fails(RuntimeError, f"assignment: {LOSES}", plain.__setitem__, 0, x[0])
    with no_grad():
        x.add_(1)
        plain.mul_(x)
    assert x.tolist() == [2.0, 3.0] and plain.tolist() == [2.0, 3.0]


def changed(name):
    return (f"backward: {name}: a value of shape (2,) that its derivative needs was changed in place after it was used")


def test_a_value_that_a_derivative_needs_must_not_change():
    x = leaf([1.0, 2.0])
    y = x * x
    with no_grad():
        x.add_(1)
    fails(RuntimeError, changed("mul"), y.sum().backward)
    y = x.exp()
    y.detach().zero_()                          # through another tensor with the same memory
    fails(RuntimeError, changed("exp"), y.sum().backward)
    y = x.log()
    x.detach()[0] = 3.0                         # through a view of it
    fails(RuntimeError, changed("log"), y.sum().backward)
    y = x.log()
    with pytest.raises(RuntimeError):
        with no_grad():
            x.mul_(2)
        func.jvp(lambda t: y * t, (x.detach(),), (x.detach(),))
        grad(y.sum(), x)


def test_a_value_that_no_derivative_needs_may_change():
    x = leaf([1.0, 2.0])
    y = (x + 1).reshape(2, 1).sum()
    z = x.exp().sum()                           # needs its result, not its operand
    with no_grad():
        x.add_(1)
    y.backward()
    z.backward()
    assert x.grad.tolist() == pytest.approx([1 + 2.718281828459045, 1 + 7.38905609893065])


def test_a_constant_operand_is_watched_too():
    x, scale = leaf([1.0, 2.0]), minigrad.tensor([3.0, 4.0], dtype=f64)
    y = x * scale
    scale.add_(1)
    fails(RuntimeError, changed("mul"), y.sum().backward)
    index = minigrad.tensor([0, 1])
    y = x.gather(0, index)
    index.zero_()
    fails(RuntimeError, changed("gather"), y.sum().backward)


# ---- depth -----------------------------------------------------------------------------------------------------------

DEEP = 100_000


def test_a_chain_of_100_000_ops():
    """Forward, reverse, forward mode, and freeing: no walk uses Python's stack."""
    x = leaf(1.0)
    y = x
    for _ in range(DEEP):
        y = rows.alias(y)
    assert len(order([y.grad_fn])) == DEEP
    (g,) = grad(y, x, create_graph=True)
    assert g.item() == 1.0
    y.backward()
    assert x.grad.item() == 1.0
    del y, g
    gc.collect()


def test_a_long_chain_that_keeps_values():
    x = leaf([0.5])
    y = x
    for _ in range(DEEP // 4):
        y = y.sin()
    (g,) = grad(y, x, create_graph=True)
    assert g.requires_grad
    g.backward()                                # a chain through each node of the first
    assert x.grad.shape == (1,)
    del y, g


def test_forward_mode_along_a_long_chain():
    def chain(x):
        for _ in range(DEEP // 5):
            x = x * 0.9999 + 1.0
        return x
    _, tangent = func.jvp(chain, (minigrad.tensor(1.0, dtype=f64),), (minigrad.tensor(1.0, dtype=f64),))
    assert tangent.item() == pytest.approx(0.9999 ** (DEEP // 5), rel=1e-9)


def test_a_long_chain_is_dropped_without_backward():
    y = leaf([0.5])
    for _ in range(DEEP):
        y = y.tanh()                            # keeps its result
    del y


# ---- a whole --------------------------------------------------------------------------------------------------------

def test_gradcheck_of_a_small_network():
    minigrad.manual_seed(1)
    x, w, b = (minigrad.randn(*size, dtype=f64, requires_grad=True) for size in ((2, 3), (3, 2), (2,)))

    def loss(x, w, b):
        hidden = (x @ w + b).tanh()
        return (hidden.logsumexp(1) - hidden[:, 0]).mean()
    assert check.gradcheck(loss, (x, w, b)) and check.gradgradcheck(loss, (x, w, b))


def test_a_gradient_gives_its_memory_to_the_leaf_unless_something_else_holds_it():
    compiled = not sys.modules["minigrad.grad"].__file__.endswith(".py")       # plain Python cannot know, and copies
    for keep in (False, True):
        x, places, kept = minigrad.ones(3, requires_grad=True), [], []

        def hook(g, keep=keep, places=places, kept=kept):
            places.append(g.data_ptr())
            kept += [g] if keep else []

        x.register_hook(hook)
        (x * 3).sum().backward()
        assert (x.grad.data_ptr() == places[0]) == (compiled and not keep)
        assert x.grad.tolist() == [3.0] * 3


def test_gradients_that_are_one_tensor_get_memory_of_their_own():
    a, b = minigrad.ones(3, requires_grad=True), minigrad.ones(3, requires_grad=True)
    g = minigrad.tensor([1.0, 2.0, 3.0])
    (a + b).backward(g)
    a.grad.zero_()
    assert b.grad.tolist() == g.tolist() == [1.0, 2.0, 3.0]
    (c := minigrad.ones(2, 3, requires_grad=True)).sum().backward()
    assert c.grad.is_contiguous() and c.grad.tolist() == [[1.0] * 3] * 2


def test_cotangents_add_up_in_memory_that_nothing_else_holds():
    """A second cotangent is added in place only where nothing else sees the first: a hook, the caller, another node."""
    x = minigrad.arange(6.0).reshape(2, 3).requires_grad_()
    y, kept = x * 2, []
    y.register_hook(kept.append)
    whole = y + 0                                   # the sum hands one cotangent to all its terms
    seen = whole.register_hook(kept.append)
    one, other = y[:, :2], y[:, 1:]                 # parts that overlap, and one that runs backwards
    g = minigrad.ones(2, 3)
    loss = (whole * g + whole).sum() + (one * 3).sum() + (other * 5).sum() + (y.flip(1)[:, :1] * 7).sum()
    loss = loss + (y[:, :2].diagonal() * 11).sum()
    loss.backward()
    expected = [[16.0, 10.0, 14.0], [5.0, 21.0, 14.0]]
    assert seen is not None and kept[0].tolist() == [[2.0] * 3] * 2
    assert kept[1].tolist() == expected and x.grad.tolist() == [[2 * value for value in row] for row in expected]
    assert g.tolist() == [[1.0] * 3] * 2


def test_a_given_cotangent_is_not_written_to():
    x = minigrad.ones(4, requires_grad=True)
    y = x * 1
    g = minigrad.arange(4.0)
    minigrad.autograd.backward([y, y[1:3]], [g, minigrad.ones(2)])
    assert x.grad.tolist() == [0.0, 2.0, 3.0, 3.0] and g.tolist() == [0.0, 1.0, 2.0, 3.0]
