"""The command `chargen info` describes a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from chargen.cli.display import json_text
from chargen.cli.options import (
    Command,
    load_model,
    model_argument,
    model_option,
    named_model,
)

if TYPE_CHECKING:
    from pathlib import Path

    from chargen.model.checkpoint import Checkpoint


class Fact(NamedTuple):
    """A fact about a model.

    key: in JSON; label: in text, empty if it is only in JSON; value: None if it was not measured.
    """

    key: str
    label: str
    value: Any
    unit: str = ""


@click.command("info", cls=Command)
@model_argument
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON")
def command(name: str | None, model: str | None, as_json: bool) -> None:
    """Describe a model: its network, training data, training and validation loss.

    MODEL is its name, folder or archive, as for -m. `chargen models` lists the names.
    """
    facts = list(_facts(load_model(named_model(name, model))))
    if as_json:
        values = {fact.key: fact.value for fact in facts}
        print(json_text(values, indent=2))
        return
    shown_facts = [fact for fact in facts if fact.label]
    width = max(len(fact.label) for fact in shown_facts)
    for fact in shown_facts:
        # A seed is printed without thousands separators.
        shown = str(fact.value) if fact.key == "seed" else _format(fact.value, fact.unit)
        print(f"{fact.label:{width}}  {shown}")


def _facts(loaded: Checkpoint) -> Iterator[Fact]:
    from chargen.evaluation.units import bits_per_character, perplexity
    from chargen.training.card import validation_characters

    config, measured = loaded.config, loaded.measured
    nats = measured["validation_nats"]
    embedding_size = config.embedding_size if config.encoder == "embedding" else None
    measured_bits = None if nats is None else bits_per_character(nats)
    measured_perplexity = None if nats is None else perplexity(nats)
    run_steps = measured.get("run_steps")
    of_run = f"of {run_steps:,}" if run_steps else ""
    if not loaded.finished:
        of_run = "(the run is not finished; chargen train --resume)"
    yield Fact("folder", "folder", str(loaded.folder))
    yield Fact("cell", "cell", config.cell)
    yield Fact("num_layers", "layers", config.num_layers)
    yield Fact("hidden_size", "hidden size", config.hidden_size)
    yield Fact("encoder", "encoder", config.encoder)
    yield Fact("embedding_size", "embedding size", embedding_size)
    yield Fact("vocab_size", "vocabulary size", config.vocab_size, "characters")
    yield Fact("parameters", "parameters", config.parameters)
    yield Fact("weights_dtype", "type of stored weights", loaded.weights_dtype)
    yield Fact("validation_nats", "validation loss", nats, "nats per character")
    yield Fact("validation_bpc", "validation bits per character", measured_bits)
    yield Fact("validation_perplexity", "validation perplexity", measured_perplexity)
    read = None if nats is None else validation_characters(measured, loaded.description.corpus)
    yield Fact("validation_characters", "validation loss measured on", read, "held-out characters")
    yield Fact("training_nats", "training loss", measured["training_nats"], "nats per character")
    start = loaded.description.start  # empty in older models
    start_model = start.get("model") or ("random weights" if start else None)
    yield Fact("start", "start of training", start_model)
    yield Fact("start_sha256", "SHA-256 of the start", start.get("sha256"))
    yield Fact("start_nats", "start, loss on a sample", start.get("nats"), "nats per character")
    pairs = start.get("bigram_nats")
    yield Fact("start_bigram_nats", "letter pairs, same sample", pairs, "nats per character")
    yield Fact("trained_steps", "training steps", measured["step"], of_run)
    yield Fact("run_steps", "", run_steps)
    yield Fact("finished", "", loaded.finished)
    yield Fact("trained_characters", "characters trained on", measured["trained_characters"])
    yield Fact("trained_seconds", "training time", measured["trained_seconds"], "s")
    yield Fact("advice", "advice", measured.get("advice"))
    yield from _settings(loaded)
    yield from _files(loaded.folder)


def _files(folder: Path) -> Iterator[Fact]:
    """Yield which files of a model are needed to use it, and which to train it further."""
    from chargen.model.checkpoint import TRAINING, read_files

    files = read_files(folder, card=True)
    size = sum(map(len, files.values()))
    state = folder / TRAINING
    state_size = state.stat().st_size if state.is_file() else None
    yield Fact("shared_files", "files to share", ", ".join(files))
    yield Fact("shared_bytes", "size of these files", size, "bytes (chargen export zip)")
    only = "bytes, only to resume training"
    yield Fact("training_state_bytes", TRAINING, state_size, only)


def _settings(loaded: Checkpoint) -> Iterator[Fact]:
    """Yield how the model was trained, and on which text."""
    from chargen.training.options import Budget

    measured, described = loaded.measured, loaded.description
    corpus, training = described.corpus, described.training
    budgets = [training["budget"], *(each["budget"] for each in measured.get("extensions", ()))]
    yield Fact("precision", "precision", measured["precision"])
    yield Fact("preset", "preset", training["preset"])
    yield Fact("budget", "budget", " + ".join(str(Budget(**each)) for each in budgets))
    yield Fact("batch_size", "batch size", training["batch_size"])
    yield Fact("sequence_length", "sequence length", training["sequence_length"], "characters")
    yield Fact("learning_rate", "learning rate", training["learning_rate"])
    yield Fact("dropout", "dropout", training["dropout"])
    yield Fact("seed", "seed", training["seed"])
    yield Fact("corpus_name", "training data", corpus["name"])
    yield Fact("corpus_characters", "size of training data", corpus["characters"], "characters")
    held_out = corpus["held_out_characters"]
    yield Fact("corpus_held_out_characters", "held out for validation", held_out, "characters")
    kind = loaded.kind
    longest = f"longest {kind.noun}" if kind.separate else ""
    skipped = "cells without text" if kind.column is not None else ""
    yield Fact("corpus_texts", f"number of {kind.noun}s", corpus["texts"])
    yield Fact("corpus_longest_text", longest, corpus.get("longest_text"), "characters")
    yield Fact("corpus_skipped_cells", skipped, corpus.get("skipped_cells", 0))
    yield Fact("corpus_kind", "", asdict(kind))
    yield Fact("corpus_kind_description", "kind of text", kind.description)
    yield Fact("corpus_normalize", "converted to normal form", corpus.get("normalize") or None)
    yield Fact("corpus_normal_form", "Unicode normal form", corpus.get("normal_form") or None)
    yield Fact("corpus_sha256", "SHA-256 of training data", corpus["sha256"])


def _format(value: object, unit: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        text = f"{value:,}"
    else:
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".rstrip()
