"""Signals that stop a long command: it leaves at once, or finishes what it is doing and saves."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_STOP = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP, from its creation to `restore`.

    At first, each of them ends the process at once, with `message` on standard error. After `wait`,
    `caught` has the number of the first one, and a second one ends the process. The process does
    not end by an exception, which could be raised anywhere, even in an import or a save: files are
    written atomically, and the system releases the locks. Signals that are ignored, such as those
    of `nohup`, stay ignored.
    """

    def __init__(self) -> None:
        self.caught: int | None = None
        self.message = ""
        self._waits = False
        before = {number: signal.getsignal(number) for number in _STOP}
        self._before = {n: each for n, each in before.items() if each is not signal.SIG_IGN}
        self._set(self._handle)

    def end_at_once(self) -> None:
        """Until `wait`, let the system end the process, also while it waits for another one."""
        self._set(signal.SIG_DFL)

    def wait(self) -> None:
        """Record the first signal from now on, instead of ending the process."""
        self._waits = True
        self._set(self._handle)

    def restore(self) -> None:
        """Handle signals as before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _set(self, handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
        for number in self._before:
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self._waits and self.caught is None:
            self.caught = number
            return
        if self.message:
            with suppress(OSError):  # `print` must not be called while it is interrupted
                os.write(2, f"{self.message}\n".encode("utf-8", "replace"))
        os._exit(128 + number)


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Handle the signals that stop a command within a block."""
    signals = StopSignals()
    try:
        yield signals
    finally:
        signals.restore()
