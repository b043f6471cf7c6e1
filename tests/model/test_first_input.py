"""Tests of the first input of a text: a network that read no newlines starts with a word."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import chargen
from chargen.evaluation.trace import Tracer
from chargen.generation.context import Context, Reader
from chargen.model.checkpoint import MODEL, Checkpoint
from chargen.model.first_input import first_input
from chargen.text.kind import LINE, STREAM, TextKind
from chargen.text.vocabulary import Vocabulary

FEW_NEWLINES = {"newlines": 0, "texts": 1, "characters": 5_001}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FEW_NEWLINES, " "),
        ({"newlines": 0, "texts": 1, "characters": 5_000}, "\n"),
        ({"newlines": 9, "texts": 1, "characters": 50_000}, "\n"),
        ({"newlines": 9, "texts": 1, "characters": 50_001}, " "),
        ({"texts": 1, "characters": 50_001}, "\n"),
    ],
)
def test_the_first_input_depends_on_the_number_of_newlines(
    facts: dict[str, int], expected: str
) -> None:
    """The first input is a space for a stream with fewer than one newline in 5,000 characters."""
    assert first_input(STREAM, Vocabulary.build(["ab c."]), facts) == expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("ab\u3002", STREAM, "\u3002"),
        ("ab", STREAM, "\n"),
        ("a b", LINE, "\n"),
        ("a b", TextKind("document", separator="%"), "\x1e"),
    ],
)
def test_other_first_inputs(text: str, kind: TextKind, expected: str) -> None:
    """A stream without spaces starts after a full stop, and a separate text after its boundary."""
    assert first_input(kind, Vocabulary.build([text]), FEW_NEWLINES) == expected


@pytest.fixture
def loaded(tmp_path: Path, make_model: Callable[..., Path]) -> Checkpoint:
    """A model with random weights whose facts say that its text had almost no newlines."""
    loaded = Checkpoint.load(make_model(tmp_path / "model", text="a b"))
    return replace(loaded, description=replace(loaded.description, corpus=FEW_NEWLINES))


def after(reader: Reader, text: str) -> Context:
    """Read a text from the empty state, without a first input."""
    engine = reader.engine
    states = engine.empty_states()
    for k in reader.vocabulary.encode(text):
        logits, states = engine.step(np.array([k]), states)
    return Context(states, logits)


@pytest.mark.parametrize(
    ("text", "expected"), [("", " "), ("a\nb", " a\nb"), ("\n", " \n"), ("\nb", " \nb")]
)
def test_a_newline_of_the_text_stays_a_newline(
    loaded: Checkpoint, text: str, expected: str
) -> None:
    """Only the first input is a space; a newline in a prompt has its own weights."""
    reader = Reader.of(loaded)
    np.testing.assert_allclose(
        reader.read(text).logits, after(reader, expected).logits, rtol=0, atol=1e-6
    )


def test_a_trace_has_the_same_first_input(loaded: Checkpoint) -> None:
    """The logits of a trace are those of the reader."""
    np.testing.assert_allclose(
        Tracer.of(loaded).trace("a\nb").logits[-1:],
        Reader.of(loaded).read("a\nb").logits,
        atol=1e-6,
    )


def trained(folder: Path, between: str) -> Checkpoint:
    """Train a model for two steps on words with a character between them."""
    (folder / "text.txt").write_text(between.join(["a b"] * 1_500))
    sizes: dict[str, Any] = {"hidden_size": 4, "embedding_size": 3, "init_from": "none"}
    output = folder / "model"
    model = chargen.train(folder / "text.txt", output=output, steps=2, device="cpu", **sizes)
    return model.checkpoint


def test_the_weights_are_those_of_the_training(tmp_path: Path) -> None:
    """A loaded model has the weights of the file, also that of the newline."""
    loaded = trained(tmp_path, " ")
    stored = load_file(tmp_path / "model" / MODEL)
    assert loaded.first_input == " "
    assert all(np.array_equal(loaded.weights[name], value) for name, value in stored.items())


@pytest.mark.parametrize(("between", "equal"), [(" ", True), ("\n", False)])
def test_a_text_starts_like_a_word_if_there_are_almost_no_newlines(
    tmp_path: Path, between: str, equal: bool
) -> None:
    """A trained model predicts the first character of a text as after a space."""
    reader = Reader.of(trained(tmp_path, between))
    assert np.array_equal(reader.start.logits, after(reader, " ").logits) == equal
