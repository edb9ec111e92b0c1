"""The kernels of the softmax and of the losses against their definitions, in every layout; extreme scores."""

import math
import random

import pytest
from arrays import REALS, buf, check_close, empty, layouts, out_layouts
from test_norm_kernels import numbers, threads as threads

from minigrad import reference
from minigrad.reference import nested
from minigrad_ext.kernel import Params

INF, NAN = math.inf, math.nan
SHAPES = [((5,), 0), ((2, 3), 1), ((3, 2), 0), ((2, 7, 3), 1), ((3, 40), 1), ((2, 3, 2, 2), 1), ((2, 2050), 1),
          ((1, 4), 0)]
FUNCTIONS = {"softmax": 1, "log_softmax": 1, "softmax_pull": 2, "log_softmax_pull": 2}


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_is_its_definition(kernels, name, shape, axis, dtype):
    operands = [numbers(shape, seed) for seed in range(FUNCTIONS[name])]
    wanted = reference.KERNELS[name](*operands, axis=axis)
    near = 1e-6 * math.sqrt(shape[axis]) if dtype == "float32" else 1e-13
    for each in zip(*[layouts(x, dtype) for x in operands], strict=True):
        for layout, out in out_layouts(shape, dtype):
            kernels[name](out, *[x for _, x in each], Params((axis,)))
            check_close(out, wanted, near, near, f"{each[0][0]} into {layout}")


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("logs", [False, True])
def test_classes(kernels, logs, shape, axis, dtype):
    n, x, sizes = shape[axis], numbers(shape, 1), shape[:axis] + shape[axis + 1:]
    rng, near = random.Random(2), 1e-5 if dtype == "float32" else 1e-13
    t = nested.unflatten([rng.choice([-1, *range(n)]) for _ in range(math.prod(sizes))], sizes)
    how = {"axis": axis, "logs": logs, "ignored": -1}
    for mean in (False, True):
        losses = reference.class_loss(x, t, reduction="none", **how)
        count = sum(target != -1 for target in nested.flat(t)) if mean else 1
        wanted = nested.pointwise(lambda loss, count=count: loss / count if count else NAN, losses)
        pulled = reference.class_loss_pull(0.5, x, t, mean=mean and count > 0, **how)
        for (layout, xs), (_, ts) in zip(layouts(x, dtype), [*layouts(t, "int64"), *layouts(t, "int64")] * 5,
                                         strict=False):
            out = empty(sizes, dtype)
            kernels["class_loss"](out, xs, ts, Params((axis, logs, mean, -1)))
            check_close(out, wanted, near, near, layout)
            out = empty(shape, dtype)
            kernels["class_loss_pull"](out, buf(0.5, dtype), xs, ts, Params((axis, logs, mean, -1)))
            check_close(out, pulled, near, near, layout)


@pytest.mark.parametrize("name", ["class_loss", "class_loss_pull"])
def test_classes_that_there_are_not(kernels, name):
    for wrong in (-1, 3, 2**40):
        for _, t in layouts([0, 2, wrong, 1], "int64"):
            x = buf(numbers((4, 3), 1))
            given = (empty((4,)), x) if name == "class_loss" else (empty((4, 3)), buf(1.0), x)
            with pytest.raises(IndexError, match=f"index {wrong} is out of range"):
                kernels[name](*given, t, Params((1, False, False, -100)))
            kernels[name](*given, t, Params((1, False, False, wrong)))
    with pytest.raises(IndexError):
        kernels["class_loss"](empty((2,)), empty((2, 0)), buf([0, 0], "int64"), Params((1, False, False, 0)))


@pytest.mark.parametrize("n", [3, 40, 300])
@pytest.mark.parametrize("columns", [False, True])
def test_extreme_scores(kernels, n, columns):
    """Infinite and huge scores: what is left is 0, 1, an infinite logarithm, or NaN, as in PyTorch."""
    for specials, wanted in [((INF, 0.0), None), ((-INF, 0.0), 0.0), ((NAN, 0.0), None), ((3e38, -3e38), 1.0),
                             ((-INF,) * n, None)]:
        row = [*specials, *[-1.0] * (n - len(specials))]
        x, axis = (buf([[a, 0.0, a] for a in row]), 0) if columns else (buf([row]), 1)
        out, logs = empty(x.shape), empty(x.shape)
        kernels["softmax"](out, x, Params((axis,)))
        kernels["log_softmax"](logs, x, Params((axis,)))
        first = out.tolist()[0][0], logs.tolist()[0][0]
        if wanted is None:
            assert all(map(math.isnan, first))
        else:
            assert first == (wanted, math.log(wanted) if wanted else -INF)
        losses, t = empty((3,) if columns else (1,)), buf([0] * (3 if columns else 1), "int64")
        kernels["class_loss"](losses, x, t, Params((axis, False, False, -100)))
        check_close(losses.slice((0,), (1,), (1,)), [-first[1]])


@pytest.mark.parametrize("dtype", REALS)
@pytest.mark.parametrize("which", ["square", "distance", "huber", "logits"])
def test_losses(kernels, which, dtype):
    x, t, g = numbers((3, 5), 1), numbers((3, 5), 2), numbers((3, 5), 3)
    x[0][:3], t[0][:3] = [t[0][0], 90.0, -90.0], [t[0][0], 1.0, 1.0]
    place, near = ["square", "distance", "huber", "logits"].index(which), 1e-5 if dtype == "float32" else 1e-14
    for (layout, xs), (_, ts), (_, gs) in zip(layouts(x, dtype), layouts(t, dtype), layouts(g, dtype), strict=True):
        for to, out in out_layouts((3, 5), dtype):
            kernels["loss"](out, xs, ts, Params((place,), (0.5, 1.5)))
            wanted = reference.loss(x, t, which=which, reduction="none", scale=0.5, delta=1.5)
            check_close(out, wanted, near, near, f"{layout} into {to}")
            for slot in (0, 1):
                kernels["loss_pull"](out, gs, xs, ts, Params((place, slot), (0.5, 1.5)))
                wanted = reference.loss_pull(g, x, t, which=which, slot=slot, scale=0.5, delta=1.5)
                check_close(out, wanted, near, near, f"{layout} into {to}")


def test_small_losses_of_logits_keep_their_digits(kernels):
    out, x = empty((4,)), [3.0, 11.0, 20.0, 80.0]
    kernels["loss"](out, buf(x), buf([1.0] * 4), Params((3,), (1.0, 1.0)))
    check_close(out, [math.log1p(math.exp(-a)) for a in x], 1e-6)


@pytest.mark.parametrize(("shape", "axis"), [((3000, 40), 1), ((30, 4000), 0), ((4, 7, 5000), 1)])
def test_same_bits_for_any_number_of_threads(kernels, threads, shape, axis):
    x, sizes = empty(shape), shape[:axis] + shape[axis + 1:]
    kernels["uniform"](x, Params((1, 0)))
    t = empty(sizes, "int64")
    kernels["randint"](t, Params((2, 0, 0, shape[axis])))
    seen = set()
    for n in (1, 2, 3, 4):
        threads(n)
        results = [empty(shape), empty(shape), empty(sizes), empty(shape)]
        kernels["softmax"](results[0], x, Params((axis,)))
        kernels["log_softmax_pull"](results[1], x, x, Params((axis,)))
        kernels["class_loss"](results[2], x, t, Params((axis, False, True, -100)))
        kernels["class_loss_pull"](results[3], buf(1.0), x, t, Params((axis, False, True, -100)))
        seen.add(tuple(bytes(result) for result in results))
    assert len(seen) == 1
