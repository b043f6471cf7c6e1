"""The screens of the lecture as data, from which a terminal or a page is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

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


View = Literal["bars", "letters", "unfolded", "gradient", "inside", "choices", "pair"]


@dataclass(frozen=True)
class Live:
    """A figure whose text the reader changes. Only a page can show it; a terminal leaves it out.

    views: what is drawn, from top to bottom. `bars`: the most likely next characters;
    `letters`: the probability of each letter of the text; `unfolded`: the network as a chain;
    `gradient`: also the gradient of the last prediction; `inside`: gates and memory;
    `choices`: the probabilities of the choices, and the memory; `pair`: the same for two texts.
    models: their names, as `-m` finds them. texts: two for `pair`, else one. choices: words that
    are told apart by their first characters. threshold: where the line of the bars starts.
    """

    caption: str
    views: tuple[View, ...]
    models: tuple[str, ...]
    texts: tuple[str, ...]
    choices: tuple[str, ...] = ()
    threshold: float | None = None


Part = str | Table | Drawing | Diagram | Live  # a string is a paragraph


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
    body: tuple[Part, ...]
    look: str
    commands: tuple[Command, ...]
