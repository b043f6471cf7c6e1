"""The model card: the README.md of a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chargen.evaluation.units import bits_per_character, perplexity
from chargen.model.checkpoint import Description


def model_card(folder: Path, description: Description, measured: Mapping[str, Any]) -> str:
    """Return the text of the card: the model, its use, its training data, results and limits."""
    model, training, corpus = description.model, description.training, description.corpus
    nats = measured["validation_nats"]
    if nats is None:
        results = "There is no validation set, so the quality on other text is unknown."
    else:
        results = (
            f"Validation loss: {nats:.4f} nats per character"
            f" ({bits_per_character(nats):.4f} bits per character, perplexity"
            f" {perplexity(nats):.3f})\non {corpus['held_out_characters']:,} held-out characters."
        )
    encoder = (
        "one-hot input" if model.encoder == "one-hot" else f"embedding size {model.embedding_size}"
    )
    return f"""---
library_name: chargen
pipeline_tag: text-generation
tags: [character-level, {model.cell}]
---

# {corpus["name"]}

A character-level language model: {model.cell}, {model.num_layers} x {model.hidden_size} units,
{encoder}, {model.vocab_size:,} characters, {model.parameters:,} parameters.

## Usage

    chargen sample -m {folder} --prompt "..."

## Training data

{corpus["characters"]:,} characters, sha256 `{corpus["sha256"]}`.

## Training

{measured["step"]:,} steps on {measured["trained_characters"]:,} characters in \
{measured["trained_seconds"]:.0f} s; {training["precision"]}, seed {training["seed"]}.
`config.json` has every setting, `log.jsonl` every loss.

## Results

{results}

## Limitations

The model continues text in the style of its training data and may repeat it verbatim. It is not a
source of facts. Characters that are not in the training data are unknown to it.
"""
