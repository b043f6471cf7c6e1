"""What long jobs yield, and what every line, table and picture is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


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


@dataclass(frozen=True)
class Interval:
    """A measured value and its 95 % interval. count: how many things it is the mean of."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class GradientFlow:
    """How much of the gradient of the loss at t reaches the input at t - k, in float64.

    share: mean norm at each lag 0, 1, 2 ... as a share of that at lag 0 (exactly 0 where nothing
    arrives). half_life: the first lag whose share is below a half; None where it never is.
    largest_singular_value: of the state-to-state Jacobian of one step, median over places; None
    without a state.
    """

    share: tuple[float, ...]
    half_life: int | None
    largest_singular_value: float | None


@dataclass(frozen=True)
class Prefix:
    """What a network expects after a beginning of the prompt.

    right: the prompt's next character; probability: what the network gives it; guesses: its
    likeliest characters with their probabilities, the best first.
    """

    prefix: str
    right: str
    probability: float
    guesses: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Coherence:
    """How a network writes, beside which the same of the corpus stands.

    kept_rhyme: share of words in the rhyme family of the line's first rhyme word, by distance
    from it in words (1, 2, 3 ...); empty where the corpus has no rhyme table.
    known_words, closed: shares; longest_copy: characters.
    """

    kept_rhyme: tuple[Interval, ...]
    known_words: float
    closed: float | None
    longest_copy: int


@dataclass(frozen=True)
class CellResult:
    """Everything measured of one cell on a text. Losses in nats per character.

    sweep: each learning rate tried and its loss on the last tenth of the training part.
    curve: (characters read, training loss). seeds: the validation loss of each repeat;
    validation_nats their mean. clipped: share of the updates whose gradient was clipped;
    largest_norms: the greatest gradient norms before clipping, falling.
    context_curve: bits per character when only the last k characters are visible, by k;
    all_context: the same targets with the state carried. effective_context: the least k within
    1 % of that; None where none is.
    closers: probability of the right closer, by (from, to) distance to its opener.
    behind: bits per character more than the best cell needs of the same held-out characters, means
    over the repeats, its interval over those characters; None for a cell that diverged.
    """

    cell: str
    hidden_size: int
    num_layers: int
    parameters: int
    learning_rate: float
    sweep: tuple[tuple[float, float], ...]
    curve: tuple[tuple[int, float], ...]
    seconds: float
    seeds: tuple[float, ...]
    validation_nats: float
    validation_bpc: float
    clipped: float
    largest_norms: tuple[float, ...]
    context_curve: dict[int, Interval]
    all_context: Interval
    effective_context: int | None
    gradient_at_start: GradientFlow
    gradient_after: GradientFlow
    closers: dict[tuple[int, int], Interval]
    neuron: tuple[Prefix, ...]
    coherence: Coherence
    samples: tuple[str, ...]
    behind: Interval | None = None


@dataclass(frozen=True)
class WindowResult:
    """Loss and time of one cell trained with windows of so many characters."""

    sequence_length: int
    validation_nats: float
    seconds: float


@dataclass(frozen=True)
class TaskResult:
    """What one cell remembers in one task.

    accuracy: by lag; trained_to: the longest lag trained on. span: the last lag before the first
    at which accuracy falls below 0.9 (0 where it is below at once); span_is_least: it was still
    0.9 at the longest lag tried, so that the span is that "or more". spans: of each repeat with
    another seed, this one included; empty where it was trained once.
    calibration (context only): by setting, the true probability and the network's mean share of
    each answer. by_depth (nesting only): accuracy by depth.
    """

    cell: str
    hidden_size: int
    parameters: int
    learning_rate: float
    sweep: tuple[tuple[float, float], ...]
    accuracy: dict[int, Interval]
    trained_to: int
    span: int
    span_is_least: bool
    seconds: float
    calibration: dict[str, dict[str, tuple[float, float]]]
    by_depth: dict[int, Interval]
    spans: tuple[int, ...] = ()


@dataclass(frozen=True)
class TaskComparison:
    """One memory task over all cells. example: an episode; answer: where its answer stands."""

    name: str
    summary: str
    example: str
    answer: tuple[int, int]
    chance: float
    least_accuracy: float
    lags: tuple[int, ...]
    cells: dict[str, TaskResult]


@dataclass(frozen=True)
class Check:
    """Something that must hold if the comparison is to be trusted, with its figures."""

    name: str
    passed: bool
    said: str


@dataclass(frozen=True)
class Stage:
    """How far a comparison is. doing: what it is at; fraction: the share of all that is done."""

    doing: str
    fraction: float


@dataclass(frozen=True)
class Comparison:
    """Several cells on the same text, with the same budget; and on memory tasks.

    settings: values of JSON; "command", where it is there, makes the comparison again. A loss or
    a norm that is not finite belongs to a run that diverged.
    """

    corpus: str
    corpus_characters: int
    held_out_characters: int
    vocab_size: int
    characters_read: int
    prompt: str
    settings: dict[str, Any]
    cells: dict[str, CellResult]
    corpus_coherence: Coherence | None
    bigram_nats: float | None
    window_cell: str
    windows: tuple[WindowResult, ...]
    tasks: dict[str, TaskComparison]
    checks: tuple[Check, ...]
    seconds: float
