"""The score of a text: how well a model predicts it, as numbers and as a description."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chargen.evaluation.surprisal import Reading
from chargen.evaluation.units import bits_per_character, perplexity
from chargen.text.display import clusters, one_line, plural, visible_character
from chargen.text.vocabulary import Vocabulary

_NUM_PLACES = 5
_CONTEXT_LENGTH = 24  # letters with their marks
_MAX_CONTEXT = 200


@dataclass(frozen=True)
class Score:
    """The loss of a model on a text. nats: the loss of each character, [len(text)]."""

    text: str
    nats: npt.NDArray[np.float64]

    @property
    def nats_per_character(self) -> float:
        """The mean loss; NaN for an empty text."""
        return float(self.nats.mean()) if len(self.nats) else float("nan")

    @property
    def bits_per_character(self) -> float:
        """The mean loss in bits."""
        return bits_per_character(self.nats_per_character)

    @property
    def perplexity(self) -> float:
        """The number of equally likely characters that would be as hard to predict."""
        return perplexity(self.nats_per_character)

    @property
    def log_probability(self) -> float:
        """The natural logarithm of the probability of the whole text."""
        return -float(self.nats.sum())


def describe(text: str, reading: Reading, vocabulary: Vocabulary, before: str) -> Iterator[str]:
    """Yield lines with the loss on a text and its most surprising characters.

    before: the text before it; its last characters are shown as context.
    """
    score = Score(text, reading.nats)
    yield (
        f"{plural(len(text), 'character')}: {score.bits_per_character:.3f} bits per character"
        f" ({score.nats_per_character:.3f} nats), perplexity {score.perplexity:.2f}"
    )
    yield "most surprising characters (with their probability):"
    for k in (-reading.nats).argsort(kind="stable")[:_NUM_PLACES].tolist():
        read = list(clusters((before + text[:k])[-_MAX_CONTEXT:]))
        context = "".join(read[-_CONTEXT_LENGTH:])
        best = vocabulary.characters[int(reading.best[k])]
        found, expected = (visible_character(each, space=" ") for each in (text[k], best))
        yield (
            f'  {k + 1:,}: {quoted(context)} then "{found}"'
            f' ({math.exp(-reading.nats[k]):.2g}); expected "{expected}"'
            f" ({reading.best_probability[k]:.2f})"
        )


def quoted(text: str) -> str:
    """Return a text in quotation marks on one line."""
    return f'"{one_line(text)}"'
