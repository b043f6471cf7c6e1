"""The command `chargen bench` measures speed on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from chargen.bench.records import Measurement, format_value
from chargen.cli.display import json_text
from chargen.cli.options import Command
from chargen.options import Option
from chargen.training.openmp import limit_thread_spinning

_MEDIAN = "median of the ratios of neighbouring measurements, not the ratio of the medians"


@click.command("bench", cls=Command)
@click.argument("half", type=click.Choice(["training", "generation"]), required=False)
@click.option(
    "--seconds",
    type=float,
    default=6.0,
    show_default=True,
    help="Time for each measurement, in seconds",
)
@click.option("--busy", is_flag=True, help="Measure training next to a busy process instead")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of measurements")
def command(half: str | None, seconds: float, busy: bool, as_json: bool) -> None:
    """Measure training and generation speed, and compare them with other implementations.

    Both together take four minutes. Other running programs lower all values. `onnxruntime` is
    measured if it and `onnx` are installed. `training --busy` compares numbers of threads, alone
    and next to a busy process.
    """
    if busy and half != "training":
        raise click.UsageError("--busy has no effect without training")
    Option("", "seconds", kind="float", above=0, maximum=3600).check(seconds)
    limit_thread_spinning()
    if as_json:
        rows = [asdict(row) for row in measurements(half, seconds, busy=busy)]
        print(json_text(rows, indent=2))
        return
    before = None
    for row in measurements(half, seconds, busy=busy):
        for line in lines(row, before):
            print(line, flush=True)
        before = row
    ratio = "ratio of the means" if busy else _MEDIAN
    print(f"\nx: {ratio}")


def measurements(half: str | None, seconds: float, *, busy: bool) -> Iterator[Measurement]:
    """Yield the measurements of one half, or of both; or those next to a busy process."""
    if busy:
        from chargen.bench.busy import busy_training

        yield from busy_training(seconds)
        return
    if half != "generation":
        from chargen.bench.training import training_shares, training_speed

        yield from training_speed(seconds)
        yield from training_shares(seconds)
    if half != "training":
        from chargen.bench.generation import generation_speed
        from chargen.bench.startup import startup

        yield from generation_speed(seconds)
        yield from startup()


def lines(row: Measurement, before: Measurement | None) -> Iterator[str]:
    """Yield a row of the table, after a heading if it starts a group."""
    if before is None or (row.name, row.unit) != (before.name, before.unit):
        if before is not None:
            yield ""
        yield f"{row.name}, {row.unit}"
    again = before is not None and (row.name, row.shape) == (before.name, before.shape)
    shape, value = ("", "") if again else (row.shape, format_value(row.value))
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
    yield f"  {shape:<26} {value:>9} {ratio:>8}  {row.baseline or ''}".rstrip()
