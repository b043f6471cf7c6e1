"""The screens of the lecture as data, from which a terminal or a page is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chargen.evaluation.trace import Trace
from chargen.model.config import ModelConfig

Predictions = tuple[tuple[str, float], ...]  # next characters, the most likely one first


@dataclass(frozen=True)
class Bar:
    """A number, and the share from 0 to 1 that its bar shows."""

    text: str
    share: float


Cell = str | float | Bar | Predictions  # a float is a share from 0 to 1
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table of live numbers. threshold: a share that is marked on the bars.

    The cells of a column have the same type.
    """

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    threshold: float | None = None


@dataclass(frozen=True)
class Drawing:
    """A network, folded and unfolded over the text of the trace."""

    caption: str
    config: ModelConfig
    trace: Trace


@dataclass(frozen=True)
class Diagram:
    """A drawing made of characters, at most 40 columns wide."""

    text: str


@dataclass(frozen=True)
class Command:
    """A shell command for the reader's own text. purpose: what it does, in the imperative."""

    purpose: str
    line: str


@dataclass(frozen=True)
class Screen:
    """One topic: paragraphs and figures in the order of reading, what to look at, what to try.

    models: the names of the models that computed the figures, as `-m` finds them.
    """

    title: str
    models: tuple[str, ...]
    body: tuple[str | Table | Drawing | Diagram, ...]
    look: str
    commands: tuple[Command, ...]
