"""Training speed by the number of threads, alone and next to a busy process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from chargen.bench.records import Measurement, format_value
from chargen.bench.timing import Work, time_alternately
from chargen.bench.training import (
    STEPS,
    TRAINING_SHAPES,
    bench_spec,
    describe_shape,
    random_corpus,
    trainer_update,
)
from chargen.text.corpus import Corpus
from chargen.training.folder import RunFolder
from chargen.training.options import Budget
from chargen.training.threads import thread_counts
from chargen.training.trainer import Trainer

_MINUTES = 1e6

# It ends with its parent.
_BUSY = """
import os
parent = os.getppid()
print(flush=True)
while os.getppid() == parent:
    pass
"""


def busy_training(seconds: float) -> Iterator[Measurement]:
    """Compare the automatic number of threads with one and all, alone and next to a busy process.

    seconds: time for each number of threads, in each of both situations and for each preset.
    """
    corpus = random_corpus()
    for preset in TRAINING_SHAPES:
        yield from compare_threads("alone", corpus, preset, seconds)
        with busy_process():
            rows = compare_threads("next to a busy process", corpus, preset, seconds)
        yield from rows


def compare_threads(where: str, corpus: Corpus, preset: str, seconds: float) -> list[Measurement]:
    """Measure a run with a budget of minutes, and runs with fixed numbers of threads.

    The updates alternate. The speed of the automatic choice includes its comparisons, so the mean
    is compared, not the median.
    """
    spec = bench_spec(corpus, preset, Budget("minutes", _MINUTES))
    spec = replace(spec, training=replace(spec.training, split_windows=False))
    counts = thread_counts(spec.model, spec.training.batch_size)
    fixed = replace(spec.training, budget=Budget("steps", STEPS))
    specs = {"automatic": spec} | {
        f"{count} thread{'s' if count > 1 else ''}": replace(
            spec, training=replace(fixed, threads=count)
        )
        for count in counts
    }
    characters = spec.training.batch_size * spec.training.sequence_length
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        works: list[Work] = []
        for name, each in specs.items():
            run = RunFolder.create(Path(folder) / name, "bench", overwrite=False)
            stack.callback(run.close)
            works.append((trainer_update(Trainer(each, run)), characters))
        rates = time_alternately(works, seconds * len(works))
    means = dict(zip(specs, map(statistics.fmean, rates), strict=True))
    automatic = means.pop("automatic")
    return [
        Measurement(
            f"training {where}, automatic number of threads",
            describe_shape(spec),
            automatic,
            "characters/s",
            f"{name}: {format_value(mean)}",
            automatic / mean,
        )
        for name, mean in means.items()
    ]


@contextmanager
def busy_process() -> Iterator[None]:
    """Run a process that keeps one core busy."""
    command = [sys.executable, "-c", _BUSY]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()
