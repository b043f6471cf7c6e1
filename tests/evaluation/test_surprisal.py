"""Tests of surprisal against single steps of the engine."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from chargen.evaluation import surprisal
from chargen.evaluation.surprisal import read, shares
from chargen.evaluation.validation import streams, validation_nats
from chargen.generation.context import Context, Reader
from chargen.generation.generate import generate
from chargen.generation.records import Drawn
from chargen.generation.settings import GenerationSettings
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ENCODERS
from chargen.model.engine import CHUNK
from chargen.model.network import Network
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE
from chargen.text.split import split

# Float32 sums of some twenty terms of about 1, carried through a text, and their softmax.
CLOSE = 5e-5


def reference(reader: Reader, text: str, prompt: str = "") -> list[tuple[float, str, float]]:
    """The nats of each character, and the most likely one in its place with its probability."""
    characters, engine = reader.vocabulary.characters, reader.engine
    found = []
    states = engine.empty_states()
    before = "\n"
    for k, character in enumerate(prompt + text):
        if reader.kind == LINE and before == "\n":
            states = engine.empty_states()
        logits, states = engine.step(reader.vocabulary.encode(before), states)
        powers = [math.exp(float(x)) for x in logits[0]]
        at = max(characters.find(character), 0)  # unknown characters have the id 0
        best = max(range(1, len(powers)), key=powers.__getitem__)
        if k >= len(prompt):
            chance = powers[at] / math.fsum(powers)
            found.append((-math.log(chance), characters[best], powers[best] / math.fsum(powers)))
        before = character
    return found


TEXTS = ["t", "to be, or not", "\n", "\n\n", "to\n\nbe\n", "to be\u660enot\ufffd", "ot eb " * 60]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("prompt", ["", "to ", "be\n", "be\nto"])
@pytest.mark.parametrize("text", TEXTS)
def test_read_matches_single_steps(
    make_reader: Callable[..., Reader], cell: str, lines: bool, prompt: str, text: str
) -> None:
    """Nats and predictions after a prompt, with and without lines, with unknown characters."""
    reader = make_reader(cell=cell, lines=lines)
    expected = reference(reader, text, prompt)
    reading = read(reader, text, reader.read(prompt))
    assert reading.nats.dtype == np.float64
    np.testing.assert_allclose(reading.nats, [nats for nats, _, _ in expected], atol=CLOSE)
    np.testing.assert_allclose(reading.best_probability, [p for _, _, p in expected], atol=CLOSE)
    assert [reader.vocabulary.characters[k] for k in reading.best] == [b for _, b, _ in expected]


def test_default_context_is_start_of_text(
    make_reader: Callable[..., Reader],
) -> None:
    """Without a context the text is read from its start."""
    for lines in (False, True):
        reader = make_reader(lines=lines)
        expected = read(reader, "to be", reader.start).nats
        np.testing.assert_array_equal(read(reader, "to be").nats, expected)


@pytest.mark.parametrize("lines", [False, True])
def test_empty_text(make_reader: Callable[..., Reader], lines: bool) -> None:
    """An empty text has no predictions."""
    reading = read(make_reader(lines=lines), "")
    assert reading.nats.shape == reading.best.shape == reading.best_probability.shape == (0,)


@pytest.mark.parametrize("room", [1, 7, 10, 90, 10 * CHUNK])
def test_result_does_not_depend_on_memory(
    make_reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """The number of logits that fit into memory does not matter."""
    reader = make_reader()
    text = "to be, or not " * 20
    whole = read(reader, text).nats
    monkeypatch.setattr(surprisal, "_LOGITS_AT_ONCE", room)
    np.testing.assert_allclose(read(reader, text).nats, whole, atol=CLOSE)


def test_context_is_not_modified(make_reader: Callable[..., Reader]) -> None:
    """Several texts can continue from one context."""
    reader = make_reader()
    context = reader.read("to be")
    for array in (context.logits, *(part for state in context.states for part in state)):
        array.setflags(write=False)
    first = read(reader, ", or not", context).nats
    np.testing.assert_array_equal(read(reader, ", or not", context).nats, first)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_mean_is_validation_loss(
    tmp_path: Path, make_model: Callable[..., Path], cell: str, encoder: str
) -> None:
    """For one stream, the mean surprisal in numpy equals the validation loss in torch."""
    loaded = Checkpoint.load(make_model(tmp_path / "model", cell=cell, encoder=encoder))
    reader = Reader.of(loaded)
    random = np.random.default_rng(1)
    text = "".join(random.choice(list("to be, rn"), 1_500))
    network = Network(loaded.config)
    network.load_weights(loaded.weights)
    ids = reader.vocabulary.encode("\n" + text)
    loss = validation_nats(network, ids, np.array([[0, len(ids)]]))
    # Two float32 implementations; each character differs by about 1e-6.
    assert read(reader, text).nats.mean() == pytest.approx(loss, abs=1e-5)


def test_mean_is_stored_validation_loss(trained: Path, repository: Path) -> None:
    """The loss of the held-out text, one stream, is the one that training stored."""
    checkpoint = Checkpoint.load(trained)
    reader = Reader.of(checkpoint)
    corpus = Corpus.read([repository / "corpora" / "rhymes.txt"])
    parts = split(corpus, checkpoint.vocabulary, validation_fraction=0.1, seed=1)
    ((start, stop),) = streams(parts.validation).tolist()
    # The first character of a stream is read from an empty state and is not a target.
    first, rest = parts.ids[start : start + 1], parts.ids[start + 1 : stop]
    logits, states = reader.engine.step(first, reader.engine.empty_states())
    text = checkpoint.vocabulary.decode(rest.tolist())
    nats = read(reader, text, Context(states, logits)).nats
    assert nats.mean() == pytest.approx(checkpoint.measured["validation_nats"], abs=1e-5)


# Choices


def test_shares_multiplies_probabilities(
    make_reader: Callable[..., Reader],
) -> None:
    """The probability of a choice is the product over its characters."""
    reader = make_reader()
    words = ["to", "be", "or not", "b"]
    chance, share = shares(reader, reader.read("to be "), words)
    expected = [math.exp(-sum(n for n, _, _ in reference(reader, w, "to be "))) for w in words]
    # A product of up to six probabilities, each with a relative error of CLOSE.
    np.testing.assert_allclose(chance, expected, rtol=6 * CLOSE)
    np.testing.assert_allclose(share, np.array(expected) / math.fsum(expected), rtol=12 * CLOSE)
    assert share.sum() == pytest.approx(1, rel=1e-14)


def test_probabilities_of_all_characters_sum_to_1(make_reader: Callable[..., Reader]) -> None:
    """The choices are all single characters, including the unknown one."""
    reader = make_reader()
    chance, share = shares(reader, reader.start, list(reader.vocabulary.characters))
    assert chance.sum() == pytest.approx(1, rel=1e-12)  # one softmax in float64
    np.testing.assert_allclose(share, chance, rtol=1e-12)


def test_shares_of_long_choices(make_reader: Callable[..., Reader]) -> None:
    """If the probabilities underflow to 0, the shares still sum to 1."""
    reader = make_reader()
    chance, share = shares(reader, reader.start, ["t" * 2_000, "t" * 1_999 + "o"])
    assert chance.tolist() == [0, 0]
    assert share.sum() == pytest.approx(1, rel=1e-12)
    assert (share > 0).all()


def test_generated_text_has_its_log_probabilities(
    make_reader: Callable[..., Reader],
) -> None:
    """The surprisal of a generated text is minus the log-probabilities of `generate`."""
    for lines in (False, True):
        reader = make_reader(lines=lines)
        context = reader.read("to ")
        settings = GenerationSettings(temperature=1, length=300, seed=2)
        records = generate(reader, settings, "to ", past_end=True, log_probabilities=True)
        drawn = [record for record in records if isinstance(record, Drawn)]
        text = "".join(record.character for record in drawn)
        assert "\n" in text
        nats = [-(record.log_probability or 0.0) for record in drawn]
        np.testing.assert_allclose(read(reader, text, context).nats, nats, atol=CLOSE)
