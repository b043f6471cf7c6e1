"""The result of a comparison, composed of the results of its stages.

comparison.json contains these records under their field names. The docstrings document the
fields; comparison.schema.json repeats them. A loss of a run that diverged is null.
Losses are in nats per character unless the name contains `bits`.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from statistics import fmean
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from chargen.evaluation.records import (
    BracketBin,
    Coherence,
    ContextCurve,
    GradientFlow,
    Interval,
    SpelledPrefix,
)
from chargen.text.kind import STREAM, TextKind

Record = TypeVar("Record")
OneOrMore = Annotated[tuple[Record, ...], Meta(min_length=1)]


@dataclass(frozen=True)
class Network:
    """One network. label and description come from its cell."""

    cell: str
    label: str
    description: str
    hidden_size: int
    num_layers: int
    parameters: int

    @property
    def name(self) -> str:
        """The network in a sentence: "the LSTM", "the feed-forward network"."""
        if self.label[-1:].isupper():  # an acronym
            return f"the {self.label}"
        return f"the {self.label[:1].lower()}{self.label[1:]} network"


@dataclass(frozen=True)
class Trial:
    """One learning rate and the loss it reached on the sweep's validation data."""

    learning_rate: float
    nats: float | None


@dataclass(frozen=True)
class Sweep:
    """The learning rates that were tried, and the best of them."""

    trials: tuple[Trial, ...]
    best: float


@dataclass(frozen=True)
class TrainingRun:
    """One training run on the text.

    curve: (characters read, mean training loss since the point before).
    clipped: share of the updates with a clipped gradient; largest_norms: the largest gradient
    norms before clipping, in descending order. seconds: training time; resumed: how often the
    run was interrupted and resumed.
    validation_nats: loss on the held-out text.
    """

    seed: int
    steps: int
    characters: int
    seconds: float
    resumed: int
    curve: tuple[tuple[int, float], ...]
    clipped: float
    largest_norms: tuple[float, ...]
    validation_nats: float | None


@dataclass(frozen=True)
class Diagnostics:
    """Measurements of a trained network on the held-out text.

    bracket_matching: by increasing distance. spelling: every proper prefix of the prompt.
    """

    context: ContextCurve
    gradient_before: GradientFlow
    gradient_after: GradientFlow
    bracket_matching: tuple[BracketBin, ...]
    spelling: tuple[SpelledPrefix, ...]

    @property
    def spelling_probability(self) -> float | None:
        """The probability of the whole prompt after its first character; None without a prompt."""
        return math.prod(step.probability for step in self.spelling) if self.spelling else None


@dataclass(frozen=True)
class Writing:
    """The text that a network generated: statistics over all of it, and samples to read."""

    coherence: Coherence
    samples: tuple[str, ...]


@dataclass(frozen=True)
class CellResult:
    """One network on the text. runs: one for each seed.

    behind: difference to the best network on the same characters in bits per character, with a
    paired interval; None if a run diverged.
    """

    network: Network
    sweep: Sweep
    runs: OneOrMore[TrainingRun]
    diagnostics: Diagnostics
    writing: Writing
    behind: Interval | None

    @property
    def validation_nats(self) -> float | None:
        """The mean over the seeds; None if one of them diverged."""
        losses = [run.validation_nats for run in self.runs]
        finite = [nats for nats in losses if nats is not None]
        return fmean(finite) if len(finite) == len(losses) else None

    @property
    def validation_bits(self) -> float | None:
        """`validation_nats` in bits per character."""
        nats = self.validation_nats
        return None if nats is None else nats / math.log(2)

    @property
    def spread(self) -> float | None:
        """Bits per character between the worst and the best run; None unless two have a loss."""
        losses = [run.validation_nats for run in self.runs if run.validation_nats is not None]
        return (max(losses) - min(losses)) / math.log(2) if len(losses) > 1 else None

    @property
    def seconds(self) -> float:
        """The training time of all runs."""
        return sum(run.seconds for run in self.runs)

    @property
    def resumed(self) -> int:
        """How often the runs were interrupted and resumed."""
        return sum(run.resumed for run in self.runs)


@dataclass(frozen=True)
class WindowResult:
    """One network trained with gradients through `bptt_length` characters.

    nats: validation loss of each seed, three or more.
    """

    bptt_length: int
    nats: tuple[float | None, ...]
    seconds: float

    @property
    def bits(self) -> tuple[float, ...]:
        """The losses of the runs that did not diverge, in bits per character."""
        return tuple(nats / math.log(2) for nats in self.nats if nats is not None)

    @property
    def mean_bits(self) -> float | None:
        """The mean of `bits`; None if a run diverged."""
        return fmean(self.bits) if len(self.bits) == len(self.nats) else None


@dataclass(frozen=True)
class CorpusFacts:
    """The text of a comparison, and its properties that do not depend on a network.

    bigram_nats: loss of a smoothed bigram model of characters.
    coherence: the statistics of `Writing` for the text itself.
    """

    name: str
    characters: int
    training_characters: int
    held_out_characters: int
    vocab_size: int
    bigram_nats: float | None
    coherence: Coherence


@dataclass(frozen=True)
class TextComparison:
    """Several networks on one text.

    characters_read: the number of characters that each network read in training. prompt: the word
    of the spelling test.
    window_cell: the cell of `windows`; both empty with fewer than three seeds.
    """

    corpus: CorpusFacts
    characters_read: int
    prompt: str
    cells: dict[str, CellResult]
    window_cell: str
    windows: tuple[WindowResult, ...]

    @property
    def ranked(self) -> list[CellResult]:
        """The networks that have a loss, in ascending order of the loss."""
        losses = [(cell.validation_nats, cell) for cell in self.cells.values()]
        finite = [(nats, cell) for nats, cell in losses if nats is not None]
        return [cell for _, cell in sorted(finite, key=lambda one: one[0])]


@dataclass(frozen=True)
class TaskTraining:
    """One network trained on a memory task.

    trained_to: the longest lag that it was trained on.
    nats: mean loss at the answers of the sweep's validation episodes.
    """

    seed: int
    learning_rate: float
    characters: int
    trained_to: int
    seconds: float
    nats: float | None


@dataclass(frozen=True)
class TaskEvaluation:
    """The answers of one network to new episodes of a memory task.

    accuracy: by lag. span: the memory span, the last lag before the first at which the accuracy
    is below the task's limit (0 if it is below at the shortest); span_is_lower_bound: whether the
    accuracy reached the limit at every tested lag.
    by_depth: accuracy by depth of nesting; empty if the task has none.
    calibration: by setting and choice, the true probability and the network's mean share.
    """

    accuracy: dict[int, Interval]
    span: int
    span_is_lower_bound: bool
    by_depth: dict[int, Interval]
    calibration: dict[str, dict[str, tuple[float, float]]]

    @property
    def calibration_error(self) -> float | None:
        """The mean distance of the network's shares to the true ones; None without them."""
        pairs = [pair for choices in self.calibration.values() for pair in choices.values()]
        return fmean(abs(share - true) for true, share in pairs) if pairs else None

    def depth(self, limit: float) -> int | None:
        """The last depth before the first at which the accuracy is below the limit."""
        depths = sorted(self.by_depth)
        kept = list(takewhile(lambda depth: self.by_depth[depth].value >= limit, depths))
        return kept[-1] if kept else None

    def is_guessing(self, chance: float) -> bool:
        """Whether the accuracy's interval includes chance at every lag."""
        return all(one.low <= chance <= one.high for one in self.accuracy.values())


@dataclass(frozen=True)
class TaskResult:
    """One network on a memory task. trainings, evaluations: one for each seed.

    gradient: flow from the answer back through an episode, after training.
    """

    network: Network
    sweep: Sweep
    trainings: OneOrMore[TaskTraining]
    evaluations: OneOrMore[TaskEvaluation]
    gradient: GradientFlow | None

    @property
    def evaluation(self) -> TaskEvaluation:
        """The evaluation of the first seed, which is also the seed of the sweep."""
        return self.evaluations[0]

    @property
    def trained_to(self) -> int:
        """The longest lag that the first seed was trained on."""
        return self.trainings[0].trained_to

    @property
    def spans(self) -> tuple[int, ...]:
        """The memory span of each seed."""
        return tuple(evaluation.span for evaluation in self.evaluations)

    @property
    def seconds(self) -> float:
        """The training time of all seeds."""
        return sum(training.seconds for training in self.trainings)


@dataclass(frozen=True)
class TaskComparison:
    """Several networks on one memory task.

    example: an episode; answer: (start, end) of the answer in it. choices: all possible answers.
    chance: accuracy without memory. limit: the accuracy at which a memory span ends.
    """

    name: str
    summary: str
    example: str
    answer: tuple[int, int]
    choices: tuple[str, ...]
    chance: float
    limit: float
    lags: tuple[int, ...]
    cells: dict[str, TaskResult]


@dataclass(frozen=True)
class Check:
    """A condition that a valid comparison must meet, with the measured values."""

    name: str
    passed: bool
    details: str


@dataclass(frozen=True)
class Comparison:
    """The whole result.

    settings: JSON values; `command` reproduces the comparison.
    notes: irregularities of the run, one sentence each, such as a plan that was shortened because
    the machine was busy.
    """

    text: TextComparison | None
    tasks: dict[str, TaskComparison]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    settings: dict[str, Any]
    seconds: float
    version: int = field(default=2)

    @property
    def text_kind(self) -> TextKind:
        """What a text of the comparison is; older results do not say it."""
        with suppress(LookupError, TypeError, ValueError):
            return TextKind(**self.settings["kind"])
        return STREAM

    @property
    def networks(self) -> dict[str, Network]:
        """One network for each cell, in the order of the comparison."""
        found: dict[str, Network] = {}
        if self.text is not None:
            found |= {name: cell.network for name, cell in self.text.cells.items()}
        for task in self.tasks.values():
            for name, result in task.cells.items():
                found.setdefault(name, result.network)
        return found

    @property
    def main_task(self) -> TaskComparison | None:
        """The task of the main figure: recall, otherwise the first one."""
        tasks = {name: task for name, task in self.tasks.items() if task.cells}
        return tasks.get("recall", next(iter(tasks.values()), None))
