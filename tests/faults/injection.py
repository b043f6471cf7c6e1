"""Faults that a test injects into the process of a command, before the command runs."""

from __future__ import annotations

import builtins
import errno
import io
import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from chargen.text import corpus, ids
from chargen.text.corpus import Corpus
from chargen.training.learner import Learner
from chargen.training.trainer import Trainer

Fault = dict[str, Any]


def inject(fault: Fault) -> None:
    """Inject a fault: the name and the arguments of a function of this module."""
    arguments = dict(fault)
    FAULTS[arguments.pop("name")](**arguments)


def failing_call(number: int, code: str) -> None:
    """Let the n-th write, fsync or rename of a file fail with an error code."""
    count = 0

    def check() -> None:
        nonlocal count
        count += 1
        if count == number:
            failure = getattr(errno, code)
            raise OSError(failure, os.strerror(failure))

    class CountedFile(io.FileIO):
        def write(self, data: Any) -> int:
            check()
            return super().write(data) or 0

    open_file = builtins.open

    def counted_open(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if mode in ("xb", "ab"):
            return io.BufferedWriter(CountedFile(file, mode))
        return open_file(file, mode, *rest, **options)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            check()
            return function(*arguments, **options)

        return call

    builtins.open = counted_open
    for name in ("write", "fsync", "rename", "replace"):
        setattr(os, name, counted(getattr(os, name)))


def at(point: str, number: int, action: str, **arguments: Any) -> None:
    """Take an action when a method of the trainer is called for the n-th time."""
    method, count = getattr(Trainer, point), 0

    def call(trainer: Trainer, *rest: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == number:
            ACTIONS[action](trainer, **arguments)
        return method(trainer, *rest, **options)

    setattr(Trainer, point, call)


def killed_while_reading() -> None:
    """Let the process be killed when it reads the text."""
    Corpus.read = _kill  # type: ignore[method-assign]


def every_text_is_long(can_encode: bool) -> None:
    """Store the encoded text, whatever its length. can_encode: or be killed while encoding it."""
    for module in (corpus, ids):
        module.__dict__["IN_MEMORY"] = 0
    if not can_encode:
        corpus.__dict__["read_sources"] = _kill


def _kill(*_: Any, **options: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def file_size_limit(size: int) -> None:
    """Let writes beyond a size fail."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def memory_limit(more: int) -> None:
    """Let allocations fail that need so many more bytes than the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def _send(_: Trainer, numbers: list[int]) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


def _kill_at_rename(_: Trainer, rename_number: int) -> None:
    rename, count = os.rename, 0

    def call(*paths: Any) -> None:
        nonlocal count
        count += 1
        if count == rename_number:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(*paths)

    os.rename = call  # type: ignore[assignment]


@torch.no_grad()
def _scale(trainer: Trainer, factor: float) -> None:
    """Scale the weights of the output layer."""
    trainer._learner.parameters["decoder.weight"].mul_(factor)


def _remove_folder(trainer: Trainer) -> None:
    shutil.rmtree(trainer.folder.path)


def _lock_folder(trainer: Trainer) -> None:
    trainer.folder.path.chmod(0o555)


def _write_text(_: Trainer, path: str, text: str) -> None:
    Path(path).write_text(text)


def _remove_text(_: Trainer, path: str) -> None:
    Path(path).unlink()


def _write_weights(trainer: Trainer, path: str) -> None:
    """Write the weights and the average of this process."""
    learner = trainer._learner
    tensors = [*learner.parameters.values(), *learner.average.state().values()]
    Path(path).write_bytes(b"".join(each.detach().numpy().tobytes() for each in tensors))


def _limit_memory(_: Trainer) -> None:
    """Allow little further memory, and ask for more in each update."""
    memory_limit(1 << 28)
    backward = Learner.backward

    def hungry(*arguments: Any) -> Any:
        torch.empty(1 << 31)
        return backward(*arguments)

    Learner.backward = hungry  # type: ignore[assignment, method-assign]


ACTIONS: dict[str, Callable[..., None]] = {
    "send": _send,
    "kill at rename": _kill_at_rename,
    "scale": _scale,
    "remove folder": _remove_folder,
    "lock folder": _lock_folder,
    "write text": _write_text,
    "remove text": _remove_text,
    "write weights": _write_weights,
    "limit memory": _limit_memory,
}
FAULTS: dict[str, Callable[..., None]] = {
    "failing call": failing_call,
    "at": at,
    "killed while reading": killed_while_reading,
    "every text is long": every_text_is_long,
    "file size limit": file_size_limit,
    "memory limit": memory_limit,
}
