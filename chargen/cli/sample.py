"""`chargen sample`: write on from a prompt."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from chargen.cli.options import known_prompt, load_model, model_option


@click.command("sample")
@model_option
@click.option("-p", "--prompt", default="", help="What the text begins with.")
@click.option(
    "-n", "--length", type=int, default=200, show_default=True, help="Characters; 0: no end."
)
@click.option(
    "-t",
    "--temperature",
    type=float,
    default=0.8,
    show_default=True,
    help="0 takes the likeliest, above 1 grows wild.",
)
@click.option(
    "--threshold",
    type=float,
    default=0.0,
    help="Draw only characters at least this probable; the likeliest always may.",
)
@click.option(
    "--confidence",
    type=float,
    default=0.0,
    help="Stop when the best guess is less probable than this.",
)
@click.option("--seed", type=int, help="The same seed writes the same text.")
def command(
    model: str | None,
    prompt: str,
    length: int,
    temperature: float,
    threshold: float,
    confidence: float,
    seed: int | None,
) -> None:
    """Write on from a prompt, with the model that was trained last or with -m FOLDER."""
    from chargen.errors import OptionError
    from chargen.generation.filters import chain
    from chargen.generation.generate import generate, random_seed
    from chargen.generation.sampler import Sampler
    from chargen.model.engine import Engine

    filters = chain(temperature=temperature, threshold=threshold)
    if length < 0:
        raise OptionError(f"--length must be 0 or more, got {length} (0 writes without end)")
    if not 0 <= confidence <= 1:
        raise OptionError(f"--confidence must lie between 0 and 1, got {confidence:g}")
    if seed is not None and not 0 <= seed < 1 << 63:
        raise OptionError(f"--seed must lie between 0 and 2**63 - 1, got {seed}")
    loaded = load_model(model)
    prompt = known_prompt(prompt, loaded.vocabulary)
    sampler = Sampler(filters, seed=random_seed() if seed is None else seed)
    written = generate(
        Engine(loaded.config, loaded.weights),
        loaded.vocabulary,
        sampler,
        prompt,
        length=length or None,
        lines=loaded.lines,
        least_confidence=confidence,
    )
    stream(prompt, written)


def stream(prompt: str, written: Iterator[str]) -> None:
    """Print a text while it is being written; Ctrl-C ends its line first."""
    out = sys.stdout
    at_once = out.isatty()
    try:
        out.write(prompt)
        out.flush()
        for character in written:
            out.write(character)
            if at_once:
                out.flush()
    except KeyboardInterrupt:
        out.write("\n")
        raise
    out.write("\n")
    out.flush()
