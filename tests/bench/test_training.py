"""The shares of the parts of a run."""

import pytest

from chargen.bench.training import training_shares


def test_the_shares_of_a_run_add_up() -> None:
    """They include its start and end, and each share is a percentage of the run."""
    rows = {row.shape: row.value for row in training_shares(0.5)}
    assert {"preparation", "updates", "evaluations", "end: evaluation and save"} <= set(rows)
    assert "other" not in rows
    assert sum(rows.values()) == pytest.approx(100)
