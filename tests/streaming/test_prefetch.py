"""A second thread makes one item in advance, and ends with the block."""

import threading

import pytest

from include.codebashing_lms.streaming.prefetch import prefetch


def test_items_are_made_by_another_thread_and_keep_their_order():
    with prefetch((number, threading.current_thread()) for number in range(100)) as items:
        found = list(items)
    assert [number for number, _ in found] == list(range(100))
    assert threading.main_thread() not in {thread for _, thread in found}


def test_no_more_than_one_item_is_made_in_advance():
    made = []
    with prefetch(made.append(number) or number for number in range(10)) as items:
        for taken in items:
            assert len(made) <= taken + 2


def test_an_error_is_raised_where_the_item_would_have_been_taken():
    def fails():
        yield 1
        raise OSError("no space left")

    with prefetch(fails()) as items:
        assert next(items) == 1
        with pytest.raises(OSError, match="no space left"):
            next(items)


def test_when_the_block_fails_the_generator_has_ended_before_files_are_closed():
    threads, state, go_on = threading.active_count(), [], threading.Event()

    def makes():
        try:
            yield 1
            state.append("at work")
            go_on.wait(0.1)
            state.append("done")
            yield 2
        finally:
            state.append("closed")

    def takes():
        with prefetch(makes()) as items:
            for _ in items:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        takes()
    assert state == ["at work", "done", "closed"]
    assert threading.active_count() == threads
