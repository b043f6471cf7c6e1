"""`chargen bench`: measure speed on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from chargen.cli.options import wait_politely
from chargen.errors import OptionError


@click.command("bench")
@click.option(
    "--seconds", type=float, default=10.0, show_default=True, help="To spend on each shape."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON list of rows.")
def command(seconds: float, as_json: bool) -> None:
    """Measure speed on this machine: each thing beside the plain way to do it, in one run."""
    if not 0 < seconds <= 3600:
        raise OptionError(f"--seconds must lie between 0 and 3600, got {seconds:g}")

    wait_politely()
    from chargen.bench import training_speed

    rows = []
    for row in training_speed(seconds):
        rows.append(row)
        if not as_json:
            click.echo(f"{row.what}: {row.shape}")
            click.echo(f"    {row.value:,.0f} {row.unit}; {row.against}; ratio {row.ratio:.3f}")
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
