"""The options of a comparison."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from chargen.errors import OptionError
from chargen.model.cells.registry import CELLS
from chargen.options import MAX_SEED, check_options, option
from chargen.tasks.episode import MAX_LAG
from chargen.tasks.registry import TASKS

DEFAULT_CELLS = ("feedforward", "rnn", "gru", "lstm")
DEFAULT_LAGS = (25, 50, 100, 200)
DEFAULT_MINUTES = 8.0
ALL = "all"


@dataclass(frozen=True)
class ComparisonOptions:
    """The options of a comparison. Raises OptionError if a value is not allowed."""

    tasks: tuple[str, ...] = option(
        (),
        f"Memory tasks to compare on: {', '.join(TASKS)}, or all",
        flags=("--task",),
        choices=(*TASKS, ALL),
        separator=",",
        metavar="TASK,...",
    )
    cells: tuple[str, ...] = option(
        DEFAULT_CELLS,
        "Networks to compare",
        choices=CELLS,
        separator=",",
        metavar="CELL,...",
    )
    minutes: float | None = option(
        None,
        "Total time in minutes, divided equally between the text and the tasks; at least 0.1; if it"
        " is too short for all networks on this machine, an error states the minimum",
        minimum=0.1,
        maximum=1e6,
        metavar="N",
        default_help="8 for a text; a fixed amount of training for tasks",
    )
    repeats: int = option(1, "Train each network with N seeds", minimum=1, maximum=100, metavar="N")
    seed: int = option(1, "First random seed", minimum=0, maximum=MAX_SEED - 100, metavar="N")
    prompt: str | None = option(
        None,
        "Word for the spelling test",
        flags=("-p", "--prompt"),
        default_help="neuron, or a common word of the text",
    )
    lags: tuple[int, ...] = option(
        DEFAULT_LAGS,
        "Lags of the tasks, in characters; longer lags are also tested",
        minimum=1,
        maximum=MAX_LAG,
        separator=",",
        metavar="N,...",
        requires="tasks",
    )
    hidden_size: int = option(
        128,
        "Units of an LSTM on the text; other cells get the same number of parameters",
        minimum=16,
        maximum=1 << 14,
        metavar="N",
    )
    num_layers: int = option(1, "Number of layers on the text", minimum=1, maximum=100, metavar="N")

    def __post_init__(self) -> None:
        check_options(self)
        if ALL in self.tasks:
            object.__setattr__(self, "tasks", tuple(TASKS))
        for field in ("tasks", "cells", "lags"):
            values = getattr(self, field)
            if len(set(values)) < len(values):
                raise OptionError(field, ",".join(map(str, values)), "a list without duplicates")
            if not values and field != "tasks":
                raise OptionError(field, values, "one value or more")
        if self.prompt is not None and len(self.prompt) < 2:
            raise OptionError("prompt", self.prompt, "two characters or more", "such as neuron")
        for name in self.tasks:
            TASKS[name].check_lags(self.lags)

    @property
    def seeds(self) -> list[int]:
        """The seed of each repeat."""
        return [self.seed + k for k in range(self.repeats)]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
