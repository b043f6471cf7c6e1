"""The small models of `chargen tour`. `python -m tests.tour_models [NAME...]` trains them again."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import torch

from chargen import train
from chargen.comparison.episodes import task_vocabulary
from chargen.comparison.result import TaskTraining
from chargen.comparison.task_model import write_task_model
from chargen.comparison.task_training import train_on_episodes
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import CONFIG, MODEL, TOKENIZER, Checkpoint, write_model
from chargen.model.config import ModelConfig
from chargen.model.find import PRETRAINED
from chargen.tasks.registry import TASKS

CORPORA = Path(__file__).parents[1] / "corpora"
FOLDER = PRETRAINED / "tour"
_HIDDEN_SIZE, _EMBEDDING_SIZE = 64, 16
_LONGEST_LAG = 120  # characters


def train_on_text(folder: Path, text: str, **options: Any) -> None:
    """Train on a text in corpora/."""
    train(
        CORPORA / text,
        output=folder,
        init_from="none",
        hidden_size=_HIDDEN_SIZE,
        validation_fraction=0.0,  # small networks need the whole text
        precision="float32",
        device="cpu",
        **options,
    )


def train_on_task(
    folder: Path, name: str, characters: int, cell: str = "lstm", rate_index: int = 1
) -> None:
    """Train on a memory task, with one of the learning rates of `chargen compare`."""
    task, seed, rate = TASKS[name], 1, CELLS[cell].task_learning_rates[rate_index]
    vocabulary = task_vocabulary(task)
    config = ModelConfig(
        len(vocabulary), cell=cell, embedding_size=_EMBEDDING_SIZE, hidden_size=_HIDDEN_SIZE
    )
    work = train_on_episodes(
        task, config, rate=rate, longest=_LONGEST_LAG, characters=characters, seed=seed
    )
    while True:
        try:
            next(work)
        except StopIteration as finished:
            trainee = finished.value
            break
    training = TaskTraining(seed, rate, trainee.characters, round(trainee.lag), 0.0, None)
    write_task_model(folder, Path("tour", folder.name), trainee, training, vocabulary)


# The lecture shows the one-hot vector of a character, so these networks read it.
train_on_neurons = partial(train_on_text, text="neurons.txt", encoder="one-hot")

MODELS: dict[str, Callable[[Path], None]] = {
    "neurons-feedforward": partial(train_on_neurons, cell="feedforward", steps=500),
    "neurons-rnn": partial(
        train_on_neurons, cell="rnn", learning_rate=3e-3, dropout=0.1, steps=2_000
    ),
    "neurons-lstm": partial(train_on_neurons, cell="lstm", dropout=0.3, steps=1_200),
    "rhymes": partial(
        train_on_text,
        text="rhymes.txt",
        lines=True,
        embedding_size=_EMBEDDING_SIZE,
        steps=1_500,
    ),
    "recall": partial(train_on_task, name="recall", characters=6_000_000),
    # With the middle rate, the gradient of the RNN explodes: 20 at a lag of 20.
    "recall-rnn": partial(
        train_on_task, name="recall", characters=6_000_000, cell="rnn", rate_index=0
    ),
    "agreement": partial(train_on_task, name="agreement", characters=8_000_000),
    "context": partial(train_on_task, name="context", characters=2_000_000),
}


def rebuild(names: Sequence[str]) -> None:
    """Train models and replace them in the package, with float16 weights."""
    torch.set_num_threads(1)
    for name in names:
        with TemporaryDirectory() as work:
            folder = Path(work, name)
            MODELS[name](folder)
            trained = Checkpoint.load(folder)
            siblings = {file: (folder / file).read_bytes() for file in (CONFIG, TOKENIZER)}
            write_model(
                folder, siblings, trained.weights, trained.measured, weights_dtype="float16"
            )
            (FOLDER / name).mkdir(parents=True, exist_ok=True)
            for file in (*siblings, MODEL):
                copyfile(folder / file, FOLDER / name / file)


if __name__ == "__main__":
    rebuild(sys.argv[1:] or list(MODELS))
