"""The network of a memory task as an ordinary model folder, which other commands can load."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import torch

from chargen.comparison.result import TaskTraining
from chargen.comparison.task_training import MAX_BATCH, WEIGHT_DECAY, Trainee
from chargen.model.checkpoint import CARD, CONFIG, TOKENIZER, Description, write_model
from chargen.model.storage import write_file
from chargen.text.corpus import CorpusFacts
from chargen.text.kind import LINE
from chargen.text.vocabulary import Vocabulary
from chargen.training.card import model_card
from chargen.training.config import TrainingConfig
from chargen.training.options import NONE, Budget, TrainingOptions
from chargen.training.start import Start


def write_task_model(
    path: Path, final: Path, trainee: Trainee, training: TaskTraining, vocabulary: Vocabulary
) -> None:
    """Write a model folder. Its corpus consists of episodes; each line is a separate text.

    final: the folder in which the model will be kept, for its card.
    """
    config = TrainingConfig(
        budget=Budget("steps", max(1, trainee.steps)),
        preset="compare",
        threads=torch.get_num_threads(),
        evaluations=0,
        batch_size=MAX_BATCH,
        sequence_length=training.trained_to,
        learning_rate=training.learning_rate,
        dropout=0.0,
        seed=training.seed,
        precision="float32",
        device="cpu",
        weight_decay=WEIGHT_DECAY,
    )
    facts = CorpusFacts(
        name=final.name,
        sha256=hashlib.sha256(f"{final.name} {training.seed}".encode()).hexdigest(),
        characters=training.characters,
        texts=trainee.episodes,
        kind=LINE,
        held_out_characters=0,
        unknown_characters=0,
    )
    options = TrainingOptions(steps=max(1, trainee.steps), init_from=NONE, seed=training.seed)
    model = trainee.network.config
    stored = asdict(config), asdict(facts), asdict(options)
    description = Description(model, *stored, start=asdict(Start()))
    measured = {
        "step": trainee.steps,
        "trained_characters": training.characters,
        "trained_seconds": round(training.seconds, 3),
        "training_nats": trainee.nats,
        "validation_nats": None,
        "precision": config.precision,
    }
    siblings = {CONFIG: description.to_json(), TOKENIZER: vocabulary.to_json()}
    path.mkdir(parents=True, exist_ok=True)
    for name, content in siblings.items():
        write_file(path / name, content)
    write_model(path, siblings, trainee.network.weights(), measured)
    write_file(path / CARD, model_card(final, description, measured).encode())
