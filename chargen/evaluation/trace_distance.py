"""How much the states and the predictions of two texts of the same length differ.

Shapes: T characters.
"""

from __future__ import annotations

from chargen.evaluation.trace import Floats, Trace


def state_distance(
    one: Trace, other: Trace, name: str, *, layer: int = -1, unit: int | None = None
) -> Floats:
    """Return the root mean square difference of an array of a layer over its units, [T].

    name: as in `Trace.layers`. unit: only this one, which gives its absolute difference.
    """
    difference = one.layers[layer][name] - other.layers[layer][name]
    if unit is not None:
        difference = difference[:, [unit]]
    distance: Floats = (difference**2).mean(1) ** 0.5
    return distance


def prediction_distance(one: Trace, other: Trace) -> Floats:
    """Return the total variation distance between the predictions after each character, [T]."""
    distance: Floats = abs(one.probabilities - other.probabilities).sum(1) / 2
    return distance
