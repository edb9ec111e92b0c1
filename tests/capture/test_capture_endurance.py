"""Ten thousand replays leak nothing, threads do not get in each other's way, and a process may fork."""

import gc
import os
import resource
import sys
import threading

import pytest
from twin import bits

import minigrad
from minigrad import nn, optim
from minigrad.memory import memory_stats
from minigrad.nn import functional as F


def training(seed=0):
    minigrad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.25), nn.Linear(8, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()
    return model, step


def batch(seed=1):
    return minigrad.randn(4, 3, generator=minigrad.Generator().manual_seed(seed)), minigrad.tensor([0, 1, 1, 0])


def test_ten_thousand_replays_leak_nothing():
    _, step = training()
    step, (x, y) = minigrad.compile(step), batch()
    seen = []
    for _ in range(3):
        for _ in range(5000):
            loss = step(x, y)
        gc.collect()
        seen.append((memory_stats()["allocated_bytes"], len(gc.get_objects()),
                     resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    (first_bytes, first_objects, first_rss), (last_bytes, last_objects, last_rss) = seen[0], seen[-1]
    assert last_bytes == first_bytes and last_objects - first_objects < 50 and last_rss - first_rss < 2048
    assert loss.isfinite() and len(step.captures) == 1


def test_results_differentiated_leak_nothing():
    model, (x, _) = minigrad.compile(nn.Linear(3, 2)), batch()
    seen = []
    for _ in range(3):
        for _ in range(500):
            model(x).sum().backward()
        gc.collect()
        seen.append((memory_stats()["allocated_bytes"], len(gc.get_objects())))
    assert seen[1][0] == seen[2][0] and abs(seen[1][1] - seen[2][1]) < 20


def test_captures_that_are_dropped_leak_nothing():
    _, step = training()
    seen = []
    for _ in range(3):
        for _ in range(30):
            minigrad.compile(step)(*batch())
        gc.collect()
        seen.append((memory_stats()["allocated_bytes"], len(gc.get_objects())))
    assert seen[1][0] == seen[2][0] and abs(seen[1][1] - seen[2][1]) < 50


def together(*bodies):
    """Runs each in a thread of its own, all at once; raises what any of them does."""
    failed, barrier = [], threading.Barrier(len(bodies))

    def run(body):
        barrier.wait()
        try:
            body()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(body,)) for body in bodies]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    if failed:
        raise failed[0]


def test_two_plans_in_two_threads():
    def body(seed, found):
        model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
        with minigrad.no_grad():
            for p in model.parameters():
                p.copy_(minigrad.linspace(-1, 1, p.numel()).reshape(p.shape) * seed)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss.detach()

        def run():
            fast = minigrad.compile(step)
            for _ in range(300):
                loss = fast(*batch(seed))
            found[seed] = bits([loss, list(model.parameters())])
        return run

    alone, apart = {}, {}
    for seed in (1, 2, 3):
        body(seed, alone)()
    together(*[body(seed, apart) for seed in (1, 2, 3)])
    assert alone == apart


def test_one_compiled_function_in_four_threads():
    """With arguments of several forms, more than are kept."""
    weight = minigrad.linspace(-1, 1, 12).reshape(3, 4)

    def function(x, times):
        return F.softmax(x @ weight, 1).sum(0) * times, x

    fast = minigrad.compile(function, cache_size=3)

    def body(n):
        def run():
            for k in range(300):
                rows = 1 + (n + k) % 4
                x = minigrad.full((rows, 3), float(k))
                assert bits(fast(x, n)) == bits(function(x, n))
        return run

    together(*map(body, range(4)))
    assert len(fast.captures) == 3


def test_capturing_while_another_thread_works():
    model, (x, _) = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)), batch()
    wanted = bits(model(x).detach())

    def plain():
        for _ in range(400):
            assert bits(model(x).detach()) == wanted

    def capturing():
        for _ in range(60):
            assert bits(minigrad.compile(model)(x).detach()) == wanted

    together(plain, capturing, plain, capturing)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forks():
    model, step = training()
    step, (x, y) = minigrad.compile(step), batch()
    step(x, y), step(x, y)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            minigrad.set_num_threads(1)
            os.write(writing, str([step(x, y).item() for _ in range(3)]).encode())
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reading, 1000).decode() == str([step(x, y).item() for _ in range(3)])
    os.close(reading)
    os.close(writing)
    assert model.training
