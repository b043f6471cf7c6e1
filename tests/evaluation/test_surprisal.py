"""The surprise at each character is what a loop over single steps says it is."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from chargen.evaluation import surprisal
from chargen.evaluation.surprisal import read, shares, surprisals
from chargen.evaluation.validation import streams, validation_nats
from chargen.generation.context import Context, Reader
from chargen.generation.generate import generate
from chargen.generation.sampler import Sampler
from chargen.generation.stopping import Stopping
from chargen.model.cells import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ENCODERS
from chargen.model.engine import CHUNK
from chargen.model.network import Network
from chargen.records import Drawn
from chargen.text.corpus import Corpus, split

# Float32 sums of some twenty terms of about 1, carried on through a text; and their softmax.
CLOSE = 5e-5


@pytest.fixture
def make_reader(tmp_path: Path, make_model: Callable[..., Path]) -> Callable[..., Reader]:
    """A maker of readers of small models with weights by chance."""

    def make(*, lines: bool = False, **sizes: object) -> Reader:
        name = "-".join(map(str, [lines, *sizes.values()]))
        sizes = {"hidden_size": 8, "num_layers": 2, **sizes}
        reader = Reader.of(Checkpoint.load(make_model(tmp_path / name, **sizes)))
        reader.lines = lines
        return reader

    return make


def by_hand(reader: Reader, text: str, prompt: str = "") -> list[tuple[float, str, float]]:
    """Of each character its nats, the best one in its place, and how probable that is."""
    characters, engine = reader.vocabulary.characters, reader.engine
    found = []
    states = engine.empty_states()
    before = "\n"
    for k, character in enumerate(prompt + text):
        if reader.lines and before == "\n":
            states = engine.empty_states()
        logits, states = engine.step(reader.vocabulary.encode(before), states)
        powers = [math.exp(float(x)) for x in logits[0]]
        at = max(characters.find(character), 0)  # what is not known is the unknown character
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
def test_surprise_is_that_of_a_slow_loop(
    make_reader: Callable[..., Reader], cell: str, lines: bool, prompt: str, text: str
) -> None:
    """After any prompt, over any chunks, of lines or not, unknown characters among them."""
    reader = make_reader(cell=cell, lines=lines)
    expected = by_hand(reader, text, prompt)
    reading = read(reader, text, reader.read(prompt))
    assert reading.nats.dtype == np.float64
    np.testing.assert_allclose(reading.nats, [nats for nats, _, _ in expected], atol=CLOSE)
    np.testing.assert_allclose(reading.best_probability, [p for _, _, p in expected], atol=CLOSE)
    assert [reader.vocabulary.characters[k] for k in reading.best] == [b for _, b, _ in expected]
    np.testing.assert_array_equal(surprisals(reader, text, reader.read(prompt)), reading.nats)


def test_a_text_without_a_context_begins_where_texts_begin(
    make_reader: Callable[..., Reader],
) -> None:
    """No context is the start of a text."""
    for lines in (False, True):
        reader = make_reader(lines=lines)
        expected = surprisals(reader, "to be", reader.start)
        np.testing.assert_array_equal(surprisals(reader, "to be"), expected)


@pytest.mark.parametrize("lines", [False, True])
def test_nothing_surprises_nobody(make_reader: Callable[..., Reader], lines: bool) -> None:
    """An empty text has no characters to be surprised at."""
    reading = read(make_reader(lines=lines), "")
    assert reading.nats.shape == reading.best.shape == reading.best_probability.shape == (0,)


@pytest.mark.parametrize("room", [1, 7, 10, 90, 10 * CHUNK])
def test_a_text_that_is_read_in_parts_is_read_as_a_whole(
    make_reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """However little room there is for logits, the surprise is the same."""
    reader = make_reader()
    text = "to be, or not " * 20
    whole = surprisals(reader, text)
    monkeypatch.setattr(surprisal, "_LOGITS_AT_ONCE", room)
    np.testing.assert_allclose(surprisals(reader, text), whole, atol=CLOSE)


def test_a_context_is_left_as_it_was(make_reader: Callable[..., Reader]) -> None:
    """A context can be gone on from by many texts."""
    reader = make_reader()
    context = reader.read("to be")
    for array in (context.logits, *(part for state in context.states for part in state)):
        array.setflags(write=False)
    first = surprisals(reader, ", or not", context)
    np.testing.assert_array_equal(surprisals(reader, ", or not", context), first)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_mean_is_the_validation_loss(
    tmp_path: Path, make_model: Callable[..., Path], cell: str, encoder: str
) -> None:
    """On one stream numpy's mean surprise and torch's validation loss are the same figure."""
    loaded = Checkpoint.load(make_model(tmp_path / "model", cell=cell, encoder=encoder))
    reader = Reader.of(loaded)
    random = np.random.default_rng(1)
    text = "".join(random.choice(list("to be, rn"), 1_500))
    network = Network(loaded.config)
    network.begin_with(loaded.weights)
    ids = reader.vocabulary.encode("\n" + text)
    loss = validation_nats(network, ids, np.array([[0, len(ids)]]))
    # Two engines in float32, each character off by some 1e-6.
    assert surprisals(reader, text).mean() == pytest.approx(loss, abs=1e-5)


def test_the_mean_of_a_trained_model_is_what_training_measured(
    trained: Path, repository: Path
) -> None:
    """The held-out tail of a text, one stream, has the loss that is stored with the weights."""
    checkpoint = Checkpoint.load(trained)
    reader = Reader.of(checkpoint)
    corpus = Corpus.read([repository / "corpora" / "rhymes.txt"])
    parts = split(corpus, checkpoint.vocabulary, validation_fraction=0.1, seed=1)
    ((start, stop),) = streams(parts.validation).tolist()
    # The first character of a stream is read from an empty state, and is no target.
    first, rest = parts.ids[start : start + 1], parts.ids[start + 1 : stop]
    logits, states = reader.engine.step(first, reader.engine.empty_states())
    text = checkpoint.vocabulary.decode(rest.tolist())
    nats = surprisals(reader, text, Context(states, logits))
    assert nats.mean() == pytest.approx(checkpoint.measured["validation_nats"], abs=1e-5)


# Choices


def test_choices_have_the_probability_of_their_characters(
    make_reader: Callable[..., Reader],
) -> None:
    """A choice is as probable as all of its characters one after the other."""
    reader = make_reader()
    words = ["to", "be", "or not", "b"]
    chance, share = shares(reader, reader.read("to be "), words)
    expected = [math.exp(-sum(n for n, _, _ in by_hand(reader, w, "to be "))) for w in words]
    # A product of up to six probabilities, each off by CLOSE of itself.
    np.testing.assert_allclose(chance, expected, rtol=6 * CLOSE)
    np.testing.assert_allclose(share, np.array(expected) / math.fsum(expected), rtol=12 * CLOSE)
    assert share.sum() == pytest.approx(1, rel=1e-14)


def test_all_characters_are_all_there_is(make_reader: Callable[..., Reader]) -> None:
    """Of single characters, the unknown among them, the probabilities sum to 1."""
    reader = make_reader()
    chance, share = shares(reader, reader.start, list(reader.vocabulary.characters))
    assert chance.sum() == pytest.approx(1, rel=1e-12)  # one softmax in float64
    np.testing.assert_allclose(share, chance, rtol=1e-12)


def test_shares_of_long_choices_are_no_nothing(make_reader: Callable[..., Reader]) -> None:
    """Where the probabilities are too small for any number, the shares still sum to 1."""
    reader = make_reader()
    chance, share = shares(reader, reader.start, ["t" * 2_000, "t" * 1_999 + "o"])
    assert chance.tolist() == [0, 0]
    assert share.sum() == pytest.approx(1, rel=1e-12)
    assert (share > 0).all()


def test_what_was_drawn_is_scored_as_it_was_drawn(make_reader: Callable[..., Reader]) -> None:
    """The log-probabilities that `generate` gives are minus the surprise at what it wrote."""
    for lines in (False, True):
        reader = make_reader(lines=lines)
        context = reader.read("to ")
        records = generate(reader, Sampler([], seed=2), context, Stopping(300), scored=True)
        drawn = [record for record in records if isinstance(record, Drawn)]
        text = "".join(record.character for record in drawn)
        assert "\n" in text
        nats = [-(record.log_probability or 0.0) for record in drawn]
        np.testing.assert_allclose(surprisals(reader, text, context), nats, atol=CLOSE)
