"""The beginnings, the prompt and what is measured of the writing."""

import json
from pathlib import Path

import numpy as np
import pytest

from chargen.comparison.parts import Parts
from chargen.comparison.writing import LINES, Paper, default_prompt
from chargen.generation.context import Reader
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine
from chargen.text.corpus import Corpus


def parts_of(text: str, *, lines: bool = False) -> Parts:
    return Parts.of(Corpus.of([text], lines=lines), seed=1)


def reader_of(parts: Parts) -> Reader:
    """A network that knows nothing."""
    config = ModelConfig(len(parts.vocabulary), hidden_size=4, embedding_size=3)
    random = np.random.default_rng(1)
    weights = {
        name: random.standard_normal(shape, np.float32) for name, shape in config.shapes().items()
    }
    return Reader(Engine(config, weights), parts.vocabulary, lines=parts.corpus.lines)


PROSE = "".join(f"Number {k} was there, and another too. " for k in range(300))


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (PROSE, "another"),
        (PROSE + "A neuron. " * 9 + PROSE, "neuron"),
        ("NEURON IS WRITTEN LARGE. " * 99, "NEURON I"),
        ("Alexander Alexander met somebody. " * 100, "somebody"),
        ("鹦鹉前头休借问。" * 400, "鹦鹉前头休借问"),
        ("1234 " * 600, "1234 123"),
    ],
)
def test_the_default_prompt_is_a_word_of_the_text(text: str, prompt: str) -> None:
    """A long one in small letters, "neuron" before all."""
    assert default_prompt(parts_of(text)) == prompt


def test_prose_is_continued_from_words_of_the_held_out_text() -> None:
    """Each beginning starts with a word, and no network has read it."""
    parts = parts_of(PROSE)
    paper = Paper(parts, None, "number", seed=1)
    held_out = parts.text(parts.held_out)
    writing = paper.written_by(reader_of(parts))
    assert len(writing.samples) == 6
    assert writing.samples[0].startswith("number")
    for sample in writing.samples[1:]:
        assert sample[:50] in held_out
        assert held_out[held_out.index(sample[:50]) - 1] == " "
        assert len(sample) > 400


def test_lines_are_written_whole(repository: Path) -> None:
    """Where a table of rhymes stands beside the file, 500 of them, none with a newline inside."""
    file = repository / "corpora" / "rhymes.txt"
    parts = Parts.of(Corpus.read([file]), seed=1)
    paper = Paper(parts, file, "neuron", seed=1)
    assert paper.by_lines
    assert paper.families is not None
    assert len(paper.families) == 20
    corpus = paper.corpus()
    assert corpus.kept_rhyme[0].count > 300
    assert LINES == 500


def test_the_same_seed_writes_the_same() -> None:
    """For every network from the same beginnings."""
    parts = parts_of(PROSE)
    first, again = (Paper(parts, None, "number", seed=3) for _ in range(2))
    assert first.written_by(reader_of(parts)) == again.written_by(reader_of(parts))
    other = Paper(parts, None, "number", seed=4)
    assert other.written_by(reader_of(parts)) != first.written_by(reader_of(parts))


def test_the_text_s_own_words_are_held_against_what_was_trained_on() -> None:
    """Words that only the held-out part has are not known."""
    text = "the cat sat. " * 300 + "a zebra ran by. " * 27
    parts = parts_of(text)
    corpus = Paper(parts, None, "the", seed=1).corpus()
    assert corpus.known_words < 0.5
    assert json.dumps(corpus.longest_copy) != "0"
