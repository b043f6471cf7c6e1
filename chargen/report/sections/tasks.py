"""The sections on the memory tasks, one a task."""

from __future__ import annotations

from functools import partial

from chargen.records import Comparison, TaskComparison, TaskResult
from chargen.report import markup, phrases
from chargen.report.figures import tasks as figures
from chargen.report.section import Picture, Section
from chargen.report.style import looks
from chargen.report.words import tasks as words


def of_the_tasks(comparison: Comparison) -> list[Section]:
    """Every section on a task, those with a second figure followed by it."""
    known = looks(comparison)
    found: list[Section] = []
    for place, task in enumerate(comparison.tasks.values()):
        if not task.cells:
            continue
        name = identifier(task, place)
        summary = phrases.capital(phrases.visible(task.summary))
        found.append(
            Section(
                name,
                f"Memory task: {phrases.visible(task.name)}",
                summary if summary.endswith(".") else f"{summary}.",
                (words.spans(task, known),),
                Picture(name, partial(figures.accuracy, task, known)),
                words.measured(task, again=bool(found)),
                _example(task) + _settings(comparison, task),
            )
        )
        if any(cell.calibration for cell in task.cells.values()):
            found.append(
                Section(
                    f"{name}-calibration",
                    "Does it know how sure to be?",
                    seen=(words.calibration(task, known),),
                    picture=Picture(
                        f"{name}-calibration", partial(figures.calibration, task, known)
                    ),
                    how="The mean share that each network gives to each answer among all of them, "
                    "in each setting; the bar is the true probability, from which the episodes "
                    "were drawn.",
                )
            )
        if any(cell.by_depth for cell in task.cells.values()):
            found.append(
                Section(
                    f"{name}-depth",
                    "Does depth matter beside distance?",
                    seen=(words.depth(task, known),),
                    picture=Picture(f"{name}-depth", partial(figures.depth, task, known)),
                    how="The same answers by how many brackets open and close between, over "
                    "those lags at which every depth has room.",
                )
            )
    return found


def identifier(task: TaskComparison, place: int) -> str:
    """A name for files and anchors, of plain letters whatever the task is called."""
    plain = task.name.isascii() and task.name.replace("-", "").isalnum()
    return f"task-{task.name}" if plain else f"task-{place + 1}"


def _example(task: TaskComparison) -> str:
    start, end = task.answer
    before, answer, after = task.example[:start], task.example[start:end], task.example[end:]
    return (
        '<p class="label">An example; the network must know what is marked:</p>'
        '<pre class="example">'
        f"{markup.text(before, lines=True)}<mark>{markup.text(answer)}</mark>"
        f"{markup.text(after, lines=True)}</pre>"
    )


def _settings(comparison: Comparison, task: TaskComparison) -> str:
    known = looks(comparison)
    head = [
        "Network",
        "Span",
        "With each seed",
        "Trained to lag",
        "Parameters",
        "Learning rate",
        "Rates tried",
        "Training time",
    ]
    rows = [
        [
            markup.named(known[name]),
            phrases.span(cell.span, cell.span_is_least),
            ", ".join(map(phrases.count, cell.spans)) or "one run",
            phrases.count(cell.trained_to),
            phrases.count(cell.parameters),
            phrases.rate(cell.learning_rate),
            _rates(cell),
            markup.text(phrases.duration(cell.seconds)),
        ]
        for name, cell in task.cells.items()
    ]
    return markup.table(head, rows, "numbers")


def _rates(cell: TaskResult) -> str:
    rates = sorted(rate for rate, _ in cell.sweep)
    if len(rates) < 2:
        return phrases.NOTHING
    many = phrases.word(len(rates))
    said = f"{many} from {phrases.rate(rates[0])} to {phrases.rate(rates[-1])}"
    edge = "the smallest" if cell.learning_rate == rates[0] else "the largest"
    return f"{said}, {edge} taken" if cell.learning_rate in (rates[0], rates[-1]) else said
