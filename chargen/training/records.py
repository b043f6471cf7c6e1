"""The records that a training run yields."""

from __future__ import annotations

from dataclasses import dataclass

from chargen.training.segment import Segment


@dataclass(frozen=True)
class Step:
    """One weight update.

    step: the number of updates so far, including this one.
    fraction: the share of the budget that is spent, 0 to 1.
    loss: of this batch, in nats per character.
    gradient_norm: before clipping.
    characters: the number of characters trained on so far.
    seconds: since the start, including evaluations and saves.
    threads: the number with which torch computed it on the CPU.
    """

    step: int
    epoch: int
    fraction: float
    loss: float
    gradient_norm: float
    learning_rate: float
    characters: int
    seconds: float
    threads: int


@dataclass(frozen=True)
class Evaluation:
    """One evaluation. nats: mean per held-out character; best: the lowest so far.

    step: 0 for the weights of the model that the run starts from. characters: the number of
    held-out characters that were read.
    """

    step: int
    fraction: float
    nats: float
    best: bool
    seconds: float
    characters: int


@dataclass(frozen=True)
class Sample:
    """A short text that the network generated at this point of its training."""

    step: int
    text: str


@dataclass(frozen=True)
class Saved:
    """The run was saved and can be resumed from this step."""

    step: int
    best: bool


@dataclass(frozen=True)
class Extended:
    """The run was given another budget at this point."""

    step: int
    segment: Segment


@dataclass(frozen=True)
class Finished:
    """The last record of a run.

    reason: "budget", "overfitting", or "patience" if that option ended the run.
    validation_nats: of the weights that were kept; None without a validation set.
    validation_characters: the number of held-out characters that it was measured on.
    best_step: the step of these weights; 0 if no update improved the initial model.
    advice: what to do next, in one line, if the run clearly supports it.
    more: a budget as long again, such as "--minutes 0.5", if the advice is to train longer.
    """

    step: int
    reason: str
    training_nats: float
    validation_nats: float | None
    validation_characters: int | None
    best_step: int
    characters: int
    seconds: float
    advice: str | None
    more: str | None


TrainingRecord = Step | Evaluation | Sample | Saved | Extended | Finished
