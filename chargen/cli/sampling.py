"""The options by which characters are drawn, for the commands that write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from chargen.generation.settings import Settings

DEFAULT_TEMPERATURE = 0.8

_OPTIONS = (
    click.option(
        "-t",
        "--temperature",
        type=float,
        default=DEFAULT_TEMPERATURE,
        show_default=True,
        help="0 takes the likeliest, above 1 grows wild.",
    ),
    click.option("--top-k", type=int, default=0, help="Draw from the K likeliest only."),
    click.option("--top-p", type=float, default=1.0, help="... from the fewest that hold P."),
    click.option("--min-p", type=float, default=0.0, help="... from those at P of the likeliest."),
    click.option(
        "--threshold",
        type=float,
        default=0.0,
        help="... from those at least this probable; the likeliest always may.",
    ),
    click.option(
        "--repetition-penalty",
        type=float,
        default=1.0,
        help="Above 1: what was written lately grows less likely.",
    ),
    click.option(
        "--repetition-last",
        type=int,
        help="Lately: so many characters; 64.",
    ),
    click.option("--seed", type=int, help="The same seed writes the same text."),
)


def sampling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add them all to a command, which gets them by keyword."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def make_settings(options: dict[str, Any], **others: Any) -> Settings:
    """The settings that a command's sampling options and others make."""
    from chargen.generation.settings import Settings

    if options["repetition_last"] is None:
        options = {k: v for k, v in options.items() if k != "repetition_last"}
    elif options["repetition_penalty"] == 1:
        raise click.UsageError("--repetition-last says nothing without --repetition-penalty")
    return Settings(**options, **others)
