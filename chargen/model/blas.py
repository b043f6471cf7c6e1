"""How many threads numpy's BLAS takes for a product.

OpenBLAS takes every core for a product that one core has done before the others are awake.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

Floats = npt.NDArray[np.float32]
Multiply = Callable[[Floats, Floats, Floats], object]

# Characters/s with one thread and with two, one sample, 2 cores, each with its better layout:
# 2x192 (0.6 MB, the largest matrix of a layer) 7,600 and 7,700; 2x256 (1 MB) 6,500 and 8,800;
# 1x512 (4 MB) 5,500 and 7,100; 2x512 (4 MB) 1,900 and 3,200, since each core then reads its share
# from a cache of its own. More samples are counted as more bytes: with 16 rows a 256x512 product
# (0.5 MB) runs at 51 and 63 GFLOP/s, a 512x2048 one at 50 and 79.
_BYTES_A_THREAD = 1 << 19

# Seconds: what further threads may lose before they are refused, about one slice of the
# scheduler, and for how long. Beside one busy process on 2 cores 2x512 wrote 63 characters/s
# before this, 1,300 with it; it costs 1.4 us a product, 0.5 where one thread is asked for.
_PATIENCE = 0.005
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.125, 0.5

# Reentrant, since a generator that is collected as garbage leaves `threads` in whoever's thread.
_lock = threading.RLock()
_wanted: dict[object, int] = {}
_before: dict[Any, int] = {}


def threads_for(weight_bytes: int, batch_size: int = 1) -> int:
    """The threads that a product of [batch_size, ...] with a matrix of so many bytes is worth."""
    return max(1, min(_cores(), weight_bytes * batch_size // _BYTES_A_THREAD))


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Within it, numpy's products take `count` threads; afterwards as many as before.

    Two generators that were begun in it may end in any order: the count that counts is that of
    the last to begin of those that go on, and when none does it is as before the first of them.
    """
    me = object()
    with _lock:
        if not _wanted:
            _before.update({each: each.num_threads for each in _blas().lib_controllers})
        _wanted[me] = count
        _apply()
    try:
        yield
    finally:
        with _lock:
            del _wanted[me]
            _apply()


class Pace:
    """The seconds that one kind of product takes with one thread; 0: not known yet."""

    def __init__(self) -> None:
        self.alone = 0.0


def product(multiply: Multiply, a: Floats, b: Floats, out: Floats, pace: Pace) -> None:
    """`multiply(a, b, out)`, with one thread for a while when others would hold it up.

    Where another program has a core, OpenBLAS's threads wait for one another until the scheduler
    has come round: 8 ms a product of 0.1 ms. So the time that further threads gain or lose is
    added up, against the time of the same product alone.
    """
    if _help.asked == 1:
        multiply(a, b, out)
        return
    if not pace.alone:
        _set_threads(1)
        pace.alone = min(_seconds(multiply, a, b, out) for _ in range(3))
        _set_threads(1 if _help.refused_until else _help.asked)
    took = _seconds(multiply, a, b, out)
    if _help.refused_until:
        # A product that was interrupted says little about the others.
        pace.alone += 0.1 * (min(took, 2 * pace.alone) - pace.alone)
        if time.perf_counter() > _help.refused_until:
            _help.refused_until = _help.gained = 0.0
            _set_threads(_help.asked)
        return
    _help.gained = min(_help.gained + pace.alone - took, _PATIENCE)
    if _help.gained == _PATIENCE:
        _help.pause = _SHORTEST_PAUSE
    elif _help.gained < -_PATIENCE:
        _help.refused_until = time.perf_counter() + _help.pause
        _help.pause = min(2 * _help.pause, _LONGEST_PAUSE)
        _set_threads(1)


class _Help:
    """What further threads were worth lately; the cores are shared, so it is one for all."""

    def __init__(self) -> None:
        self.asked = 1
        self.gained = 0.0
        self.refused_until = 0.0
        self.pause = _SHORTEST_PAUSE


_help = _Help()


def _seconds(multiply: Multiply, a: Floats, b: Floats, out: Floats) -> float:
    began = time.perf_counter()
    multiply(a, b, out)
    return time.perf_counter() - began


def _apply() -> None:
    count = next(reversed(_wanted.values()), None)
    _help.asked = count or 1
    for each, before in _before.items():
        each.set_num_threads(before if count is None else count)
    if _help.refused_until:
        _set_threads(1)


def _set_threads(count: int) -> None:
    with _lock:
        if _wanted:  # else nobody is left who could set it back
            for each in _before:
                each.set_num_threads(count)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
