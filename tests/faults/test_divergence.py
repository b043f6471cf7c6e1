"""A run that diverges returns to earlier weights with half the learning rate, at most twice."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chargen.model.checkpoint import LOG, MODEL, Checkpoint
from tests.faults.commands import QUICK, Commands, error_of
from tests.faults.test_kills import SIGKILL, SameRun

TRAIN = ("train", "text.txt", "--steps", "40", "--learning-rate", "0.01", *QUICK)


def diverging(*updates: int, factor: float = float("nan")) -> list[dict[str, Any]]:
    """Faults that scale the weights of the output layer before some updates."""
    scale = {"name": "at", "point": "_update", "action": "scale", "factor": factor}
    return [{**scale, "number": number} for number in updates]


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the log records of one kind."""
    lines = map(json.loads, (folder / LOG).read_text().splitlines())
    return [record for record in lines if record["record"] == kind]


@pytest.mark.parametrize(
    ("factor", "reason"),
    [
        (float("nan"), "the loss became nan"),
        (float("inf"), r"the loss became (nan|inf)"),
        (3000.0, r"the loss jumped from \d\.\d\d to \d+\.\d\d nats"),
    ],
)
def test_a_diverged_run_returns_to_earlier_weights(
    commands: Commands, factor: float, reason: str
) -> None:
    """The record, the log and the terminal say so, and the run ends with a good model."""
    outcome = commands.run(*TRAIN, "-o", "run", faults=diverging(21, factor=factor))
    assert outcome.status == 0, outcome.err
    (returned,) = records(commands.folder / "run", "returned")
    assert re.fullmatch(reason, returned["reason"])
    assert returned["good_step"] <= 20 <= returned["step"]
    assert returned["learning_rate"] == 0.005
    shown = f"  {returned['reason']} after step {returned['step']}: returned to the weights of step"
    assert f"{shown} {returned['good_step']} with half the learning rate, 0.005" in outcome.err
    losses = [step["loss"] for step in records(commands.folder / "run", "step")]
    assert losses[-1] < losses[10]


def test_the_third_divergence_ends_a_run(commands: Commands) -> None:
    """The error says what to do, and the best model is kept."""
    outcome = commands.run(*TRAIN, "-o", "run", faults=diverging(29, 31, 33))
    assert outcome.status == 1
    message = error_of(outcome)
    assert message.startswith("the loss became nan after step 30, although the run returned to")
    assert "(start a new run with a learning rate of 0.0013;" in message
    returned = records(commands.folder / "run", "returned")
    assert [each["learning_rate"] for each in returned] == [0.005, 0.0025]
    model = Checkpoint.load(commands.folder / "run")
    (best,) = records(commands.folder / "run", "evaluation")[-1:]
    assert model.measured["validation_nats"] == best["nats"]


def test_without_a_validation_set_the_last_good_weights_are_kept(commands: Commands) -> None:
    """A run that ends by divergence before its first regular save has a model."""
    options = [*TRAIN, "-o", "run"]
    options[options.index("--val-fraction") + 1] = "0"
    error_of(commands.run(*options, faults=diverging(21, 22, 23)))
    assert (commands.folder / "run" / MODEL).exists()
    assert Checkpoint.load(commands.folder / "run").measured["step"] == 20


@pytest.mark.parametrize("killed_at", [19, 22, 24])
def test_a_run_that_diverged_is_resumed_exactly(
    commands: Commands, assert_same_run: SameRun, killed_at: int
) -> None:
    """A run that is killed before it diverges, or after it returned, ends with the same bits."""
    save = ("--save-every", "0")
    assert commands.run(*TRAIN, "-o", "whole", faults=diverging(21)).status == 0
    kill = {"name": "at", "point": "_update", "number": killed_at, "action": "send"}
    faults = [*diverging(21), {**kill, "numbers": [9]}]
    assert commands.run(*TRAIN, *save, "-o", "run", faults=faults).status == SIGKILL
    # The first update of the resumed run is number `killed_at`.
    left = diverging(22 - killed_at) if killed_at <= 21 else []
    assert commands.run("train", "--resume", "-o", "run", faults=left).status == 0
    for name in ("step", "returned", "evaluation"):
        found = [records(commands.folder / each, name) for each in ("run", "whole")]
        for log in found:
            for record in log:
                record.pop("seconds", None)
        assert found[0] == found[1]
    models = [Checkpoint.load(commands.folder / each) for each in ("run", "whole")]
    for name, weights in models[0].weights.items():
        assert (weights == models[1].weights[name]).all()
