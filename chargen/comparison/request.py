"""What a user asks a comparison to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from chargen.errors import OptionError
from chargen.model.cells import CELLS
from chargen.options import check_types
from chargen.tasks.table import LONGEST_LAG, TASKS
from chargen.training.config import MOST_SEED, check_range

CELL_ORDER = tuple(reversed(CELLS))  # from no memory to the most gates
DEFAULT_LAGS = (25, 50, 100, 200)
DEFAULT_MINUTES = 8.0


@dataclass(frozen=True)
class Request:
    """The options of `chargen compare` besides its text.

    minutes: of the whole command; None: 8 for the text, and for each task what its own table says.
    repeats: runs of each cell, with seeds from `seed` on. prompt: the word to spell; None: one of
    the text. tasks: names of memory tasks; lags: those trained on and shown, in characters.
    hidden_size: of an LSTM; the other cells get as many parameters.
    Raises OptionError where a value is not allowed.
    """

    cells: tuple[str, ...] = CELL_ORDER
    minutes: float | None = None
    repeats: int = 1
    seed: int = 1
    prompt: str | None = None
    tasks: tuple[str, ...] = ()
    lags: tuple[int, ...] = DEFAULT_LAGS
    lines: bool = False
    hidden_size: int = 128
    num_layers: int = 1

    def __post_init__(self) -> None:
        check_types(self)
        for cell in self.cells:
            if cell not in CELLS:
                raise OptionError(f"--cells must be of {', '.join(CELLS)}, got {cell!r:.40}")
        if not self.cells or len(set(self.cells)) < len(self.cells):
            raise OptionError(
                f"--cells must be one cell or more, each once, got {','.join(self.cells)!r:.80}"
            )
        if self.minutes is not None:
            check_range("--minutes", self.minutes, 0.1, 1e6)
        check_range("--repeats", self.repeats, 1, 100)
        check_range("--seed", self.seed, 0, MOST_SEED - self.repeats)
        check_range("--hidden-size", self.hidden_size, 16, 1 << 14)
        check_range("--num-layers", self.num_layers, 1, 100)
        if self.prompt is not None and len(self.prompt) < 2:
            raise OptionError(
                f"--prompt must be two characters or more, got {self.prompt!r} (such as neuron)"
            )
        for name in self.tasks:
            least = TASKS[name].least_lag
            for lag in self.lags:
                if not least <= lag <= LONGEST_LAG:
                    raise OptionError(
                        f"--lags must lie between {least} and {LONGEST_LAG} for {name}, got {lag}"
                    )
        if self.tasks and not self.lags:
            raise OptionError("--lags must be one number or more (25,50,100,200 is usual)")

    def to_dict(self) -> dict[str, Any]:
        """The fields as values of JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
