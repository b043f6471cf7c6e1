"""A model with a known prediction for each character, for tests."""

from collections.abc import Mapping

import numpy as np

from chargen.generation.context import Reader
from chargen.model.config import ModelConfig
from chargen.model.engine import Engine
from chargen.text.kind import STREAM, TextKind
from chargen.text.vocabulary import Vocabulary


def make_bigram(
    characters: str,
    next_characters: Mapping[str, str],
    engine: type[Engine] = Engine,
    *,
    kind: TextKind = STREAM,
) -> Reader:
    """Return a network without memory that predicts the next character with near certainty.

    After a character that is not a key of `next_characters`, all characters are equally likely.
    """
    vocabulary = Vocabulary.build([characters], boundary=kind.boundary)
    size = len(vocabulary)
    table = np.zeros((size, size), np.float32)
    for character, following in next_characters.items():
        table[vocabulary.encode(following), vocabulary.encode(character)] = 20
    config = ModelConfig(size, "feedforward", "one-hot", hidden_size=size)
    weights = {
        "layers.0.weight_ih_l0": np.eye(size, dtype=np.float32),
        "layers.0.bias_ih_l0": np.zeros(size, np.float32),
        "decoder.weight": table,
        "decoder.bias": np.zeros(size, np.float32),
    }
    return Reader(engine(config, weights), vocabulary, kind=kind)
