"""Tests of a run: interruptions do not change the result, and every update is recorded once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chargen.comparison.result import TrainingRun
from chargen.comparison.splits import CorpusSplits
from chargen.comparison.training_run import finish_model, load_network, train
from chargen.errors import TrainingError
from chargen.model.checkpoint import Checkpoint
from chargen.model.config import ModelConfig
from chargen.text.corpus import Corpus
from chargen.training.records import Step
from chargen.training.spec import RunSpec
from chargen.training.trainer import Trainer
from tests.comparison.conftest import finish

NATS = 1.25


@pytest.fixture(scope="module")
def spec() -> RunSpec:
    """A small network on a small text."""
    text = "".join(f"{k} is {k * k}.\n" for k in range(800))
    splits = CorpusSplits.of(Corpus.of([text]), seed=1)
    model = ModelConfig(len(splits.vocabulary), cell="gru", hidden_size=8, embedding_size=4)
    return splits.run_spec(
        model, characters=30_000, learning_rate=3e-2, dropout=0.1, seed=1, threads=1
    )


def run(spec: RunSpec, path: Path) -> TrainingRun:
    return finish(train(spec, path, lambda _: NATS))


def test_an_interrupted_run_ends_the_same(spec: RunSpec, tmp_path: Path) -> None:
    """The weights are bit-identical, and so are the curve and the norms."""
    straight = run(spec, tmp_path / "straight")
    for steps in (3, 9, 1):
        work = train(spec, tmp_path / "stopped", lambda _: NATS)
        for _ in range(steps):
            next(work)
        work.close()
    stopped = run(spec, tmp_path / "stopped")
    assert stopped.curve == straight.curve
    assert stopped.largest_norms == straight.largest_norms
    assert (stopped.steps, stopped.characters) == (straight.steps, straight.characters)
    weights = [Checkpoint.load(tmp_path / name).weights for name in ("straight", "stopped")]
    for name, value in weights[0].items():
        np.testing.assert_array_equal(value, weights[1][name])


def test_clipping_is_counted_over_every_update(spec: RunSpec, tmp_path: Path) -> None:
    found = run(spec, tmp_path / "run")
    assert list(found.largest_norms) == sorted(found.largest_norms, reverse=True)
    assert (found.clipped > 0) == (found.largest_norms[0] > spec.training.clip_norm)
    ends = [0, *(characters for characters, _ in found.curve)]
    assert ends[-1] == found.characters
    assert min(np.diff(ends)) >= found.characters // 120
    assert found.curve[-1][1] < found.curve[0][1]
    assert found.validation_nats == NATS


def test_a_finished_model_has_its_loss(spec: RunSpec, tmp_path: Path) -> None:
    """The model loads like any other one, and its folder contains no other files."""
    run(spec, tmp_path / "run")
    before = load_network(tmp_path / "run").weights()
    finish_model(tmp_path / "run", NATS)
    model = Checkpoint.load(tmp_path / "run")
    assert model.measured["validation_nats"] == NATS
    held_out = spec.corpus.held_out_characters
    assert model.measured["validation_characters"] == held_out
    assert "1.2500 nats" in (tmp_path / "run" / "README.md").read_text()
    for name, value in before.items():
        np.testing.assert_array_equal(value, model.weights[name])
    left = {file.name for file in (tmp_path / "run").iterdir()} - {".lock"}
    assert left == {"config.json", "tokenizer.json", "model.safetensors", "README.md"}


def test_a_run_with_another_spec_is_replaced(spec: RunSpec, tmp_path: Path) -> None:
    other = train(spec, tmp_path / "run", lambda _: NATS)
    next(other)
    other.close()
    (tmp_path / "run" / "config.json").write_text("{}")
    assert run(spec, tmp_path / "run").steps == spec.training.budget.amount


def test_a_run_continues_with_other_threads(spec: RunSpec, tmp_path: Path) -> None:
    """An interrupted run is not repeated, and its model names the last number of threads."""
    work = train(spec, tmp_path / "run", lambda _: NATS)
    done = [next(work) for _ in range(5)]
    work.close()
    other = replace(spec, training=replace(spec.training, threads=2))
    again = train(other, tmp_path / "run", lambda _: NATS)
    assert next(again) == pytest.approx(done[-1] + done[0])
    finish(again)
    assert Checkpoint.load(tmp_path / "run").description.training["threads"] == 2


def test_a_diverged_run_has_no_loss(
    spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A diverged run does not end the comparison, and its earlier losses are kept."""
    update = Trainer._update

    def diverge(trainer: Trainer) -> Step:
        if trainer.progress.step == 5:
            raise TrainingError("the loss became nan")
        return update(trainer)

    monkeypatch.setattr(Trainer, "_update", diverge)
    found = run(spec, tmp_path / "run")
    assert found.validation_nats is None
    assert found.steps == 5
    assert found.curve
