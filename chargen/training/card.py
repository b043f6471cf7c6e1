"""The model card: the README.md of a model folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chargen.evaluation.units import bits_per_character, perplexity
from chargen.model.checkpoint import Description, text_kind
from chargen.text.display import plural
from chargen.training.options import Budget


def validation_characters(measured: Mapping[str, Any], corpus: Mapping[str, Any]) -> int:
    """Return the number of held-out characters that the validation loss was measured on."""
    return measured.get("validation_characters") or int(corpus["held_out_characters"])


def model_card(folder: Path, description: Description, measured: Mapping[str, Any]) -> str:
    """Return the text of the card: the model, its use, its training data, results and limits."""
    model, training, corpus = description.model, description.training, description.corpus
    name = shlex.quote(folder.resolve().name)
    nats = measured["validation_nats"]
    held_out = f"{corpus['held_out_characters']:,} held-out characters"
    read = validation_characters(measured, corpus)
    if read != corpus["held_out_characters"]:
        held_out = f"{read:,} of the {held_out}, evenly spread"
    if nats is None:
        results = "There is no validation set, so the quality on other text is unknown."
    else:
        results = (
            f"Validation loss: {nats:.4f} nats per character"
            f" ({bits_per_character(nats):.4f} bits per character, perplexity"
            f" {perplexity(nats):.3f})\non {held_out}."
        )
    start = description.start
    if start.get("model") is None:
        origin = "random weights"
    else:
        origin = f"the model {start['model']} (sha256 `{start['sha256']}`)"
        if start["nats"] is not None and start["bigram_nats"] is not None:
            origin += (
                f",\nwhich had {start['nats']:.3f} nats per character on a sample of the text"
                f" (its letter pairs: {start['bigram_nats']:.3f})"
            )
        if not measured["step"]:
            results += "\nNo update improved it: the weights are those of the initial model."
    encoder = (
        "one-hot input" if model.encoder == "one-hot" else f"embedding size {model.embedding_size}"
    )
    run_steps = measured.get("run_steps")
    steps = f"{measured['step']:,} steps"
    if run_steps not in (None, measured["step"]):
        steps += f" (the lowest validation loss of {run_steps:,})"
    budgets = [training["budget"], *(each["budget"] for each in measured.get("extensions", ()))]
    extensions = ""
    if len(budgets) > 1:
        extensions = f"Budgets: {', then '.join(str(Budget(**each)) for each in budgets)}.\n"
    kind = text_kind(corpus)
    texts = f";\n{plural(corpus['texts'], kind.noun)}: {kind.description}" if kind.separate else ""
    return f"""---
library_name: chargen
pipeline_tag: text-generation
tags: [character-level, {model.cell}]
---

# {corpus["name"]}

A character-level language model: {model.cell}, {model.num_layers} x {model.hidden_size} units,
{encoder}, {model.vocab_size:,} characters, {model.parameters:,} parameters.

## Usage

With [Python](https://www.python.org) 3.11 or newer, in the folder of chargen's source code:

    pip install .

Then, in the folder that contains this one:

    chargen sample -m {name} --prompt "..."
    chargen repl -m {name}

`chargen export zip {name}` writes the files that are needed to use the model to one archive, and
`-m {name}.zip` reads it.

## Training data

{corpus["characters"]:,} characters, sha256 `{corpus["sha256"]}`{texts}.

## Training

{steps} on {measured["trained_characters"]:,} characters in \
{measured["trained_seconds"]:.0f} s; {training["precision"]}, seed {training["seed"]}.
The run started from {origin}.
{extensions}`config.json` has every setting, `log.jsonl` every loss.

## Results

{results}

## Limitations

The model continues text in the style of its training data and may repeat it verbatim: it can reveal
passages of that text to everyone who has it. It is not a source of facts. Characters that are not
in `tokenizer.json` are unknown to it.
"""
