"""Evaluation of a network trained on a memory task, on new episodes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from chargen.comparison.episodes import Floats, answer_probabilities, is_right, task_vocabulary
from chargen.comparison.result import TaskEvaluation
from chargen.evaluation.gradient_flow import gradient_flow
from chargen.evaluation.intervals import wilson
from chargen.evaluation.records import GradientFlow, Interval
from chargen.model.network import Network
from chargen.tasks.episode import MAX_LAG, Episode, Task
from chargen.tasks.registry import episodes
from chargen.text.kind import LINE

LIMIT = 0.9  # the accuracy at which a memory span ends
# Unlikely to be chosen as a seed for training.
EVALUATION_SEED, SWEEP_SEED, GRADIENT_SEED = 1 << 40, 1 << 41, 1 << 42


def evaluate(
    network: Network, task: Task, lags: Sequence[int], count: int
) -> Generator[float, None, TaskEvaluation]:
    """Evaluate a network at every lag, then at doubled lags while it reaches the limit.

    count: episodes for each lag; they are new, and the same for every network.
    """
    accuracy: dict[int, Interval] = {}
    evaluated: list[Episode] = []
    probabilities = []
    pending = [*lags]
    while pending:
        lag = pending.pop(0)
        drawn = list(episodes(task, count, [lag], EVALUATION_SEED + lag))
        answered = answer_probabilities(network, drawn, task)
        accuracy[lag] = _accuracy(is_right(answered, drawn))
        if lag in lags:
            evaluated += drawn
            probabilities.append(answered)
        held = all(one.value >= LIMIT for one in accuracy.values())
        if not pending and held and lag < MAX_LAG:
            pending = [min(2 * lag, MAX_LAG)]
        yield len(accuracy) / (len(accuracy) + len(pending) + 1)
    everything = np.concatenate(probabilities)
    kept = list(takewhile(lambda lag: accuracy[lag].value >= LIMIT, sorted(accuracy)))
    return TaskEvaluation(
        accuracy=accuracy,
        span=max(kept, default=0),
        span_is_lower_bound=len(kept) == len(accuracy),
        by_depth=_by_depth(evaluated, is_right(everything, evaluated)),
        calibration=_calibration(task, evaluated, everything),
    )


def answer_nats(network: Network, drawn: Sequence[Episode], task: Task) -> float:
    """Return the mean loss at the first character of the answers."""
    probabilities = answer_probabilities(network, drawn, task)
    given = [e.answer.choices.index(e.answer.text) for e in drawn]
    chances = np.maximum(probabilities[np.arange(len(given)), given], 1e-30)
    return float(-np.log(chances).mean())


def task_gradient(network: Network, task: Task, lag: int, count: int) -> GradientFlow:
    """Return the gradient flow from the answers back through episodes of one lag."""
    drawn = list(episodes(task, count, [lag], GRADIENT_SEED))
    length = 1 + min(e.answer.at for e in drawn)  # with the newline before an episode
    ids = [task_vocabulary(task).encode(LINE.boundary + e.text) for e in drawn]
    starts = np.cumsum([0, *map(len, ids[:-1])])
    # Each span holds one target with `length` characters before it: the answer.
    at = starts + 1 + np.array([e.answer.at for e in drawn])
    spans = np.stack([at - length, at + 1], axis=1)
    return gradient_flow(
        network, np.concatenate(ids), spans, lags=length - 1, count=count, seed=GRADIENT_SEED
    )


def _accuracy(right: npt.NDArray[np.bool_]) -> Interval:
    return wilson(int(right.sum()), len(right))


def _by_depth(evaluated: Sequence[Episode], right: npt.NDArray[np.bool_]) -> dict[int, Interval]:
    """Return the accuracy by depth of nesting; empty if no episode has a depth.

    Only lags with room for every depth count. Otherwise depth would be confounded with lag.
    """
    depths = np.array([episode.depth for episode in evaluated])
    lags = np.array([episode.answer.lag for episode in evaluated])
    kinds = np.unique(depths)
    full = [lag for lag in np.unique(lags) if len(np.unique(depths[lags == lag])) == len(kinds)]
    among = np.isin(lags, full)
    if not depths.any() or not among.any():
        return {}
    return {int(depth): _accuracy(right[among & (depths == depth)]) for depth in kinds}


def _calibration(
    task: Task, evaluated: Sequence[Episode], probabilities: Floats
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the true probability of each answer and its mean share, by setting."""
    calibration = {}
    shares = probabilities / probabilities.sum(axis=1, keepdims=True)
    for name, true in task.settings.items():
        rows = [k for k, episode in enumerate(evaluated) if episode.answer.probabilities == true]
        means = shares[rows].mean(axis=0).tolist()
        calibration[name] = {
            choice: (p, mean) for choice, p, mean in zip(task.choices, true, means, strict=True)
        }
    return calibration
