"""The text that each network generates from the same prompts, and its coherence."""

from __future__ import annotations

import re

import numpy as np

from chargen.comparison.result import Writing
from chargen.comparison.splits import CorpusSplits, first_targets, last_targets
from chargen.evaluation.coherence import Families, coherence, kept_rhyme
from chargen.evaluation.records import Coherence
from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.settings import GenerationSettings
from chargen.text.kind import LINE

TEMPERATURE = 0.8
LINES, MAX_LINE = 500, 300
PASSAGES, PASSAGE_LENGTH = 50, 400
MAX_DOCUMENT = 2_000  # characters, at which a document that has not ended is stopped
DEFAULT_PROMPT = "neuron"

_SAMPLE_LENGTH = 300
_MAX_SEARCHED = 1_000_000
_SAMPLE_LINES = 10
_NUM_PROMPTS, _PROMPT_LENGTH = 5, 60
# The hashes of `longest_copy` take 16 bytes per character of the training part.
_MAX_KNOWN = 20_000_000
_LONG_WORD = re.compile(r"\b[^\W\d_]{6,}\b")
_MAX_WORD = 8
# U+001E ends a document.
_LINE_END = re.compile(r"[\n\x1e]")
_PARAGRAPH_END = re.compile(r"\n\s*\n|\x1e")


class WritingProtocol:
    """The prompts that every network continues, and the measurement of its texts.

    If texts are documents or cells, each network writes 50 of them from an empty prompt; otherwise,
    if each line is a text, or lines rhyme, 500 lines. In other texts it writes ten continuations of
    400 characters for each of five prompts from the held-out text, and only the continuations are
    measured.
    """

    def __init__(
        self, splits: CorpusSplits, families: Families | None, prompt: str, seed: int
    ) -> None:
        self._families = families
        kind = splits.corpus.kind
        in_lines = kind == LINE or families is not None
        self.by_documents = kind.separate and kind != LINE
        self.by_lines = in_lines and not self.by_documents
        self._piece_end = _LINE_END if in_lines else _PARAGRAPH_END
        self._known = splits.text(last_targets(splits.train, _MAX_KNOWN))
        self._held_out = splits.text(splits.held_out)
        self._corpus = splits.corpus
        self._prompt = prompt
        self._seed = seed
        from_start = self.by_lines or self.by_documents
        self._prompts = [""] if from_start else self._draw_prompts()

    def corpus_coherence(self) -> Coherence:
        """Measure the text itself: its held-out part, and the rhymes of all of it."""
        held_out = coherence(self._pieces(self._held_out), self._known, None)
        lines = (line for text in self._corpus.texts() for line in text.split("\n") if line)
        kept = kept_rhyme(lines, self._families) if self._families else ()
        return Coherence(kept, held_out.known_words, held_out.closed, held_out.longest_copy)

    def write(self, reader: Reader) -> Writing:
        """Let a network continue every prompt, and measure the generated text."""
        count = LINES if self.by_lines else PASSAGES // len(self._prompts)
        length = MAX_LINE if self.by_lines else PASSAGE_LENGTH
        settings = GenerationSettings(
            temperature=TEMPERATURE,
            length=MAX_DOCUMENT if self.by_documents else length,
            until_newline=self.by_lines,
            seed=self._seed,
        )
        texts = [
            text
            for k, prompt in enumerate(self._prompts)
            for text in generate_texts(
                reader, settings, prompt, num_samples=count, first_sample=k * count
            )
        ]
        pieces = [piece for text in texts for piece in self._pieces(text)]
        length = MAX_DOCUMENT if self.by_documents else _SAMPLE_LENGTH
        sample = GenerationSettings(temperature=TEMPERATURE, length=length, seed=self._seed)
        past_end = not self.by_documents  # several lines, but one document
        continued = generate_texts(reader, sample, self._prompt, past_end=past_end)[0]
        samples = [self._prompt + continued]
        if self.by_lines:
            samples.append("\n".join(texts[:_SAMPLE_LINES]))
        elif self.by_documents:
            samples += texts[:_NUM_PROMPTS]
        else:
            samples += [prompt + texts[k * count] for k, prompt in enumerate(self._prompts)]
        return Writing(coherence(pieces, self._known, self._families), tuple(samples))

    def _pieces(self, text: str) -> list[str]:
        """Split a text into the parts in which brackets must be closed: lines or paragraphs."""
        return [piece for piece in self._piece_end.split(text) if piece.strip()]

    def _draw_prompts(self) -> list[str]:
        """Draw passages of the held-out text that begin and end at a word border."""
        random = np.random.Generator(np.random.Philox(key=[self._seed, 7]))
        text, length = self._held_out, _PROMPT_LENGTH
        prompts = []
        for at in sorted(random.integers(0, max(1, len(text) - 2 * length), _NUM_PROMPTS)):
            start = _next_word(text, int(at))
            prompts.append(text[start : max(start + 1, _next_word(text, start + length))])
        return prompts


def default_prompt(splits: CorpusSplits) -> str:
    """Return the word of the spelling test: "neuron", or the most frequent long word."""
    text = splits.text(first_targets(splits.train, _MAX_SEARCHED))
    if DEFAULT_PROMPT in text:
        return DEFAULT_PROMPT
    counts: dict[str, int] = {}
    for word in _LONG_WORD.findall(text):
        if word == word.lower():  # in the spelling used within a sentence
            counts[word] = counts.get(word, 0) + 1
    first = splits.text(first_targets(splits.train[:1], _MAX_SEARCHED)).strip()
    best = max(counts, key=lambda w: (counts[w], w), default=first[:_MAX_WORD])
    return best[:_MAX_WORD] if len(best) > 2 * _MAX_WORD else best


def _next_word(text: str, at: int) -> int:
    """Return the next start of a word, or `at` if there is none nearby."""
    space = next((k for k in range(at, min(at + 30, len(text))) if text[k].isspace()), None)
    return at if space is None else space + 1
