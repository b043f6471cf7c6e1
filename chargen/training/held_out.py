"""How often a run is evaluated, and which part of the held-out text each evaluation reads.

A long held-out text takes minutes to read. The evaluations of a run then read a fixed part of it,
evenly spread, and the loss on the whole text is measured once, at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from chargen.evaluation.validation import MIN_STREAM_LENGTH, streams, validation_nats
from chargen.model.network import Network
from chargen.text.ids import Ids, Spans
from chargen.text.split import Split
from chargen.training.options import Budget
from chargen.training.ranks import Ranks
from chargen.training.start import sample_spans

# Validation takes about a third of the time of training on the same number of characters, and as
# much as training if it is a single stream (1x512, float32: about 10,000 characters/s each). All
# evaluations together may take a twentieth of a run, and the measurement at its end another one,
# or a tenth if the whole text can be read in that time. On a short text, which can be overfitted,
# the evaluations may take a tenth.
_SHARE, _SHORT_SHARE, _WHOLE_SHARE = 0.05, 0.1, 0.1
_COST = 1 / 3
_MIN_EVALUATIONS, _MAX_EVALUATIONS = 2, 20
# Timed passes do not include the optimiser, so updates are slower. The factor is generous.
_SLOWER = 2
# A long run on a short text may have more, since its best point can be early.
_PER_EPOCH = 0.25
# Characters. Once each evaluation reads this many, more evaluations are better than longer ones.
# One of fewer than the minimum cannot distinguish good weights from better ones.
_ENOUGH, _MIN_PART = 200_000, 10_000
_PIECES = 128


@dataclass(frozen=True)
class EvaluationPlan:
    """The number of evaluations, and the characters that each reads; None: the whole text."""

    evaluations: int
    characters: int | None = None

    @classmethod
    def of(cls, parts: Split, characters: float, *, initial: bool, timed: bool) -> EvaluationPlan:
        """Choose the plan for training on this number of characters.

        initial: whether there is one more evaluation, before the first update. An evaluation of
        the whole text at the end is not counted: it takes the place of the final measurement.
        timed: whether the number is an estimate from timed passes.
        """
        held_out = parts.validation_characters
        if not held_out:
            return cls(0)
        is_short = held_out <= _MIN_PART
        share = _SHORT_SHARE if is_short else _SHARE
        readable = characters * share / max(_COST, 1 / len(streams(parts.validation)))
        affordable = round(readable / min(held_out, _ENOUGH) - 0.5 * initial)
        most = max(_MAX_EVALUATIONS, round(characters / parts.train_characters * _PER_EPOCH))
        count = min(most, max(_MIN_EVALUATIONS, affordable))
        if is_short or (count - 1 + initial) * held_out <= readable:
            return cls(count)
        part = readable / (_SLOWER if timed else 1) / (count + initial)
        return cls(count, max(_MIN_PART, int(part)))


@dataclass(frozen=True)
class Part:
    """Spans of the held-out text that are read from empty states, and their characters."""

    spans: Spans
    characters: int


class HeldOut:
    """The held-out text of a run with one budget. part: what an evaluation reads."""

    def __init__(self, spans: Spans, plan: EvaluationPlan, budget: Budget) -> None:
        self._spans, self._plan, self._budget = spans, plan, budget
        self._characters = count_targets(spans)
        self.part = self._read(self._characters if plan.characters is None else plan.characters)

    @property
    def is_part(self) -> bool:
        """Whether an evaluation reads less than the whole text."""
        return self._plan.characters is not None

    def seconds_at_end(self, evaluation: float) -> float:
        """Return the seconds to keep for the last evaluation and the final measurement.

        evaluation: the seconds of one evaluation; 0 if there was none yet.
        """
        return evaluation + self._final_seconds(evaluation) if self.is_part else evaluation

    def final(self, evaluation: float, left: float) -> Part | None:
        """Return what to measure the kept weights on: the whole text, or as much as fits.

        None if that is not more than an evaluation reads. Only with a budget of minutes it depends
        on times: the seconds of one evaluation, and the seconds left.
        """
        if not self.is_part:
            return None
        characters = self._plan.evaluations * self.part.characters
        if self._budget.kind == "minutes":
            seconds = max(left, self._final_seconds(evaluation))
            characters = math.ceil(self.part.characters * seconds / evaluation)
        return self._read(characters) if characters > self.part.characters else None

    def _read(self, characters: int) -> Part:
        if characters >= self._characters:
            return Part(streams(self._spans), self._characters)
        spans = sample(self._spans, characters)
        return Part(spans, count_targets(spans))

    def _final_seconds(self, evaluation: float) -> float:
        seconds = 60 * self._budget.amount
        whole = evaluation * self._characters / self.part.characters
        # Before the first evaluation, the speed of reading is unknown.
        return whole if 0 < whole <= _WHOLE_SHARE * seconds else _SHARE * seconds


def sample(spans: Spans, characters: int) -> Spans:
    """Return pieces of about `characters` in total that are evenly spread over the spans.

    They are at most 128, but at least 2,000 characters long, as far as the texts are.
    """
    length = max(MIN_STREAM_LENGTH, characters // _PIECES)
    pieces, _ = sample_spans(spans, characters, length)
    return pieces


def count_targets(spans: Spans) -> int:
    """Return the number of characters to predict: all but the first of each span."""
    return int((spans[:, 1] - spans[:, 0] - 1).sum())


def validation_loss(network: Network, ids: Ids, part: Part, ranks: Ranks) -> float:
    """Return the loss on a part of the held-out text. Each rank reads some of its spans."""
    if ranks.size == 1:
        return validation_nats(network, ids, part.spans)
    own = part.spans[ranks.rank :: ranks.size]
    count = count_targets(own)
    total, characters = ranks.sum(
        count * validation_nats(network, ids, own) if count else 0.0, count
    )
    return total / characters
