"""The start of a run: random weights, or the weights of a trained model that predicts the text.

Shapes: n spans.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from chargen.errors import OptionConflictError
from chargen.evaluation.bigram import bigram_nats
from chargen.evaluation.compression import compressed_nats
from chargen.evaluation.validation import validation_nats
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint, Weights
from chargen.model.config import ModelConfig
from chargen.model.find import PRETRAINED, find, shared_name
from chargen.model.network import Network
from chargen.model.new_characters import extend_weights, related
from chargen.text.corpus import Corpus
from chargen.text.ids import Ids, Spans
from chargen.text.split import Split, split
from chargen.text.vocabulary import Vocabulary
from chargen.training.options import AUTO, NONE, TrainingOptions
from chargen.training.precision import torch_threads

ENGLISH = PRETRAINED / "english"

_SIZES = ("cell", "encoder", "embedding_size", "hidden_size", "num_layers")

# Characters of the sample, of one of its pieces, and of the text that letter pairs are counted in.
_SAMPLE, _PIECE, _COUNTED = 4_096, 512, 65_536
_FOLDS = 8
# If there are more texts or pieces than this, evenly spread ones are used. Pieces are then read in
# parts of this many characters.
_MAX_TEXTS, _MAX_PIECES = 2_000_000, 200_000
_PART = 1_000_000

# `auto` starts from the model if its loss is lower than that of letter pairs by at least this
# many nats, plus three standard errors of a mean with a standard deviation of 1 nat.
_MARGIN = 0.1
# At most this share of the text may be characters that have no related one in the model.
_MAX_UNRELATED = 0.1

# `auto` does not start from the model if the text, compressed, has less than this share of the
# model's loss. Such a text repeats itself, and a smaller network, which makes more updates in the
# same time, learns it sooner (animals, compressed 0.28 nats, a minute on one core: 0.125 nats from
# random weights, 0.277 from `english`, which had 1.32). The share of Tiny Shakespeare is 0.9.
_REPETITIVE = 0.5

# The quotient of a model's loss and that of letter pairs: for its own training text, and for
# English that is unlike the books that `english` was trained on.
_NEAREST, _FARTHEST = 0.45, 0.75


@dataclass(frozen=True)
class Start:
    """Where the initial weights of a run come from, as stored in config.json.

    model: the name of a trained model, without its path; None for random weights.
    sha256: of its model file. nats: the loss per character of this model, or of `english` if it
    was rejected, on a sample of the text; bigram_nats: that of the text's own letter pairs.
    reason: why `english` was rejected, if not for these two losses.
    """

    model: str | None = None
    sha256: str | None = None
    nats: float | None = None
    bigram_nats: float | None = None
    reason: str | None = None

    @property
    def distance(self) -> float | None:
        """How far the model is from the text, 0 to 1; None if it was not measured."""
        if self.nats is None or self.bigram_nats is None:
            return None
        quotient = self.nats / self.bigram_nats
        return min(1.0, max(0.0, (quotient - _NEAREST) / (_FARTHEST - _NEAREST)))


@dataclass(frozen=True)
class InitialModel:
    """A trained model, and a text that is encoded with its vocabulary and the new characters.

    counts: [V], the occurrences of each character in the training set.
    """

    model: Checkpoint
    vocabulary: Vocabulary
    split: Split
    counts: npt.NDArray[np.integer]

    @property
    def config(self) -> ModelConfig:
        """The sizes of the extended model."""
        return replace(self.model.config, vocab_size=len(self.vocabulary))

    @cached_property
    def weights(self) -> Weights:
        """The weights of the extended model."""
        return extend_weights(self.model.config, self.model.weights, self.vocabulary, self.counts)


def find_start(
    corpus: Corpus, options: TrainingOptions, scratch: ModelConfig
) -> tuple[Start, InitialModel | None]:
    """Return the start of a run, and the model that provides its weights; None: random weights.

    scratch: the network that is trained from random weights.
    Raises CheckpointError if the model to start from cannot be loaded, OptionConflictError if an
    option contradicts its sizes.
    """
    if options.init_from == NONE:
        return Start(), None
    if options.init_from != AUTO:
        model = Checkpoint.load(find(options.init_from))
        for name, value, given in _differences(options, model.config):
            theirs = f"is {CELLS[given].noun}" if name == "cell" else f"has {given}"
            raise OptionConflictError(
                f"{{{name}}} {value} does not match the model in {model.folder}, which {theirs}"
                f" (omit {{{name}}})",
                name,
            )
        initial = _fit(model, corpus, options)
        return _measure(initial, shared_name(model.folder)), initial
    if not ENGLISH.exists():
        return Start(reason=f"{ENGLISH.name} is not installed"), None
    model = Checkpoint.load(ENGLISH)
    if reason := _unsuitable(options, model.config, scratch):
        return Start(reason=reason), None
    initial = _fit(model, corpus, options)
    if (share := _unrelated_share(initial)) > _MAX_UNRELATED:
        reason = f"{share:.0%} of the text's characters are new to {ENGLISH.name}"
        return Start(reason=reason), None
    start = _measure(initial, ENGLISH.name)
    if not _is_clearly_better(start, initial.split.train_characters):
        return replace(start, model=None, sha256=None), None
    if (nats := compressed_nats(corpus)) < _REPETITIVE * (start.nats or 0.0):
        return Start(
            reason=f"the text is repetitive ({nats:.2f} nats per character when compressed)"
        ), None
    return start, initial


def _differences(options: TrainingOptions, model: ModelConfig) -> Iterator[tuple[str, Any, Any]]:
    """Yield each option that contradicts a model: its name, its value and that of the model."""
    for name in _SIZES:
        value, given = getattr(options, name), getattr(model, name)
        if value not in (None, given):
            yield name, value, given


def _unsuitable(options: TrainingOptions, english: ModelConfig, scratch: ModelConfig) -> str | None:
    """Return why `english` does not suit the options or the length of the text, if it does not.

    A preset that the user chose determines the sizes. For a text of many millions of characters,
    the automatic preset has a larger network, which learns more from it.
    """
    name = ENGLISH.name
    for size, value, given in _differences(options, english):
        label = size.replace("num_", "number of ").replace("_", " ")
        return f"{name} has {label} {given}, not {value}"
    if options.preset != AUTO and replace(scratch, vocab_size=english.vocab_size) != english:
        return f"{name} has other sizes than preset {options.preset}"
    if scratch.num_layers * scratch.hidden_size**2 > english.num_layers * english.hidden_size**2:
        return f"{name} is smaller than a network for a text of this length"
    return None


def _fit(model: Checkpoint, corpus: Corpus, options: TrainingOptions) -> InitialModel:
    """Extend a model by the new characters of a text, and split the text.

    Characters of the model that the text lacks are kept: a prompt can contain them.
    """
    vocabulary = model.vocabulary.extended(
        corpus.encoded.counts, min_count=options.min_count, boundary=corpus.kind.boundary
    )
    parts = split(
        corpus, vocabulary, validation_fraction=options.validation_fraction, seed=options.seed
    )
    return InitialModel(model, vocabulary, parts, parts.train_counts())


def _unrelated_share(initial: InitialModel) -> float:
    """Return the share of a text in characters that are new and have no related one."""
    known = set(initial.model.vocabulary.characters)
    new = range(len(known), len(initial.vocabulary))
    if initial.counts[new].sum() <= _MAX_UNRELATED * initial.counts.sum():
        return 0.0
    characters = initial.vocabulary.characters
    unrelated = [k for k in new if related(characters[k], known) is None]
    return float(initial.counts[unrelated].sum() / initial.counts.sum())


def _measure(initial: InitialModel, name: str) -> Start:
    """Compare a model with letter pairs on a sample of the training set."""
    ids, vocab_size = initial.split.ids, len(initial.vocabulary)
    sample, rest = sample_spans(initial.split.train, _SAMPLE)
    counted, _ = sample_spans(rest, _COUNTED)
    network = Network(initial.config)
    network.load_weights(initial.weights)
    bigram = letter_pair_nats(ids, sample, counted, vocab_size)
    with torch_threads(1):  # several hardly help, and on a busy machine they wait for one another
        nats = validation_nats(network, ids, sample)
    return Start(
        model=name,
        sha256=initial.model.sha256,
        nats=round(nats, 4),
        bigram_nats=None if math.isnan(bigram) else round(bigram, 4),
    )


def _is_clearly_better(start: Start, train_characters: int) -> bool:
    if start.nats is None or start.bigram_nats is None:
        return False
    margin = _MARGIN + 3 / math.sqrt(min(_SAMPLE, train_characters))
    return start.nats + margin < start.bigram_nats


def sample_spans(spans: Spans, characters: int, piece_length: int = _PIECE) -> tuple[Spans, Spans]:
    """Split spans into evenly spread pieces of about `characters` in total, and the rest.

    Both are spans [n, 2]. Every target is in exactly one piece, of at most `piece_length` targets;
    of a very long text, only evenly spread parts are used.
    """
    spans = _thinned(spans, piece_length)
    lengths = spans[:, 1] - spans[:, 0] - 1
    counts = np.maximum(1, -(-lengths // piece_length))
    text = np.repeat(np.arange(len(spans)), counts)
    piece = np.arange(len(text)) - np.repeat(np.cumsum(counts) - counts, counts)
    cuts = [spans[text, 0] + lengths[text] * (piece + k) // counts[text] for k in (0, 1)]
    pieces = np.stack([cuts[0], cuts[1] + 1], axis=1)
    wanted = min(len(pieces), round(characters * len(pieces) / max(1, lengths.sum())))
    chosen = np.zeros(len(pieces), bool)
    chosen[(np.arange(wanted) * 2 + 1) * len(pieces) // (2 * max(1, wanted))] = True
    return pieces[chosen], pieces[~chosen]


def _thinned(spans: Spans, piece_length: int) -> Spans:
    """Return evenly spread parts of spans if they have very many pieces."""
    spans = spans[:: max(1, -(-len(spans) // _MAX_TEXTS))]
    lengths = spans[:, 1] - spans[:, 0] - 1
    share = _MAX_PIECES * piece_length / max(1, int(lengths.sum()))
    if share >= 1:
        return spans
    counts = np.maximum(1, -(-lengths // _PART))
    text = np.repeat(np.arange(len(spans)), counts)
    part = np.arange(len(text)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = spans[text, 0] + lengths[text] * part // counts[text]
    kept = np.ceil(lengths[text] / counts[text] * share).astype(np.int64)
    return np.stack([starts, np.minimum(starts + 1 + kept, spans[text, 1])], axis=1)


def letter_pair_nats(ids: Ids, sample: Spans, rest: Spans, vocab_size: int) -> float:
    """Return the loss of the text's own letter pairs on a sample, in nats per character.

    Each eighth of the sample is predicted from the pairs in the rest and in the other eighths.
    Therefore the sample can contain the whole text, if it is short. Returns NaN if there are too
    few characters.
    """
    lengths = sample[:, 1] - sample[:, 0] - 1
    part = np.arange(_FOLDS)
    starts = sample[:, :1] + lengths[:, None] * part // _FOLDS
    stops = sample[:, :1] + lengths[:, None] * (part + 1) // _FOLDS + 1
    parts = np.stack([starts, stops], axis=2)
    # The parts of a span belong to different folds. Otherwise a fold would have all beginnings of
    # lines, whose first pairs occur nowhere else.
    fold = (np.arange(len(sample))[:, None] + part) % _FOLDS
    total = 0.0
    for k in range(_FOLDS):
        held_out = parts[fold == k]
        if count := int((held_out[:, 1] - held_out[:, 0] - 1).sum()):
            others = np.concatenate([rest, parts[fold != k]])
            total += count * bigram_nats(ids, others, held_out, vocab_size)
    return total / max(1, int(lengths.sum()))
