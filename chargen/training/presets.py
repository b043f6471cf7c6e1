"""Sizes and rates that go together, and which of them suits a text of which length."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

# Characters; longer lines are read in several windows, with the state carried.
LONGEST_LINE = 256


@dataclass(frozen=True)
class Preset:
    """up_to: the longest text, in characters, for which `auto` takes it. minutes: the default."""

    up_to: float
    hidden_size: int
    num_layers: int
    embedding_size: int
    batch_size: int
    sequence_length: int
    learning_rate: float
    minutes: float

    def for_lines(self, longest: int) -> Preset:
        """The preset for lines of at most so many characters: a window holds all of a line.

        Its end may hang on its beginning, and what a window cuts off is never learned.
        """
        window = max(self.sequence_length, min(longest, LONGEST_LINE))
        lanes = max(8, self.batch_size * self.sequence_length // window)
        return replace(self, sequence_length=window, batch_size=lanes)


PRESETS: dict[str, Preset] = {
    "tiny": Preset(60_000, 256, 1, 32, 16, 64, 8e-3, 0.5),
    "small": Preset(500_000, 256, 1, 32, 16, 64, 8e-3, 2),
    "base": Preset(20_000_000, 384, 1, 64, 16, 64, 1e-2, 5),
    "large": Preset(math.inf, 1024, 2, 128, 32, 128, 3e-3, 60),
}

# The peak rate that suits each cell, as a share of the LSTM's.
RATE_OF_CELL: dict[str, float] = {"lstm": 1.0, "gru": 0.5, "rnn": 0.125, "feedforward": 1.0}


def automatic(characters: int) -> str:
    """The preset for a text of so many characters."""
    return next(name for name, preset in PRESETS.items() if characters <= preset.up_to)


def automatic_dropout(epochs: float) -> float:
    """The dropout that suits a text that is read `epochs` times, in steps of 0.05.

    On Tiny Shakespeare 0.05 suits two passes (1.455 nats, without it 1.461) and 0.4 suits twenty
    (1.383, with 0.3 1.399, without any it overfits).
    """
    if epochs <= 1:
        return 0.0
    suits = 0.105 * math.log2(epochs) - 0.055
    return round(0.05 * round(max(0.0, min(0.5, suits)) / 0.05), 2)
