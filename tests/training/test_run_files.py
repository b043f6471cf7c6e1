"""The samples of a run, its log, its saves, and its failures."""

import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from tokenizers import Tokenizer

from chargen.errors import CheckpointError, TrainingError
from chargen.model.checkpoint import CARD, CONFIG, LOG, MODEL, TOKENIZER, TRAINING, Checkpoint
from chargen.text.corpus import Corpus
from chargen.training.options import TrainingOptions
from chargen.training.records import Returned, Sample, Saved, Step
from chargen.training.state import TrainingState
from chargen.training.train import start
from tests.training.runs import OVERFITTING, Run, TrainRun, resume_story

# Samples, log and saves


@pytest.mark.parametrize("prompt", ["the cat", "a\udcff"])
def test_a_run_has_five_samples(train: TrainRun, prompt: str) -> None:
    """Each sample starts with the prompt, which may contain a lone surrogate, and is logged."""
    run = train(prompt=prompt)
    samples = [record for record in run.records if isinstance(record, Sample)]
    assert [sample.step for sample in samples] == [4, 8, 12, 16, 20]
    for sample in samples:
        assert sample.text.startswith(prompt)
        assert len(sample.text) > len(prompt)
    assert [line["record"] for line in run.log].count("sample") == 5


def test_every_record_is_logged(train: TrainRun, noise: Corpus) -> None:
    """The lines of the log are the records as JSON, in the same order."""
    run = train(noise, **{**OVERFITTING, "steps": 40}, save_every=0.0)
    expected: list[dict[str, Any]] = [
        {"record": type(record).__name__.lower(), **asdict(record)} for record in run.records
    ]
    assert run.log == expected
    kinds = {line["record"] for line in expected}
    assert kinds == {"step", "evaluation", "sample", "saved", "finished"}


def test_a_long_run_logs_a_thousand_steps(train: TrainRun) -> None:
    """The log of a long run is limited."""
    run = train(steps=1500, cell="feedforward", hidden_size=2)
    steps = [line["step"] for line in run.log if line["record"] == "step"]
    assert len(steps) == 1000
    assert steps[-1] == 1500


def saved_steps(run: Run) -> list[int]:
    """Return the steps after which a run was saved, without the last one."""
    return [record.step for record in run.records if isinstance(record, Saved)]


def test_a_run_is_saved_regularly(train: TrainRun, noise: Corpus) -> None:
    """A save interval of 0 saves after each update."""
    run = train(noise, **{**OVERFITTING, "steps": 40, "save_every": 0.0})
    assert saved_steps(run) == list(range(1, 40))


@pytest.mark.parametrize("share", [math.inf, 1e-9])
def test_a_new_best_is_saved_if_that_takes_little_time(
    train: TrainRun, noise: Corpus, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """It is saved after the next update, or by a later save."""
    monkeypatch.setattr("chargen.training.trainer._SAVE_SHARE", share)
    run = train(noise, **{**OVERFITTING, "steps": 40})
    best = [evaluation.step + 1 for evaluation in run.evaluations if evaluation.best]
    assert saved_steps(run) == ([step for step in best if step < 40] if share > 1 else [])
    assert Checkpoint.load(run.folder).measured["step"] == best[-1] - 1


def test_a_folder_has_six_files(train: TrainRun, noise: Corpus) -> None:
    """The tokenizers and safetensors libraries read their files; the card shows the command."""
    run = train(noise, **OVERFITTING)
    names = {path.name for path in run.folder.iterdir()}
    assert names == {CARD, CONFIG, LOG, MODEL, TOKENIZER, TRAINING}
    model = Checkpoint.load(run.folder)
    tokenizer = Tokenizer.from_file(str(run.folder / TOKENIZER))
    assert tokenizer.encode("abc").ids == model.vocabulary.encode("abc").tolist()
    assert set(safetensors.numpy.load_file(run.folder / MODEL)) == set(model.weights)
    card = (run.folder / CARD).read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: chargen\n")
    assert "\n# noise\n" in card
    assert f"chargen sample -m {run.folder.name} " in card
    assert str(run.folder.parent) not in card  # the card is shared
    assert "reveal\npassages" in card
    assert f"Validation loss: {model.measured['validation_nats']:.4f} nats" in card


@pytest.mark.filterwarnings("ignore")  # those of another library are not ours
def test_transformers_reads_the_tokenizer(train: TrainRun, noise: Corpus) -> None:
    """`AutoTokenizer.from_pretrained(folder)` finds it and gives the ids of the model."""
    transformers = pytest.importorskip("transformers")
    folder = train(noise, **OVERFITTING).folder
    vocabulary = Checkpoint.load(folder).vocabulary
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    ids = tokenizer("ab\nc \u660e").input_ids
    assert ids == vocabulary.encode("ab\nc \u660e").tolist()
    assert tokenizer.decode(ids[:3]) == "ab\n"


def test_float16_is_the_type_of_the_model_only(train: TrainRun, noise: Corpus) -> None:
    """The state for a resumed run keeps the best weights in float32; the model has them rounded."""
    run = train(noise, **OVERFITTING, weights_dtype="float16")
    model = Checkpoint.load(run.folder)
    state = TrainingState.read(run.folder)
    assert model.weights_dtype == "float16"
    for tensors in state.tensors.values():
        assert {tensor.dtype for tensor in tensors.values()} <= {torch.float32}
    for name, tensor in state.tensors["best"].items():
        np.testing.assert_array_equal(tensor.half().numpy(), model.weights[name])
        assert not np.array_equal(tensor.numpy(), model.weights[name])


# Failures


def test_a_loss_that_is_not_finite_leads_back_to_good_weights(at_step_5: Path) -> None:
    """The good weights are part of the saved state, and the failed step is not counted."""
    state = TrainingState.read(at_step_5)
    state.tensors["network"]["decoder.bias"].fill_(torch.nan)
    state.write(at_step_5)
    trainer = resume_story(at_step_5)
    records = trainer.run()
    returned, step = next(records), next(records)
    trainer.folder.close()
    assert isinstance(returned, Returned)
    assert (returned.step, returned.reason) == (5, "the loss became nan")
    assert isinstance(step, Step)
    assert math.isfinite(step.loss)


def test_a_diverging_run_ends_with_a_model_or_a_training_error(
    corpus: Corpus, options: TrainingOptions, tmp_path: Path
) -> None:
    """The largest learning rate causes no other error."""
    changed = replace(options, learning_rate=10.0, cell="rnn", steps=60)
    trainer = start(corpus, changed, output=tmp_path / "run")
    refusal = ""
    try:
        list(trainer.run())
    except TrainingError as error:
        refusal = str(error)
    trainer.folder.close()
    progress = TrainingState.read(tmp_path / "run").progress
    assert progress.returns == 2 if refusal else progress.step == 60
    assert not refusal or "learning rate of 1.2" in refusal


def test_a_failed_save_is_a_checkpoint_error(
    corpus: Corpus, options: TrainingOptions, tmp_path: Path
) -> None:
    """The next save after the folder was deleted fails."""
    trainer = start(corpus, replace(options, save_every=0.0), output=tmp_path / "run")
    records = trainer.run()
    next(records)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(CheckpointError, match="cannot be written"):
        list(records)
    trainer.folder.close()
