"""Everything that was asked for, as one comparison that can be stopped and gone on with."""

from __future__ import annotations

import platform
import time
from collections.abc import Generator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from chargen.comparison.checks import checks
from chargen.comparison.folder import ComparisonFolder
from chargen.comparison.memory import TaskStudy
from chargen.comparison.request import DEFAULT_MINUTES, Request
from chargen.comparison.stages import run
from chargen.comparison.text import TextStudy
from chargen.errors import OptionError, TooShortError
from chargen.records import Comparison, Stage
from chargen.tasks.table import TASKS
from chargen.text.corpus import Corpus

_SECONDS = "seconds"


def open_folder(output: Path | None, corpus: Corpus | None, request: Request) -> ComparisonFolder:
    """The folder of a comparison, new or gone on with. Raises ComparisonError and OptionError."""
    if corpus is None and not request.tasks:
        raise OptionError("there is nothing to compare on: name a text, or a task with --task")
    names = [] if corpus is None else [corpus.name]
    names += ["all-tasks"] if len(request.tasks) == len(TASKS) else list(request.tasks)
    asked = {"text": corpus and corpus.sha256, **request.to_dict()}
    return ComparisonFolder.open(output, "-".join(names), asked)


def compare(
    corpus: Corpus | None,
    file: Path | None,
    request: Request,
    folder: ComparisonFolder,
    *,
    command: str,
) -> Generator[Stage | Comparison, None, None]:
    """Do all that is not done yet; yield how far it is, and the comparison as the last.

    `folder.finish` is to be called when it is drawn.

    file: where the text was read. command: what makes the comparison again, for the report.
    Raises OptionError where the minutes are too few, and what training raises.
    """
    began = time.monotonic()
    before = folder.get(_SECONDS, float) if _SECONDS in folder else 0.0
    studies = (corpus is not None) + len(request.tasks)
    each = None if request.minutes is None else request.minutes * 60 / studies
    yield Stage("timing the networks", 0.0)
    text = None
    try:
        if corpus is not None:
            text = TextStudy(corpus, file, request, folder, each or DEFAULT_MINUTES * 60)
        tasks = {name: TaskStudy(TASKS[name], request, folder, each) for name in request.tasks}
    except TooShortError as error:
        minutes = request.minutes or DEFAULT_MINUTES
        raise OptionError(
            f"--minutes {minutes:g} is too short for this on this machine (it takes about"
            f" {error.seconds * studies / 60:.1f} or more; fewer --cells take less)"
        ) from None
    jobs = [job for task in tasks.values() for job in task.jobs()]
    jobs += text.jobs() if text else []
    try:
        yield from run(jobs)
    finally:
        folder.put(_SECONDS, before + time.monotonic() - began)
    results = {name: task.comparison() for name, task in tasks.items()}
    settings: dict[str, Any] = {
        "command": command,
        **request.to_dict(),
        "precision": "float32",
        "threads": torch.get_num_threads(),
        "versions": {
            "chargen": version("chargen"),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    if text:
        settings |= text.settings()
    if tasks:
        settings["tasks_trained"] = {name: task.settings() for name, task in tasks.items()}
    parts = text.parts if text else None
    held_out = 0 if parts is None else int((parts.held_out[:, 1] - parts.held_out[:, 0] - 1).sum())
    yield Comparison(
        corpus="" if corpus is None else corpus.name,
        corpus_characters=0 if corpus is None else corpus.characters,
        held_out_characters=held_out,
        vocab_size=0 if parts is None else len(parts.vocabulary) - 1,
        characters_read=text.characters_read if text else 0,
        prompt=text.prompt if text else "",
        settings=settings,
        cells=text.cells() if text else {},
        corpus_coherence=text.corpus_coherence if text else None,
        bigram_nats=text.bigram_nats if text else None,
        window_cell=text.window_cell if text else "",
        windows=text.windows() if text else (),
        tasks=results,
        checks=checks(text, results),
        seconds=folder.get(_SECONDS, float),
    )
