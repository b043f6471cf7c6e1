"""The first input of a text, for models whose training text has almost no newlines.

A text starts after a newline. A network that read almost none has random weights for it, and would
start in the middle of a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chargen.model.config import ModelConfig
from chargen.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from chargen.model.checkpoint import Weights

_MAX_DISTANCE = 5_000  # characters for each newline, at which a network still learns to read it
_SUBSTITUTES = " \u3002"  # a space, or a full stop in texts without spaces


def with_readable_newline(
    weights: Weights, config: ModelConfig, vocabulary: Vocabulary, corpus: Mapping[str, Any]
) -> Weights:
    """Return the weights, with a newline that is read as a space if the text has almost none.

    corpus: the stored facts about the training text. Older models lack the number of newlines, and
    their weights are unchanged.
    """
    counts = [corpus.get(name) for name in ("newlines", "texts", "characters")]
    newlines, texts, characters = (each if type(each) is int else 0 for each in counts)
    substitute = next((each for each in _SUBSTITUTES if each in vocabulary.characters), None)
    enough = None in counts or (newlines + texts) * _MAX_DISTANCE >= characters
    if enough or substitute is None:  # every text also starts after a newline
        return weights
    newline, source = vocabulary.encode("\n" + substitute).tolist()
    if config.encoder == "embedding":
        rows = weights["encoder.weight"].copy()
        rows[newline] = rows[source]
        return {**weights, "encoder.weight": rows}
    columns = weights["layers.0.weight_ih_l0"].copy()
    columns[:, newline] = columns[:, source]
    return {**weights, "layers.0.weight_ih_l0": columns}
