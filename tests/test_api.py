"""What `import chargen` offers does what the commands do, and loads nothing before it must."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chargen
from chargen.evaluation.surprisal import surprisals
from chargen.generation.context import Reader
from chargen.generation.settings import Settings
from chargen.model.checkpoint import Checkpoint
from chargen.records import Drawn


@pytest.fixture
def model(tmp_path: Path, make_model: Callable[..., Path]) -> chargen.Model:
    """A small model with weights by chance."""
    return chargen.load(make_model(tmp_path / "model", "to be, or not", hidden_size=8))


def modules_after(program: str, folder: Path) -> set[str]:
    """The modules that a program in a process of its own has loaded."""
    tell = "import json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{tell}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {"numpy", "torch", "tokenizers", "safetensors", "click", "matplotlib", "tqdm"}


def test_importing_loads_nothing_heavy(tmp_path: Path) -> None:
    """Neither numpy nor torch, nor what only the command line needs; the version takes neither."""
    program = "import chargen; dir(chargen); chargen.__version__; chargen.ChargenError"
    assert modules_after(program, tmp_path) & HEAVY == set()


def test_writing_and_scoring_never_load_torch(model: chargen.Model) -> None:
    """All that a model can do is done with numpy."""
    folder = model.checkpoint.folder
    program = (
        f"import chargen; model = chargen.load({str(folder)!r})\n"
        "assert len(model.generate('to', length=20)) == 20; model.samples(2, length=5)\n"
        "model.score('be').perplexity; model.next_characters(); model.choices('t', ['o', 'e'])"
    )
    loaded = modules_after(program, folder.parent)
    assert "numpy" in loaded
    assert loaded & {"torch", "click", "matplotlib", "tqdm"} == set()


def test_everything_that_is_promised_is_there() -> None:
    """Each name of __all__ can be had, dir() knows it, and another name is an AttributeError."""
    for name in chargen.__all__:
        assert getattr(chargen, name).__name__ == name
    assert set(chargen.__all__) <= set(dir(chargen))
    with pytest.raises(AttributeError, match="module 'chargen' has no attribute 'nothing'"):
        _ = chargen.nothing


def test_every_error_is_one_of_ours() -> None:
    """Whoever catches ChargenError catches them all."""
    for name in chargen.__all__:
        if name.endswith("Error"):
            assert issubclass(getattr(chargen, name), chargen.ChargenError)


# Writing


def test_generate_is_what_the_settings_write(model: chargen.Model) -> None:
    """The options mean what they mean on the command line."""
    reader = Reader.of(model.checkpoint)
    options: dict[str, Any] = {
        "length": 50,
        "temperature": 1.2,
        "top_k": 8,
        "top_p": 0.95,
        "min_p": 0.01,
        "threshold": 0.02,
        "repetition_penalty": 1.5,
        "repetition_last": 6,
        "confidence": 0.05,
        "seed": 3,
    }
    records = Settings(**options).write(reader, "to be")
    expected = "".join(record.character for record in records if isinstance(record, Drawn))
    assert model.generate("to be", **options) == expected
    assert "".join(model.stream("to be", **options)) == expected
    assert model.samples(1, "to be", **options) == [expected]


def test_the_defaults_are_those_of_the_command(model: chargen.Model) -> None:
    """200 characters after the start of a text, at a temperature of 0.8, another each time."""
    assert len(model.generate()) == 200
    assert model.generate(seed=1) == model.generate(seed=1, temperature=0.8, length=200)
    # Two of 2**32 seeds are equal once in four thousand million runs.
    assert model.generate() != model.generate()


def test_a_stream_comes_as_it_is_drawn(model: chargen.Model) -> None:
    """An endless one can be read from, and left."""
    endless = model.stream("to", length=None, seed=4)
    assert "".join(islice(endless, 300)) == model.generate("to", length=300, seed=4)


def test_samples_are_texts_of_their_own(model: chargen.Model) -> None:
    """The first is that of `generate`, and a larger number begins with a smaller."""
    three = model.samples(3, "to", length=40, seed=5)
    assert three[0] == model.generate("to", length=40, seed=5)
    assert len(set(three)) == 3
    assert model.samples(2, "to", length=40, seed=5) == three[:2]
    # Without a seed too there is one for all, in more than one batch.
    assert len(set(model.samples(300, length=30, temperature=2.0))) == 300


def test_more_samples_than_a_batch_holds_are_numbered_on(model: chargen.Model) -> None:
    """Sample 299 is sample 299, whichever batch it stands in."""
    reader = Reader.of(model.checkpoint)
    many = model.samples(300, length=10, seed=6)
    assert len(many) == 300
    records = Settings(length=10, seed=6).write(reader, "", first=299)
    assert many[299] == "".join(r.character for r in records if isinstance(r, Drawn))


def test_stop_texts_end_a_text(model: chargen.Model) -> None:
    """One or several, with newlines as a corpus has them."""
    whole = model.generate(length=300, seed=7, temperature=1.5)
    assert whole.count("\n") > 2
    until = whole[: whole.index("\n")]
    for stop in ("\n", "\r\n", ["\r"], ["\n", "never"]):
        text = model.generate(length=300, seed=7, temperature=1.5, stop=stop)
        assert text == until
    assert model.generate(length=300, seed=7, temperature=1.5, until_newline=True) == until


def test_prompts_are_read_as_a_corpus_is(model: chargen.Model) -> None:
    """Windows' newlines and a byte order mark are not characters of their own."""
    for wild, tame in (("to\r\nbe", "to\nbe"), ("\ufeffto", "to"), ("a\rb", "a\nb")):
        assert model.generate(wild, seed=1) == model.generate(tame, seed=1)
        assert model.score("be", wild).nats.tolist() == model.score("be", tame).nats.tolist()
        assert model.score(wild).text == tame
        assert model.next_characters(wild) == model.next_characters(tame)
        assert model.choices(wild, ["a", "t"]) == model.choices(tame, ["a", "t"])


# Reading


def test_a_score_holds_the_surprise_and_what_it_says_in_other_units(model: chargen.Model) -> None:
    """Nats a character, their mean, the same in bits, the perplexity, and the whole text's log."""
    reader = Reader.of(model.checkpoint)
    score = model.score("or not", "to be, ")
    expected = surprisals(reader, "or not", reader.read("to be, "))
    np.testing.assert_array_equal(score.nats, expected)
    mean = math.fsum(expected) / 6
    # Sums of six numbers.
    assert score.nats_per_character == pytest.approx(mean, rel=1e-14)
    assert score.bits_per_character == pytest.approx(mean / math.log(2), rel=1e-14)
    assert score.perplexity == pytest.approx(math.exp(mean), rel=1e-13)
    assert score.log_probability == pytest.approx(-6 * mean, rel=1e-14)


def test_an_empty_text_has_no_mean(model: chargen.Model) -> None:
    """It is certain, and a mean over nothing is no number."""
    score = model.score("")
    assert score.log_probability == 0
    assert math.isnan(score.nats_per_character)
    assert math.isnan(score.perplexity)


def test_the_next_characters_are_those_of_the_reader(model: chargen.Model) -> None:
    """Five unless another number is asked for."""
    reader = Reader.of(model.checkpoint)
    assert model.next_characters("to") == reader.likeliest(reader.read("to"), 5)
    assert len(model.next_characters("to", 3)) == 3


def test_choices_share_what_they_have(model: chargen.Model) -> None:
    """By name, in their order, summing to 1, in proportion to their probabilities."""
    found = model.choices("to be ", ["or", "be", "not"])
    assert list(found) == ["or", "be", "not"]
    assert math.fsum(found.values()) == pytest.approx(1, rel=1e-12)
    chances = [math.exp(model.score(word, "to be ").log_probability) for word in found]
    assert list(found.values()) == pytest.approx([c / math.fsum(chances) for c in chances])


# Training


def test_a_model_is_trained_and_comes_back(tmp_path: Path) -> None:
    """What `train` returns is what `load` finds in the folder, and it knows its text."""
    (tmp_path / "text.txt").write_text("the cat sat on the mat\n" * 40)
    made = chargen.train(
        tmp_path / "text.txt", output=tmp_path / "model", steps=5, hidden_size=8, device="cpu"
    )
    found = chargen.load(str(tmp_path / "model"))
    assert made.generate("the", seed=1) == found.generate("the", seed=1)
    assert repr(found) == f"<chargen model {tmp_path / 'model'}: lstm 1 x 8>"
    other = chargen.train(
        tmp_path / "text.txt",
        output=tmp_path / "other",
        init_from=tmp_path / "model",
        lines=True,
        steps=2,
        device="cpu",
    )
    assert other.checkpoint.lines
    assert other.checkpoint.config.hidden_size == 8


def test_a_trained_model_has_learned(trained: Path) -> None:
    """It expects the text it learned from better than the same letters in disorder."""
    model = chargen.load(trained)
    line = "the cat in the hat sat on the mat"
    assert model.score(line).perplexity < model.score(line[::-1]).perplexity < 1000
    assert model.next_characters("th", 1)[0][0] == "e"


# Mistakes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": -1}, "--temperature must be 0 or more, got -1"),
        ({"top_k": 2.5}, "--top-k must be a whole number"),
        ({"length": -3}, "--length must be a whole number, 0 or more, got -3"),
        ({"length": 2.5}, "--length must be a whole number, got 2.5"),
        ({"length": None}, "length None needs stop, until_newline or confidence (or use stream)"),
        ({"stop": ""}, "--stop must be a text of at least one character"),
        ({"stop": ["x", ""]}, "--stop must be a text of at least one character"),
        ({"seed": 1.5}, "--seed must be a whole number, got 1.5"),
        ({"warmth": 1}, "sampling knows no warmth"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(
    model: chargen.Model, options: dict[str, Any], said: str
) -> None:
    """By `generate` and by `samples`; by `stream` before the first character is asked for."""
    for call in (lambda: model.generate(**options), lambda: model.samples(2, **options)):
        with pytest.raises(chargen.OptionError) as caught:
            call()
        assert str(caught.value).startswith(said)
        assert "\n" not in str(caught.value)
    if options != {"length": None}:
        with pytest.raises(chargen.OptionError):
            model.stream(**options)


def test_a_count_below_1_is_refused(model: chargen.Model) -> None:
    """Neither no samples nor no next characters were meant."""
    for call in (lambda: model.samples(0), lambda: model.next_characters("to", -1)):
        with pytest.raises(
            chargen.OptionError, match=r"^count must be a whole number, 1 or more, got "
        ):
            call()


@pytest.mark.parametrize("choices", [[], ["a"], ["a", "a"], ["a", "b", "a"], ["\r", "\n"]])
def test_choices_that_are_none_are_refused(model: chargen.Model, choices: list[str]) -> None:
    """There must be two, and none twice, also when newlines are written alike."""
    with pytest.raises(chargen.OptionError, match=r"^--choices must be two texts or more"):
        model.choices("to", choices)


def test_a_model_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name, or by where it was looked for."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(chargen.CheckpointError, match=r"^nowhere does not exist"):
        chargen.load("nowhere")
    with pytest.raises(chargen.CheckpointError, match=r"^there is no model under checkpoints/ yet"):
        chargen.load()


def test_without_a_name_the_newest_is_loaded(
    tmp_path: Path, make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest under ./checkpoints, as on the command line."""
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path / "checkpoints" / "one")
    assert chargen.load().checkpoint.folder == Path("checkpoints/one")
    assert isinstance(chargen.load().checkpoint, Checkpoint)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 2, "epochs": 1}, "minutes, epochs and steps are budgets: give one of them"),
        ({"budget": 3}, "train() knows no budget"),
        ({"rate": 3}, "train() knows no rate"),
        ({"preset": "huge"}, "--preset must be one of auto, tiny, small, base, large, got 'huge'"),
        ({"device": "tpu"}, "--device must be one of auto, cpu, cuda, mps, got 'tpu'"),
        ({"cell": "transformer"}, "--cell must be one of "),
        ({"hidden_size": 0}, "--hidden-size must be "),
        ({"init_from": "nowhere"}, "nowhere does not exist"),
        ({"output": "text.txt"}, "text.txt exists"),
    ],
)
def test_a_wrong_choice_of_training_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str
) -> None:
    """Before anything is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("the cat sat on the mat\n" * 40)
    with pytest.raises(chargen.ChargenError) as caught:
        chargen.train("text.txt", **{"steps": 2, **options} if "budget" not in options else options)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_training_on_nothing_is_refused() -> None:
    """A text has to be named, and it has to be there."""
    with pytest.raises(chargen.CorpusError, match=r"^no text was given"):
        chargen.train()
    with pytest.raises(chargen.CorpusError, match=r"^nowhere\.txt does not exist"):
        chargen.train("nowhere.txt")
