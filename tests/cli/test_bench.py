"""`chargen bench`: its table and its JSON."""

import json
from collections.abc import Callable, Iterator

import pytest

from chargen.bench import generation, startup, training
from chargen.records import Measurement


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One tiny shape of each kind, one start, a short prompt."""
    monkeypatch.setattr(generation, "_BESIDE_RIVALS", {(1, 8): (1, 2)})
    monkeypatch.setattr(generation, "_BESIDE_BANDWIDTH", ((1, 8),))
    monkeypatch.setattr(generation, "_BESIDE_PEAK", ((1, 8), 2))
    monkeypatch.setattr(generation, "_PROMPT", ((1, 8), 200))
    rows = [Measurement("a start", "1x8", 0.25, "s", "import torch: 1.50", 6.0)]
    rows.append(Measurement("memory", "1x8", 5.9, "MB", None, None))
    monkeypatch.setattr(startup, "startup", lambda: iter(rows))


def test_the_rows_of_generation_as_json(chargen: Callable[..., object]) -> None:
    """Every row has the six fields, and a ratio where something stands beside it."""
    outcome = chargen("bench", "generation", "--seconds", "0.000001", "--json")
    rows = json.loads(outcome.out)  # type: ignore[attr-defined]
    assert all(list(row) == ["what", "shape", "value", "unit", "against", "ratio"] for row in rows)
    groups = list(dict.fromkeys(row["what"] for row in rows))
    assert groups == [
        "writing beside other ways",
        "share of the read bandwidth",
        "share of the matrix-product peak",
        "reading a prompt",
        "a start",
        "memory",
    ]
    assert all(row["value"] > 0 for row in rows)


def test_the_table_has_a_heading_a_group(chargen: Callable[..., object]) -> None:
    """Headings stand at the margin with their unit, rows below them, a shape once."""
    out = chargen("bench", "generation", "--seconds", "0.000001").out  # type: ignore[attr-defined]
    lines = out.splitlines()
    assert lines[0] == "writing beside other ways, characters/s"
    assert lines[1].startswith("  1x8, samples: 1 ")
    assert lines[1].split()[4].endswith("x")
    assert lines[2].split()[1:3] == ["nn.LSTMCell", "loop,"]
    *_, last, empty, note = lines
    assert last.split() == ["1x8", "5.9"]
    assert not empty
    assert note.startswith("x: the median of ratios")
    headings = [line for line in lines[:-2] if line[:1].strip()]
    assert headings[-2:] == ["a start, s", "memory, MB"]


def test_one_half_leaves_the_other_out(
    chargen: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`training` measures training alone, no argument measures both."""

    def rows(_: float) -> Iterator[Measurement]:
        yield Measurement("training", "1x8", 1000.0, "characters/s", "bare: 1,100", 0.9)

    monkeypatch.setattr(training, "training_speed", rows)
    half = chargen("bench", "training", "--seconds", "0.000001").out  # type: ignore[attr-defined]
    assert half.splitlines()[0] == "training, characters/s"
    assert "writing" not in half
    both = chargen("bench", "--seconds", "0.000001").out  # type: ignore[attr-defined]
    assert both.startswith(half.partition("\n\n")[0])
    assert "writing" in both
