"""What long jobs yield, and what every line, table and picture is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Step:
    """One update of the weights.

    step: updates so far, this one included.
    fraction: the share of the budget that is spent, 0 to 1.
    loss: nats per character, of this update's batch.
    gradient_norm: before clipping.
    characters: predicted in training so far.
    seconds: spent so far, evaluations and saves included.
    """

    step: int
    epoch: int
    fraction: float
    loss: float
    gradient_norm: float
    learning_rate: float
    characters: int
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """One pass over the whole held-out text. nats: mean per character; best: lowest so far."""

    step: int
    fraction: float
    nats: float
    best: bool
    seconds: float


@dataclass(frozen=True)
class Sample:
    """A short text that the half-trained model wrote, so that one sees it learn."""

    step: int
    text: str


@dataclass(frozen=True)
class Saved:
    """Everything is on disk: the run can be resumed from this step."""

    step: int
    best: bool


@dataclass(frozen=True)
class Finished:
    """The last record of a run.

    reason: "budget", or "patience" where the held-out loss stopped improving.
    validation_nats: of the weights that were kept; None where nothing is held out.
    """

    step: int
    reason: str
    training_nats: float
    validation_nats: float | None
    characters: int
    seconds: float


TrainingRecord = Step | Evaluation | Sample | Saved | Finished


# These two come tens of thousands a second: a named tuple is made in a third of the time.
class Drawn(NamedTuple):
    """One character of a sample. log_probability: natural, None where nobody asked for it."""

    sample: int
    character: str
    log_probability: float | None


class Stopped(NamedTuple):
    """A sample is at its end. reason: "length", "confidence", "stop" or "newline"."""

    sample: int
    reason: str


@dataclass(frozen=True)
class Measurement:
    """One row of a benchmark: what was measured, on which shape, and beside what.

    against: the other way and its figure. ratio: how many times as good as it. Both are None
    where nothing stands beside it, the ratio also where the other could not be measured.
    """

    what: str
    shape: str
    value: float
    unit: str
    against: str | None
    ratio: float | None
