"""A model writes on from a prompt, one character after the other."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from chargen.generation.filters import Temperature
from chargen.generation.generate import generate, random_seed
from chargen.generation.sampler import Sampler, confidence
from chargen.model.cells import CELLS
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine
from chargen.text.vocabulary import Vocabulary

Model = tuple[Engine, Vocabulary]


@pytest.fixture
def model(tmp_path: Path, make_model: Callable[..., Path]) -> Model:
    """A small model with weights by chance, which writes nonsense of many kinds."""
    loaded = Checkpoint.load(make_model(tmp_path / "model", hidden_size=8, num_layers=2))
    return Engine(loaded.config, loaded.weights), loaded.vocabulary


def written(model: Model, prompt: str = "", *, seed: int = 1, least_confidence: float = 0.0) -> str:
    """A hundred characters, or fewer where it stops itself."""
    sampler = Sampler([], seed=seed)
    return "".join(generate(*model, sampler, prompt, length=100, least_confidence=least_confidence))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("prompt", ["", "t", "to be\nor", "\n", "never \u660e seen \ud800"])
def test_writing_is_reading_and_drawing_by_turns(
    tmp_path: Path, make_model: Callable[..., Path], cell: str, prompt: str
) -> None:
    """After a newline and the prompt, each character is drawn and then read."""
    loaded = Checkpoint.load(make_model(tmp_path / "model", cell=cell))
    engine, vocabulary = Engine(loaded.config, loaded.weights), loaded.vocabulary
    sampler = Sampler([Temperature(0.9)], seed=4)
    states = engine.empty_states()
    for k in vocabulary.encode("\n" + prompt).tolist():
        logits, states = engine.step(np.array([k]), states)
    expected = ""
    for _ in range(100):
        drawn = sampler.draw(logits)
        expected += vocabulary.characters[drawn[0]]
        logits, states = engine.step(drawn, states)
    sampler = Sampler([Temperature(0.9)], seed=4)
    assert "".join(generate(engine, vocabulary, sampler, prompt, length=100)) == expected


def after_newline() -> Model:
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
    return Engine(config, weights), vocabulary


@pytest.mark.parametrize(
    ("prompt", "text"), [("", "abcab"), ("a", "bcabc"), ("ab", "cabca"), ("\u660e", "cabca")]
)
def test_a_text_begins_after_a_newline_and_goes_on_after_its_prompt(prompt: str, text: str) -> None:
    """An empty prompt is a newline, a prompt is not written again, an unknown character is read."""
    sampler = Sampler([Temperature(0)], seed=1)
    assert "".join(generate(*after_newline(), sampler, prompt, length=5)) == text


def remembers_a_newline() -> Model:
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
    return Engine(config, weights), vocabulary


@pytest.mark.parametrize("prompt", ["", "n", "nn", "\n"])
def test_a_newline_is_read_before_every_prompt(prompt: str) -> None:
    """A prompt begins a text as training texts begin: after a newline."""
    engine, vocabulary = remembers_a_newline()
    without = engine.step(vocabulary.encode("n"), engine.empty_states())[0]
    assert vocabulary.characters[int(without.argmax())] == "n"
    greedy = Sampler([Temperature(0)], seed=1)
    assert "".join(generate(engine, vocabulary, greedy, prompt, length=3)) == "yyy"


@pytest.mark.parametrize("length", [0, 1, 2, 57, 300])
def test_the_length_counts_what_is_written(model: Model, length: int) -> None:
    """So many characters come, of the prompt none."""
    pieces = list(generate(*model, Sampler([], seed=1), "to be", length=length))
    assert len(pieces) == length
    assert all(len(piece) == 1 for piece in pieces)


def test_without_a_length_there_is_no_end(model: Model) -> None:
    """None writes on for as long as somebody reads."""
    endless = generate(*model, Sampler([], seed=1), length=None)
    assert "".join(islice(endless, 1_000))[:100] == written(model)
    assert next(endless) in model[1].characters


def test_a_longer_text_begins_with_the_shorter(model: Model) -> None:
    """The length only says where to stop."""
    short = "".join(generate(*model, Sampler([], seed=1), length=40))
    assert written(model).startswith(short)


def test_characters_come_one_by_one(model: Model) -> None:
    """Nothing is drawn ahead: a sampler stands where the reader stands."""
    sampler = Sampler([], seed=1)
    text = generate(*model, sampler, length=100)
    first = [next(text) for _ in range(10)]
    logits = np.zeros((1, len(model[1])), np.float32)
    fresh = Sampler([], seed=1)
    for _ in first:
        fresh.draw(logits)
    assert sampler.draw(logits) == fresh.draw(logits)


def test_the_seed_decides_the_text(model: Model) -> None:
    """The same seed writes the same text, another seed another one."""
    assert written(model, "to", seed=1) == written(model, "to", seed=1)
    assert len({written(model, "to", seed=seed) for seed in range(8)}) == 8


def test_greedy_writing_does_not_depend_on_the_seed(model: Model) -> None:
    """At temperature 0 there is one text to each prompt."""
    texts = {
        "".join(generate(*model, Sampler([Temperature(0)], seed=seed), "to", length=80))
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
    text = "".join(generate(engine, loaded.vocabulary, Sampler([], seed=1), length=500))
    assert "\ufffd" not in text


def confidences(model: Model, text: str) -> list[float]:
    """How sure the model is before each character of a text."""
    engine, vocabulary = model
    states = engine.empty_states()
    sure = []
    for k in vocabulary.encode("\n" + text).tolist():
        logits, states = engine.step(np.array([k]), states)
        sure.append(float(confidence(logits)[0]))
    return sure[:-1]


def test_writing_stops_before_the_first_character_that_is_too_uncertain(model: Model) -> None:
    """The text is cut exactly where the network's best guess falls below the bound."""
    text = written(model)
    sure = confidences(model, text)
    bounds = sorted(sure)[:: len(sure) // 10]
    assert len(set(bounds)) > 5
    for bound in [*bounds, 1.0]:
        stop = next((k for k, value in enumerate(sure) if value < bound), len(text))
        assert written(model, least_confidence=bound) == text[:stop]
    assert written(model, least_confidence=1.0) == ""


def test_confidence_0_never_stops(model: Model) -> None:
    """Without a bound the text has its length."""
    assert len(written(model, least_confidence=0.0)) == 100


def test_confidence_is_the_networks_own_at_any_temperature(model: Model) -> None:
    """Greedy draws are as sure as the network is, not as sure as the temperature makes them."""
    greedy = Sampler([Temperature(0)], seed=1)
    text = "".join(generate(*model, greedy, length=100))
    sure = confidences(model, text)
    bound = sorted(sure)[50]
    stop = next(k for k, value in enumerate(sure) if value < bound)
    greedy = Sampler([Temperature(0)], seed=1)
    cut = "".join(generate(*model, greedy, length=100, least_confidence=bound))
    assert cut == text[:stop]


def test_seeds_from_the_system_are_seeds() -> None:
    """Whoever gave no seed gets one of 32 bits, another each time.

    False alarm: 100 numbers of 32 bits hold one twice about once in 870,000 runs.
    """
    seeds = [random_seed() for _ in range(100)]
    assert all(0 <= seed < 1 << 32 for seed in seeds)
    assert len(set(seeds)) == 100


def test_a_model_of_lines_begins_each_from_nothing() -> None:
    """What a model of lines writes after a newline is what it writes at the start of a text."""
    vocabulary = Vocabulary.build(["ab\n"])
    config = ModelConfig(len(vocabulary), embedding_size=3, hidden_size=8)
    random = np.random.default_rng(5)
    weights = {
        name: 2 * random.standard_normal(shape, np.float32)
        for name, shape in config.shapes().items()
    }
    engine = Engine(config, weights)

    def written(prompt: str, *, lines: bool) -> str:
        sampler = Sampler([Temperature(1)], seed=0)
        return "".join(generate(engine, vocabulary, sampler, prompt, length=60, lines=lines))

    start = written("", lines=True)
    assert written("abba\n", lines=True) == start
    assert written("abba\n", lines=False) != start
