"""The options of an inspection: what to look at, and which gates to hold."""

from __future__ import annotations

from dataclasses import dataclass

from chargen.errors import OptionConflictError, OptionError
from chargen.model.cells.registry import CELLS
from chargen.model.config import ModelConfig
from chargen.options import check_options, index_below, option


@dataclass(frozen=True)
class InspectionSettings:
    """A layer and a unit, and the gates that are held closed or open.

    Characters, layers and units are numbered from 0. Raises OptionError if a value is not allowed.
    """

    layer: int | None = option(
        None,
        "Show layer N, from 0; with --close or --open, hold the gates of this layer only",
        minimum=0,
        metavar="N",
        default_help="show the last layer; hold gates in all",
    )
    unit: int | None = option(
        None,
        "Show unit N, from 0, instead of means; with --close or --open, hold its gates only",
        minimum=0,
        metavar="N",
    )
    close: tuple[str, ...] = option(
        (),
        "Hold this gate at 0: forget, learn, candidate or use in an LSTM; can be repeated",
        metavar="GATE",
    )
    open: tuple[str, ...] = option((), "Hold this gate at 1; can be repeated", metavar="GATE")
    start: int = option(
        0,
        "Hold the gates starting at character K, counted from 0",
        minimum=0,
        flags=("--from",),
        metavar="K",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.start and not self.close and not self.open:
            raise OptionConflictError(
                "{start} has no effect without {close} or {open}", "start", "close", "open"
            )

    def shown_layer(self, config: ModelConfig) -> int:
        """Return the layer that is shown, by default the last one."""
        return config.num_layers - 1 if self.layer is None else self.layer

    def check(self, config: ModelConfig) -> None:
        """Raise OptionError if a model has no such layer, unit or gate."""
        for name, size in (("layer", config.num_layers), ("unit", config.hidden_size)):
            value = getattr(self, name)
            if value is not None and value >= size:
                raise OptionError(name, value, f"{index_below(size)} with this model")
        self.held_gates(config)

    def held_gates(self, config: ModelConfig) -> dict[str, float]:
        """Return the value of each gate that is held, by its letter."""
        cell = CELLS[config.cell]
        held: dict[str, float] = {}
        for field, value in (("close", 0.0), ("open", 1.0)):
            for name in getattr(self, field):
                letter = cell.find_gate(name)
                if letter is None and not cell.gates:
                    raise OptionConflictError(
                        f"{{{field}}} cannot be used with this model: {cell.noun} has no gates",
                        field,
                    )
                if letter is None:
                    known = ", ".join(f"{words} {letter}" for letter, words in cell.gates.items())
                    hint = f"{cell.noun} has the gates {known}"
                    raise OptionError(field, name, "a gate of this model", hint)
                if held.setdefault(letter, value) != value:
                    raise OptionConflictError(
                        f"{{close}} and {{open}} hold the same gate, {cell.gates[letter]}",
                        "close",
                        "open",
                    )
        return held
