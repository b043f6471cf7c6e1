"""Tests of the description of a score."""

import numpy as np

from chargen.evaluation.score import describe
from chargen.evaluation.surprisal import Reading
from chargen.text.vocabulary import Vocabulary


def test_marks_and_emoji_are_readable() -> None:
    """A mark has a dotted circle or its code point, and the text before it starts with a letter."""
    tone, heart, selector = "\u0e49", "\u2764", "\ufe0f"
    text = ("\u0e19" + tone) * 40 + heart + selector
    vocabulary = Vocabulary.build([text])
    nats = np.zeros(len(text))
    nats[[-1, -3]] = 9, 8
    best = np.full(len(text), vocabulary.encode(tone)[0])
    lines = list(describe(text, Reading(nats, best, np.ones(len(text))), vocabulary, ""))
    before = ("\u0e19" + tone) * 23
    shown = f'expected "\u25cc{tone}" (1.00)'
    assert lines[2:4] == [
        f'  82: "{before}{heart}" then "<FE0F>" (0.00012); {shown}',
        f'  80: "{before}\u0e19" then "\u25cc{tone}" (0.00034); {shown}',
    ]
