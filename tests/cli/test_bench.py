"""Tests of `chargen bench`: the table and the JSON."""

import json
from collections.abc import Iterator

import pytest

from chargen.bench import busy, generation, startup, training
from chargen.bench.records import Measurement
from tests.cli.outcome import Command


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure one tiny shape of each kind and a short prompt."""
    monkeypatch.setattr(generation, "_BASELINE_SHAPES", {(1, 8): (1, 2)})
    monkeypatch.setattr(generation, "_BANDWIDTH_SHAPES", ((1, 8),))
    monkeypatch.setattr(generation, "_PEAK_SHAPE", ((1, 8), 2))
    monkeypatch.setattr(generation, "_PROMPT", ((1, 8), 200))
    rows = [Measurement("a start", "1x8", 0.25, "s", "import torch: 1.50", 6.0)]
    rows.append(Measurement("memory", "1x8", 5.9, "MB", None, None))
    monkeypatch.setattr(startup, "startup", lambda: iter(rows))


def test_the_rows_of_generation_as_json(chargen: Command) -> None:
    """Every row has the same six fields."""
    outcome = chargen("bench", "generation", "--seconds", "0.000001", "--json")
    rows = json.loads(outcome.out)
    assert all(list(row) == ["name", "shape", "value", "unit", "baseline", "ratio"] for row in rows)
    groups = list(dict.fromkeys(row["name"] for row in rows))
    assert groups == [
        "generation, compared with other implementations",
        "share of the memory bandwidth",
        "share of the peak of matrix products",
        "reading a prompt",
        "a start",
        "memory",
    ]
    assert all(row["value"] > 0 for row in rows)


def test_the_table_has_a_heading_per_group(chargen: Command) -> None:
    """Headings have the unit; rows are indented, and a repeated shape is omitted."""
    out = chargen("bench", "generation", "--seconds", "0.000001").out
    lines = out.splitlines()
    assert lines[0] == "generation, compared with other implementations, characters/s"
    assert lines[1].startswith("  1x8, samples: 1 ")
    assert lines[1].split()[4].endswith("x")
    assert lines[2].split()[1:3] == ["nn.LSTMCell", "loop,"]
    *_, last, empty, note = lines
    assert last.split() == ["1x8", "5.9"]
    assert not empty
    assert note.startswith("x: median of the ratios")
    headings = [line for line in lines[:-2] if line[:1].strip()]
    assert headings[-2:] == ["a start, s", "memory, MB"]


def test_a_half_can_be_selected(chargen: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """`training` measures only training; without an argument, both are measured."""

    def rows(_: float) -> Iterator[Measurement]:
        yield Measurement("training", "1x8", 1000.0, "characters/s", "minimal: 1,100", 0.9)

    monkeypatch.setattr(training, "training_speed", rows)
    half = chargen("bench", "training", "--seconds", "0.000001").out
    assert half.splitlines()[0] == "training, characters/s"
    assert "generation" not in half
    both = chargen("bench", "--seconds", "0.000001").out
    assert both.startswith(half.partition("\n\n")[0])
    assert "generation" in both


def test_busy_needs_training(chargen: Command) -> None:
    for half in ("", "generation"):
        outcome = chargen(*f"bench {half} --busy".split())
        assert outcome.status == 2
        assert "--busy has no effect without training" in outcome.err


def test_numbers_of_threads_are_compared(chargen: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a row for each fixed number, alone and next to a busy process."""
    monkeypatch.setattr(busy, "TRAINING_SHAPES", ("tiny",))
    outcome = chargen("bench", "training", "--busy", "--seconds", "0.000001", "--json")
    rows = json.loads(outcome.out)
    assert [row["name"].partition(",")[0] for row in rows] == [
        "training alone",
        "training next to a busy process",
    ]
    for row in rows:
        assert row["baseline"].startswith("1 thread: ")
        assert row["value"] > 0
        assert row["ratio"] > 0
