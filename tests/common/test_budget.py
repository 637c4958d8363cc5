import threading

import numpy as np

from nearframe.common import Budget, prefetch, run_ahead


def started(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def test_no_more_is_decoded_at_once_than_the_budget_allows():
    budget, most = Budget(100), 0
    lock = threading.Lock()

    def decode():
        nonlocal most
        for _ in range(20):
            with budget.decoding(40), lock:
                most = max(most, budget.used)

    threads = [started(decode) for _ in range(8)]
    for thread in threads:
        thread.join(20)
    assert 0 < most <= 80
    assert budget.used == 0


def test_what_is_larger_than_the_budget_is_decoded_alone():
    budget, inside, leave = Budget(100), threading.Event(), threading.Event()

    def small():
        with budget.decoding(10):
            inside.set()
            leave.wait(20)

    def large():
        with budget.decoding(1000):
            seen.append(budget.used)

    seen = []
    first = started(small)
    inside.wait(20)
    second = started(large)
    second.join(0.05)
    assert not seen
    leave.set()
    second.join(20)
    first.join(20)
    assert seen == [1000]


def test_a_thread_that_decodes_already_does_not_wait_for_itself():
    budget = Budget(100)
    with budget.decoding(90), budget.decoding(90):
        assert budget.used == 180
    assert budget.used == 0


def test_pixels_count_for_as_long_as_they_are_there():
    budget = Budget(100)
    pixels = np.zeros(10)
    budget.hold(pixels, 80)
    part = pixels[:5]
    assert budget.used == 80
    del pixels
    assert budget.used == 80
    del part
    assert budget.used == 0


def test_no_task_is_taken_while_the_budget_is_full(monkeypatch):
    budget = Budget(25)
    monkeypatch.setattr(prefetch, "DECODED", budget)
    most = 0

    def tasks():
        nonlocal most
        for number in range(30):
            pixels = np.full(1, number)
            budget.hold(pixels, 10)
            most = max(most, budget.used)
            yield lambda pixels=pixels: pixels
            del pixels

    numbers = [int(pixels[0]) for pixels in run_ahead(tasks(), ahead=20)]
    assert numbers == list(range(30))
    assert 0 < most <= 50


def test_a_user_who_keeps_everything_is_not_left_waiting(monkeypatch):
    budget = Budget(25)
    monkeypatch.setattr(prefetch, "DECODED", budget)

    def tasks():
        for number in range(30):
            pixels = np.full(1, number)
            budget.hold(pixels, 10)
            yield lambda pixels=pixels: pixels

    assert len(list(run_ahead(tasks(), ahead=20))) == 30
