"""Tests of the number of threads that numpy's products use."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import ThreadpoolController

from chargen.model import blas
from chargen.model.blas import Product, best_thread_count, thread_count

sizes = st.integers(0, 1 << 40)
batches = st.integers(1, 1 << 20)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads and no pause; skips where numpy's BLAS has no threads."""
    monkeypatch.setattr(blas, "_pool", blas._Pool())
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        if counts() != [2]:
            pytest.skip("numpy's BLAS has no threads here")
        yield


def counts() -> list[int]:
    """The number of threads of each loaded BLAS."""
    np.matmul(np.ones((2, 2)), np.ones((2, 2)))
    found = ThreadpoolController().select(user_api="blas").info()
    return sorted({each["num_threads"] for each in found})


@given(sizes, sizes, batches, batches)
def test_larger_products_never_use_fewer_threads(a: int, b: int, m: int, n: int) -> None:
    """The number grows with weights and batch, from 1 to the number of cores."""
    small, large = sorted((a, b))
    few, many = sorted((m, n))
    counts = [best_thread_count(*each) for each in ((small, few), (large, few), (large, many))]
    assert 1 <= counts[0] <= counts[1] <= counts[2] <= len(os.sched_getaffinity(0))


def test_small_products_use_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer of 128 units uses one thread for one sample, and all for a thousand."""
    monkeypatch.setattr(blas, "cores", lambda: 8)
    bytes_of_128 = 4 * 128 * 128 * 4
    assert best_thread_count(bytes_of_128) == 1
    assert best_thread_count(bytes_of_128, 1000) == 8


@pytest.mark.usefixtures("two")
def test_thread_count_is_restored() -> None:
    """Contexts can be nested and can end with an error."""
    with thread_count(1):
        assert counts() == [1]
        with thread_count(2):
            assert counts() == [2]
        assert counts() == [1]
    assert counts() == [2]
    with pytest.raises(KeyError), thread_count(1):
        raise KeyError
    assert counts() == [2]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("first", [0, 1])
def test_generators_can_end_in_any_order(first: int) -> None:
    """When both generators have ended, the original number of threads is restored."""

    def work(count: int) -> Iterator[None]:
        with thread_count(count):
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
def test_collected_generator_restores_thread_count() -> None:
    """A generator that is not exhausted restores the number of threads."""

    def work() -> Iterator[None]:
        with thread_count(1):
            yield

    generator = work()
    next(generator)
    assert counts() == [1]
    del generator
    assert counts() == [2]


@pytest.mark.usefixtures("two")
def test_slow_threads_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that is slower with two threads runs with one for a while, then tries again."""
    clock, cost, used = [0.0], {1: 1e-3, 2: 8e-2}, list[int]()

    def dot(*_: object) -> None:
        used.extend(counts())
        clock[0] += cost[used[-1]]

    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    product, array = Product(), np.ones((1, 1), np.float32)
    with thread_count(2):
        monkeypatch.setattr("numpy.dot", dot)
        for _ in range(1_000):
            product.dot(array, array, array)
        assert 2 <= used.count(2) < len(used) / 100
        cost[2] = 5e-4  # the other program has ended
        for _ in range(600):
            product.dot(array, array, array)
        assert used[-1] == 2
