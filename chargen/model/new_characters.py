"""Initial weights for characters that a trained model does not know.

A new character starts with the weights of a related one: é of e, ” of ", A of a.
Shapes: V vocabulary, N new characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from chargen.model.checkpoint import Weights
from chargen.model.config import ModelConfig
from chargen.text.vocabulary import Vocabulary

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

# Characters that replace one another in other texts, the usual one first.
_EQUIVALENTS = (
    '"\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033',  # double quotation marks
    "'\u2019\u2018\u201a\u201b`\u00b4\u2032\u2039\u203a",  # single ones, apostrophes
    "-\u2013\u2014\u2012\u2015\u2212\u2010\u2011",  # hyphens, dashes, the minus sign
    "*\u2022\u00b7\u2023",  # bullets
    "\n\x1e",  # the boundaries of texts
)


def extend_weights(
    config: ModelConfig,
    weights: Weights,
    vocabulary: Vocabulary,
    counts: npt.NDArray[np.integer],
) -> Weights:
    """Return the weights of a model for its vocabulary with new characters at the end.

    config, weights: of the model. counts: [V], the occurrences of each character in the new text.
    A new character copies the weights of the related one, and the two share its probability in
    proportion to their counts: in a text with only typographic quotes, these take all of it.
    A character without a related one gets the mean input with noise, so that the network can
    distinguish it, and is predicted in every context with about its frequency.
    """
    old = config.vocab_size
    known = {character: k for k, character in enumerate(vocabulary.characters[:old]) if k}
    origins = [related(character, known) for character in vocabulary.characters[old:]]
    sources = np.array([known[origin] if origin else 0 for origin in origins], np.int64)
    extended: dict[str, Floats] = {}
    for name, shape in replace(config, vocab_size=len(vocabulary)).shapes().items():
        value = weights[name]
        if value.shape == shape:
            extended[name] = value
        elif name == "decoder.bias":
            extended[name] = _shared_bias(value, sources, counts)
        elif name == "decoder.weight":
            new = np.where((sources > 0)[:, None], value[sources], 0)
            extended[name] = np.concatenate([value, new])
        elif name == "encoder.weight":
            extended[name] = np.concatenate([value, _new_inputs(value, sources)])
        else:  # the one-hot encoder has a column for each character
            new = _new_inputs(value.T, sources).T
            extended[name] = np.concatenate([value, new], axis=1)
    return extended


def related(character: str, known: Container[str]) -> str | None:
    """Return the known character that is most like a new one, or None."""
    return next((other for other in _candidates(character) if other in known), None)


def _candidates(character: str) -> Iterator[str]:
    for group in _EQUIVALENTS:
        if character in group:
            yield from group
    base = unicodedata.normalize("NFKD", character)[0]  # of é: e; of a full-width A: A
    name = unicodedata.name(base, "")
    if " WITH " in name:  # ø, "LATIN SMALL LETTER O WITH STROKE", has no decomposition
        with suppress(KeyError):
            base = unicodedata.lookup(name.partition(" WITH ")[0])
    yield base
    yield character.swapcase()
    yield base.swapcase()
    if character.isspace():
        yield " "


def _new_inputs(rows: Floats, sources: Longs) -> Floats:
    """[N, ...]: copies of the source rows; for source 0, the mean of all rows with noise."""
    new = rows[sources].copy()
    unrelated = np.flatnonzero(sources == 0)
    random = np.random.Generator(np.random.Philox(key=[len(rows), 0]))
    noise = random.standard_normal((len(unrelated), rows.shape[1]), np.float32)
    new[unrelated] = rows.mean(axis=0) + rows.std(axis=0) * noise
    return new


def _shared_bias(bias: Floats, sources: Longs, counts: npt.NDArray[np.integer]) -> Floats:
    """[V]: the biases of all characters.

    A character and those that copy it have the same logit otherwise, so the logarithms of their
    shares divide the probability exactly. A character without a source has no other logit. Its
    frequency is added to the biases' total, which predicts it 2.5 times too rarely (with the mean
    of the known rows: 25 to 45 times; C source and Russian text, a model of English).
    """
    old, size = len(bias), len(counts)
    is_new = np.arange(size) >= old
    origins = np.concatenate([np.arange(old), sources])
    unrelated = is_new & (origins == 0)
    origins[unrelated] = np.flatnonzero(unrelated)
    smoothed = counts + 1.0
    shares = smoothed / np.bincount(origins, smoothed)[origins]
    shares[unrelated] = smoothed[unrelated] / smoothed.sum()
    total = np.log(np.exp(bias.astype(np.float64)).sum())
    before = np.concatenate([bias, np.where(sources > 0, bias[sources], total)])
    shared: Floats = (before + np.log(shares)).astype(np.float32)
    return shared
