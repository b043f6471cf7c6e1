"""What each network writes from the same beginnings, and how far it keeps together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chargen.comparison.parts import Parts
from chargen.evaluation.coherence import Families, coherence, kept_rhyme, rhyme_families
from chargen.generation.context import Reader
from chargen.generation.settings import Settings
from chargen.records import Coherence, Drawn

TEMPERATURE = 0.8
LINES, LONGEST_LINE = 500, 300
PASSAGES, PASSAGE_LENGTH = 50, 400
DEFAULT_PROMPT = "neuron"

_SHOWN = 300
_BEGINNING = 60
_BEGINNINGS = 5
# Of a long text what stands before its held-out end: the hashes of `longest_copy` take 16 bytes a
# character.
_MOST_KNOWN = 20_000_000
_LONG_WORD = re.compile(r"\b[^\W\d_]{6,}\b")
_LONGEST_PROMPT = 8
_PARAGRAPH = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class Writing:
    """What one network wrote: its measures, and samples to read."""

    coherence: Coherence
    samples: tuple[str, ...]


class Paper:
    """The beginnings that every network continues, and what its writing is held against.

    Where lines matter (each is a text, or a table of rhymes stands beside the file) 500 lines are
    written, each from nothing to its end; elsewhere ten continuations of each of five beginnings
    from the held-out text, 400 characters long, of which only what was written is measured.
    """

    def __init__(self, parts: Parts, file: Path | None, prompt: str, seed: int) -> None:
        self.families: Families | None = None if file is None else rhyme_families(file)
        self.by_lines = parts.corpus.lines or self.families is not None
        self._known = parts.text(parts.train)[-_MOST_KNOWN:]
        self._held_out = parts.text(parts.held_out)
        self._lines = [line for text in parts.corpus.texts for line in text.split("\n") if line]
        self._prompt = prompt
        self._seed = seed
        self._beginnings = [""] if self.by_lines else self._drawn_beginnings()

    def corpus(self) -> Coherence:
        """The same of the text that nobody wrote for us: its held-out part, and all its rhymes."""
        found = coherence(self._pieces(self._held_out), self._known, None)
        kept = kept_rhyme(self._lines, self.families) if self.families else ()
        return Coherence(kept, found.known_words, found.closed, found.longest_copy)

    def written_by(self, reader: Reader) -> Writing:
        """Let a network continue every beginning, and measure what came."""
        per = LINES if self.by_lines else PASSAGES // len(self._beginnings)
        settings = Settings(
            temperature=TEMPERATURE,
            length=LONGEST_LINE if self.by_lines else PASSAGE_LENGTH,
            until_newline=self.by_lines,
            seed=self._seed,
        )
        written = [
            text
            for k, beginning in enumerate(self._beginnings)
            for text in _samples(settings, reader, beginning, count=per, first=k * per)
        ]
        pieces = [piece for text in written for piece in self._pieces(text)]
        found = coherence(pieces, self._known, self.families)
        shown = Settings(temperature=TEMPERATURE, length=_SHOWN, seed=self._seed)
        prompted = _samples(shown, reader, self._prompt, count=1, first=0)
        samples = [self._prompt + prompted[0]]
        if self.by_lines:
            samples.append("\n".join(line for line in written[:10]))
        else:
            samples += [b + written[k * per] for k, b in enumerate(self._beginnings)]
        return Writing(found, tuple(samples))

    def _pieces(self, text: str) -> list[str]:
        """Where quotes and brackets are to close: lines, or paragraphs where a text has them."""
        cut = text.split("\n") if self.by_lines else _PARAGRAPH.split(text)
        return [piece for piece in cut if piece.strip()]

    def _drawn_beginnings(self) -> list[str]:
        """Stretches of the held-out text from the start of a word to the end of one."""
        random = np.random.Generator(np.random.Philox(key=[self._seed, 7]))
        text = self._held_out
        found = []
        for at in sorted(random.integers(0, max(1, len(text) - 2 * _BEGINNING), _BEGINNINGS)):
            start = _next_word(text, int(at))
            found.append(text[start : max(start + 1, _next_word(text, start + _BEGINNING))])
        return found


def default_prompt(parts: Parts) -> str:
    """The word of the spelling test: "neuron" if the text has it, else its commonest long one."""
    text = parts.text(parts.train[:1])[:1_000_000]
    if DEFAULT_PROMPT in text:
        return DEFAULT_PROMPT
    counts: dict[str, int] = {}
    for word in _LONG_WORD.findall(text):
        if word == word.lower():  # as it stands within a sentence
            counts[word] = counts.get(word, 0) + 1
    best = max(counts, key=lambda w: (counts[w], w), default=text.strip()[:_LONGEST_PROMPT])
    return best[:_LONGEST_PROMPT] if len(best) > 2 * _LONGEST_PROMPT else best


def _samples(
    settings: Settings, reader: Reader, prompt: str, *, count: int, first: int
) -> Sequence[str]:
    texts: list[list[str]] = [[] for _ in range(count)]
    for drawn in settings.write(reader, prompt, samples=count, first=first):
        if isinstance(drawn, Drawn):
            texts[drawn.sample - first].append(drawn.character)
    return ["".join(text) for text in texts]


def _next_word(text: str, at: int) -> int:
    """The next place at which a word begins, or `at` where there is none near."""
    space = next((k for k in range(at, min(at + 30, len(text))) if text[k].isspace()), None)
    return at if space is None else space + 1
