"""The same bits for every number of threads, and nothing that hangs: forked, limited to one core, or from many threads.

Small work runs on one thread, so here next to nothing counts as enough: whatever can be shared out is.
"""

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from networks import NETWORKS, training_step
from table import ONLY_INTEGERS, samples

import minigrad
from minigrad import nn
from minigrad.autograd import grad
from minigrad_ext import parallel

COUNTS = (2, 3, 4, 8)
NEXT_TO_NOTHING, USUAL = 1e-6, 3_000

pytestmark = pytest.mark.skipif(not parallel.has_openmp(), reason="built without OpenMP")


@pytest.fixture
def shared_out():
    """Sets the number of threads, with all work shared out that can be."""
    before = minigrad.get_num_threads()
    parallel._set_grain(NEXT_TO_NOTHING)
    yield minigrad.set_num_threads
    parallel._set_grain(USUAL)
    minigrad.set_num_threads(before)


def bits(tensors):
    return [bytes(memoryview(x.detach().contiguous())) for x in tensors if x is not None]


def test_next_to_nothing_is_shared_out(shared_out):
    for n in (1, *COUNTS):
        shared_out(n)
        assert parallel.threads_used(1.0) == n


@pytest.mark.parametrize("sample", [pytest.param(sample, id=name) for name, sample in samples()])
def test_every_op_and_its_derivatives(sample, shared_out):
    found = []
    for n in (1, *COUNTS):
        shared_out(n)
        operands = sample.leaves(minigrad.int64 if sample.name in ONLY_INTEGERS else minigrad.float32)
        out = sample(*operands)
        wanted = [x for x in operands if x.requires_grad] if out.requires_grad else []
        gradients = grad(out, wanted, minigrad.ones_like(out) * 0.3, allow_unused=True) if wanted else ()
        found.append(bits([out, *gradients]))
    assert all(other == found[0] for other in found[1:])


def trained(name, batch, steps=2):
    """All parameters after some steps, as bytes."""
    step = training_step(minigrad, name, batch)
    for _ in range(steps):
        step()
    return bits(step.model.parameters())


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [1, 5])
def test_training_steps(name, batch, shared_out):
    found = []
    for n in (1, *COUNTS):
        shared_out(n)
        found.append(trained(name, batch))
    assert all(other == found[0] for other in found[1:])


@pytest.mark.parametrize("layer", [
    nn.Conv2d(6, 32, 3, padding=1), nn.Conv2d(6, 6, 3, stride=2), nn.Conv2d(6, 6, 3, dilation=2, groups=6),
    nn.ConvTranspose2d(6, 5, 3, stride=2), nn.MaxPool2d(3, 2), nn.AvgPool2d(3, 1), nn.AdaptiveAvgPool2d(5),
    nn.AdaptiveMaxPool2d(5), nn.BatchNorm2d(6), nn.GroupNorm(2, 6), nn.GELU(), nn.Softmax(1),
    nn.Upsample(scale_factor=2, mode="bilinear")], ids=repr)
@pytest.mark.parametrize("dtype", [minigrad.float32, minigrad.float64], ids=lambda dtype: dtype.name)
def test_layers_of_usual_sizes(layer, dtype, shared_out):
    """With the usual sharing, on images large enough for it."""
    parallel._set_grain(USUAL)
    layer = layer.to(dtype)
    found = []
    for n in (1, *COUNTS):
        shared_out(n)
        x = minigrad.randn(16, 6, 33, 31, generator=minigrad.Generator().manual_seed(0)).to(dtype).requires_grad_()
        y = layer(x)
        found.append(bits([y, *grad(y, [x, *layer.parameters()], y.detach().cos())]))
    assert all(other == found[0] for other in found[1:])


# ---- what could hang -------------------------------------------------------------------------------------------------

BEGIN = f"""
import os, sys, threading
sys.path.append({str(Path(__file__).parent)!r})
from networks import NETWORKS, training_step
import minigrad
from minigrad_ext import parallel
def trained(steps=3):
    step = training_step(minigrad, "LeNet", 8)
    for _ in range(steps):
        step()
    return [bytes(memoryview(p.detach())) for p in step.model.parameters()]
minigrad.set_num_threads(1)
alone = trained()
minigrad.set_num_threads(2)
parallel._set_grain({NEXT_TO_NOTHING})
"""


def ends_well(code):
    """Whether a fresh process runs the code to its end: it may crash or hang without harm to this one."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", BEGIN + textwrap.dedent(code)], timeout=120,
                          cwd=tempfile.gettempdir(), capture_output=True, text=True,
                          env={key: value for key, value in os.environ.items() if "NUM_THREADS" not in key})
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_training_after_a_fork():
    assert ends_well("""
        assert trained() == alone                   # the parent's threads are there
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                os._exit(0 if trained() == alone else 1)
            children.append(child)
        print(*[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
        print(int(trained() != alone))
    """) == ["0", "0", "0"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_others_train():
    assert ends_well("""
        def work():
            while not done:
                trained(1)
        done, others = [], [threading.Thread(target=work) for _ in range(2)]
        for other in others:
            other.start()
        codes = []
        for _ in range(5):
            child = os.fork()
            if child == 0:
                os._exit(0 if trained() == alone else 1)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        done.append(True)
        for other in others:
            other.join()
        print(*codes)
    """) == ["0"] * 5


def test_training_from_several_threads_at_once():
    assert ends_well("""
        found, lenet = [], NETWORKS["LeNet"][0]
        def work():
            found.append(backward())
        def backward():
            model = lenet(minigrad)
            for p, q in zip(model.parameters(), start.parameters()):
                p.data = q.detach().clone()
            x = minigrad.arange(8 * 784).reshape(8, 1, 28, 28) % 7 / 7.0
            minigrad.nn.functional.cross_entropy(model(x), minigrad.arange(8)).backward()
            return [bytes(memoryview(p.grad)) for p in model.parameters()]
        start = lenet(minigrad)
        expected = backward()
        for _ in range(3):
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        print(len(found), all(one == expected for one in found))
    """) == ["12", "True"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity")
def test_training_on_one_core_with_more_threads():
    assert ends_well("""
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
        print(trained(1) is not None, parallel.usable_cores(), minigrad.get_num_threads())
    """) == ["True", "1", "2"]
