import signal
import threading

import pytest

from nearframe.common import interrupts_held


def test_an_interrupt_takes_effect_at_the_end_of_the_block():
    done = []

    def work():
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
            done.append("the second half")
        done.append("more")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the second half"]


def test_nested_blocks_hold_it_to_the_end_of_the_outer_one():
    done = []

    def work():
        with interrupts_held():
            with interrupts_held():
                signal.raise_signal(signal.SIGINT)
            done.append("the outer rest")
        done.append("more")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the outer rest"]


def test_the_handler_of_before_is_back_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_held():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_the_block_comes_through_and_the_handler_is_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="half way"), interrupts_held():
        raise ValueError("half way")
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_run_the_block_as_it_is():
    handlers = []

    def work():
        with interrupts_held():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
