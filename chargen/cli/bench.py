"""`chargen bench`: measure speed on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from chargen.cli.options import wait_politely
from chargen.errors import OptionError

if TYPE_CHECKING:
    from chargen.records import Measurement


@click.command("bench")
@click.argument("half", type=click.Choice(["training", "generation"]), required=False)
@click.option(
    "--seconds", type=float, default=6.0, show_default=True, help="To spend on each shape."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON list of rows.")
def command(half: str | None, seconds: float, as_json: bool) -> None:
    """Measure speed on this machine: each thing beside the plain way to do it, in one run.

    Without an argument both halves are measured, which takes three minutes. Other programs that
    are busy meanwhile make every figure lower. `onnxruntime` is measured where it is installed,
    and `onnx` with it.
    """
    if not 0 < seconds <= 3600:
        raise OptionError(f"--seconds must lie between 0 and 3600, got {seconds:g}")

    wait_politely()
    rows = []
    before = None
    for row in measurements(half, seconds):
        rows.append(row)
        if not as_json:
            for line in lines(row, before):
                click.echo(line)
        before = row
    if not as_json:
        click.echo("\nx: the median of ratios measured turn by turn, not the ratio of two medians")
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))


def measurements(half: str | None, seconds: float) -> Iterator[Measurement]:
    """The rows of one half, or of both."""
    if half != "generation":
        from chargen.bench.training import training_speed

        yield from training_speed(seconds)
    if half != "training":
        from chargen.bench.generation import generation_speed
        from chargen.bench.startup import startup

        yield from generation_speed(seconds)
        yield from startup()


def lines(row: Measurement, before: Measurement | None) -> Iterator[str]:
    """A row of the table, a heading above it where a group begins."""
    if before is None or (row.what, row.unit) != (before.what, before.unit):
        if before is not None:
            yield ""
        yield f"{row.what}, {row.unit}"
    again = before is not None and (row.what, row.shape) == (before.what, before.shape)
    shape, value = ("", "") if again else (row.shape, _figure(row.value))
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
    yield f"  {shape:<26} {value:>9} {ratio:>8}  {row.against or ''}".rstrip()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
