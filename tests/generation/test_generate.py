"""A model writes on from a prompt, one character after the other, until something ends it."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chargen.generation.context import Reader, confidence
from chargen.generation.filters import Temperature
from chargen.generation.generate import characters, generate, random_seed
from chargen.generation.sampler import Sampler
from chargen.generation.stopping import Stopping
from chargen.model.cells import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine, log_softmax
from chargen.records import Drawn, Stopped
from chargen.text.vocabulary import Vocabulary


def greedy() -> Sampler:
    """One that takes the likeliest."""
    return Sampler([Temperature(0)], seed=1)


def ended(
    reader: Reader, prompt: str = "", *, sampler: Sampler | None = None, **stopping: Any
) -> tuple[str, str]:
    """The text of one sample, of a hundred characters if nothing is said, and why it ended."""
    sampler = Sampler([], seed=1) if sampler is None else sampler
    rule = Stopping(**{"length": 100, **stopping})
    *drawn, last = generate(reader, sampler, reader.read(prompt), rule)
    assert isinstance(last, Stopped)
    return "".join(record.character for record in drawn if isinstance(record, Drawn)), last.reason


def written(reader: Reader, prompt: str = "", *, seed: int = 1, **stopping: Any) -> str:
    """The text alone."""
    return ended(reader, prompt, sampler=Sampler([], seed=seed), **stopping)[0]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("prompt", ["", "t", "to be\nor", "\n", "never \u660e seen \ud800"])
def test_writing_is_reading_and_drawing_by_turns(
    make_reader: Callable[..., Reader], cell: str, prompt: str
) -> None:
    """After a newline and the prompt, each character is drawn and then read."""
    reader = make_reader(cell=cell)
    engine, vocabulary = reader.engine, reader.vocabulary
    sampler = Sampler([Temperature(0.9)], seed=4)
    states = engine.empty_states()
    for k in vocabulary.encode("\n" + prompt).tolist():
        logits, states = engine.step(np.array([k]), states)
    expected, log_probabilities = "", []
    for _ in range(100):
        drawn = sampler.draw(logits)
        expected += vocabulary.characters[drawn[0]]
        log_probabilities.append(log_softmax(logits)[0, drawn[0]])
        logits, states = engine.step(drawn, states)
    sampler = Sampler([Temperature(0.9)], seed=4)
    records = list(generate(reader, sampler, reader.read(prompt), Stopping(100), scored=True))
    assert records[-1] == Stopped(0, "length")
    drawns = [record for record in records if isinstance(record, Drawn)]
    assert "".join(record.character for record in drawns) == expected
    # The prompt was read in one piece: its states differ in float32 rounding, and nothing else.
    assert [record.log_probability for record in drawns] == pytest.approx(
        log_probabilities, abs=1e-4
    )
    sampler = Sampler([Temperature(0.9)], seed=4)
    assert "".join(characters(reader, sampler, prompt, length=100)) == expected


def test_log_probabilities_cost_nothing_where_nobody_asked(reader: Reader) -> None:
    """Without `scored` there are none."""
    records = generate(reader, Sampler([], seed=1), reader.start, Stopping(9))
    assert {record.log_probability for record in records if isinstance(record, Drawn)} == {None}


def after_newline() -> Reader:
    """A model without memory: after "\\n" comes "a", after "a" "b", after "b" "c", then "a"."""
    vocabulary = Vocabulary.build(["abc"])
    size = len(vocabulary)
    follower = {"\n": "a", "a": "b", "b": "c", "c": "a", "\ufffd": "c"}
    table = np.zeros((size, size), np.float32)
    for character, following in follower.items():
        table[vocabulary.encode(following)[0], vocabulary.encode(character)[0]] = 20
    config = ModelConfig(size, "feedforward", "one-hot", hidden_size=size)
    weights = {
        "layers.0.weight_ih_l0": np.eye(size, dtype=np.float32),
        "layers.0.bias_ih_l0": np.zeros(size, np.float32),
        "decoder.weight": table,
        "decoder.bias": np.zeros(size, np.float32),
    }
    return Reader(Engine(config, weights), vocabulary)


@pytest.mark.parametrize(
    ("prompt", "text"), [("", "abcab"), ("a", "bcabc"), ("ab", "cabca"), ("\u660e", "cabca")]
)
def test_a_text_begins_after_a_newline_and_goes_on_after_its_prompt(prompt: str, text: str) -> None:
    """An empty prompt is a newline, a prompt is not written again, an unknown character is read."""
    assert ended(after_newline(), prompt, sampler=greedy(), length=5) == (text, "length")


def remembers_a_newline() -> Reader:
    """A model that writes "y" once it has read a newline, anywhere before, and else "n"."""
    vocabulary = Vocabulary.build(["ny"])
    size = len(vocabulary)
    ids = {character: k for k, character in enumerate(vocabulary.characters)}
    config = ModelConfig(size, "rnn", "one-hot", hidden_size=1)
    weights = {
        "layers.0.weight_ih_l0": np.zeros((1, size), np.float32),
        "layers.0.weight_hh_l0": np.full((1, 1), 20, np.float32),
        "layers.0.bias_ih_l0": np.zeros(1, np.float32),
        "layers.0.bias_hh_l0": np.zeros(1, np.float32),
        "decoder.weight": np.zeros((size, 1), np.float32),
        "decoder.bias": np.zeros(size, np.float32),
    }
    weights["layers.0.weight_ih_l0"][0, ids["\n"]] = 20
    weights["decoder.weight"][ids["y"]] = 40
    weights["decoder.bias"][ids["n"]] = 20
    return Reader(Engine(config, weights), vocabulary)


@pytest.mark.parametrize("prompt", ["", "n", "nn", "\n"])
def test_a_newline_is_read_before_every_prompt(prompt: str) -> None:
    """A prompt begins a text as training texts begin: after a newline."""
    reader = remembers_a_newline()
    engine, vocabulary = reader.engine, reader.vocabulary
    without = engine.step(vocabulary.encode("n"), engine.empty_states())[0]
    assert vocabulary.characters[int(without.argmax())] == "n"
    assert ended(reader, prompt, sampler=greedy(), length=3)[0] == "yyy"


@pytest.mark.parametrize("length", [0, 1, 2, 57, 300])
def test_the_length_counts_what_is_written(reader: Reader, length: int) -> None:
    """So many characters come, of the prompt none."""
    text, reason = ended(reader, "to be", length=length)
    assert (len(text), reason) == (length, "length")


def test_without_a_length_there_is_no_end(reader: Reader) -> None:
    """None writes on for as long as somebody reads."""
    endless = characters(reader, Sampler([], seed=1), "", length=None)
    assert "".join(islice(endless, 1_000))[:100] == written(reader)
    assert next(endless) in reader.vocabulary.characters


def test_a_longer_text_begins_with_the_shorter(reader: Reader) -> None:
    """The length only says where to stop."""
    assert written(reader).startswith(written(reader, length=40))


def test_characters_come_one_by_one(reader: Reader) -> None:
    """Nothing is drawn ahead: a sampler stands where the reader stands."""
    sampler = Sampler([], seed=1)
    text = characters(reader, sampler, "", length=100)
    first = [next(text) for _ in range(10)]
    logits = np.zeros((1, len(reader.vocabulary)), np.float32)
    fresh = Sampler([], seed=1)
    for _ in first:
        fresh.draw(logits)
    assert sampler.draw(logits) == fresh.draw(logits)


def test_a_context_may_be_written_on_from_more_than_once(reader: Reader) -> None:
    """Writing leaves what was read as it was."""
    context = reader.read("to be")
    for array in (context.logits, *(part for state in context.states for part in state)):
        array.setflags(write=False)
    texts = [
        list(generate(reader, Sampler([], seed=1, samples=3), context, Stopping(50)))
        for _ in range(2)
    ]
    assert texts[0] == texts[1]


def test_the_seed_decides_the_text(reader: Reader) -> None:
    """The same seed writes the same text, another seed another one."""
    assert written(reader, "to", seed=1) == written(reader, "to", seed=1)
    assert len({written(reader, "to", seed=seed) for seed in range(8)}) == 8


def test_greedy_writing_does_not_depend_on_the_seed(reader: Reader) -> None:
    """At temperature 0 there is one text to each prompt."""
    texts = {
        ended(reader, "to", sampler=Sampler([Temperature(0)], seed=seed), length=80)
        for seed in range(8)
    }
    assert len(texts) == 1


def test_the_unknown_character_is_never_written(
    tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    """A model that is sure of U+FFFD writes something else."""
    loaded = Checkpoint.load(make_model(tmp_path / "model"))
    bias = loaded.weights["decoder.bias"].copy()
    bias[0] = 1000
    engine = Engine(loaded.config, {**loaded.weights, "decoder.bias": bias})
    text = written(Reader(engine, loaded.vocabulary), length=500)
    assert len(text) == 500
    assert "\ufffd" not in text


# Confidence


def confidences(reader: Reader, text: str) -> list[float]:
    """How sure the model is before each character of a text."""
    states = reader.engine.empty_states()
    sure = []
    for k in reader.vocabulary.encode("\n" + text).tolist():
        logits, states = reader.engine.step(np.array([k]), states)
        sure.append(float(confidence(logits)[0]))
    return sure[:-1]


def test_writing_stops_before_the_first_character_that_is_too_uncertain(reader: Reader) -> None:
    """The text is cut exactly where the network's best guess falls below the bound."""
    text = written(reader)
    sure = confidences(reader, text)
    bounds = sorted(sure)[:: len(sure) // 10]
    assert len(set(bounds)) > 5
    for bound in [*bounds, 1.0]:
        stop = next((k for k, value in enumerate(sure) if value < bound), len(text))
        reason = "length" if stop == len(text) else "confidence"
        assert ended(reader, confidence=bound) == (text[:stop], reason)
    assert written(reader, confidence=1.0) == ""


def test_confidence_0_never_stops(reader: Reader) -> None:
    """Without a bound the text has its length."""
    assert len(written(reader, confidence=0.0)) == 100


def test_confidence_is_the_networks_own_at_any_temperature(reader: Reader) -> None:
    """Greedy draws are as sure as the network is, not as sure as the temperature makes them."""
    text = ended(reader, sampler=greedy())[0]
    sure = confidences(reader, text)
    bound = sorted(sure)[50]
    stop = next(k for k, value in enumerate(sure) if value < bound)
    assert ended(reader, sampler=greedy(), confidence=bound) == (text[:stop], "confidence")


# Stop texts


@pytest.mark.parametrize(
    ("stop", "text", "reason"),
    [
        (("c",), "ab", "stop"),
        (("a",), "", "stop"),
        (("bcab",), "a", "stop"),
        (("cabd",), "abcabcabca", "length"),  # held back, and written when it is known better
        (("abcabcabcab",), "abcabcabca", "length"),  # held back to the very end
        (("abcabcabca",), "", "stop"),  # complete with the last character
        (("bca", "ca"), "a", "stop"),
        (("ca", "bca"), "a", "stop"),
    ],
)
def test_a_text_ends_before_its_stop_text(stop: tuple[str, ...], text: str, reason: str) -> None:
    """Of "abcabcabca" there stays what comes before it, none of it and nothing after it."""
    assert ended(after_newline(), sampler=greedy(), length=10, stop=stop) == (text, reason)


def test_what_may_begin_a_stop_text_is_held_back() -> None:
    """A character is written when no stop text can begin with it any more."""
    records = generate(
        after_newline(), sampler := greedy(), after_newline().start, Stopping(stop=("bcb",))
    )
    positions = []
    for record in islice(records, 6):
        assert isinstance(record, Drawn)
        positions.append((record.character, sampler._position))
    # After "bc" comes "a": only then is it sure that the two stay.
    assert positions == [("a", 1), ("b", 4), ("c", 4), ("a", 4), ("b", 7), ("c", 7)]


def test_what_was_held_back_comes_when_the_model_grows_unsure() -> None:
    """An end for want of confidence lets go of the beginning of a stop text."""
    reader = after_newline()
    assert reader.likeliest(reader.read("b"), 1)[0][1] > 0.99
    weights = {"a": 20.0, "b": 0.0}  # after "b" all is equally likely
    table = reader.engine._decoder.copy()
    table[reader.vocabulary.encode("b")[0]] = weights["b"]
    reader.engine._decoder = table
    assert ended(reader, sampler=greedy(), stop=("abc",), confidence=0.5) == ("ab", "confidence")


def test_a_line_ends_before_its_newline(reader: Reader) -> None:
    """With `until_newline` the reason says so, and a stop text that is one says "stop"."""
    whole = written(reader, length=300)
    line = whole[: whole.index("\n")]
    assert ended(reader, length=300, until_newline=True) == (line, "newline")
    assert ended(reader, length=300, stop=("\n",)) == (line, "stop")


# Lines


def test_a_model_of_lines_begins_each_from_nothing(make_reader: Callable[..., Reader]) -> None:
    """What a model of lines writes after a newline is what it writes at the start of a text."""
    lines, other = make_reader(lines=True), make_reader(lines=False)
    start = written(lines)
    assert written(lines, "to be\n") == start
    assert written(other, "to be\n") != start


def test_seeds_from_the_system_are_seeds() -> None:
    """Whoever gave no seed gets one of 32 bits, another each time.

    False alarm: 100 numbers of 32 bits hold one twice about once in 870,000 runs.
    """
    seeds = [random_seed() for _ in range(100)]
    assert all(0 <= seed < 1 << 32 for seed in seeds)
    assert len(set(seeds)) == 100
