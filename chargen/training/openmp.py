"""How the threads of OpenMP wait for one another. This module does not import torch."""

from __future__ import annotations

import os


def limit_thread_spinning() -> None:
    """Make torch's threads sleep soon while they wait. Has no effect once torch is imported.

    The threads of GNU OpenMP, which torch's Linux wheels contain, spin for milliseconds before
    they sleep. On a busy machine a thread then spins while the one it waits for cannot run: next
    to one to two busy processes on 2 cores, two threads trained 1x256 at 0.17 to 0.7 times the
    speed of one thread with a count of 20,000, and at 0.5 to 0.85 times with 1,000. Some spinning
    is needed, since most waits are shorter than the time to wake a thread.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
