"""A text in the three parts that a comparison needs, and the plan of a run on one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chargen.errors import CorpusError
from chargen.model.config import ModelConfig
from chargen.text.corpus import Corpus, Ids, Spans, Split, split
from chargen.text.vocabulary import Vocabulary
from chargen.training.batches import Batches, LineBatches, StreamBatches, fitting
from chargen.training.config import Budget, TrainingConfig
from chargen.training.plan import Asked, Plan, training_threads
from chargen.training.presets import LONGEST_LINE

LEAST_CHARACTERS = 2_000
LEAST_LINES = 20
_HELD_OUT = 0.1
_MOST_HELD_OUT = 500_000
_LANES, _WINDOW = 16, 64
_LONGEST_REACH = 256
# In characters; with windows of 64 it is the 0.05 a window of `chargen train`.
_BETWEEN_RESETS = _WINDOW / 0.05


@dataclass(frozen=True)
class Parts:
    """train: what networks are trained on. held_out: read once, at the end.

    sweep_train, judging: `train` without its last tenth, and that tenth, which chooses the rates.
    """

    corpus: Corpus
    vocabulary: Vocabulary
    ids: Ids
    train: Spans
    held_out: Spans
    sweep_train: Spans
    judging: Spans

    @classmethod
    def of(cls, corpus: Corpus, seed: int) -> Parts:
        """Cut a corpus. Raises CorpusError where it is too short."""
        if corpus.characters < LEAST_CHARACTERS:
            raise CorpusError(
                f"{corpus.name} holds {corpus.characters:,} characters; a comparison takes"
                f" {LEAST_CHARACTERS:,} or more"
            )
        distinct = len(set(corpus.texts))
        if corpus.lines and distinct < LEAST_LINES:
            raise CorpusError(
                f"{corpus.name} holds {distinct} distinct lines; a comparison by lines"
                f" takes {LEAST_LINES} or more (leave out --lines)"
            )
        vocabulary = Vocabulary.build(corpus.pieces())
        share = min(_HELD_OUT, _MOST_HELD_OUT / corpus.characters)
        final = split(corpus, vocabulary, validation_fraction=share, seed=seed)
        # What is held out of less of the text holds what is held out of more of it.
        wider = split(corpus, vocabulary, validation_fraction=share * (2 - share), seed=seed)
        judging = wider.validation.copy()
        if corpus.lines:
            judging = judging[~np.isin(judging[:, 0], final.validation[:, 0])]
        else:
            judging[:, 1] = np.minimum(judging[:, 1], final.validation[0, 0])
        judging = judging[judging[:, 1] - judging[:, 0] > 1]
        return cls(
            corpus, vocabulary, final.ids, final.train, final.validation, wider.train, judging
        )

    def text(self, spans: Spans) -> str:
        """The characters of spans, each without its first, after which it begins."""
        return "".join(self.vocabulary.decode(self.ids[a + 1 : b]) for a, b in spans.tolist())

    def plan(
        self,
        model: ModelConfig,
        *,
        characters: int,
        learning_rate: float,
        dropout: float,
        seed: int,
        train: Spans | None = None,
        reach: int | None = None,
    ) -> Plan:
        """A run that reads so many characters of `train`, by default all of the training part.

        reach: characters that the gradient goes back; None: a window. Runs of different reach
        read the same long windows, so that nothing else differs.
        """
        spans = self.train if train is None else train
        lanes, window = self.shape(spans, _LONGEST_REACH if reach else _WINDOW)
        training = TrainingConfig(
            budget=Budget("steps", self._steps(characters, spans, lanes, window, seed)),
            batch_size=lanes,
            sequence_length=window,
            learning_rate=learning_rate,
            dropout=dropout,
            seed=seed,
            precision="float32",
            device="cpu",
            threads=training_threads(model, lanes),
            evaluations=0,
            preset="compare",
            reset_probability=min(1.0, window / _BETWEEN_RESETS),
            memory=self.memory,
            divided=False,
            reach=reach,
        )
        nothing_held_out = Split(self.ids, spans, spans[:0])
        asked = Asked(budget=training.budget, **_sizes(model), seed=seed, precision="float32")
        return Plan(self.vocabulary, nothing_held_out, model, training, self._about, asked)

    @property
    def memory(self) -> int | None:
        """What the time scales of the gates begin with: lines have an end that hangs on more."""
        return self.longest if self.corpus.lines else None

    @property
    def longest(self) -> int:
        """The length of the longest line of the training part, at most what a window may hold."""
        return min(LONGEST_LINE, int((self.train[:, 1] - self.train[:, 0]).max()) - 1)

    def shape(self, train: Spans | None = None, window: int = _WINDOW) -> tuple[int, int]:
        """Lanes and length of the windows of a run."""
        spans = self.train if train is None else train
        if self.corpus.lines:
            window = max(_WINDOW, self.longest)
        targets = int((spans[:, 1] - spans[:, 0] - 1).sum())
        return fitting(targets, max(1, _LANES * _WINDOW // window), window, len(self.vocabulary))

    def _steps(self, characters: int, spans: Spans, lanes: int, window: int, seed: int) -> int:
        batches: Batches = (
            LineBatches(self.ids, spans, lanes, window, seed)
            if self.corpus.lines
            else StreamBatches(self.ids, spans, lanes, window, 0.0, seed)
        )
        targets = int((spans[:, 1] - spans[:, 0] - 1).sum())
        return max(1, round(characters / targets * len(batches.epoch(0))))

    @property
    def _about(self) -> Mapping[str, Any]:
        corpus = self.corpus
        return {
            "name": corpus.name,
            "sha256": corpus.sha256,
            "characters": corpus.characters,
            "texts": len(corpus.texts),
            "lines": corpus.lines,
            "held_out_characters": int((self.held_out[:, 1] - self.held_out[:, 0] - 1).sum()),
            "unknown_characters": 0,
        }


def _sizes(model: ModelConfig) -> dict[str, Any]:
    fields = model.to_dict()
    del fields["vocab_size"]
    return fields
