"""The constants of the method of a comparison, in one value that tests can reduce."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StudyConfig:
    """The method of a comparison. The options of the user are in `ComparisonOptions`.

    text_characters, task_characters: the number of characters that each network reads in
    training. None: the number that fits into the time, or that of the task.
    learning_rates, task_learning_rates: the rates that are tried. None: those of the cell.
    sweep_share, window_share: the characters of one run of the sweep, and of the window study,
    relative to a main run. windows: the gradient lengths that are compared with at least
    min_window_seeds seeds.
    context_targets, gradient_places: the number of positions for the context curve and for the
    gradient flow. diagnostics_share: the largest share of the time for them.
    sweep_episodes, task_episodes, gradient_episodes: the number of episodes that validate a
    learning rate, that measure the accuracy at a lag, and over which a gradient is averaged.
    """

    text_embedding_size: int = 32
    text_characters: int | None = None
    learning_rates: tuple[float, ...] = (3e-3, 1e-2, 3e-2)
    sweep_share: float = 0.15
    windows: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    window_share: float = 0.2
    min_window_seeds: int = 3
    context_targets: int = 2_000
    gradient_places: int = 64
    diagnostics_share: float = 0.35

    task_hidden_size: int = 96
    task_embedding_size: int = 24
    task_characters: int | None = None
    task_learning_rates: tuple[float, ...] | None = None
    sweep_episodes: int = 400
    task_episodes: int = 1_000
    gradient_episodes: int = 64
