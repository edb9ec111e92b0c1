"""What kernels declare of themselves, on which passes and memory rely, byte by byte.

Arguments not declared as written do not change; outputs of kernels that are not declared to update do not depend on
what was in their memory; an elementwise kernel gives the same bits where its output lies in an operand's memory.
"""

import pytest
from table import ONLY_INTEGERS, samples
from test_capture_layers import LAYERS, inputs
from test_capture_optim import CASES

import minigrad
from minigrad import nn, optim
from minigrad.capture.capture import Capture
from minigrad.kernels import KERNELS
from minigrad_ext.buffer import Buffer, alike, rebased, whole

COPY = KERNELS["copy"]
SEEN = set()


def launches(function, *args):
    """What the function launches, in order, with memory: (kernel, buffers, params)."""
    noted, memory = [], {}

    def watch(step, graph):
        if step is None:
            noted.extend((launch.kernel, launch.buffers, launch.params) for launch in graph.launches)
            for buffer, x in zip(graph.inputs, args, strict=False):
                memory.setdefault(buffer.storage, duplicate(whole(x.buffer.storage)))

    Capture(function, args, {}, watch)
    for kernel, buffers, params in noted:
        yield kernel, [placed(buffer, memory) for buffer in buffers], () if params is None else (params,)


def placed(buffer, memory):
    source = whole(buffer.storage)
    if buffer.storage not in memory:
        memory[buffer.storage] = duplicate(source) if buffer.known else whole(buffer.storage, True)
    return rebased(buffer, source, memory[buffer.storage])


def duplicate(buffer):
    """A contiguous copy."""
    out = Buffer.empty(buffer.shape, buffer.dtype)
    COPY(out, buffer)
    return out


def fill(buffer, number):
    COPY(buffer, Buffer.scalar(number, buffer.dtype).expand(buffer.shape))


def check(kernel, buffers, params):
    """One launch, run several times; at last as if it had run once."""
    written = [buffer for at, buffer in enumerate(buffers) if kernel.writes >> at & 1]
    everything = list({buffer.storage: whole(buffer.storage) for buffer in buffers}.values())
    before = [duplicate(each) for each in everything]
    apart = all(a is b or not a.overlaps(b) for a in written for b in buffers)
    results = []
    for number in (0, 1) if kernel.updates or not apart else (0, 1, float("nan"), 1e30):
        for each, old in zip(everything, before, strict=True):
            COPY(each, old)
        if apart and not kernel.updates:
            for out in written:
                if out.dtype > 3 or number in (0, 1):
                    fill(out, number)
        kernel(*buffers, *params)
        results.append([out.tobytes() for out in written])
    assert all(result == results[0] for result in results), "the result depends on what was in its memory"
    if apart:
        after = [duplicate(out) for out in written]
        saved = [duplicate(each) for each in everything]
        for each, old in zip(everything, before, strict=True):
            COPY(each, old)
        for out, new in zip(written, after, strict=True):
            COPY(out, new)
        assert [each.tobytes() for each in everything] == [each.tobytes() for each in saved], "writes elsewhere"
    if kernel.elementwise and apart:
        out = buffers[0]
        for at, x in enumerate(buffers[1:], 1):
            if alike(x, out) and out.size:
                storage = duplicate(whole(x.storage))
                inside = rebased(x, whole(x.storage), storage)
                kernel(*[inside if buffer is out or k == at else buffer for k, buffer in enumerate(buffers)], *params)
                assert inside.tobytes() == results[0][0], f"in the memory of operand {at} the result is another"


def examine(function, *args):
    for kernel, buffers, params in launches(function, *args):
        key = kernel.name, tuple([(x.shape, x.strides, x.dtype) for x in buffers]), str(params)
        if key in SEEN:
            kernel(*buffers, *params)
        else:
            SEEN.add(key)
            check(kernel, buffers, params)


@pytest.mark.parametrize("sample", [pytest.param(sample, id=name) for name, sample in samples()])
def test_rows(sample):
    def function(*operands):
        out = sample(*operands)
        if out.requires_grad:
            minigrad.autograd.grad((out * out).sum(), [x for x in operands if x.requires_grad])
        return out

    integers = minigrad.int32, minigrad.int64
    for dtype in integers if sample.name in ONLY_INTEGERS else (minigrad.float32, minigrad.float64):
        operands = sample.make(dtype)
        for slot in () if sample.row.kind == "constant" else sample.slots(operands):
            operands[slot].requires_grad = True
        examine(function, *operands)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    make, shape = LAYERS[name]
    layer = make()

    def function(x):
        (layer(x) * 2).square().sum().backward()
    examine(function, *inputs(shape, 1))


@pytest.mark.parametrize("name, options", CASES, ids=str)
def test_optimizers(name, options):
    model = nn.Linear(3, 2)
    optimizer = getattr(optim, name)(model.parameters(), lr=0.1, **options)

    def function(x):
        for _ in range(2):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    examine(function, minigrad.ones(4, 3))


def test_every_kernel_has_been_seen():
    """Which stands last here: those that are not met by rows, layers and optimisers are few."""
    def function(x):
        return (minigrad.randn(3), minigrad.rand(3), minigrad.randint(0, 5, (3,)), minigrad.randperm(4),
                minigrad.arange(4), x.scatter(0, minigrad.tensor([0]), x[:1]),
                x.scatter_add(0, minigrad.tensor([0]), x))
    examine(function, minigrad.ones(3))
    missing = set(KERNELS) - {name for name, *_ in SEEN}
    assert len(missing) < 12, sorted(missing)


def test_wrong_declarations_are_found():
    """A kernel that writes what it does not say, or reads what it says it overwrites."""
    adam, mul = KERNELS["adam"], KERNELS["mul"]
    p, g, m, v = [Buffer.from_nested([1.0, 2.0]) for _ in range(4)]
    params = optim.Adam([nn.Parameter(minigrad.ones(2))]).options(
        {"lr": 0.1, "betas": (0.9, 0.9), "eps": 0.1, "weight_decay": 0.0, "amsgrad": False, "maximize": False,
         "decoupled_weight_decay": False}, 1)
    writes, updates, elementwise = adam.writes, adam.updates, adam.elementwise
    check(adam, [p, g, m, v], (params,))
    try:
        with pytest.raises(AssertionError, match="depends"):
            check(adam.declare(writes=writes), [p, g, m, v], (params,))
        with pytest.raises(AssertionError, match="elsewhere"):
            check(adam.declare(writes=1, updates=True), [p, g, m, v], (params,))
    finally:
        adam.declare(writes, updates, elementwise)
    check(mul, [Buffer.empty((2,), 4), p, g], ())
