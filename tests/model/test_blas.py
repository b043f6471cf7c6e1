"""Numpy's products take as many threads as they are worth, and leave no trace of it."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import ThreadpoolController

from chargen.model import blas
from chargen.model.blas import threads, threads_for

sizes = st.integers(0, 1 << 40)
batches = st.integers(1, 1 << 20)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads at first, none of them refused; skips where numpy's BLAS cannot have them."""
    monkeypatch.setattr(blas, "_help", blas._Help())
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        if counts() != [2]:
            pytest.skip("numpy's BLAS here has no threads to count")
        yield


def counts() -> list[int]:
    """The threads of each BLAS that is loaded."""
    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    found = ThreadpoolController().select(user_api="blas").info()
    return sorted({each["num_threads"] for each in found})


@given(sizes, batches)
def test_there_is_one_thread_at_least_and_no_more_than_cores(size: int, batch: int) -> None:
    """Whatever the product, its threads are some, and no two of them share a core."""
    assert 1 <= threads_for(size, batch) <= len(os.sched_getaffinity(0))


@given(sizes, sizes, batches, batches)
def test_more_work_never_takes_fewer_threads(a: int, b: int, m: int, n: int) -> None:
    """The count grows with the weights and with the batch."""
    small, large = sorted((a, b))
    few, many = sorted((m, n))
    assert threads_for(small, few) <= threads_for(large, few) <= threads_for(large, many)


def test_little_work_takes_one_thread_and_much_takes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer of 128 is one thread's, a thousand of them at once are work for every core."""
    monkeypatch.setattr(blas, "_cores", lambda: 8)
    bytes_of_128 = 4 * 128 * 128 * 4
    assert threads_for(bytes_of_128) == 1
    assert threads_for(bytes_of_128, 1000) == 8


@pytest.mark.usefixtures("two")
def test_the_count_holds_within_and_is_restored_after() -> None:
    """Also where an error ends it, and one inside the other."""
    with threads(1):
        assert counts() == [1]
        with threads(2):
            assert counts() == [2]
        assert counts() == [1]
    assert counts() == [2]
    with pytest.raises(KeyError), threads(1):
        raise KeyError
    assert counts() == [2]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("first", [0, 1])
def test_generators_that_end_in_any_order_restore_the_count(first: int) -> None:
    """Two that were begun one after the other and end crosswise leave what was before both."""

    def work(count: int) -> Iterator[None]:
        with threads(count):
            yield

    both = [work(1), work(1)]
    for each in both:
        next(each)
    assert counts() == [1]
    both[first].close()  # type: ignore[attr-defined]
    assert counts() == [1]
    both[1 - first].close()  # type: ignore[attr-defined]
    assert counts() == [2]


@pytest.mark.usefixtures("two")
def test_a_generator_that_is_dropped_restores_the_count() -> None:
    """Whoever stops reading a text in its middle gets the threads back."""

    def work() -> Iterator[None]:
        with threads(1):
            yield

    generator = work()
    next(generator)
    assert counts() == [1]
    del generator
    assert counts() == [2]
