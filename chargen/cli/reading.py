"""The progress of reading texts, and the notes about them."""

from __future__ import annotations

import time
from types import TracebackType

from tqdm import tqdm

from chargen.cli.options import print_note
from chargen.text.reading import Note

_DELAY = 1.0  # seconds after which the bar appears


class ReadingDisplay:
    """Prints the notes about texts, and shows a bar on a terminal if reading takes long."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bar: tqdm | None = None

    def __enter__(self) -> ReadingDisplay:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def note(self, note: Note) -> None:
        """Print a note, above the bar."""
        if self._bar is not None:
            self._bar.clear()
        print_note(note)

    def progress(self, share: float) -> None:
        """Show the share of the texts that was read."""
        if self._bar is None and time.monotonic() - self._began >= _DELAY:
            self._bar = tqdm(
                initial=share,
                total=1.0,
                desc="reading the text",
                bar_format="{percentage:3.0f}% |{bar:16}| {desc}, {remaining} left",
                dynamic_ncols=True,
                leave=False,
                disable=None,  # unless standard error is a terminal
            )
        if self._bar is not None:
            self._bar.update(share - self._bar.n)
        if share == 1:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
