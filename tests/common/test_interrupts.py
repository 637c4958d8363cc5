import signal
import threading

import pytest

from nearframe.common import interrupts_held, second_interrupt_ends


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


class TestSecond:
    """A program lets the operating system end it at the second Ctrl-C."""

    def test_the_first_interrupts_and_the_next_would_end_the_process(self):
        with pytest.raises(KeyboardInterrupt), second_interrupt_ends():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL

    def test_the_first_is_held_and_the_next_is_not(self):
        done = []

        def work():
            with second_interrupt_ends(), interrupts_held():
                signal.raise_signal(signal.SIGINT)
                done.append(signal.getsignal(signal.SIGINT))
                with interrupts_held():
                    done.append(signal.getsignal(signal.SIGINT))

        with pytest.raises(KeyboardInterrupt):
            work()
        assert done == [signal.SIG_DFL, signal.SIG_DFL]

    def test_without_an_interrupt_everything_is_as_before(self):
        before = signal.getsignal(signal.SIGINT)
        with second_interrupt_ends():
            pass
        assert signal.getsignal(signal.SIGINT) is before

    def test_who_takes_interrupts_otherwise_keeps_them(self):
        taken = []
        signal.signal(signal.SIGINT, lambda *_: taken.append(1))
        with second_interrupt_ends():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        assert taken == [1, 1]
