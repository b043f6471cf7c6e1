"""Presets: sets of sizes and rates for texts of different lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

# The longest window, in characters, that is chosen for separate texts. Longer texts take several.
MAX_TEXT_WINDOW = 256


@dataclass(frozen=True)
class Preset:
    """One preset. up_to: the longest text, in characters, for which "auto" selects it."""

    up_to: float
    hidden_size: int
    num_layers: int
    embedding_size: int
    batch_size: int
    sequence_length: int
    learning_rate: float
    minutes: float

    def for_texts(self, longest: int) -> Preset:
        """Return the preset for separate texts of at most `longest` characters.

        A window holds a whole text, since no gradient flows back to the previous window. A batch
        has at least four texts (420 tunes, in about equal processor time: 1.536 nats after 3 epochs
        in batches of 4, 1.656 after 3.5 in batches of 8; after 10 and 11.7 epochs, 1.224 and
        1.290).
        """
        window = max(self.sequence_length, longest)
        batch_size = max(4, self.batch_size * self.sequence_length // window)
        return replace(self, sequence_length=window, batch_size=batch_size)

    def for_muon(self) -> Preset:
        """Return the preset for a long text if Muon costs little, as in bfloat16.

        Measured on Tiny Shakespeare in bfloat16, one core, in processor time of the whole process.
        From `english`, 1x512: 1.448 nats with Muon (250 updates, 77 s) and 1.473 with AdamW at the
        smaller batch and rate (600 updates, 64 s). On 100,000 characters of it there is no gain:
        1.305 in 59 s and 1.303 in 40 s. CHANGELOG.md has longer runs.
        """
        return replace(self, batch_size=2 * self.batch_size, learning_rate=1.5 * self.learning_rate)


@dataclass(frozen=True)
class FineTuning:
    """What a run that starts from a trained model sets instead of its preset.

    The model provides the sizes, the preset the minutes. max_dropout: above it, a run forgets more
    than it learns (rhymes, 320 updates: 1.443 nats with 0.2, 1.480 with 0.5, 1.446 without, where
    it overfits; Tiny Shakespeare, 4,600 updates: 1.372 with 0.2, 1.380 with 0.3).
    weight_decay: towards the initial weights.
    """

    batch_size: int
    sequence_length: int
    max_dropout: float
    weight_decay: float


PRESETS: dict[str, Preset] = {
    "tiny": Preset(60_000, 256, 1, 32, 16, 64, 8e-3, 0.5),
    "small": Preset(500_000, 256, 1, 32, 16, 64, 8e-3, 2),
    "base": Preset(20_000_000, 384, 1, 64, 16, 64, 1e-2, 5),
    "large": Preset(math.inf, 1024, 2, 128, 32, 128, 3e-3, 60),
}

# The sizes to choose from if a preset's is too large for a number of minutes. Fewer than 256 units
# gain little on a long text (192 instead of 256, 60 s: 1.583 and 1.587 nats), and lose on a short
# one (half a minute, 128 and 256 units: rhymes 1.683 and 1.670, neurons 1.510 and 1.482).
_SIZES = (768, 512, 384, 256)
_UPDATES_PER_UNIT = 7

# Characters of a training set from which `Preset.for_muon` is used, and of its batches at most.
LONG_TEXT, SMALL_BATCH = 500_000, 1_024

FINE_TUNING = FineTuning(batch_size=16, sequence_length=64, max_dropout=0.2, weight_decay=0.1)


def automatic_preset(characters: int) -> str:
    """Return the name of the preset for a text of this length."""
    return next(name for name, preset in PRESETS.items() if characters <= preset.up_to)


def affordable_size(hidden_size: int, updates: float) -> int:
    """Return the hidden size, at most `hidden_size`, for a budget that is short for it.

    updates: those that the budget allows with `hidden_size`. Fewer units allow more of them,
    about in proportion to hidden_size ** -1.3, and a network needs about seven updates per unit.
    Measured on Tiny Shakespeare, one core: after 60 s, 1.652 nats with 384 units (831 updates) and
    1.587 with 256 (1,458); after 198 s, 1.485 with 384 (2,511) and 1.482 with 256
    (4,706).
    """
    for size in (hidden_size, *(each for each in _SIZES if each < hidden_size)):
        if updates * (hidden_size / size) ** 1.3 >= _UPDATES_PER_UNIT * size:
            return size
    return min(hidden_size, _SIZES[-1])


def automatic_dropout(epochs: float) -> float:
    """Return the dropout for a number of epochs, in steps of 0.05.

    Measured on Tiny Shakespeare: for 2 epochs, 0.05 is best (1.455 nats; 1.461 without dropout);
    for 20 epochs, 0.4 is best (1.383 nats; 1.399 with 0.3).
    """
    if epochs <= 1:
        return 0.0
    dropout = 0.105 * math.log2(epochs) - 0.055
    return round(0.05 * round(max(0.0, min(0.5, dropout)) / 0.05), 2)


def fine_tuning_rate(distance: float | None, characters: int, *, memorise: bool) -> float:
    """Return the peak learning rate of a run that starts from a trained model, with two digits.

    distance: of the model from the text, see `Start.distance`; None: not measured.
    characters: of the training set. A short text is overfitted at the rate of a long one.
    memorise: whether it is to be learned by heart instead. The distance then does not matter (ten
    sentences that `english` predicts well: with the rate of their distance, 2e-4, 3 of them are
    learned after 320 updates, and at 8e-3 all after 100; 82 verses, 180 updates: 46 at 8e-3, 28 at
    4e-3, 2 at 2e-3).
    """
    if memorise:
        return 8e-3
    low, high = 2e-4, 4e-3 * min(1.0, (characters / 1e6) ** 0.25)
    rate = high if distance is None else low + max(0.0, high - low) * distance
    return float(f"{rate:.2g}")
