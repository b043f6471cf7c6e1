"""Tests of the Python API: it matches the commands and imports large libraries only when needed."""

import inspect
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chargen
from chargen.evaluation.surprisal import read
from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.settings import GenerationSettings
from chargen.options import options_of
from chargen.text.kind import LINE


@pytest.fixture
def model(tmp_path: Path, make_model: Callable[..., Path]) -> chargen.Model:
    """A small model with random weights."""
    return chargen.load(make_model(tmp_path / "model", "to be, or not", hidden_size=8))


def imported_by(program: str, folder: Path) -> set[str]:
    """Return the modules that a program imports in a separate process."""
    report = "import json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{report}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


LARGE = {"numpy", "torch", "tokenizers", "safetensors", "click", "matplotlib", "tqdm"}


def test_import_loads_no_large_library(tmp_path: Path) -> None:
    """`import chargen`, `dir`, the version and the errors import neither numpy nor torch."""
    program = "import chargen; dir(chargen); chargen.__version__; chargen.ChargenError"
    assert imported_by(program, tmp_path) & LARGE == set()


def test_models_run_without_torch(model: chargen.Model) -> None:
    """A model generates and scores text with numpy only."""
    folder = model.checkpoint.folder
    program = (
        f"import chargen; model = chargen.load({str(folder)!r})\n"
        "assert len(model.generate('to', length=20)) == 20; model.samples(2, length=5)\n"
        "model.score('be').perplexity; model.next_characters(); model.choices('t', ['o', 'e'])\n"
        "model.inspect('to').arrays()"
    )
    imported = imported_by(program, folder.parent)
    assert "numpy" in imported
    assert imported & {"torch", "click", "matplotlib", "tqdm"} == set()


def test_all_public_names_exist() -> None:
    """Each name of `__all__` is available and in `dir()`, and every error is a ChargenError."""
    for name in chargen.__all__:
        public = getattr(chargen, name)
        assert public.__name__ == name
        assert not name.endswith("Error") or issubclass(public, chargen.ChargenError)
    assert set(chargen.__all__) <= set(dir(chargen))
    with pytest.raises(AttributeError, match="module 'chargen' has no attribute 'nothing'"):
        _ = chargen.nothing


def test_a_text_is_inspected(model: chargen.Model) -> None:
    """The trace ends with the last prediction; units are shown, and gates held by name."""
    trace = model.inspect("to\r\nbe")
    assert trace.text == "to\nbe"
    likely, expected = trace.next_characters(-1), model.next_characters("to\nbe")
    # Rounding of float32 sums.
    assert [p for _, p in likely] == pytest.approx([p for _, p in expected], abs=1e-5)
    assert (
        model.inspect("to", unit=3).shown["c"] == model.inspect("to").layers[0]["c"][:, 3]
    ).all()
    shut = model.inspect("to be", close="forget", start=2, layer=0)
    assert (shut.layers[0]["kept"][2:] == 0).all()
    opened = model.inspect("to be", close=["forget"], open=("learn", "use"))
    assert (opened.layers[0]["o"] == 1).all()


@pytest.mark.parametrize(
    ("prompt", "settings", "message"),
    [
        ("", {}, "prompt must be a text of at least one character, got ''"),
        (7, {}, "prompt must be a string, got 7"),
        ("to", {"close": "reset"}, "close must be a gate of this model, got 'reset'"),
        (
            "to",
            {"unit": 999},
            "unit must be a whole number between 0 and .* with this model, got 999",
        ),
        ("to", {"gate": "f"}, "unknown option gate"),
    ],
)
def test_wrong_inspections_are_refused(
    model: chargen.Model, prompt: Any, settings: dict[str, Any], message: str
) -> None:
    """The message names the keyword."""
    with pytest.raises(chargen.OptionError, match=message):
        model.inspect(prompt, **settings)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (chargen.Model.generate, chargen.GenerationSettings),
        (chargen.Model.stream, chargen.GenerationSettings),
        (chargen.Model.samples, chargen.GenerationSettings),
        (chargen.Model.inspect, chargen.InspectionSettings),
        (chargen.train, chargen.TrainingOptions),
    ],
)
def test_help_lists_the_keywords(function: Callable[..., Any], options: type) -> None:
    """`help` shows a line for each option, in the notation of Python."""
    text = inspect.getdoc(function) or ""
    names = re.findall(r"^ {4}(\w+): .", text, re.MULTILINE)
    assert {*names, "init_from"} == {*options_of(options), "init_from"}
    assert "--" not in text.replace("--resume", "")


# Generation


def test_all_generation_settings_are_keywords(model: chargen.Model) -> None:
    """`generate`, `stream` and `samples` use the given settings."""
    values: dict[str, Any] = {
        "length": np.int64(50),
        "temperature": np.float32(1.25),
        "top_k": 8,
        "top_p": 0.95,
        "min_p": 0.01,
        "threshold": 0.02,
        "repetition_penalty": 1.5,
        "repetition_last": 6,
        "confidence": 0.05,
        "stop": ("zzz",),
        "include_stop": True,
        "until_newline": False,
        "max_lines": 9,
        "max_sentences": 8,
        "max_paragraphs": 7,
        "seed": 3,
    }
    assert set(values) == {field.name for field in fields(GenerationSettings)}
    reader = Reader.of(model.checkpoint)
    expected = generate_texts(reader, GenerationSettings(**values), "to be", num_samples=3)
    assert model.samples(np.int64(3), "to be", **values) == expected  # type: ignore[arg-type]
    assert model.generate("to be", **values) == expected[0]
    assert "".join(model.stream("to be", **values)) == expected[0]
    assert len(set(expected)) == 3


def test_the_defaults_are_those_of_the_settings(model: chargen.Model) -> None:
    """By default, 200 characters are generated at temperature 0.8, with a random seed."""
    assert len(model.generate()) == 200
    assert model.generate(seed=1) == model.generate(seed=1, temperature=0.8, length=200)
    # The probability that two random seeds are equal is 2e-10.
    assert model.generate() != model.generate()


def test_a_stream_can_be_unlimited(model: chargen.Model) -> None:
    """Characters are yielded as they are drawn."""
    endless = model.stream("to", length=None, seed=4)
    assert "".join(islice(endless, 300)) == model.generate("to", length=300, seed=4)


@pytest.mark.parametrize(
    "stop", [{"stop": "\n"}, {"stop": "\r\n"}, {"stop": ["\r"]}, {"stop": ["\n", "never"]}, {}]
)
def test_stop_is_a_text_or_several(model: chargen.Model, stop: dict[str, Any]) -> None:
    """A text ends before the first stop text; Windows newlines are newlines."""
    whole = model.generate(length=300, seed=7, temperature=1.5)
    assert whole.count("\n") > 2
    options = stop or {"until_newline": True}
    found = model.generate(length=300, seed=7, temperature=1.5, **options)
    assert found == whole[: whole.index("\n")]


def test_a_maximum_replaces_the_default_length(model: chargen.Model) -> None:
    """Without a length, lines are complete even if they have more than 200 characters."""
    text = model.generate("to", max_lines=40, seed=1)
    assert text.count("\n") == 39
    assert len(text) > 200
    assert model.generate("to", length=None, max_lines=40, seed=1) == text


@pytest.mark.parametrize(
    ("prompt", "normalised"), [("to\r\nbe", "to\nbe"), ("\ufeffto", "to"), ("a\rb", "a\nb")]
)
def test_texts_are_normalised(model: chargen.Model, prompt: str, normalised: str) -> None:
    """Windows newlines and a byte order mark are treated as in a corpus."""
    assert model.generate(prompt, seed=1) == model.generate(normalised, seed=1)
    expected = model.score("be", normalised).nats.tolist()
    assert model.score("be", prompt).nats.tolist() == expected
    assert model.score(prompt).text == normalised
    assert model.next_characters(prompt) == model.next_characters(normalised)
    assert model.choices(prompt, ["a", "t"]) == model.choices(normalised, ["a", "t"])


# Scores


def test_a_score_in_all_units(model: chargen.Model) -> None:
    """Nats, bits, perplexity and the log-probability describe the same loss."""
    reader = Reader.of(model.checkpoint)
    score = model.score("or not", "to be, ")
    expected = read(reader, "or not", reader.read("to be, ")).nats
    np.testing.assert_array_equal(score.nats, expected)
    mean = math.fsum(expected) / 6
    # Sums of six numbers.
    assert score.nats_per_character == pytest.approx(mean, rel=1e-14)
    assert score.bits_per_character == pytest.approx(mean / math.log(2), rel=1e-14)
    assert score.perplexity == pytest.approx(math.exp(mean), rel=1e-13)
    assert score.log_probability == pytest.approx(-6 * mean, rel=1e-14)


def test_the_score_of_an_empty_text(model: chargen.Model) -> None:
    """An empty text has probability 1 and no mean."""
    score = model.score("")
    assert score.log_probability == 0
    assert math.isnan(score.nats_per_character)
    assert math.isnan(score.perplexity)


def test_next_characters(model: chargen.Model) -> None:
    """Five characters are returned by default."""
    reader = Reader.of(model.checkpoint)
    assert model.next_characters("to") == reader.next_characters(reader.read("to"), 5)
    assert len(model.next_characters("to", 3)) == 3


def test_choices_sum_to_1(model: chargen.Model) -> None:
    """Choices are in the order given, in proportion to their probabilities."""
    found = model.choices("to be ", ["or", "be", "not"])
    assert list(found) == ["or", "be", "not"]
    assert math.fsum(found.values()) == pytest.approx(1, rel=1e-12)
    probabilities = [math.exp(model.score(word, "to be ").log_probability) for word in found]
    expected = [each / math.fsum(probabilities) for each in probabilities]
    assert list(found.values()) == pytest.approx(expected)


# Training


def test_train_returns_the_saved_model(tmp_path: Path) -> None:
    """`train` returns the model that it saved, and can start from another model."""
    (tmp_path / "text.txt").write_text("the cat sat on the mat\n" * 40)
    model = chargen.train(
        tmp_path / "text.txt",
        output=tmp_path / "model",
        steps=np.int64(5),
        hidden_size=np.int64(8),
        learning_rate=np.float32(0.01),
        device="cpu",
    )
    loaded = chargen.load(str(tmp_path / "model"))
    assert model.generate("the", seed=1) == loaded.generate("the", seed=1)
    assert repr(loaded) == f"<chargen model {tmp_path / 'model'}: lstm 1 x 8>"
    other = chargen.train(
        tmp_path / "text.txt",
        output=tmp_path / "other",
        init_from=tmp_path / "model",
        lines=True,
        steps=2,
        device="cpu",
    )
    assert other.checkpoint.kind == LINE
    assert other.checkpoint.config.hidden_size == 8


def test_a_model_of_documents(tmp_path: Path) -> None:
    """Its texts end; without an end, they have at most twice the length of the longest."""
    (tmp_path / "poems.txt").write_text("\n---\n".join(["ab\ncd", "b" * 150] * 9))
    sizes: dict[str, Any] = {"steps": 4, "hidden_size": 8, "device": "cpu", "init_from": "none"}
    model = chargen.train(tmp_path / "poems.txt", output=tmp_path / "m", separator="---", **sizes)
    assert model.checkpoint.kind.separator == "---"
    texts = model.samples(20, temperature=2.0, seed=1)
    assert max(map(len, texts)) <= 300
    assert len(set(map(len, texts))) > 3
    assert not any("\x1e" in text for text in texts)
    assert "".join(model.stream(length=None, temperature=2.0, seed=1)) == texts[0]
    with pytest.raises(chargen.OptionError, match="separator '%'"):
        chargen.train(tmp_path / "poems.txt", output=tmp_path / "n", separator="%", **sizes)
    (tmp_path / "m.csv").write_text("id,text\n" + "1,abab\n" * 5)
    cells = chargen.train(tmp_path / "m.csv", output=tmp_path / "c", column=2, **sizes)
    assert cells.checkpoint.kind.column == "2"


def test_a_trained_model_has_learned(trained: Path) -> None:
    """A model predicts its training text better than the same characters in reverse order."""
    model = chargen.load(trained)
    line = "the cat in the hat sat on the mat"
    assert model.score(line).perplexity < model.score(line[::-1]).perplexity < 1000
    assert model.next_characters("th", 1)[0][0] == "e"


# Errors


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": -1}, "temperature must be a number, 0 or more, got -1"),
        ({"top_k": 2.5}, "top_k must be a whole number, 0 or more, got 2.5"),
        ({"length": -3}, "length must be a whole number, 0 or more, got -3"),
        ({"stop": ""}, "stop must be a string of at least one character, got ''"),
        ({"stop": ["x", ""]}, "stop must be a string of at least one character, got ''"),
        ({"stop": 3}, "stop must be a string, got 3"),
        ({"stop": None}, "stop must be a string, got None"),
        ({"prompt": b"the"}, "prompt must be a string, got b'the'"),
        ({"max_lines": -1}, "max_lines must be a whole number between 0 and 1,000,000, got -1"),
        (
            {"max_lines": 2, "until_newline": True},
            "until_newline and max_lines are mutually exclusive",
        ),
        ({"include_stop": True}, "include_stop has no effect without stop"),
        ({"temprature": 1}, "unknown option temprature (did you mean temperature?)"),
        ({"warmth": 1}, "unknown option warmth (available: temperature, top_k, "),
    ],
)
def test_a_wrong_setting_is_refused(
    model: chargen.Model, values: dict[str, Any], message: str
) -> None:
    """The error is raised by the call, also by `stream`, and names the keyword."""
    for call in (
        lambda: model.generate(**values),
        lambda: model.samples(2, **values),
        lambda: model.stream(**values),
    ):
        with pytest.raises(chargen.OptionError) as caught:
            call()
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)


def test_an_unlimited_text_needs_an_end(model: chargen.Model) -> None:
    """Only `stream` accepts settings without a stop condition."""
    message = (
        "without length, set stop, until_newline, a maximum such as max_lines, or confidence"
        " (or use stream())"
    )
    with pytest.raises(chargen.OptionError) as caught:
        model.generate(length=None)
    assert str(caught.value) == message
    assert model.generate(length=None, confidence=1.0) == ""


@pytest.mark.parametrize("count", [0, -1, 1.5, True, None, "3"])
def test_a_wrong_count_is_refused(model: chargen.Model, count: Any) -> None:
    """The number of samples and of next characters is 1 or more."""
    for call in (lambda: model.samples(count), lambda: model.next_characters("to", count)):
        with pytest.raises(chargen.OptionError, match=r"^count must be a whole number, 1 or more"):
            call()


@pytest.mark.parametrize("choices", [[], "a", ["a", "a"], ["a", "b", "a"], ["\r", "\n"], [1, 2]])
def test_wrong_choices_are_refused(model: chargen.Model, choices: Any) -> None:
    """There must be two strings or more, all different after normalisation."""
    with pytest.raises(chargen.OptionError, match=r"^choices must be "):
        model.choices("to", choices)


def test_load_finds_a_model_by_its_name(
    tmp_path: Path, make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is a folder under ./checkpoints; by default, the newest one there is loaded."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(chargen.CheckpointError, match=r"^there is no model nowhere \(available: "):
        chargen.load("nowhere")
    with pytest.raises(chargen.CheckpointError, match="checkpoints"):
        chargen.load()
    make_model(tmp_path / "checkpoints" / "one")
    assert chargen.load().checkpoint.folder == Path("checkpoints/one")
    assert chargen.load("one").checkpoint.folder == Path("checkpoints/one")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 2, "epochs": 1}, "epochs and steps are mutually exclusive"),
        ({"hiddensize": 3}, "unknown option hiddensize (did you mean hidden_size?)"),
        ({"preset": "huge"}, "preset must be one of auto, tiny, small, base, large, got 'huge'"),
        ({"init_from": "nowhere"}, "there is no model nowhere (available: "),
        ({"output": "text.txt"}, "text.txt is a file, not a model folder"),
    ],
)
def test_a_wrong_training_option_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], message: str
) -> None:
    """The error is raised before anything is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("the cat sat on the mat\n" * 40)
    with pytest.raises(chargen.ChargenError) as caught:
        chargen.train("text.txt", **{"steps": 2, **values})
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize(
    ("texts", "message"), [((), "no text"), (("nowhere.txt",), "nowhere.txt does not exist")]
)
def test_training_needs_a_text(texts: tuple[str, ...], message: str) -> None:
    """At least one text must be given, and every text must exist."""
    with pytest.raises(chargen.CorpusError, match=f"^{message}"):
        chargen.train(*texts)
