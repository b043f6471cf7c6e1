"""The parts of a text for a comparison, and the training runs on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from chargen.errors import CorpusError
from chargen.evaluation.target_nats import Floats, full_context_nats
from chargen.evaluation.validation import streams
from chargen.generation.context import Reader
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine
from chargen.model.network import Network
from chargen.text.corpus import Corpus, CorpusFacts
from chargen.text.display import plural
from chargen.text.ids import Ids, Spans
from chargen.text.split import Split, split, text_numbers
from chargen.text.vocabulary import Vocabulary
from chargen.training.batches import Batches, fit_batch
from chargen.training.config import TrainingConfig
from chargen.training.options import NONE, Budget, TrainingOptions
from chargen.training.presets import MAX_TEXT_WINDOW
from chargen.training.spec import RunSpec

MIN_CHARACTERS = 2_000
MIN_TEXTS = 20
_HELD_OUT = 0.1
_MAX_HELD_OUT = 500_000
_BATCH_SIZE, _WINDOW = 16, 64
_MAX_BPTT = 256
# In characters; with windows of 64 it equals the 0.05 per window of `chargen train`.
_BETWEEN_RESETS = _WINDOW / 0.05


@dataclass(frozen=True)
class CorpusSplits:
    """The parts of a text.

    final: the part for training and the part that is evaluated once, at the end. sweep_train,
    sweep_validation: the former without its last tenth, and that tenth, on which the learning
    rates are chosen.
    """

    corpus: Corpus
    vocabulary: Vocabulary
    final: Split
    sweep_train: Spans
    sweep_validation: Spans

    @classmethod
    def of(cls, corpus: Corpus, seed: int) -> CorpusSplits:
        """Split a corpus. Raises CorpusError if it is too short."""
        if corpus.characters < MIN_CHARACTERS:
            raise CorpusError(
                f"{corpus.name} has {corpus.characters:,} characters; a comparison needs"
                f" {MIN_CHARACTERS:,} or more"
            )
        kind = corpus.kind
        if kind.separate and (distinct := 1 + int(text_numbers(corpus).max())) < MIN_TEXTS:
            raise CorpusError(
                f"{corpus.name} has {plural(distinct, f'distinct {kind.noun}')}; a comparison of"
                f" separate {kind.noun}s needs {MIN_TEXTS} or more"
            )
        vocabulary = Vocabulary.of_counts(corpus.encoded.counts, boundary=kind.boundary)
        share = min(_HELD_OUT, _MAX_HELD_OUT / corpus.characters)
        final = split(corpus, vocabulary, validation_fraction=share, seed=seed)
        # A larger held-out part contains the smaller one.
        wider = split(corpus, vocabulary, validation_fraction=share * (2 - share), seed=seed)
        validation = wider.validation.copy()
        if kind.separate:
            validation = validation[~np.isin(validation[:, 0], final.validation[:, 0])]
        else:
            validation[:, 1] = np.minimum(validation[:, 1], final.validation[0, 0])
        validation = validation[validation[:, 1] - validation[:, 0] > 1]
        return cls(corpus, vocabulary, final, wider.train, validation)

    @property
    def ids(self) -> Ids:
        """The whole text."""
        return self.final.ids

    @property
    def train(self) -> Spans:
        """The part for training."""
        return self.final.train

    @property
    def held_out(self) -> Spans:
        """The part that is evaluated once."""
        return self.final.validation

    @property
    def training_characters(self) -> int:
        """The number of characters that are predicted in the training part."""
        return count_targets(self.train)

    @property
    def held_out_characters(self) -> int:
        """The number of characters that are predicted in the held-out part."""
        return count_targets(self.held_out)

    @property
    def chrono_max(self) -> int | None:
        """The longest initial time scale: that of a text, since its end depends on its start."""
        return self.longest_text if self.corpus.kind.separate else None

    @property
    def longest_text(self) -> int:
        """The length of the longest training text, at most what a window can hold."""
        return min(MAX_TEXT_WINDOW, int((self.train[:, 1] - self.train[:, 0]).max()) - 1)

    def text(self, spans: Spans) -> str:
        """Return the characters of spans, each without the one before its first target."""
        return "".join(self.vocabulary.decode(self.ids[a + 1 : b]) for a, b in spans.tolist())

    def nats(self, network: Network, spans: Spans) -> Floats:
        """Return the loss of each target of spans, in the order in which the streams are read."""
        cut = streams(spans)
        targets = np.concatenate([np.arange(a + 1, b) for a, b in cut.tolist()])
        return full_context_nats(network, self.ids, cut, targets)

    def reader(self, network: Network) -> Reader:
        """Return a reader of a network for texts like this one."""
        engine = Engine(network.config, network.weights())
        return Reader(engine, self.vocabulary, kind=self.corpus.kind)

    def batch_shape(self, train: Spans | None = None, window: int = _WINDOW) -> tuple[int, int]:
        """Return the batch size and the window length of a run."""
        spans = self.train if train is None else train
        if self.corpus.kind.separate:
            window = max(_WINDOW, self.longest_text)
        batch_size = max(1, _BATCH_SIZE * _WINDOW // window)
        return fit_batch(count_targets(spans), batch_size, window, len(self.vocabulary))

    def run_spec(
        self,
        model: ModelConfig,
        *,
        characters: int,
        learning_rate: float,
        dropout: float,
        seed: int,
        threads: int,
        train: Spans | None = None,
        bptt_length: int | None = None,
    ) -> RunSpec:
        """Return a run that reads a number of characters of `train`, by default the whole part.

        bptt_length: characters through which gradients flow; None: a window. Runs that differ in
        it read the same long windows, so that nothing else differs.
        """
        spans = self.train if train is None else train
        batch_size, window = self.batch_shape(spans, _MAX_BPTT if bptt_length else _WINDOW)
        training = TrainingConfig(
            budget=Budget("steps", self._steps(characters, spans, batch_size, window, seed)),
            batch_size=batch_size,
            sequence_length=window,
            learning_rate=learning_rate,
            dropout=dropout,
            seed=seed,
            precision="float32",
            device="cpu",
            threads=threads,
            evaluations=0,
            preset="compare",
            reset_probability=min(1.0, window / _BETWEEN_RESETS),
            chrono_max=self.chrono_max,
            split_windows=False,
            bptt_length=bptt_length,
        )
        nothing_held_out = replace(self.final, train=spans, validation=spans[:0])
        sizes = asdict(model)
        del sizes["vocab_size"]
        steps = int(training.budget.amount)
        options = TrainingOptions(
            steps=steps, init_from=NONE, **sizes, seed=seed, precision="float32"
        )
        facts = CorpusFacts.of(
            self.corpus, held_out_characters=self.held_out_characters, unknown_characters=0
        )
        return RunSpec(self.vocabulary, nothing_held_out, model, training, facts, options)

    def _steps(self, characters: int, spans: Spans, batch_size: int, window: int, seed: int) -> int:
        batches = Batches(
            self.ids,
            spans,
            batch_size=batch_size,
            sequence_length=window,
            reset_probability=0.0,
            seed=seed,
            separate=self.corpus.kind.separate,
        )
        return max(1, round(characters / count_targets(spans) * len(batches.epoch(0))))


def first_targets(spans: Spans, count: int) -> Spans:
    """Return the spans of the first targets of spans, at most `count` of them."""
    lengths = spans[:, 1] - spans[:, 0] - 1
    read = np.cumsum(lengths)
    first: Spans = spans[read - lengths < count].copy()
    first[-1, 1] -= max(0, int(read[len(first) - 1]) - count)
    return first


def last_targets(spans: Spans, count: int) -> Spans:
    """Return the spans of the last targets of spans, at most `count` of them."""
    lengths = spans[:, 1] - spans[:, 0] - 1
    left = np.cumsum(lengths[::-1])[::-1]
    last: Spans = spans[left - lengths < count].copy()
    last[0, 0] += max(0, int(left[-len(last)]) - count)
    return last


def count_targets(spans: Spans) -> int:
    """Return the number of characters that are predicted in spans."""
    return int((spans[:, 1] - spans[:, 0] - 1).sum())
