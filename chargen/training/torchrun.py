"""What `torchrun` tells each of the processes that it starts. This module does not import torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import NoReturn

_TIMEOUT = timedelta(seconds=5)
_is_connected = False
_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def rank() -> int:
    """Return the number of this process; 0 if it is alone."""
    return _number("RANK", 0)


def size() -> int:
    """Return the number of processes on all machines; 1 if `torchrun` did not start this one."""
    return _number("WORLD_SIZE", 1)


def local_rank() -> int:
    """Return the number of this process among those on this machine."""
    return _number("LOCAL_RANK", 0)


def local_size() -> int:
    """Return the number of processes on this machine."""
    return _number("LOCAL_WORLD_SIZE", 1)


def program() -> list[str]:
    """Return the start of a command line that runs chargen in as many processes."""
    if size() == 1:
        return ["chargen"]
    machines = size() // local_size()
    nodes = ["--nnodes", str(machines)] if machines > 1 else []
    return ["torchrun", *nodes, "--nproc-per-node", str(local_size()), "-m", "chargen"]


@contextmanager
def only_first_prints() -> Iterator[None]:
    """Discard what the other processes print within a block."""
    if rank() == 0:
        yield
        return
    with (
        open(os.devnull, "w", encoding="utf-8") as nothing,
        redirect_stdout(nothing),
        redirect_stderr(nothing),
    ):
        yield


def is_first_report() -> bool:
    """Return whether no other process has reported an error: all of them end after the first."""
    if size() == 1:
        return True
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    try:
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        store = TCPStore(address, port, timeout=_TIMEOUT)
        reports: int = store.add(f"chargen/reports/{attempt}", 1)
        return reports == 1
    except RuntimeError:  # torchrun itself has ended
        return True


def note_connection() -> None:
    """Note that this process is or was connected to the others, for `leave`."""
    global _is_connected  # noqa: PLW0603
    _is_connected = True


def leave(status: int) -> NoReturn:
    """End this process.

    One that was connected skips the finalisation of the interpreter: the threads of gloo can
    outlive the connection by a moment, and abort the process if they need the interpreter then.
    """
    if _is_connected:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _number(variable: str, alone: int) -> int:
    if any(name not in os.environ for name in _VARIABLES):
        return alone
    return int(os.environ[variable])
