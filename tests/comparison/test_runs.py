"""A run that was stopped goes on as if it never had been, with every update counted once."""

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from chargen.comparison.parts import Parts
from chargen.comparison.runs import Run, leave_the_model, network_in, train
from chargen.errors import TrainingError
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ModelConfig
from chargen.records import Step
from chargen.text.corpus import Corpus
from chargen.training.plan import Plan
from chargen.training.trainer import Trainer


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Of a small network on a small text."""
    parts = Parts.of(Corpus.of(["".join(f"{k} is {k * k}.\n" for k in range(800))]), seed=1)
    model = ModelConfig(len(parts.vocabulary), cell="gru", hidden_size=8, embedding_size=4)
    return parts.plan(model, characters=30_000, learning_rate=3e-2, dropout=0.1, seed=1)


def ended(work: Generator[float, None, Run]) -> Run:
    while True:
        try:
            next(work)
        except StopIteration as end:
            run: Run = end.value
            return run


def test_a_stopped_run_ends_like_one_that_was_not(plan: Plan, tmp_path: Path) -> None:
    """The weights are bit-identical, and so are the curve and the norms."""
    straight = ended(train(plan, tmp_path / "straight"))
    for steps in (3, 9, 1):
        work = train(plan, tmp_path / "stopped")
        for _ in range(steps):
            next(work)
        work.close()
    stopped = ended(train(plan, tmp_path / "stopped"))
    assert stopped.curve == straight.curve
    assert stopped.largest_norms == straight.largest_norms
    assert (stopped.steps, stopped.characters) == (straight.steps, straight.characters)
    weights = [Checkpoint.load(tmp_path / name).weights for name in ("straight", "stopped")]
    for name, value in weights[0].items():
        np.testing.assert_array_equal(value, weights[1][name])


def test_clipping_is_counted_over_every_update(plan: Plan, tmp_path: Path) -> None:
    """The largest norms fall, and say whether anything was clipped."""
    run = ended(train(plan, tmp_path / "run"))
    assert list(run.largest_norms) == sorted(run.largest_norms, reverse=True)
    assert (run.clipped > 0) == (run.largest_norms[0] > plan.training.clip_norm)
    assert run.curve[-1][0] == run.characters
    assert run.curve[-1][1] < run.curve[0][1]


def test_the_model_that_is_left_tells_what_was_measured(plan: Plan, tmp_path: Path) -> None:
    """It loads like any other, and needs no more room than that."""
    ended(train(plan, tmp_path / "run"))
    before = network_in(tmp_path / "run").weights()
    leave_the_model(tmp_path / "run", nats=1.25)
    model = Checkpoint.load(tmp_path / "run")
    assert model.measured["validation_nats"] == 1.25
    assert "1.2500 nats" in (tmp_path / "run" / "README.md").read_text()
    for name, value in before.items():
        np.testing.assert_array_equal(value, model.weights[name])
    left = {file.name for file in (tmp_path / "run").iterdir()} - {".lock"}
    assert left == {"config.json", "tokenizer.json", "model.safetensors", "README.md"}


def test_a_folder_of_another_plan_is_begun_anew(plan: Plan, tmp_path: Path) -> None:
    """What lies there is of no use to this run."""
    other = train(plan, tmp_path / "run")
    next(other)
    other.close()
    (tmp_path / "run" / "config.json").write_text("{}")
    assert ended(train(plan, tmp_path / "run")).steps == plan.training.budget.amount


def test_a_run_that_diverges_says_so(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instead of ending the whole comparison: what came before is kept."""
    update = Trainer._update

    def run_away(trainer: Trainer) -> Step:
        if trainer.progress.step == 5:
            raise TrainingError("the loss became nan")
        return update(trainer)

    monkeypatch.setattr(Trainer, "_update", run_away)
    run = ended(train(plan, tmp_path / "run"))
    assert run.diverged
    assert (run.steps, len(run.curve)) == (5, 5)
