"""Tests of saliency against texts in which the character is replaced."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from chargen.errors import OptionError
from chargen.evaluation.saliency import MAX_CHARACTERS, NUM_REPLACEMENTS, saliency
from chargen.generation.context import Reader, known_log_probabilities
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import Checkpoint

TEXT = "to be, or\nnot to be"


@pytest.fixture
def load(tmp_path: Path, make_model: Callable[..., Path]) -> Callable[..., Checkpoint]:
    """Return a function that makes a small model with random weights and loads it."""
    return lambda cell: Checkpoint.load(make_model(tmp_path / cell, cell=cell, hidden_size=6))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("at", [0, 7, None])
def test_changes_are_those_of_texts_with_another_character(
    load: Callable[..., Checkpoint], cell: str, at: int | None
) -> None:
    """Each character is replaced by the five that are most likely in its place."""
    loaded = load(cell)
    reader = Reader.of(loaded)
    found = saliency(loaded, TEXT, at)
    read = TEXT if at is None else TEXT[: at + 1]
    assert (found.text, found.first) == (read, 0)
    ((target, probability),) = reader.next_characters(reader.read(read), 1)
    assert found.target == target
    assert found.probability == pytest.approx(probability, abs=1e-5)
    wanted = reader.vocabulary.characters.index(target)

    def log_probability(text: str) -> float:
        return float(known_log_probabilities(reader.read(text).logits)[0, wanted])

    for t, own in enumerate(read):
        likely = reader.next_characters(reader.read(read[:t]), NUM_REPLACEMENTS + 1)
        others = [character for character, _ in likely if character != own][:NUM_REPLACEMENTS]
        assert len(others) == NUM_REPLACEMENTS
        replaced = [log_probability(read[:t] + other + read[t + 1 :]) for other in others]
        expected = log_probability(read) - np.mean(replaced)
        # Float32 sums of some ten terms of about 1, carried through a text.
        assert found.change[t] == pytest.approx(expected, abs=5e-5)
    if not CELLS[cell].recurrent:
        assert (found.gradient[:-1] == 0).all()
    assert found.gradient[-1] > 0


def test_only_the_last_characters_of_a_long_text_are_explained(
    load: Callable[..., Checkpoint],
) -> None:
    """The state before them is that of the whole text."""
    loaded = load("lstm")
    text = TEXT * 8
    found = saliency(loaded, text, len(text) - 3)
    assert found.text == text[:-2][-MAX_CHARACTERS:]
    assert found.first == len(text) - 2 - MAX_CHARACTERS
    assert len(found.change) == len(found.gradient) == MAX_CHARACTERS
    ((target, probability),) = Reader.of(loaded).next_characters(
        Reader.of(loaded).read(text[:-2]), 1
    )
    assert found.target == target
    assert found.probability == pytest.approx(probability, abs=1e-5)


@pytest.mark.parametrize("at", [-1, len(TEXT)])
def test_a_place_outside_the_text_is_refused(load: Callable[..., Checkpoint], at: int) -> None:
    """The message has the last place."""
    with pytest.raises(OptionError, match=r"^at must be a whole number between 0 and 18 with"):
        saliency(load("rnn"), TEXT, at)
