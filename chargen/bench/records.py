"""The record that the benchmarks yield."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One row of a benchmark: what was measured, for which shape, and the reference.

    baseline: the reference and its value; None if there is none. ratio: improvement over the
    reference as a factor; None if there is no reference or it could not be measured.
    """

    name: str
    shape: str
    value: float
    unit: str
    baseline: str | None
    ratio: float | None


def format_value(value: float) -> str:
    """Format a value with three significant digits, and whole numbers from 100."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
