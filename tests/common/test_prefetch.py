import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearframe.common import in_batches, run_ahead


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("nearframe")]


def constant(value):
    return lambda: value


@settings(deadline=None, max_examples=20)
@given(count=st.integers(0, 60), ahead=st.integers(1, 40))
def test_results_come_in_the_order_of_the_tasks(count, ahead):
    def task(number):
        # Later tasks are done before earlier ones.
        return lambda: (time.sleep(0.002 * (number % 3 == 0)), number)[1]

    assert list(run_ahead(map(task, range(count)), ahead=ahead)) == list(range(count))


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_no_more_tasks_are_taken_than_may_wait(ahead):
    taken, seen, worst = 0, 0, 0
    full = threading.Event()

    def tasks():
        nonlocal taken, worst
        for number in range(40):
            taken += 1
            worst = max(worst, taken - seen)
            if taken - seen >= ahead:
                full.set()
            yield constant(number)

    for _ in run_ahead(tasks(), ahead=ahead):
        seen += 1
        # Give the feeder time to run into its limit.
        if seen < 10:
            full.wait(5)
            full.clear()
    # One result is in the consumer's hands when the next task is taken.
    assert ahead <= worst <= ahead + 1


def test_tasks_are_taken_in_one_thread_and_run_in_others():
    takers, runners = set(), set()

    def tasks():
        for _ in range(20):
            takers.add(threading.current_thread().name)
            yield lambda: runners.add(threading.current_thread().name)

    list(run_ahead(tasks(), ahead=4))
    assert takers == {"nearframe-read"}
    assert all(name.startswith("nearframe-work") for name in runners)


def test_a_task_s_error_comes_at_its_place():
    def fail():
        raise KeyError("three")

    results = run_ahead(iter([constant(1), constant(2), fail, constant(4)]), ahead=3)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(KeyError, match="three"):
        next(results)
    assert not threads()


@pytest.mark.parametrize("error", [KeyError("broken"), KeyboardInterrupt("stop")])
def test_an_error_of_the_iterator_comes_after_its_tasks(error):
    def tasks():
        yield constant(1)
        yield constant(2)
        raise error

    results = run_ahead(tasks(), ahead=8)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(type(error)):
        next(results)
    assert not threads()


def test_a_task_that_raises_stop_iteration_does_not_end_the_others_quietly():
    def stop():
        raise StopIteration

    with pytest.raises(RuntimeError):
        list(run_ahead(iter([constant(1), stop, constant(2)]), ahead=2))


def test_nothing_to_do_gives_nothing():
    assert list(run_ahead(iter([]), ahead=4)) == []
    assert not threads()


@pytest.mark.parametrize("consumed", [0, 1, 5])
def test_stopping_early_ends_the_threads_and_closes_the_iterator(consumed):
    closed = threading.Event()

    def tasks():
        try:
            while True:
                yield constant(0)
        finally:
            closed.set()

    # Held here, so that it is not the garbage collector that closes it.
    iterator = tasks()
    results = run_ahead(iterator, ahead=4)
    for _ in range(consumed):
        next(results)
    results.close()
    assert closed.is_set() == (consumed > 0)
    assert not threads()


def test_stopping_early_waits_for_a_task_that_runs():
    running, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def slow():
        running.set()
        go_on.wait(10)
        done.set()

    results = run_ahead(iter([constant(1), slow, constant(2)]), ahead=3)
    next(results)
    running.wait(10)
    go_on.set()
    results.close()
    assert done.is_set()


@given(st.lists(st.integers(), max_size=30), st.integers(1, 10))
def test_batches_hold_everything_in_order(items, size):
    batches = list(in_batches(iter(items), size))
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(batches)


def test_as_many_run_at_once_as_there_are_workers():
    together = threading.Barrier(3)
    # Each waits until three are in their hands; with fewer workers none would go on.
    assert len(list(run_ahead(iter([lambda: together.wait(20)] * 3), ahead=3, workers=3))) == 3


def test_one_worker_runs_one_after_the_other():
    running, most = 0, 0

    def task():
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.001)
        running -= 1

    list(run_ahead(iter([task] * 20), ahead=8, workers=1))
    assert most == 1
