"""Tests of the predictions after each prefix of a prompt."""

import math
from collections.abc import Callable

import pytest

from chargen.evaluation.spelling import spelling
from chargen.generation.context import Reader
from chargen.model.cells.registry import CELLS
from chargen.text.kind import LINE


def reference(reader: Reader, prefix: str) -> dict[str, float]:
    """The probability of each known character after a prefix, from single steps."""
    states = reader.engine.empty_states()
    for character in "\n" + prefix:
        if reader.kind == LINE and character == "\n":
            states = reader.engine.empty_states()
        logits, states = reader.engine.step(reader.vocabulary.encode(character), states)
    powers = [math.exp(float(x)) for x in logits[0]][1:]
    characters = reader.vocabulary.characters[1:]
    return {c: p / math.fsum(powers) for c, p in zip(characters, powers, strict=True)}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("prompt", ["to be, or", "no", "be\nto", "\n\n\n"])
def test_spelling_matches_single_steps(
    make_reader: Callable[..., Reader], cell: str, lines: bool, prompt: str
) -> None:
    """Prefixes start at one character, with the target's probability and the best five."""
    reader = make_reader(cell=cell, lines=lines)
    found = spelling(reader, prompt)
    assert [(one.prefix, one.target) for one in found] == [
        (prompt[:k], prompt[k]) for k in range(1, len(prompt))
    ]
    for one in found:
        chances = reference(reader, one.prefix)
        # Float32 logits of about 1.
        assert one.probability == pytest.approx(chances[one.target], rel=1e-5)
        best = sorted(chances, key=lambda c: -chances[c])[:5]
        assert [character for character, _ in one.predictions] == best
        assert [p for _, p in one.predictions] == pytest.approx(
            [chances[c] for c in best], rel=1e-5
        )
        if one.target in best:
            assert dict(one.predictions)[one.target] == one.probability


@pytest.mark.parametrize("prompt", ["", "t"])
def test_short_prompt(make_reader: Callable[..., Reader], prompt: str) -> None:
    """A prompt of fewer than two characters has no proper prefix."""
    assert spelling(make_reader(), prompt) == ()


def test_unknown_character_has_probability_0(make_reader: Callable[..., Reader]) -> None:
    """A character outside the vocabulary is never predicted; the characters after it are."""
    unknown, after = spelling(make_reader(), "tzo")
    assert (unknown.target, unknown.probability) == ("z", 0)
    assert after.probability > 0
