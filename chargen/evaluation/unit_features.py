"""Units whose value follows a readable feature of the text, such as the position in the line.

Source: Karpathy, Johnson and Fei-Fei 2015, "Visualizing and Understanding Recurrent Networks".

Shapes: T characters, N units of all layers, F features.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chargen.evaluation.bracket_matching import matched_marks
from chargen.evaluation.trace import Tracer

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]

NUM_SHIFTS = 19
_BRACKETS = "([{<\uff08"
_LINE_ENDS = "\n\x1e"  # a newline, and the boundary of documents


@dataclass(frozen=True)
class UnitFeature:
    """The unit that follows a feature best.

    found: the correlation (Pearson) on the first half of the text, where this unit has the largest.
    confirmed: on the second half. chance: the largest absolute correlation of any unit with the
    feature shifted along the first half, in 19 shifts; a feature that no unit follows exceeds it
    with a probability of 1 in 20.
    """

    feature: str
    layer: int
    unit: int
    found: float
    confirmed: float
    chance: float

    @property
    def is_confirmed(self) -> bool:
        """Whether both correlations exceed chance and have the same sign."""
        return min(abs(self.found), float(np.sign(self.found)) * self.confirmed) > self.chance


def memory_of_units(tracer: Tracer, text: str) -> Floats:
    """Return c of an LSTM, h of other cells or the output, of the units of all layers, [T, N]."""
    return np.concatenate(
        [
            np.concatenate([layer[part.memory] for layer in part.layers], axis=1)
            for part in tracer.chunks(text)
        ]
    )


def unit_features(
    units: Floats, text: str, hidden_size: int, *, seed: int = 1
) -> list[UnitFeature]:
    """Find the best unit [T, N] for each feature, in descending order of its confirmed correlation.

    Features that are constant on one of the halves are left out.
    """
    half = len(text) // 2
    random = np.random.Generator(np.random.Philox(key=[seed, 0]))
    shifts = random.integers(half // 10, half - half // 10, NUM_SHIFTS)
    first, second = _standardised(units[:half]), _standardised(units[half:])
    results = []
    for name, values in features(text).items():
        if not (np.ptp(values[:half]) and np.ptp(values[half:])):
            continue
        columns = [values[:half], *(np.roll(values[:half], shift) for shift in shifts)]
        found = first.T @ _standardised(np.stack(columns, 1)) / half  # [N, 1 + shifts]
        best = int(abs(found[:, 0]).argmax())
        confirmed = second[:, best] @ _standardised(values[half:, None])[:, 0] / len(second)
        layer, unit = divmod(best, hidden_size)
        chance = float(abs(found[:, 1:]).max())
        results.append(
            UnitFeature(name, layer, unit, float(found[best, 0]), float(confirmed), chance)
        )
    return sorted(results, key=lambda each: -each.confirmed * np.sign(each.found))


def features(text: str) -> Mapping[str, Doubles]:
    """Return the value of each feature after each character, [T].

    Quotation marks and brackets count from the opening mark on, if they are closed within the
    paragraph. A word is a sequence of letters.
    """
    ends = np.array([character in _LINE_ENDS for character in text])
    upper = np.array([character.isupper() for character in text])
    letters = np.array([character.isalpha() for character in text])
    starts = letters & ~np.concatenate([[False], letters[:-1]])
    place = np.arange(len(text))
    quotes, brackets = np.zeros(len(text)), np.zeros(len(text))
    for opened, closed in matched_marks(text):
        (brackets if text[opened] in _BRACKETS else quotes)[opened:closed] = 1
    return {
        "position in the line": (place - _last(ends, place, -1)).astype(np.float64),
        "characters to the end of the line": ((_last(ends[::-1], place, -1) - place)[::-1] * -1.0),
        "inside quotation marks": quotes,
        "inside brackets": brackets,
        "letters of the word so far": np.where(letters, place - _last(starts, place, 0) + 1.0, 0),
        "capital letter": upper.astype(np.float64),
        "last word starts with a capital": _at(upper, _last(starts, place, 0)),
        "next word starts with a capital": _next_word(text, upper),
    }


def _last(marked: npt.NDArray[np.bool_], place: npt.NDArray[np.intp], none: int) -> Doubles:
    """Return the place of the last marked character up to each one; `none` before the first."""
    last: Doubles = np.maximum.accumulate(np.where(marked, place, none))
    return last


def _at(values: npt.NDArray[np.bool_], places: Doubles) -> Doubles:
    return values[places.astype(np.intp)].astype(np.float64)


def _next_word(text: str, upper: npt.NDArray[np.bool_]) -> Doubles:
    """Return whether the first word that starts after each character starts with a capital."""
    values = np.zeros(len(text))
    before = 0
    for word in re.finditer(r"[^\W\d_]+", text):
        values[before : word.start()] = upper[word.start()]
        before = word.start()
    return values


def _standardised(values: Floats) -> Doubles:
    """Return columns with mean 0 and variance 1; a constant column becomes 0."""
    centred = values - values.mean(0, dtype=np.float64)
    deviation = centred.std(0)
    constant = deviation <= 1e-9 * abs(values).max(0)
    standardised: Doubles = np.where(constant, 0, centred / np.where(constant, 1, deviation))
    return standardised
