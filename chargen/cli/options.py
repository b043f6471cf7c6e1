"""Options that more than one command has."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from chargen.model.checkpoint import Checkpoint
    from chargen.text.vocabulary import Vocabulary

model_option: Callable[[Any], Any] = click.option(
    "-m",
    "--model",
    metavar="FOLDER",
    help="The model; without it the newest under ./checkpoints.",
)


def load_model(folder: str | None) -> Checkpoint:
    """The model that was named, or the newest, whose name a person at a terminal is told."""
    from chargen.model.checkpoint import Checkpoint, newest

    if folder is not None:
        return Checkpoint.load(folder)
    found = newest()
    if sys.stderr.isatty():
        print(f"model: {found} (the newest; -m names another)", file=sys.stderr)
    return Checkpoint.load(found)


def known_prompt(prompt: str, vocabulary: Vocabulary | None, *, what: str = "the prompt") -> str:
    """The prompt with newlines as in a corpus; a warning names the characters nobody taught.

    vocabulary: None where nobody is to be warned.
    """
    from chargen.text.corpus import normalise
    from chargen.text.shown import visible

    prompt = normalise(prompt)
    unknown = "" if vocabulary is None else vocabulary.unknown(prompt)
    if unknown:
        shown = " ".join(
            ascii(c)[1:-1] if "\ud800" <= c <= "\udfff" else visible(c).replace("\t", "\u2409")
            for c in unknown[:20]
        )
        more = f" and {len(unknown) - 20} more" if len(unknown) > 20 else ""
        warn(f"the model has never seen these characters of {what}: {shown}{more}")
    # What the shell could not decode came as lone surrogates, which no output could write.
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in prompt)


def wait_politely() -> None:
    """Let torch's threads sleep soon when they wait for one another; call before torch is loaded.

    By default GNU OpenMP spins for milliseconds. Where another program wants the processor too, a
    thread then spins while the one it waits for cannot run: beside two busy processes on 2 cores,
    256 wide, 300 characters/s; with this, 1,500; alone both train at the same speed.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """The first SIGINT or SIGTERM lands in the list that this gives; a second does as usual."""
    caught: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        caught.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        signal.signal(each, note)
    try:
        yield caught
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def warn(message: str) -> None:
    """One line to standard error."""
    print(f"chargen: warning: {message}", file=sys.stderr)
