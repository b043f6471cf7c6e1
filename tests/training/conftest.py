"""Fixtures of the training tests: one thread, a short text, a tiny network."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from chargen.text.corpus import Corpus
from chargen.training.options import TrainingOptions
from chargen.training.records import Step
from chargen.training.train import start
from tests.training.runs import Run, Runs, TrainRun

SENTENCES = (
    "the cat sat on the mat and sang.\n"
    "a dog ran to the gate in the rain.\n"
    "we saw a red fox by the old box.\n"
    "who made the cake that we ate by the lake?\n"
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread: it is faster for tiny networks, and its sums have a fixed order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def corpus() -> Corpus:
    """About 1,400 characters in 40 sentences."""
    return Corpus.of([SENTENCES * 10], name="story")


@pytest.fixture
def noise() -> Corpus:
    """Random letters: no part helps to predict the rest."""
    draw = random.Random(5)
    return Corpus.of(["".join(draw.choice("abcdefgh") for _ in range(600))], name="noise")


@pytest.fixture
def options() -> TrainingOptions:
    """Twenty quick steps of a tiny network, without saves on the way."""
    return TrainingOptions(
        steps=20,
        init_from="none",
        embedding_size=6,
        hidden_size=12,
        num_layers=1,
        batch_size=4,
        sequence_length=16,
        dropout=0.0,
        save_every=1e6,
        precision="float32",
        device="cpu",
        seed=3,
    )


@pytest.fixture
def story(tmp_path: Path, corpus: Corpus) -> Path:
    """The short text as a file, with a file of random letters next to it."""
    path = tmp_path / "story.txt"
    path.write_text(next(corpus.texts()))
    draw = random.Random(5)
    (tmp_path / "noise.txt").write_text("".join(draw.choice("abcdefgh") for _ in range(300)))
    return path


@pytest.fixture
def runs(story: Path, options: TrainingOptions) -> Callable[[str], Runs]:
    """Return a function that makes the runs of a kind."""
    return lambda kind: Runs(story, options, kind)


@pytest.fixture
def train(options: TrainingOptions, corpus: Corpus, tmp_path: Path) -> TrainRun:
    """Return a function that trains with changed options, on the short text by default."""

    def call(
        text: Corpus = corpus, *, output: str = "run", prompt: str = "", **changes: Any
    ) -> Run:
        changed = replace(options, **changes)
        return Run(start(text, changed, output=tmp_path / output), prompt)

    return call


@pytest.fixture
def at_step_5(corpus: Corpus, options: TrainingOptions, tmp_path: Path) -> Path:
    """A run on story.txt that was saved and left after five steps of its ten hours."""
    (tmp_path / "story.txt").write_text(next(corpus.texts()))
    long = replace(options, steps=None, minutes=600)
    trainer = start(Corpus.read([tmp_path / "story.txt"]), long, output=tmp_path / "run")
    for record in trainer.run():
        if isinstance(record, Step) and record.step == 5:
            break
    trainer.save()
    trainer.folder.close()
    return tmp_path / "run"
