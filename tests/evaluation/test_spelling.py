"""The spelling of a prompt is what the network says after each of its beginnings."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from chargen.evaluation.spelling import spelling
from chargen.generation.context import Reader
from chargen.model.cells import CELLS
from chargen.model.checkpoint import Checkpoint


@pytest.fixture
def make_reader(tmp_path: Path, make_model: Callable[..., Path]) -> Callable[..., Reader]:
    """A maker of readers of small models with weights by chance."""

    def make(*, lines: bool = False, cell: str = "lstm") -> Reader:
        reader = Reader.of(Checkpoint.load(make_model(tmp_path / f"{cell}{lines}", cell=cell)))
        reader.lines = lines
        return reader

    return make


def by_hand(reader: Reader, prefix: str) -> dict[str, float]:
    """The probability of each known character after a beginning, from single steps."""
    states = reader.engine.empty_states()
    for character in "\n" + prefix:
        if reader.lines and character == "\n":
            states = reader.engine.empty_states()
        logits, states = reader.engine.step(reader.vocabulary.encode(character), states)
    powers = [math.exp(float(x)) for x in logits[0]][1:]
    characters = reader.vocabulary.characters[1:]
    return {c: p / math.fsum(powers) for c, p in zip(characters, powers, strict=True)}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("prompt", ["to be, or", "no", "be\nto", "\n\n\n"])
def test_each_beginning_is_read_from_the_start(
    make_reader: Callable[..., Reader], cell: str, lines: bool, prompt: str
) -> None:
    """Prefixes grow from the first character, with the right one's chance and the best five."""
    reader = make_reader(cell=cell, lines=lines)
    found = spelling(reader, prompt)
    assert [(one.prefix, one.right) for one in found] == [
        (prompt[:k], prompt[k]) for k in range(1, len(prompt))
    ]
    for one in found:
        chances = by_hand(reader, one.prefix)
        # Float32 logits of about 1.
        assert one.probability == pytest.approx(chances[one.right], rel=1e-5)
        best = sorted(chances, key=lambda c: -chances[c])[:5]
        assert [character for character, _ in one.guesses] == best
        assert [p for _, p in one.guesses] == pytest.approx([chances[c] for c in best], rel=1e-5)
        if one.right in best:
            assert dict(one.guesses)[one.right] == one.probability


@pytest.mark.parametrize("prompt", ["", "t"])
def test_a_prompt_without_a_next_character_spells_nothing(
    make_reader: Callable[..., Reader], prompt: str
) -> None:
    """It takes two characters to ask what follows the first."""
    assert spelling(make_reader(), prompt) == ()


def test_an_unknown_character_has_no_chance(make_reader: Callable[..., Reader]) -> None:
    """What the vocabulary does not hold is never expected; what follows it is measured still."""
    unknown, after = spelling(make_reader(), "tzo")
    assert (unknown.right, unknown.probability) == ("z", 0)
    assert after.probability > 0
