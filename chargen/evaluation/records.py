"""The results of evaluating a model. This module needs only the standard library."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A measured value with its 95 % confidence interval.

    count: the number of averaged observations.
    """

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class ContextCurve:
    """Loss in bits per character when only the last k characters are visible, by k.

    all: the loss on the same targets with the state carried through the text.
    effective: the smallest k with a loss within 1 % of that; None if there is none.
    """

    by_length: dict[int, Interval]
    all: Interval
    effective: int | None


@dataclass(frozen=True)
class GradientFlow:
    """The gradient of the loss at t with respect to the input at t - k, in float64.

    share: mean norm at each lag k = 0, 1, 2 ... relative to lag 0; exactly 0 if no gradient
    arrives.
    """

    share: tuple[float, ...]


@dataclass(frozen=True)
class BracketBin:
    """The mean probability of the right closing bracket or quotation mark.

    nearest, farthest: the distances to the opening one that this bin covers, in characters.
    """

    nearest: int
    farthest: int
    probability: Interval


@dataclass(frozen=True)
class SpelledPrefix:
    """A prefix of the prompt and the model's prediction of the next character.

    target: the prompt's next character; probability: its probability in the model.
    predictions: the most likely characters and their probabilities, in descending order.
    """

    prefix: str
    target: str
    probability: float
    predictions: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Coherence:
    """Statistics of generated text, or of the corpus itself.

    kept_rhyme: share of words in the rhyme family of the line's first rhyme word, by distance in
    words (1, 2, 3 ...); empty without rhyme families.
    known_words: share of words that occur in the corpus; None if there are no words.
    closed: share of opened brackets and quotation marks that are closed; None if there are none.
    longest_copy: length of the longest passage copied from the corpus, in characters.
    """

    kept_rhyme: tuple[Interval, ...]
    known_words: float | None
    closed: float | None
    longest_copy: int
