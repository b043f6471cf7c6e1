"""Tests of the choice between random weights and those of a trained model."""

import hashlib
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chargen.errors import CheckpointError
from chargen.evaluation.bigram import bigram_nats
from chargen.model.checkpoint import MODEL, Checkpoint
from chargen.model.network import Network
from chargen.text.corpus import Corpus
from chargen.text.ids import Spans
from chargen.text.kind import LINE, STREAM
from chargen.text.split import split
from chargen.text.vocabulary import Vocabulary
from chargen.training import start as start_module
from chargen.training.options import TrainingOptions
from chargen.training.presets import FINE_TUNING, fine_tuning_rate
from chargen.training.spec import RunSpec, make_spec
from chargen.training.start import Start, letter_pair_nats, sample_spans

MakeSpec = Callable[..., RunSpec]


@pytest.fixture
def english(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of the rhymes in the place of the one that chargen contains."""
    monkeypatch.setattr("chargen.training.start.ENGLISH", trained)
    return trained


@pytest.fixture
def spec_of(english: Path) -> MakeSpec:
    """Return a function that makes the specification of a run on a text.

    The network to train from scratch has the sizes of `english`.
    """

    def make(text: str, *, lines: bool = False, **options: Any) -> RunSpec:
        sizes = {"hidden_size": 48, "embedding_size": 16, "num_layers": 1}
        fixed: dict[str, Any] = {"steps": 5, "device": "cpu", "precision": "float32", **sizes}
        chosen = TrainingOptions(**{**fixed, **options})
        return make_spec(Corpus.of([text], name="text", kind=LINE if lines else STREAM), chosen)

    return make


@pytest.fixture(scope="session")
def rhymes(repository: Path) -> str:
    """The text that the model was trained on."""
    return (repository / "corpora" / "rhymes.txt").read_text(encoding="utf-8")


def letters(characters: str, count: int) -> str:
    """Return random letters."""
    draw = random.Random(7)
    return "".join(draw.choice(characters) for _ in range(count))


# The decision


@pytest.mark.parametrize("length", [300, 2_000, 20_000])
def test_a_text_that_the_model_predicts_well_starts_from_it(
    spec_of: MakeSpec, rhymes: str, english: Path, length: int
) -> None:
    """Both figures and the digest of the model are recorded."""
    spec = spec_of(rhymes[:length])
    start = spec.start
    assert start.model == english.name
    assert start.sha256 == hashlib.sha256((english / MODEL).read_bytes()).hexdigest()
    assert start.nats is not None
    assert start.bigram_nats is not None
    assert start.nats < start.bigram_nats
    assert start.reason is None
    model = Checkpoint.load(english)
    assert spec.vocabulary == model.vocabulary
    assert spec.weights is not None
    assert np.array_equal(spec.weights["decoder.weight"], model.weights["decoder.weight"])


@pytest.mark.parametrize(
    "text",
    [
        letters("acgt", 2_000),
        letters("abcdefghijklmnopqrstuvwxyz ", 300),
        letters("abcdefghijklmnopqrstuvwxyz ", 20_000),
        "zq xjk vwy pfgb\n" * 40,
        "ab",
        "abc",
    ],
)
def test_another_text_starts_from_random_weights(spec_of: MakeSpec, text: str) -> None:
    """DNA, random letters, a repeated line, and texts that are too short to compare."""
    spec = spec_of(text)
    assert spec.weights is None
    assert spec.start.model is None
    assert spec.start.sha256 is None
    assert spec.start.reason is None
    assert spec.start.nats is not None
    assert spec.vocabulary == Vocabulary.build([text])


def test_a_text_that_repeats_itself_starts_from_random_weights(
    spec_of: MakeSpec, rhymes: str
) -> None:
    """The model predicts a part of its training text well, but not the repetitions."""
    part = rhymes[:5_000]
    assert spec_of(part).start.model is not None
    spec = spec_of(part * 6)
    assert spec.weights is None
    assert spec.start == Start(reason=spec.start.reason)
    assert re.fullmatch(
        r"the text is repetitive \(0\.[0-9]{2} nats per character when compressed\)",
        spec.start.reason or "",
    )


@pytest.mark.parametrize("length", [60, 500, 20_000])
def test_another_alphabet_starts_from_random_weights(spec_of: MakeSpec, length: int) -> None:
    """Its characters are new and have no related ones, so nothing is measured."""
    start = spec_of(letters("абвгдежзиклмнопрст ", length)).start
    assert start == Start(reason=start.reason)
    assert start.reason is not None
    assert start.reason.endswith("% of the text's characters are new to rhymes")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"cell": "gru"}, "rhymes has cell lstm, not gru"),
        ({"encoder": "one-hot", "embedding_size": None}, "rhymes has encoder embedding, not one-"),
        ({"hidden_size": 47}, "rhymes has hidden size 48, not 47"),
        ({"num_layers": 2}, "rhymes has number of layers 1, not 2"),
        (
            {"preset": "base", "hidden_size": None, "embedding_size": None},
            "rhymes has other sizes than preset base",
        ),
        ({"hidden_size": None}, "rhymes is smaller than a network for a text of this length"),
    ],
)
def test_other_sizes_start_from_random_weights(
    spec_of: MakeSpec, rhymes: str, options: dict[str, Any], reason: str
) -> None:
    """The reason names the size, and the network has the size that was asked for."""
    spec = spec_of(rhymes, **options)
    assert spec.start.reason is not None
    assert spec.start.reason.startswith(reason)
    assert spec.start.model is None
    assert spec.weights is None
    assert spec.model.cell == options.get("cell", "lstm")
    assert spec.model.hidden_size == (options.get("hidden_size", 48) or spec.model.hidden_size)


def test_none_starts_from_random_weights(spec_of: MakeSpec, rhymes: str) -> None:
    """Nothing is measured."""
    spec = spec_of(rhymes, init_from="none")
    assert (spec.start, spec.weights) == (Start(), None)


def test_a_missing_model_is_not_an_error(
    spec_of: MakeSpec, rhymes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package without `english` trains from random weights, and says so."""
    monkeypatch.setattr("chargen.training.start.ENGLISH", tmp_path / "english")
    assert spec_of(rhymes).start == Start(reason="english is not installed")


def test_a_given_model_is_always_used(spec_of: MakeSpec, english: Path) -> None:
    """It is measured, too, and a model that does not exist is refused."""
    spec = spec_of(letters("acgt", 2_000), init_from=str(english))
    assert spec.start.model == english.name
    assert spec.start.nats is not None
    assert spec.start.bigram_nats is not None
    assert spec.start.nats > spec.start.bigram_nats
    assert spec.weights is not None
    with pytest.raises(CheckpointError, match="nowhere"):
        spec_of("abc", init_from="nowhere")


def test_dropout_grows_with_the_epochs_up_to_a_limit(spec_of: MakeSpec, rhymes: str) -> None:
    """One epoch needs none; a hundred epochs from random weights would have 0.5."""
    assert spec_of(rhymes, steps=None, epochs=1).training.dropout == 0
    assert spec_of(rhymes, steps=None, epochs=100).training.dropout == FINE_TUNING.max_dropout


def test_a_run_from_a_model_has_its_own_settings(
    spec_of: MakeSpec, rhymes: str, english: Path
) -> None:
    """Options override them. A text without validation set has no dropout."""
    training = spec_of(rhymes).training
    assert (training.batch_size, training.sequence_length) == (
        FINE_TUNING.batch_size,
        FINE_TUNING.sequence_length,
    )
    assert training.weight_decay == FINE_TUNING.weight_decay
    assert not training.split_windows
    assert spec_of(rhymes[:5_000]).training.dropout == 0
    chosen = spec_of(rhymes, learning_rate=0.5, batch_size=3, sequence_length=7, dropout=0.3)
    training = chosen.training
    assert chosen.start.model == english.name
    assert (training.learning_rate, training.dropout) == (0.5, 0.3)
    assert (training.batch_size, training.sequence_length) == (3, 7)


def test_the_learning_rate_grows_with_the_distance() -> None:
    """It is lowest for a model of the same text. An unmeasured distance counts as far."""
    rates = [fine_tuning_rate(distance, 10**6, memorise=False) for distance in (0, 0.3, 1)]
    assert rates == sorted(rates)
    assert rates[0] < rates[-1] == fine_tuning_rate(None, 10**6, memorise=False)
    assert fine_tuning_rate(1, 2_000, memorise=False) < rates[-1]
    own = Start("model", nats=0.9, bigram_nats=2.3).distance
    other = Start("model", nats=1.6, bigram_nats=2.3).distance
    assert own == 0
    assert other is not None
    assert 0 < other <= 1
    assert Start().distance is None


def test_a_text_to_memorise_has_the_highest_rate() -> None:
    """A model that predicts a text well has not learned it by heart."""
    by_heart = {fine_tuning_rate(distance, 500, memorise=True) for distance in (None, 0, 0.5, 1)}
    assert len(by_heart) == 1
    assert by_heart.pop() > fine_tuning_rate(1, 10**6, memorise=False)


# The measurement


@pytest.mark.parametrize(
    ("lengths", "characters"),
    [([100_000], 4_096), ([7] * 3_000, 4_096), ([3, 100_000, 1, 5_000], 2_048), ([2], 4_096)],
)
def test_a_sample_is_spread_over_the_text(lengths: list[int], characters: int) -> None:
    """Every target is in the sample or in the rest, and every quarter of a text is represented."""
    stops = np.cumsum(np.array(lengths) + 1)
    spans = np.stack([stops - np.array(lengths) - 1, stops], axis=1)
    sample, rest = sample_spans(spans, characters)

    def targets(part: Spans) -> list[int]:
        return [at for a, b in part.tolist() for at in range(a + 1, b)]

    assert sorted(targets(sample) + targets(rest)) == targets(spans)
    total = sum(lengths)
    assert len(targets(sample)) == pytest.approx(min(characters, total), rel=0.15)
    quarters = {at * 4 // int(stops[-1]) for at in targets(sample)}
    assert total < 100 or quarters == set(range(4))


def test_letter_pairs_are_not_counted_in_the_part_that_they_predict() -> None:
    """On random letters, the loss is at least that of equally likely letters."""
    ids = np.random.default_rng(3).integers(1, 27, 2_001).astype(np.uint8)
    spans = np.array([[0, 2_001]])
    own = bigram_nats(ids, spans, spans, 27)
    fair = letter_pair_nats(ids, *sample_spans(spans, 10_000), 27)
    # The pairs of the text itself predict it better than chance, those of another part do not.
    assert own < np.log(26) - 0.1
    assert np.log(26) < fair < np.log(26) + 0.5


def test_letter_pairs_at_the_start_of_lines_are_learned() -> None:
    """Lines of one word are predicted nearly perfectly, from the newline on."""
    corpus = Corpus.of(["\n".join(["emma"] * 400)], kind=LINE)
    vocabulary = Vocabulary.build(corpus.pieces())
    parts = split(corpus, vocabulary, validation_fraction=0, seed=1)
    nats = letter_pair_nats(parts.ids, *sample_spans(parts.train, 500), len(vocabulary))
    # After m follow m and a equally often: ln 2 for two of five characters.
    assert nats == pytest.approx(0.4 * np.log(2), abs=0.02)


def test_too_few_characters_have_no_letter_pairs() -> None:
    """The result is NaN, not an error."""
    ids = np.array([1, 2], np.uint8)
    assert np.isnan(letter_pair_nats(ids, np.array([[0, 2]]), np.empty((0, 2), np.int64), 3))


def test_the_sample_is_measured_with_the_extended_model(
    spec_of: MakeSpec, rhymes: str, english: Path
) -> None:
    """Typographic quotation marks hardly change the loss of a model that knows straight ones."""
    plain = rhymes[:4_000]
    assert '"' in plain
    curly = plain.replace('"', "\u201d")
    losses = [spec_of(text, init_from=str(english)).start.nats for text in (plain, curly)]
    assert None not in losses
    assert losses[1] == pytest.approx(losses[0], abs=0.02)


def test_the_start_is_loaded_into_the_network(spec_of: MakeSpec, rhymes: str) -> None:
    """A network with new characters takes all weights of the specification."""
    spec = spec_of(rhymes[:3_000].replace("e", "é"))
    assert spec.start.model is not None
    assert "é" in spec.vocabulary.characters
    network = Network(spec.model)
    assert spec.weights is not None
    network.load_weights(spec.weights)
    for name, value in network.weights().items():
        assert np.array_equal(value, spec.weights[name])


def test_a_very_long_text_is_sampled_from_evenly_spread_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The number of pieces is bounded, and each lies within a span of the text."""
    monkeypatch.setattr(start_module, "_MAX_PIECES", 20)
    monkeypatch.setattr(start_module, "_PART", 10_000)
    spans = np.array([[0, 50_000], [50_000, 100_001], [100_001, 100_003]])
    sample, rest = sample_spans(spans, 2_000)
    pieces = np.concatenate([sample, rest])
    assert len(pieces) < 40
    assert pieces[:, 0].max() - pieces[:, 0].min() > 90_000
    for start, stop in pieces.tolist():
        assert any(low <= start < stop <= high for low, high in spans.tolist())
