"""What the generation half counts, and which rows it yields."""

import pytest

from chargen.bench import generation, rivals
from chargen.bench.generation import Model, beside_bandwidth, beside_peak, beside_rivals, ours

TINY = 1e-6


def test_a_steps_bytes_and_operations() -> None:
    """Two layers of 8, 65 characters: counted by hand."""
    model = Model.of(2, 8)
    # Recurrent 32x8, then 32x8 and 32x8, decoder 65x8; the first layer's input is a table.
    multiplied = 256 + 512 + 520
    assert model.step_bytes == 4 * multiplied
    assert model.step_operations(3) == 2 * 3 * multiplied


def test_a_single_layer_has_its_recurrent_matrix_alone() -> None:
    """One layer of 8: 32x8 and the decoder's 65x8."""
    assert Model.of(1, 8).step_bytes == 4 * (256 + 520)


def test_our_work_counts_what_it_takes() -> None:
    """16 steps of 3 samples are 48 characters."""
    assert ours(Model.of(1, 8), 3)() == 48


def test_one_row_a_rival() -> None:
    """Each of the other loops has a row with the same rate of ours."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    rows = list(beside_rivals(Model.of(1, 8), 2, TINY))
    assert [str(row.against).partition(",")[0] for row in rows] == [
        "nn.LSTM loop",
        "nn.LSTMCell loop",
        "onnxruntime",
    ]
    assert len({row.value for row in rows}) == 1
    assert all(row.ratio is not None and row.ratio > 0 for row in rows)


def test_without_onnxruntime_its_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed nothing fails, and no ratio is made up."""
    monkeypatch.setattr(rivals, "find_spec", lambda _: None)
    rows = list(beside_rivals(Model.of(1, 8), 1, TINY))
    assert len(rows) == 3
    assert (rows[-1].against, rows[-1].ratio) == ("onnxruntime: not installed", None)


def test_both_shares_are_of_something() -> None:
    """The bandwidth in GB/s, the peak in GFLOP/s, the ratio to what numpy reaches by itself."""
    bandwidth, peak = beside_bandwidth(Model.of(2, 8), TINY), beside_peak(Model.of(2, 8), 4, TINY)
    assert (bandwidth.unit, peak.unit) == ("GB/s", "GFLOP/s")
    for row in (bandwidth, peak):
        assert row.ratio is not None
        assert row.ratio > 0


def test_a_prompt_is_read_beside_writing() -> None:
    """The row of the prompt names its length."""
    row = generation.prompt_speed(Model.of(1, 8), 300, TINY)
    assert row.shape == "1x8, 300 characters"
    assert str(row.against).startswith("writing: ")
