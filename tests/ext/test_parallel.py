"""Thread counts: defaults, limits, and a forked child that must not wait for threads it does not have."""

import os
import subprocess
import sys
import tempfile
import time

import pytest

from minigrad_ext.parallel import get_num_threads, has_openmp, set_num_threads, threads_used, usable_cores

SECOND = 1e9

needs_openmp = pytest.mark.skipif(not has_openmp(), reason="built without OpenMP")


@pytest.fixture(autouse=True)
def restore():
    before = get_num_threads()
    yield
    set_num_threads(before)


def default_threads(**environment):
    kept = {name: value for name, value in os.environ.items()
            if name not in ("OMP_NUM_THREADS", "MINIGRAD_NUM_THREADS")}
    code = "from minigrad_ext.parallel import get_num_threads; print(get_num_threads())"
    return int(subprocess.run([sys.executable, "-c", code], env={**kept, **environment}, check=True, timeout=60,
                              cwd=tempfile.gettempdir(), capture_output=True, text=True).stdout)


@needs_openmp
@pytest.mark.parametrize(("environment", "wanted"), [
    ({}, None), ({"OMP_NUM_THREADS": "3"}, 3), ({"OMP_NUM_THREADS": "5,2"}, 5),
    ({"OMP_NUM_THREADS": "3", "MINIGRAD_NUM_THREADS": "4"}, 4), ({"MINIGRAD_NUM_THREADS": "0"}, None),
    ({"MINIGRAD_NUM_THREADS": "many"}, None), ({"MINIGRAD_NUM_THREADS": "99999"}, None),
])
def test_the_default(environment, wanted):
    assert default_threads(**environment) == (wanted or usable_cores())


@needs_openmp
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity")
def test_a_process_on_one_core_uses_one_thread():
    code = ("import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
            "from minigrad_ext.parallel import get_num_threads as n, threads_used; print(n(), threads_used(1e9))")
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True,
                          cwd=tempfile.gettempdir(),
                          env={k: v for k, v in os.environ.items() if "NUM_THREADS" not in k})
    assert done.stdout.split() == ["1", "1"]


@needs_openmp
def test_a_loop_gets_the_threads_asked_for():
    for n in (1, 2, 3):
        set_num_threads(n)
        assert get_num_threads() == threads_used(SECOND) == n


def awake(work):
    """The threads used right after a long loop."""
    threads_used(SECOND)
    return threads_used(work)


def test_a_short_loop_gets_one():
    set_num_threads(8)
    assert [awake(work) for work in (0, 1, 1000, 5_900)] == [1] * 4


@needs_openmp
def test_threads_grow_with_the_work():
    set_num_threads(8)
    assert [awake(work) for work in (6_000, 12_000, 10**6)] == [2, 4, 8]


def asleep(work):
    """The threads used after a pause."""
    threads_used(SECOND / 1000)
    time.sleep(0.01)
    return threads_used(work)


@needs_openmp
def test_sleeping_threads_are_woken_for_much_work():
    set_num_threads(2)
    assert asleep(119_000) == 1
    assert asleep(120_000) == 2


@needs_openmp
def test_sleeping_threads_are_woken_for_many_small_loops():
    set_num_threads(2)
    # Several trials: a busy machine may pause in between.
    assert any((asleep(50_000), threads_used(50_000), threads_used(50_000)) == (1, 1, 2) for _ in range(50))


@pytest.mark.parametrize(("n", "error", "text"), [
    (0, ValueError, "set_num_threads: n: got 0, expected 1 to 1024"),
    (-3, ValueError, "set_num_threads: n: got -3, expected 1 to 1024"),
    (1025, ValueError, "set_num_threads: n: got 1025, expected 1 to 1024"),
    (1.0, TypeError, "set_num_threads: n: got float, expected an int"),
    (True, TypeError, "set_num_threads: n: got bool, expected an int"),
    ("2", TypeError, "set_num_threads: n: got str, expected an int"),
])
def test_thread_counts_that_are_none(n, error, text):
    before = get_num_threads()
    with pytest.raises(error, match=text):
        set_num_threads(n)
    assert get_num_threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_runs_on_one_thread_and_ends():
    set_num_threads(2)
    assert threads_used(SECOND) == (2 if has_openmp() else 1)       # libgomp has its workers now
    child = os.fork()
    if child == 0:
        set_num_threads(2)
        os._exit(0 if (get_num_threads(), threads_used(SECOND)) == (1, 1) else 1)
    deadline = time.monotonic() + 30
    done, status = os.waitpid(child, os.WNOHANG)
    while not done and time.monotonic() < deadline:
        time.sleep(0.01)
        done, status = os.waitpid(child, os.WNOHANG)
    if not done:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert done and os.waitstatus_to_exitcode(status) == 0
    assert threads_used(SECOND) == (2 if has_openmp() else 1)       # the parent keeps its threads
