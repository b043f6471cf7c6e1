"""What samples copy from the training text: finding it, marking it and stating its share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from chargen.cli.display import colours_wanted, marked
from chargen.cli.options import print_note
from chargen.errors import ChargenError, CorpusError
from chargen.text.display import plural

if TYPE_CHECKING:
    from chargen.cli.sample import Text
    from chargen.evaluation.training_text import TrainingText
    from chargen.model.checkpoint import Checkpoint

_LARGE = 50_000_000  # bytes; reading a larger text takes more than half a second
_SAMPLES = 256  # that are searched for at once


def find_training_text(
    loaded: Checkpoint, against: Sequence[str], encoding: str, *, is_needed: bool
) -> TrainingText | None:
    """Return the text in the files `against`, by default the one that a model recorded.

    Raises CorpusError if the former cannot be read. If the latter is not available, it does so
    only if the text is needed. A large text is read only if it is needed.
    """
    from chargen.evaluation.training_text import TrainingText, recorded_source

    if against:
        _announce(against)
        return TrainingText.of_files(against, loaded, encoding=encoding, report=print_note)
    try:
        source = recorded_source(loaded)
        if not is_needed and _size(source.files) > _LARGE:
            return None
        _announce(source.files)
        return TrainingText.of_model(loaded, source)
    except CorpusError:
        if is_needed:
            raise
        return None


class Copies:
    """Marks what samples copy from the training text, and counts it."""

    def __init__(self, text: TrainingText, prompt: str) -> None:
        self._text = text
        self._prompt = prompt
        self._characters = self._copied = 0

    def marked(self, samples: Iterable[tuple[int, Text]]) -> Iterator[tuple[int, Text]]:
        """Yield numbered samples with `copied` set. A search through the text finds many at once.

        If generation is interrupted or fails, the earlier samples are yielded first.
        """
        waiting: list[tuple[int, Text]] = []
        try:
            for each in samples:
                waiting.append(each)
                if len(waiting) == _SAMPLES:
                    self._mark(waiting)
                    yield from waiting
                    waiting = []
        except (KeyboardInterrupt, ChargenError):
            self._mark(waiting)
            yield from waiting
            raise
        self._mark(waiting)
        yield from waiting

    def summary(self) -> str:
        """Return a line that explains the marks and states the share of copied characters."""
        from chargen.evaluation.training_text import STRETCH

        noun = self._text.kind.noun
        whole = f", or a whole {noun} of it" if self._text.kind.separate else ""
        share = self._copied / max(1, self._characters)
        word = marked("copied") if colours_wanted(sys.stderr) else "copied"
        return (
            f"{word}: {share:.0%} of {plural(self._characters, 'character')}; stretches of"
            f" {STRETCH} or more characters that occur in the training text{whole}"
        )

    def _mark(self, samples: Sequence[tuple[int, Text]]) -> None:
        found = self._text.copied(self._prompt, [str(sample) for _, sample in samples])
        for (_, sample), places in zip(samples, found, strict=True):
            sample.copied = places
            self._characters += len(sample.characters)
            self._copied += len(places)


def _announce(paths: Iterable[str]) -> None:
    """Print on a terminal that a large text is being read."""
    size = _size(paths)
    if size > _LARGE and sys.stderr.isatty():
        print(f"reading the training text ({size / 1e6:,.0f} MB)", file=sys.stderr)


def _size(paths: Iterable[str]) -> int:
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
