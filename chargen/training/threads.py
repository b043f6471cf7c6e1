"""The number of torch's threads in training, chosen by measured speeds.

The threads wait for one another several hundred times per update. While another program occupies
a core, each of these waits can last as long as a time slice of the scheduler, so that all threads
together are slower than a single one. Therefore no fixed number is right.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import torch

from chargen.model.config import ModelConfig

Key = TypeVar("Key", bound=Hashable)
# A function that does a piece of work and returns its characters and seconds.
Pass = Callable[[], tuple[int, float]]

# More threads must be faster than fewer by this factor, since they disturb other programs.
_MIN_GAIN = 1.03

_MIN_PASSES = 3
_MAX_RATIO = 1.5  # a candidate that is slower by this factor is not timed further ...
_MIN_SECONDS = 0.2  # ... after _MIN_PASSES passes or this time

_ROUND = 0.25  # seconds of updates for which a speed is measured
_MAX_DROP = 2 / 3  # fewer threads are tried as soon as the speed drops to this share
_ALARM_PAUSE = 2.0  # seconds between two such trials
# Seconds of updates between two comparisons. The interval doubles while they change nothing.
_MIN_INTERVAL, _MAX_INTERVAL = 5.0, 60.0


def thread_counts(model: ModelConfig, batch_size: int) -> tuple[int, ...]:
    """Return the numbers of threads to choose from: one, and as many as an update keeps busy.

    With less than half a million multiplications per step each, threads wait for one another more
    than they compute (2 cores, batch size 16: 64 units train at 0.96 times the speed of one
    thread, 128 units at 1.76 times). With many cores, half of them is a choice too: it leaves
    cores to other programs.
    """
    multiplications = batch_size * 4 * model.hidden_size**2
    most = max(1, min(torch.get_num_threads(), multiplications >> 19))
    return tuple(sorted({1, max(1, most // 2), most}))


def best_count(speeds: Mapping[int, float]) -> int:
    """Return the smallest number of threads that is about as fast as the fastest one."""
    fastest = max(speeds.values())
    return min(count for count, speed in speeds.items() if speed * _MIN_GAIN >= fastest)


def race(passes: Mapping[Key, Pass], seconds: float, *, most: int = 8) -> dict[Key, float]:
    """Return the characters per second of each candidate. Their passes alternate.

    After `seconds`, or `most` passes of each, no further ones start. A slow candidate leaves
    early, since an update can take a second while other programs use the cores. Two passes of each
    are not counted: the first one, which fills caches, and the slowest one.
    """
    done: dict[Key, list[tuple[int, float]]] = {key: [] for key in passes}
    running, spent = list(passes), 0.0
    for number in range(1, most + 1):
        for key in running:
            done[key].append(passes[key]())
            spent += done[key][-1][1]
        fastest = max(max(map(_speed, timed)) for timed in done.values())
        running = [
            key
            for key in running
            if max(map(_speed, done[key])) * _MAX_RATIO >= fastest
            or (number < _MIN_PASSES and sum(took for _, took in done[key]) < _MIN_SECONDS)
        ]
        if spent >= seconds and number >= _MIN_PASSES:
            break
    return {key: _mean_speed(timed) for key, timed in done.items()}


class ThreadChoice:
    """The number of threads of a run's next update. It changes while the run trains.

    The speed of the updates is measured. At regular intervals, the next updates run with each of
    the other numbers. If the speed drops by a third, fewer threads are tried at once, since
    another program may have started. All of these updates train the network as usual.

    counts: the numbers to choose from; a single one never changes. chosen: the best one so far.
    count: that of the next update.
    """

    def __init__(self, chosen: int, counts: Sequence[int]) -> None:
        self.chosen = self.count = chosen
        self._counts = counts
        self._untried: list[int] = []  # in a comparison
        self._speeds: dict[int, float] = {}  # in the last round with each number
        self._interval = _MIN_INTERVAL
        self._fastest = self._since = 0.0  # since the last comparison
        # The current round.
        self._is_first = True
        self._characters, self._seconds = 0, 0.0

    def add(self, characters: int, seconds: float) -> None:
        """Take note of an update with `count` threads, and choose `count` for the next one."""
        if len(self._counts) == 1:
            return
        self._since += seconds
        # The first update after a change fills caches.
        if not self._is_first or seconds >= _ROUND:
            self._characters += characters
            self._seconds += seconds
        self._is_first = False
        if self._seconds >= _ROUND or self._is_slow():
            self._speeds[self.count] = self._characters / self._seconds
            self._characters, self._seconds = 0, 0.0
            self._end_round()

    def _is_slow(self) -> bool:
        """Return whether the number that is being tried is clearly slower than the chosen one."""
        if self.count == self.chosen or not self._characters:
            return False
        return self._characters / self._seconds * _MAX_RATIO < self._speeds[self.chosen]

    def _end_round(self) -> None:
        if self.count == self.chosen:
            self._untried = self._to_compare()
            if not self._untried:
                return
        if self._untried:
            self._switch(self._untried.pop())
        else:
            self._choose(best_count(self._speeds))

    def _to_compare(self) -> list[int]:
        """Return the numbers to try now, if any."""
        speed = self._speeds[self.chosen]
        self._fastest = max(self._fastest, speed)
        if self._since >= self._interval:
            return [count for count in self._counts if count != self.chosen]
        if self._since >= _ALARM_PAUSE and speed < _MAX_DROP * self._fastest:
            return [count for count in self._counts if count < self.chosen]
        return []

    def _choose(self, count: int) -> None:
        unchanged = count == self.chosen
        self._interval = min(2 * self._interval, _MAX_INTERVAL) if unchanged else _MIN_INTERVAL
        self.chosen = count
        self._speeds = {}
        self._fastest = self._since = 0.0
        self._switch(count)

    def _switch(self, count: int) -> None:
        self.count = count
        self._is_first = True
        self._characters, self._seconds = 0, 0.0


def _speed(timed: tuple[int, float]) -> float:
    characters, seconds = timed
    return characters / seconds


def _mean_speed(timed: Sequence[tuple[int, float]]) -> float:
    counted = timed
    if len(timed) >= _MIN_PASSES:
        counted = sorted(timed[1:], key=_speed)[1:]
    return sum(characters for characters, _ in counted) / sum(seconds for _, seconds in counted)
