"""The sections of the report: one for each question that the comparison answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from chargen.comparison.result import Comparison, TaskComparison
from chargen.report import figures, sentences, tables
from chargen.report.formatting import visible
from chargen.report.tables import Table
from chargen.report.theme import Styles


class Question(NamedTuple):
    """A question and the functions that answer it for a memory task or for a text.

    title: with {} for the name of the task, or for the word that is spelled. describe: returns ""
    if nothing was measured.
    """

    kind: str
    title: str
    describe: Callable[[Any, Styles], str]
    draw: Callable[[Any, Styles], Figure] | None = None
    tabulate: Callable[[Any], Table] | None = None


ON_TASK = (
    Question("task", "Memory task: {}", sentences.spans, figures.accuracy, tables.task),
    Question("gradient", "Gradient on {}", sentences.gradient, figures.gradient, tables.gradients),
    Question("calibration", "Probabilities on {}", sentences.calibration, figures.calibration),
    Question("depth", "Depth on {}", sentences.depth, figures.depth),
)
ON_TEXT = (
    Question("loss", "Which network predicts best?", sentences.loss, figures.loss, tables.runs),
    Question("training", "How does the training loss fall?", sentences.training, figures.training),
    Question("context", "How much context is used?", sentences.context, figures.context),
    Question(
        "gradient",
        "How far back do gradients reach?",
        sentences.gradient,
        figures.gradient,
        tables.gradients,
    ),
    Question("windows", "How long must a window be?", sentences.windows, figures.windows),
    Question("brackets", "Are brackets and quotes closed?", sentences.brackets, figures.brackets),
    Question("spelling", "Can it spell “{}”?", sentences.spelling),
    Question("rhyme", "Does it rhyme?", sentences.rhyme, figures.rhyme),
    Question("writing", "What does it write?", sentences.writing, None, tables.coherence),
)


@dataclass(frozen=True)
class Section:
    """One question and its answer. name: the anchor, and the file name of the figure."""

    name: str
    kind: str
    title: str
    sentence: str
    figure: Figure | None
    table: Table | None
    task: TaskComparison | None


def sections(comparison: Comparison, styles: Styles) -> list[Section]:
    """Return the sections in the order of the page; the one with the main figure comes first.

    The main figure is a memory task, otherwise the effective context, otherwise the loss.
    """
    main, text = comparison.main_task, comparison.text
    found: list[Section] = []
    for place, task in enumerate(comparison.tasks.values(), start=1):
        plain = task.name.isascii() and task.name.replace("-", "").isalnum()
        prefix = f"task-{task.name if plain else place}-"
        selected = [one for one in ON_TASK if one.kind != "gradient" or task is main]
        found += _answers(selected, task, styles, prefix, task.name)
    if text is not None:
        found += _answers(ON_TEXT, text, styles, "", text.prompt)
    first = "context" if main is None else "task"
    return sorted(found, key=lambda one: one.kind != first or one.task is not main)


def _answers(
    questions: Iterable[Question], subject: Any, styles: Styles, prefix: str, word: str
) -> Iterator[Section]:
    for question in questions:
        sentence = question.describe(subject, styles)
        if sentence:
            yield Section(
                (prefix + question.kind).removesuffix("-task"),
                question.kind,
                question.title.format(visible(word)),
                sentence,
                question.draw(subject, styles) if question.draw else None,
                question.tabulate(subject) if question.tabulate else None,
                subject if question.kind == "task" else None,
            )
