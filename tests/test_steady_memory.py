"""A training loop asks the system for memory in its first steps alone: afterwards it lives on what it was given."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from networks import NETWORKS, training_step

import minigrad
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset
from minigrad.memory import empty_cache, memory_stats


def recycles():
    """Whether blocks are kept: not in a checked build."""
    empty_cache()
    minigrad.zeros(16)
    return memory_stats()["cached_bytes"] > 0


pytestmark = pytest.mark.skipif(not recycles(), reason="a checked build does not recycle")


@pytest.fixture(autouse=True)
def one_thread():
    """Tasks that run at once each have scratch memory: with more threads it is chance when how many first do."""
    before = minigrad.get_num_threads()
    minigrad.set_num_threads(1)
    yield
    minigrad.set_num_threads(before)


def asked(run):
    """How many blocks a run asks of the system."""
    before = memory_stats()["system_allocations"]
    run()
    return memory_stats()["system_allocations"] - before


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [1, 8])
def test_training_steps(name, batch):
    empty_cache()
    step = training_step(minigrad, name, batch)
    assert asked(step) > 0
    step()                      # in which momentum begins
    assert [asked(step) for _ in range(5)] == [0] * 5


@pytest.mark.parametrize("name", ["LeNet", "small ResNet"])
@pytest.mark.parametrize("optimizer", [minigrad.optim.SGD, minigrad.optim.Adam])
def test_epochs_of_a_loader(name, optimizer):
    empty_cache()
    build, shape, _ = NETWORKS[name]
    model, data = build(minigrad), TensorDataset(minigrad.rand(22, *shape), minigrad.arange(22) % 10)
    loader, updates = DataLoader(data, batch_size=8, shuffle=True), optimizer(model.parameters(), lr=1e-3)

    def epoch():                # the last batch is smaller
        for x, y in loader:
            updates.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            updates.step()
            loss.item()

    assert asked(epoch) > 0
    epoch()                     # in which the gradients of the one before are there
    assert [asked(epoch) for _ in range(3)] == [0] * 3


def test_evaluation():
    model, x = NETWORKS["LeNet"][0](minigrad).eval(), minigrad.rand(32, 1, 28, 28)

    def predict():
        with minigrad.no_grad():
            return model(x).argmax(1)

    predict()
    assert asked(predict) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts page faults as Linux does")
@pytest.mark.parametrize("threads", [1, 2])
def test_no_fresh_pages_either(threads):
    """Nothing maps and unmaps pages step by step: by the system's own count, of what the C library is asked for too."""
    code = f"""
import resource, sys
sys.path.append({str(Path(__file__).parent)!r})
from networks import NETWORKS, training_step
import minigrad
minigrad.set_num_threads({threads})
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for name in NETWORKS:
    step = training_step(minigrad, name, 16)
    for _ in range(5):
        step()
    found = []
    for _ in range(15):
        before = faults()
        step()
        found.append(faults() - before)
    print(sorted(found)[7])         # the system may have its own reasons at one step or another
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True, text=True,
                          cwd=tempfile.gettempdir(), env=os.environ)
    assert max(map(int, done.stdout.split())) < 3       # pages: a block of the C library that came and went has more
