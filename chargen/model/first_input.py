"""The first input of a text, for models whose training text has almost no newlines.

A stream starts after a newline. A network that read almost none has random weights for it, and
would start in the middle of a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chargen.text.kind import TextKind
from chargen.text.vocabulary import Vocabulary

_MAX_DISTANCE = 5_000  # characters per newline; with more, a network does not learn to read it
_SUBSTITUTES = " \u3002"  # a space, or a full stop in texts without spaces


def first_input(kind: TextKind, vocabulary: Vocabulary, corpus: Mapping[str, Any]) -> str:
    """Return the character that a model reads before a text.

    It is the boundary of the text, except for a stream with almost no newlines: a space. A newline
    inside a text is read as it is.
    corpus: the stored facts about the training text. Older models lack the number of newlines, and
    their first input is the boundary.
    """
    counts = [corpus.get(name) for name in ("newlines", "texts", "characters")]
    newlines, texts, characters = (each if type(each) is int else 0 for each in counts)
    # Every text also starts after a newline.
    is_learned = None in counts or (newlines + texts) * _MAX_DISTANCE >= characters
    if kind.separate or is_learned:
        return kind.boundary
    known = vocabulary.characters
    return next((each for each in _SUBSTITUTES if each in known), kind.boundary)
