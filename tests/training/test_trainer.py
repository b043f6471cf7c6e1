"""What a run learns, its budgets, and its validation."""

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from chargen.errors import OptionError
from chargen.evaluation.validation import streams, validation_nats
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import CARD, TRAINING, Checkpoint
from chargen.model.config import ENCODERS
from chargen.model.network import Network
from chargen.options import MAX_SEED
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE
from chargen.training.advice import overfits
from chargen.training.folder import RunFolder
from chargen.training.options import TrainingOptions
from chargen.training.precision import has_bfloat16
from chargen.training.records import Evaluation, Finished
from chargen.training.spec import make_spec
from chargen.training.state import TrainingState
from chargen.training.train import start
from chargen.training.trainer import Trainer
from tests.training.runs import OVERFITTING, Run, TrainRun, resume_story

# Learning


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns_with_every_encoder(
    train: TrainRun, corpus: Corpus, cell: str, encoder: str
) -> None:
    """After a hundred updates the loss is below the entropy of the character frequencies."""
    losses = train(
        steps=100,
        cell=cell,
        encoder=encoder,
        embedding_size=6 if encoder == "embedding" else None,
        hidden_size=24,
        learning_rate=0.02,
    ).losses
    counts = Counter(next(corpus.texts()))
    shares = [count / corpus.characters for count in counts.values()]
    entropy = -sum(share * math.log(share) for share in shares)
    assert losses[0] > entropy
    assert np.mean(losses[-10:]) < 0.9 * entropy


def test_an_lstm_memorises_a_short_text(train: TrainRun) -> None:
    """The loss on four repeated sentences falls below 0.2 nats."""
    run = train(steps=400, hidden_size=32, learning_rate=0.02)
    assert run.finished.training_nats < 0.2


def test_a_seed_determines_the_run(train: TrainRun) -> None:
    """The same seed gives the same losses and weights, and another seed gives others."""
    one, same, other = (
        train(output=name, seed=seed, dropout=0.2) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one.losses == same.losses != other.losses
    weights = [Checkpoint.load(run.folder).weights for run in (one, same)]
    for name, value in weights[0].items():
        assert np.array_equal(value, weights[1][name])


@pytest.mark.parametrize("seed", [0, MAX_SEED])
def test_the_smallest_and_the_largest_seed_train(
    train: TrainRun, corpus: Corpus, seed: int
) -> None:
    """Weights, batches, resets, dropout and held-out lines can be drawn from any seed."""
    lines = Corpus.of([*corpus.texts(), "abc"], kind=LINE)
    for name, text in (("text", corpus), ("lines", lines)):
        run = train(text, output=name, seed=seed, dropout=0.2, validation_fraction=0.2)
        assert run.finished.validation_nats is not None


@pytest.mark.parametrize("cell", CELLS)
def test_bfloat16_trains_or_is_refused(train: TrainRun, tmp_path: Path, cell: str) -> None:
    """bfloat16 is refused before the run, and only on a processor without bfloat16."""
    options = {"steps": 100, "num_layers": 2, "hidden_size": 24, "learning_rate": 0.02}
    refusal = ""
    try:
        run = train(precision="bfloat16", cell=cell, **options)
    except OptionError as error:
        refusal = str(error)
    if refusal:
        assert "precision bfloat16 is not available" in refusal
        assert not has_bfloat16("cpu")
        assert not (tmp_path / "run").exists()
        return
    assert np.mean(run.losses[-10:]) < 0.8 * run.losses[0]
    model = Checkpoint.load(run.folder)
    assert model.measured["precision"] == "bfloat16"
    assert {value.dtype for value in model.weights.values()} == {np.dtype(np.float32)}


def test_fine_tuning_starts_at_the_loss_of_the_model(
    train: TrainRun, corpus: Corpus, options: TrainingOptions, tmp_path: Path
) -> None:
    """The first loss of a fine-tuning run is about the last loss of the model."""
    first = train(steps=300, hidden_size=32, learning_rate=0.02)
    larger = replace(options, hidden_size=32, init_from=str(first.folder))
    second = Run(start(corpus, larger, output=tmp_path / "second"))
    assert second.losses[0] < 0.5 * first.losses[0]


def test_the_initial_model_is_evaluated_first(
    train: TrainRun, corpus: Corpus, options: TrainingOptions, tmp_path: Path
) -> None:
    """Its loss is the first best one, and it is kept if no update improves it."""
    first = train(steps=100, hidden_size=24, learning_rate=0.02)
    model = Checkpoint.load(first.folder)
    tuning = replace(
        options, hidden_size=24, init_from=str(first.folder), validation_fraction=0.2, steps=10
    )
    harmful = Run(start(corpus, replace(tuning, learning_rate=10.0), output=tmp_path / "harmful"))
    gentle = replace(tuning, learning_rate=0.005, steps=60)
    useful = Run(start(corpus, gentle, output=tmp_path / "useful"))
    network = Network(model.config)
    network.load_weights(model.weights)
    parts = harmful.trainer.spec.split
    nats = validation_nats(network, parts.ids, streams(parts.validation))
    for run in (harmful, useful):
        assert isinstance(run.records[0], Evaluation)
        evaluation = run.evaluations[0]
        assert (evaluation.step, evaluation.fraction, evaluation.best) == (0, 0.0, True)
        # Another order of the lanes changes the last bits of a sum in float32.
        assert evaluation.nats == pytest.approx(nats, rel=1e-5)
        assert run.log[0]["record"] == "evaluation"
    assert harmful.finished.best_step == 0
    kept = Checkpoint.load(harmful.folder)
    for name, value in model.weights.items():
        assert np.array_equal(kept.weights[name], value)
    assert (kept.measured["step"], kept.measured["training_nats"]) == (0, None)
    assert "the weights are those of the initial model" in (harmful.folder / CARD).read_text()
    assert useful.finished.best_step > 0
    assert Checkpoint.load(useful.folder).measured["validation_nats"] < nats


def test_weights_decay_towards_the_initial_model(
    train: TrainRun, corpus: Corpus, options: TrainingOptions, tmp_path: Path
) -> None:
    """The stronger the decay, the closer the weights stay."""
    model = Checkpoint.load(train().folder)
    spec = make_spec(corpus, replace(options, init_from=str(model.folder), learning_rate=0.02))
    distances = []
    for decay in (0.0, 5.0, 40.0):
        training = replace(spec.training, weight_decay=decay)
        folder = RunFolder.create(tmp_path / f"{decay}", "", overwrite=False)
        kept = Checkpoint.load(Run(Trainer(replace(spec, training=training), folder)).folder)
        moved = [kept.weights[name] - value for name, value in model.weights.items()]
        distances.append(math.sqrt(sum(float((m**2).sum()) for m in moved)))
    assert distances[2] < 0.5 * distances[1] < 0.5 * distances[0]


def test_without_an_initial_model_nothing_is_evaluated_first(train: TrainRun) -> None:
    """The first evaluation follows an update, and the best step is that of the kept weights."""
    run = train(validation_fraction=0.2)
    assert run.evaluations[0].step > 0
    best = min(run.evaluations, key=lambda evaluation: evaluation.nats)
    assert run.finished.best_step == best.step
    assert train(output="other").finished.best_step == 20  # without a validation set


def test_gradients_stop_at_the_bptt_length(
    corpus: Corpus, options: TrainingOptions, tmp_path: Path
) -> None:
    """A shorter length changes the first gradient, but not the first loss."""
    spec = make_spec(corpus, replace(options, steps=3))
    found = {}
    for length in (None, 1, 4, 16, 400):
        training = replace(spec.training, bptt_length=length, split_windows=False)
        folder = RunFolder.create(tmp_path / f"{length}", "", overwrite=False)
        run = Run(Trainer(replace(spec, training=training), folder))
        found[length] = [(step.loss, step.gradient_norm) for step in run.steps]
    assert found[16] == found[400] == found[None]  # windows have 16 characters
    for length in (1, 4):
        assert found[length][0][0] == pytest.approx(found[None][0][0], rel=1e-6)
        assert found[length][0][1] != pytest.approx(found[None][0][1], rel=1e-3)


# Budgets


def test_steps_are_numbered_and_the_fraction_grows_to_1(train: TrainRun) -> None:
    """A run ends with one `Finished` record."""
    run = train()
    assert [step.step for step in run.steps] == list(range(1, 21))
    assert [step.fraction for step in run.steps] == pytest.approx([k / 20 for k in range(1, 21)])
    assert all(a.characters < b.characters for a, b in pairwise(run.steps))
    assert all(math.isfinite(step.gradient_norm) for step in run.steps)
    assert sum(isinstance(record, Finished) for record in run.records) == 1
    last = run.finished
    assert (last.step, last.reason, last.validation_nats) == (20, "budget", None)
    assert last.characters == run.steps[-1].characters


def test_an_epoch_is_one_pass_over_the_training_set(train: TrainRun, corpus: Corpus) -> None:
    """The number of epochs may be fractional. The newline of a line is one of its characters."""
    run = train(output="a", steps=None, epochs=2, validation_fraction=0.2)
    assert run.finished.reason == "budget"
    assert run.finished.characters == 2 * run.trainer.spec.split.train_characters
    lines = Corpus.of(corpus.texts(), kind=LINE)
    assert train(lines, output="b", steps=None, epochs=1).finished.characters == lines.characters
    characters = train(output="c", steps=None, epochs=0.25).finished.characters
    assert characters == pytest.approx(corpus.characters / 4, abs=4 * 16)  # one window


def test_a_budget_of_minutes_ends(train: TrainRun) -> None:
    """A third of a second is enough for a model, and the last evaluation is at the end."""
    run = train(steps=None, minutes=0.005, validation_fraction=0.2)
    assert run.finished.reason == "budget"
    assert run.evaluations[-1].fraction == 1
    assert Checkpoint.load(run.folder).measured["step"] >= 1


def test_the_minutes_before_an_interruption_count(at_step_5: Path) -> None:
    """A resumed run without remaining minutes makes no updates."""
    state = TrainingState.read(at_step_5)
    state.progress.seconds = 36_000.0
    state.write(at_step_5)
    run = Run(resume_story(at_step_5))
    assert not run.steps
    assert (run.finished.step, run.finished.reason) == (5, "budget")


@pytest.mark.parametrize("text", ["ab", "abc", "\n\na"])
@pytest.mark.parametrize("budget", ["steps", "epochs"])
def test_a_text_of_one_window_trains(train: TrainRun, text: str, budget: str) -> None:
    """Two or three characters are enough for a model."""
    run = train(Corpus.of([text]), **{"steps": None, budget: 8})
    assert all(map(math.isfinite, run.losses))
    assert Checkpoint.load(run.folder).measured["step"] == len(run.losses)


# Validation


def test_without_a_validation_set_the_last_weights_are_kept(train: TrainRun) -> None:
    """The validation loss is None."""
    run = train()
    assert not run.evaluations
    model = Checkpoint.load(run.folder)
    assert model.measured["validation_nats"] is None
    assert model.measured["step"] == 20
    last = safetensors.numpy.load((run.folder / TRAINING).read_bytes())
    for name, value in model.weights.items():
        assert np.array_equal(value, last[f"network/{name}"])


def test_the_best_weights_are_kept(train: TrainRun, noise: Corpus) -> None:
    """The model has the lowest validation loss, and the measured values of that step."""
    run = train(noise, **OVERFITTING)
    best = min(run.evaluations, key=lambda evaluation: evaluation.nats)
    assert best.step < run.evaluations[-1].step  # the run overfits
    assert run.evaluations[-1].fraction == 1
    model = Checkpoint.load(run.folder)
    assert model.measured["validation_nats"] == best.nats == run.finished.validation_nats
    assert model.measured["step"] == best.step
    assert model.measured["trained_characters"] == run.steps[best.step - 1].characters
    lowest = math.inf
    for evaluation in run.evaluations:
        assert evaluation.best == (evaluation.nats < lowest)
        lowest = min(lowest, evaluation.nats)
    network = Network(model.config)
    network.load_weights(model.weights)
    split = run.trainer.spec.split
    nats = validation_nats(network, split.ids, streams(split.validation))
    # Another memory alignment may change the order of the float32 sums.
    assert model.measured["validation_nats"] == pytest.approx(nats, rel=1e-6)


def test_patience_stops_a_run(train: TrainRun, noise: Corpus) -> None:
    """The run stops after `patience` evaluations without a new best loss."""
    run = train(noise, **{**OVERFITTING, "patience": 3})
    assert run.finished.reason == "patience"
    assert run.finished.step < 300
    found = "".join("+" if evaluation.best else "-" for evaluation in run.evaluations)
    assert found.endswith("+---")
    assert found.count("---") == 1


def test_a_run_that_overfits_is_stopped(train: TrainRun, noise: Corpus) -> None:
    """It ends as soon as its loss rose since the best evaluation, five or more before the last."""
    run = train(noise, **{**OVERFITTING, "patience": None})
    assert run.finished.reason == "overfitting"
    assert run.finished.step < 300
    assert not any(evaluation.best for evaluation in run.evaluations[-5:])
    curve = run.trainer.progress.curve
    assert overfits(curve)
    assert not overfits(curve[:-1]) or run.evaluations[-6].best
    to_the_end = train(noise, output="all", **OVERFITTING)
    assert run.finished.validation_nats == to_the_end.finished.validation_nats


def test_the_validation_set_is_not_trained_on(train: TrainRun) -> None:
    """Another validation set does not change the training losses."""
    head = "the cat sat on the mat and sang. " * 20
    runs = []
    for name, tail in (("a", "a cat sat on the mat " * 6), ("b", "tam eht no tas tac a " * 6)):
        corpus = Corpus.of([head + tail])
        fraction = len(tail) / corpus.characters
        runs.append(train(corpus, output=name, validation_fraction=fraction))
    assert runs[0].losses == runs[1].losses
    assert runs[0].evaluations[-1].nats != runs[1].evaluations[-1].nats
