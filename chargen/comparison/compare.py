"""Running a whole comparison, which can be stopped and resumed."""

from __future__ import annotations

import platform
from collections.abc import Generator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from chargen.comparison.checks import check_all
from chargen.comparison.config import StudyConfig
from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.options import DEFAULT_MINUTES, ComparisonOptions
from chargen.comparison.result import Comparison
from chargen.comparison.runner import Progress, run_studies
from chargen.comparison.stages import Study
from chargen.comparison.task_study import TaskStudy
from chargen.comparison.text_study import TextStudy
from chargen.comparison.writing import TEMPERATURE
from chargen.errors import OptionConflictError
from chargen.evaluation.coherence import Families
from chargen.tasks.registry import TASKS
from chargen.text.corpus import Corpus


def open_folder(
    output: Path | None,
    corpus: Corpus | None,
    options: ComparisonOptions,
    families: Families | None = None,
) -> ComparisonFolder:
    """Open the folder of a new or an unfinished comparison.

    Raises ComparisonError, and OptionError if there is nothing to compare.
    """
    if corpus is None and not options.tasks:
        reason = "nothing to compare (pass a text, or set {tasks})"
        raise OptionConflictError(reason, "tasks")
    names = [] if corpus is None else [corpus.name]
    names += ["all-tasks"] if len(options.tasks) == len(TASKS) else list(options.tasks)
    rhymes = {name: sorted(words) for name, words in (families or {}).items()}
    kind = None if corpus is None else asdict(corpus.kind)
    text = None if corpus is None else corpus.sha256
    identity = {"text": text, "kind": kind, "rhymes": rhymes, **options.to_dict()}
    return ComparisonFolder.open(output, "-".join(names), identity)


def compare(
    corpus: Corpus | None,
    options: ComparisonOptions,
    folder: ComparisonFolder,
    *,
    families: Families | None = None,
    config: StudyConfig | None = None,
    command: str = "",
) -> Generator[Progress | Comparison, None, None]:
    """Run all unfinished stages; yield the progress, and at the end the comparison.

    The caller passes the comparison to `folder.finish`. families: words that rhyme, by family.
    command: the command line that reproduces the comparison, for the report.
    Raises OptionError if the time is too short, and the errors of training.
    """
    config = config or StudyConfig()
    parts = (corpus is not None) + len(options.tasks)
    each = None if options.minutes is None else options.minutes * 60 / parts
    yield Progress("measuring the speed", 0.0)
    tasks = [TaskStudy(TASKS[name], options, config, folder, each) for name in options.tasks]
    text = None
    if corpus is not None:
        seconds = each or DEFAULT_MINUTES * 60
        text = TextStudy(corpus, families, options, config, folder, seconds)
    studies: list[Study] = [*tasks, *([text] if text else [])]
    yield from run_studies(studies)
    settings: dict[str, Any] = {
        "command": command,
        **options.to_dict(),
        "kind": None if corpus is None else asdict(corpus.kind),
        "method": asdict(config),
        "plans": {study.name: asdict(study.plan) for study in studies},
        "temperature": TEMPERATURE,
        "precision": "float32",
        "versions": {
            "chargen": version("chargen"),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    settings |= text.settings() if text else {}
    text_result = text.comparison() if text else None
    task_results = {task.name: task.comparison() for task in tasks}
    yield Comparison(
        text=text_result,
        tasks=task_results,
        checks=check_all(text_result, task_results),
        notes=tuple(note for study in studies for note in study.notes()),
        settings=msgspec.json.decode(
            msgspec.json.encode(settings)
        ),  # the same values as after reading it from the file
        seconds=folder.seconds(),
    )
