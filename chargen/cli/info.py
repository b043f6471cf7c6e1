"""`chargen info`: what a model is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.options import load_model, model_option

if TYPE_CHECKING:
    from chargen.model.checkpoint import Checkpoint


@click.command("info")
@model_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(model: str | None, as_json: bool) -> None:
    """Tell what a model is: its network, its text, how it was trained, how good it is."""
    facts = describe(load_model(model))
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {_shown(value)}")


def describe(loaded: Checkpoint) -> dict[str, Any]:
    """Every fact of a model; what was not measured is None."""
    from chargen.evaluation.units import bits_per_character, perplexity

    config, description, measured = loaded.config, loaded.description, loaded.measured
    nats = measured["validation_nats"]
    corpus, training = description.corpus, description.training
    return {
        "folder": str(loaded.folder),
        "cell": config.cell,
        "num_layers": config.num_layers,
        "hidden_size": config.hidden_size,
        "encoder": config.encoder,
        "embedding_size": config.embedding_size if config.encoder == "embedding" else None,
        "vocab_size": config.vocab_size,
        "parameters": config.parameters,
        "validation_nats": nats,
        "validation_bpc": None if nats is None else bits_per_character(nats),
        "validation_perplexity": None if nats is None else perplexity(nats),
        "training_nats": measured["training_nats"],
        "trained_steps": measured["step"],
        "trained_characters": measured["trained_characters"],
        "trained_seconds": measured["trained_seconds"],
        "precision": measured["precision"],
        "preset": training["preset"],
        "budget": "{amount:g} {kind}".format(**training["budget"]),
        "batch_size": training["batch_size"],
        "sequence_length": training["sequence_length"],
        "learning_rate": training["learning_rate"],
        "dropout": training["dropout"],
        "seed": training["seed"],
        "corpus_name": corpus["name"],
        "corpus_characters": corpus["characters"],
        "corpus_held_out_characters": corpus["held_out_characters"],
        "corpus_lines": corpus["lines"],
        "corpus_sha256": corpus["sha256"],
    }


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
