"""The bar that shows the progress of reading a text."""

import io
import sys

import pytest

from chargen.cli import reading
from chargen.cli.reading import ReadingDisplay
from chargen.text.reading import Note


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("delay", "is_shown"), [(0.0, True), (60.0, False)])
def test_a_bar_shows_a_long_reading(
    monkeypatch: pytest.MonkeyPatch, delay: float, is_shown: bool
) -> None:
    """The bar appears after a second, and notes are printed on separate lines."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(reading, "_DELAY", delay)
    with ReadingDisplay() as display:
        display.progress(0.25)
        display.note(Note("a.txt: decoded as cp1252"))
        display.progress(1.0)
    shown = terminal.getvalue()
    assert (" 25% |" in shown and "reading the text" in shown) == is_shown
    assert "a.txt: decoded as cp1252" in shown.replace("\r", "\n").splitlines()
