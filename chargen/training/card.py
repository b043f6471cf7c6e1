"""The README.md of a model folder: what the model is, for people who come across it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chargen.evaluation.units import bits_per_character, perplexity
from chargen.model.checkpoint import Description


def card(folder: Path, description: Description, measured: Mapping[str, Any]) -> str:
    """The text of the card, made of what was set and what was measured."""
    model, training, corpus = description.model, description.training, description.corpus
    nats = measured["validation_nats"]
    if nats is None:
        quality = "Nothing was held out, so nothing is known of how it does on other text."
    else:
        quality = (
            f"On the held-out text: {nats:.4f} nats, {bits_per_character(nats):.4f} bits per"
            f" character, perplexity {perplexity(nats):.3f}."
        )
    encoder = (
        model.encoder if model.encoder == "one-hot" else f"embedding of {model.embedding_size}"
    )
    return f"""# {corpus["name"]}

A character-level language model made with chargen.

- Network: {model.cell}, {model.num_layers} x {model.hidden_size}, {encoder},
  {model.vocab_size:,} characters, {model.parameters:,} parameters.
- Text: {corpus["characters"]:,} characters, sha256 {corpus["sha256"]}.
- Training: {measured["step"]:,} updates, {measured["trained_characters"]:,} characters,
  {measured["trained_seconds"]:.0f} s, {training["precision"]}, seed {training["seed"]}.
- {quality}

    chargen sample -m {folder} --prompt "..."
"""
