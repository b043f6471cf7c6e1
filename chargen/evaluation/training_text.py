"""The training text of a model: finding it again, and what samples copy from it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from chargen.errors import ChargenError, CorpusError
from chargen.evaluation.copying import copied_places
from chargen.model.checkpoint import SOURCE, Checkpoint, text_form
from chargen.text.corpus import default_patterns, texts_of
from chargen.text.decoding import AUTO, check_encoding
from chargen.text.encoder import digest_of
from chargen.text.files import printable_path
from chargen.text.kind import TextKind
from chargen.text.normal_form import in_form
from chargen.text.reading import Report, find_sources, ignore, read_sources
from chargen.text.source import STANDARD_INPUT, TextSource

STRETCH = 20  # characters; shorter matches are common phrases

_PIECE = 1 << 20  # characters of separate texts that are searched at a time


@dataclass(frozen=True)
class TrainingText:
    """The texts that a model was trained on, or others to compare its samples with."""

    texts: Sequence[str]
    kind: TextKind

    @classmethod
    def of_files(
        cls,
        paths: Sequence[str | Path],
        loaded: Checkpoint,
        *,
        encoding: str = AUTO,
        report: Report = ignore,
    ) -> TrainingText:
        """Read files as the model's training did. Raises the errors of `Corpus.read` about files.

        A file without a separator is one document, and one that is not a table is one cell.
        """
        kind, form = loaded.kind, text_form(loaded.description.corpus)
        sources = find_sources(paths, default_patterns=default_patterns(kind))
        files = read_sources(sources, encoding=check_encoding(encoding), report=report)
        texts = [in_form(text, form) for file in files for text in texts_of(file, kind)]
        if not texts:
            names = ", ".join(printable_path(str(path)) for path in paths)
            raise CorpusError(f"no text in {names} ({kind.description})")
        return cls(texts, kind)

    @classmethod
    def of_model(cls, loaded: Checkpoint, source: TextSource) -> TrainingText:
        """Read the recorded files of a model. Raises CorpusError if they are missing or changed."""
        if STANDARD_INPUT in source.files:
            raise _unavailable(loaded, "standard input", "is not stored")
        for file in source.files:
            if not os.path.isfile(file):
                raise _unavailable(loaded, printable_path(file), "does not exist")
        try:
            text = cls.of_files(source.files, loaded, encoding=source.encoding)
            is_same = digest_of(text.texts, text.kind) == loaded.description.corpus.get("sha256")
        except ChargenError:
            is_same = False
        if not is_same:
            raise _unavailable(loaded, source.shown, "has changed since the training")
        return text

    def contains(self, prompt: str, text: str, is_whole: bool = True) -> bool:
        """Return whether the text of a sample occurs in the training text.

        A separate text, with its prompt, occurs if it equals a whole training text, without
        surrounding white space. The text of a stream, and a part of a separate text, occur without
        the prompt, as a part.
        """
        if self.kind.separate and is_whole:
            return (prompt.rpartition(self.kind.boundary)[2] + text).strip() in self._whole
        stripped = text.strip()
        return any(stripped in each for each in self.texts)

    def copied(self, prompt: str, samples: Sequence[str]) -> list[set[int]]:
        """Return the positions in each sample that are copied.

        They lie in stretches of `STRETCH` or more characters that occur in the training text. For
        separate texts, a sample that equals a whole training text is copied at any length.
        """
        places = copied_places(samples, self._pieces(), STRETCH)
        if not self.kind.separate:
            return places
        return [
            set(range(len(sample))) if self.contains(prompt, sample) else each
            for sample, each in zip(samples, places, strict=True)
        ]

    @cached_property
    def _whole(self) -> frozenset[str]:
        return frozenset(text.strip() for text in self.texts)

    def _pieces(self) -> Iterator[str]:
        """Yield the texts; short separate ones are joined, which is faster to search."""
        if not self.kind.separate:
            yield from self.texts
            return
        joined, size = [], 0
        for text in self.texts:
            joined.append(text)
            size += len(text)
            if size >= _PIECE:
                yield self.kind.joined(joined)
                joined, size = [], 0
        yield self.kind.joined(joined)


def recorded_source(loaded: Checkpoint) -> TextSource:
    """Return the files that a model was trained on. Raises CorpusError if they are not recorded."""
    path = loaded.folder / SOURCE
    try:
        return TextSource.from_json(path.read_bytes())
    except OSError:
        raise CorpusError(
            f"{loaded.folder} does not record where its training text is"
            " (pass it with {against})",
            "against",
        ) from None
    except ValueError:
        raise CorpusError(
            f"{path} is damaged (pass the training text with {{against}})", "against"
        ) from None


def _unavailable(loaded: Checkpoint, shown: str, reason: str) -> CorpusError:
    return CorpusError(
        f"the training text of {loaded.folder}, {shown}, {reason} (pass a copy with {{against}})",
        "against",
    )
