"""Tests of the generation benchmarks: counts and rows."""

import pytest

from chargen.bench import baselines, generation
from chargen.bench.generation import (
    Model,
    bandwidth_share,
    compare_baselines,
    engine_loop,
    peak_share,
)

TINY = 1e-6


@pytest.mark.parametrize(("num_layers", "multiplied"), [(1, 256 + 520), (2, 256 + 512 + 520)])
def test_multiplied_weights_of_a_step(num_layers: int, multiplied: int) -> None:
    """The number is counted by hand for 8 units and 65 characters.

    The input of the first layer is a table, so it multiplies 32x8; the second layer multiplies
    32x8 twice, and the decoder 65x8.
    """
    assert Model.of(num_layers, 8).multiplied == multiplied


def test_the_engine_loop_counts_characters() -> None:
    """16 steps of 3 samples generate 48 characters."""
    run, amount = engine_loop(Model.of(1, 8), 3)
    records = run()
    assert isinstance(records, list)
    assert len(records) == amount == 48


def test_each_baseline_has_a_row() -> None:
    """All rows have the same rate of the engine."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    rows = list(compare_baselines(Model.of(1, 8), 2, TINY))
    assert [str(row.baseline).partition(",")[0] for row in rows] == [
        "nn.LSTM loop",
        "nn.LSTMCell loop",
        "onnxruntime",
    ]
    assert len({row.value for row in rows}) == 1
    assert all(row.ratio is not None and row.ratio > 0 for row in rows)


def test_a_missing_onnxruntime_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row says that it is not installed, and has no ratio."""
    monkeypatch.setattr(baselines, "find_spec", lambda _: None)
    rows = list(compare_baselines(Model.of(1, 8), 1, TINY))
    assert len(rows) == 3
    assert (rows[-1].baseline, rows[-1].ratio) == ("onnxruntime: not installed", None)


def test_shares_have_units_and_ratios() -> None:
    """The bandwidth is in GB/s and the peak in GFLOP/s; the ratio is to that of numpy."""
    bandwidth, peak = bandwidth_share(Model.of(2, 8), TINY), peak_share(Model.of(2, 8), 4, TINY)
    assert (bandwidth.unit, peak.unit) == ("GB/s", "GFLOP/s")
    for row in (bandwidth, peak):
        assert row.ratio is not None
        assert row.ratio > 0


def test_the_prompt_speed_has_a_row() -> None:
    """The row has the length of the prompt and the generation speed."""
    row = generation.prompt_speed(Model.of(1, 8), 300, TINY)
    assert row.shape == "1x8, 300 characters"
    assert str(row.baseline).startswith("generation: ")
