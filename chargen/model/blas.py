"""The number of threads that numpy's BLAS uses for a matrix product.

OpenBLAS uses every core, even for a product that one core finishes before the others wake up.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

Floats = npt.NDArray[np.float32]

# Characters/s with one thread and with two, one sample, 2 cores, each with the faster layout:
# 2x192 (0.6 MB, the largest matrix of a layer) 7,600 and 7,700; 2x256 (1 MB) 6,500 and 8,800;
# 1x512 (4 MB) 5,500 and 7,100; 2x512 (4 MB) 1,900 and 3,200, since each core then reads its part
# from its own cache. More samples count as more bytes: with 16 rows a 256x512 product (0.5 MB)
# runs at 51 and 63 GFLOP/s, a 512x2048 one at 50 and 79.
_BYTES_PER_THREAD = 1 << 19

# Seconds: the loss at which additional threads pause, about one time slice of the scheduler, and
# the length of the pause. With one other busy process on 2 cores, a 2x512 model generated 63
# characters/s without these pauses and 1,300 with them. Timing costs 1.4 us per product.
_MAX_LOSS = 0.005
_PAUSE = 0.5


def best_thread_count(weight_bytes: int, batch_size: int = 1) -> int:
    """Return the number of threads for a product [batch_size, ...] with a matrix of this size."""
    return max(1, min(cores(), weight_bytes * batch_size // _BYTES_PER_THREAD))


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def has_small_kernels() -> bool:
    """Return whether BLAS computes small products without copying their matrices.

    OpenBLAS does so with AVX-512.
    """
    kernels = [each.info().get("architecture") for each in _blas().lib_controllers]
    return bool(kernels) and set(kernels) == {"SkylakeX"}


@contextlib.contextmanager
def thread_count(count: int) -> Iterator[None]:
    """Let numpy's products use `count` threads within the context.

    Contexts of several generators may end in any order: the last one that was entered and has not
    ended applies. When all have ended, the original number of threads is restored.
    """
    context = object()
    with _lock:
        _pool.contexts[context] = count
        _pool.update()
    try:
        yield
    finally:
        with _lock:
            del _pool.contexts[context]
            _pool.update()


class Product:
    """`numpy.dot` for products of one size, with one thread while other programs use the cores.

    If another program occupies a core, OpenBLAS's threads wait for each other until the
    scheduler has run them all: 8 ms for a product of 0.1 ms.
    """

    def __init__(self) -> None:
        self._seconds = 0.0  # with one thread
        self._round = -1

    def dot(self, a: Floats, b: Floats, out: Floats) -> None:
        """Compute a @ b into `out`."""
        if _pool.count == 1 or _pool.paused():
            np.dot(a, b, out)
            return
        if self._round != _pool.round:
            _pool.set_threads(1)
            self._seconds = min(_time_dot(a, b, out) for _ in range(3))
            self._round = _pool.round
            _pool.set_threads(_pool.count)
        _pool.add_gain(self._seconds - _time_dot(a, b, out))


class _Pool:
    """The threads of BLAS, which all products share.

    count: the number of threads of the current context. round: the number of pauses so far.
    """

    def __init__(self) -> None:
        self.contexts: dict[object, int] = {}
        self.count = 1
        self.round = 0
        self._gain = 0.0
        self._resume_at = 0.0
        self._before: dict[Any, int] = {}

    def update(self) -> None:
        self.count = next(reversed(self.contexts.values()), 1)
        if self.contexts:
            self._before = self._before or {
                each: each.num_threads for each in _blas().lib_controllers
            }
            self.set_threads(1 if self._resume_at else self.count)
        else:
            for each, count in self._before.items():
                each.set_num_threads(count)
            self._before = {}

    def set_threads(self, count: int) -> None:
        with _lock:  # without a context nothing is set, since nothing would restore it
            for each in self._before:
                each.set_num_threads(count)

    def paused(self) -> bool:
        if self._resume_at and time.perf_counter() > self._resume_at:
            self._resume_at = self._gain = 0.0
            self.round += 1
            self.set_threads(self.count)
        return self._resume_at > 0

    def add_gain(self, seconds: float) -> None:
        self._gain = min(self._gain + seconds, _MAX_LOSS)
        if self._gain < -_MAX_LOSS:
            self._resume_at = time.perf_counter() + _PAUSE
            self.set_threads(1)


# Reentrant, since the garbage collector may close a generator in a thread that holds the lock.
_lock = threading.RLock()
_pool = _Pool()


def _time_dot(a: Floats, b: Floats, out: Floats) -> float:
    start = time.perf_counter()
    np.dot(a, b, out)
    return time.perf_counter() - start


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
