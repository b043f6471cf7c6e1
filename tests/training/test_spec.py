"""The specification of a run, made of a corpus and options."""

import time
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch

from chargen.errors import CheckpointError, OptionConflictError, OptionError
from chargen.model.cells.registry import CELLS
from chargen.model.checkpoint import CONFIG, TRAINING, Checkpoint, Description
from chargen.text.corpus import Corpus
from chargen.text.kind import LINE, STREAM
from chargen.training.options import Budget, TrainingOptions
from chargen.training.precision import has_bfloat16
from chargen.training.presets import PRESETS, affordable_size, automatic_dropout
from chargen.training.spec import make_spec, restore_spec
from chargen.training.train import start

SIZES = ("embedding_size", "hidden_size", "num_layers")

in_bfloat16 = pytest.mark.skipif(not has_bfloat16("cpu"), reason="this CPU has no bfloat16")


@pytest.fixture
def open_options() -> TrainingOptions:
    """Options that leave everything to the preset except what saves time."""
    return TrainingOptions(steps=20, device="cpu", precision="float32")


@pytest.fixture
def model(corpus: Corpus, options: TrainingOptions, tmp_path: Path) -> Checkpoint:
    """A trained model."""
    trainer = start(corpus, options, output=tmp_path / "first")
    list(trainer.run())
    trainer.folder.finish()
    return Checkpoint.load(tmp_path / "first")


def test_the_preset_fills_in_open_options(corpus: Corpus, open_options: TrainingOptions) -> None:
    """A short text gets the preset "tiny", an LSTM with an embedding, and no validation set."""
    spec, tiny = make_spec(corpus, replace(open_options, steps=None)), PRESETS["tiny"]
    assert spec.training.preset == "tiny"
    assert (spec.model.cell, spec.model.encoder) == ("lstm", "embedding")
    assert all(getattr(spec.model, size) == getattr(tiny, size) for size in SIZES)
    assert spec.model.vocab_size == len(spec.vocabulary)
    assert spec.training.learning_rate == tiny.learning_rate
    assert spec.training.budget == Budget("minutes", tiny.minutes)
    assert spec.training.chrono_max is None  # only lines set the time scales of the gates
    assert spec.split.validation_characters == 0


def test_the_length_of_the_text_or_an_option_selects_the_preset(
    open_options: TrainingOptions,
) -> None:
    """One character above the limit of "tiny" selects "small"."""
    limit = int(PRESETS["tiny"].up_to)
    for extra, preset, name in (("", "auto", "tiny"), ("a", "auto", "small"), ("", "base", "base")):
        corpus = Corpus.of(["ab" * (limit // 2) + extra])
        spec = make_spec(corpus, replace(open_options, preset=preset))
        assert spec.training.preset == name
        assert spec.model.hidden_size == PRESETS[name].hidden_size


@pytest.mark.parametrize("cell", CELLS)
def test_the_learning_rate_depends_on_the_cell(
    corpus: Corpus, open_options: TrainingOptions, cell: str
) -> None:
    """The preset's rate is multiplied by the cell's scale."""
    spec = make_spec(corpus, replace(open_options, cell=cell))
    scale = CELLS[cell].learning_rate_scale
    assert spec.training.learning_rate == PRESETS["tiny"].learning_rate * scale


@pytest.mark.parametrize(
    ("characters", "precision", "batch_size", "expected"),
    [
        pytest.param(600_000, "bfloat16", None, (32, 1.5, True), marks=in_bfloat16),
        pytest.param(600_000, "bfloat16", 16, (16, 1, True), marks=in_bfloat16),
        (600_000, "float32", None, (16, 1, False)),
        pytest.param(500_000, "bfloat16", None, (16, 1, False), marks=in_bfloat16),
    ],
)
def test_a_long_text_gets_larger_batches_if_muon_costs_little(
    open_options: TrainingOptions,
    characters: int,
    precision: str,
    batch_size: int | None,
    expected: tuple[int, float, bool],
) -> None:
    """In bfloat16 it does; an option for the batch size is kept."""
    options = replace(
        open_options, preset="base", precision=precision, batch_size=batch_size, device="cpu"
    )
    training = make_spec(Corpus.of(["ab" * (characters // 2)]), options).training
    rate = training.learning_rate / PRESETS["base"].learning_rate
    assert (training.batch_size, round(rate, 6), training.muon) == expected


@in_bfloat16
def test_a_short_text_is_fine_tuned_with_muon_where_it_costs_little(model: Checkpoint) -> None:
    """From random weights, it would be overfitted."""
    text = Corpus.of(["The cat sat on the mat.\n" * 40])
    options = TrainingOptions(steps=1, precision="bfloat16", device="cpu")
    wide = replace(options, init_from="none", hidden_size=64, embedding_size=8)
    assert not make_spec(text, wide).training.muon
    fine_tuned = make_spec(text, replace(options, init_from=str(model.folder)))
    assert fine_tuned.training.muon


def test_options_override_the_preset(corpus: Corpus, options: TrainingOptions) -> None:
    """Every given size and rate is used."""
    spec = make_spec(corpus, replace(options, cell="gru", learning_rate=0.5, seed=9))
    assert (spec.model.cell, *(getattr(spec.model, size) for size in SIZES)) == ("gru", 6, 12, 1)
    assert (spec.training.batch_size, spec.training.sequence_length) == (4, 16)
    assert (spec.training.learning_rate, spec.training.seed) == (0.5, 9)
    assert spec.training.budget == Budget("steps", 20)


def test_automatic_choices_are_stored_resolved(corpus: Corpus, options: TrainingOptions) -> None:
    """The configuration never stores "auto"."""
    training = make_spec(corpus, replace(options, precision="auto", device="auto")).training
    assert training.device in ("cpu", "cuda", "mps")
    assert training.precision in ("float32", "bfloat16")
    assert training.preset in PRESETS
    assert training.threads == torch.get_num_threads()
    if training.device == "cpu" and not has_bfloat16("cpu"):
        assert training.precision == "float32"


def test_batches_shrink_to_a_short_text(open_options: TrainingOptions) -> None:
    """A text of ten characters is trained in one stream with windows of ten characters."""
    training = make_spec(Corpus.of(["abcdefghij"]), open_options).training
    assert (training.batch_size, training.sequence_length) == (1, 10)


@pytest.mark.parametrize(
    ("length", "window", "batch_size"), [(15, 64, 16), (100, 101, 10), (500, 256, 4)]
)
def test_a_window_holds_a_whole_line(
    open_options: TrainingOptions, length: int, window: int, batch_size: int
) -> None:
    """With lines, windows and time scales cover the longest line, up to 256 characters."""
    lines = Corpus.of(["\n".join(f"{k:0{length}}" for k in range(600))], kind=LINE)
    training = make_spec(lines, open_options).training
    assert (training.sequence_length, training.batch_size) == (window, batch_size)
    assert training.chrono_max == min(256, length + 1)


@pytest.mark.parametrize(
    ("changes", "dropout"),
    [
        ({"epochs": 1000}, 0.0),
        ({"epochs": 20, "validation_fraction": 0.2}, automatic_dropout(20)),
        ({"epochs": 1, "validation_fraction": 0.2}, 0.0),
        ({"epochs": 20, "validation_fraction": 0.2, "dropout": 0.1}, 0.1),
    ],
)
def test_dropout_follows_the_epochs(
    corpus: Corpus, open_options: TrainingOptions, changes: dict[str, float], dropout: float
) -> None:
    """Without a validation set there is no dropout, since nothing measures overfitting."""
    options = replace(open_options, steps=None, **changes)  # type: ignore[arg-type]
    assert make_spec(corpus, options).training.dropout == dropout


@pytest.mark.parametrize(
    ("hidden_size", "updates", "size"),
    [(384, 2_688, 384), (384, 2_687, 256), (384, 5, 256), (1024, 3_000, 512), (100, 5, 100)],
)
def test_a_short_budget_affords_fewer_units(hidden_size: int, updates: float, size: int) -> None:
    """A network has about seven updates per unit, or 256 units, or those of its preset."""
    assert affordable_size(hidden_size, updates) == size


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"minutes": 0.1}, 256),
        ({"minutes": 10.0}, 400),
        ({"minutes": 0.1, "hidden_size": 300}, 300),
        ({"minutes": 0.1, "preset": "tiny"}, 400),
        ({"minutes": 0.1, "validation_fraction": 0.0}, 400),
        ({"steps": 10}, 400),
    ],
)
def test_the_minutes_and_the_speed_limit_the_size(
    changes: dict[str, Any],
    size: int,
    corpus: Corpus,
    open_options: TrainingOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At 10,000 characters/s, a tenth of a minute is too short for the preset's 400 units.

    Steps are reproducible, so their network does not depend on the speed. A given size is kept, and
    a text that is learned by heart needs many units more than many updates.
    """
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], hidden_size=400))

    def speeds(
        *_: object, precisions: list[str], counts: list[int]
    ) -> dict[tuple[str, int], float]:
        return dict.fromkeys(product(precisions, counts), 10_000.0)

    monkeypatch.setattr("chargen.training.spec.training_speeds", speeds)
    options = replace(open_options, **{"steps": None, "validation_fraction": 0.2, **changes})
    assert make_spec(corpus, options).model.hidden_size == size


def test_the_minutes_before_the_choice_count(
    corpus: Corpus, open_options: TrainingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes of which nearly all were spent to read the text afford fewer units."""
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], hidden_size=400))
    speed = {("float32", 1): 10_000.0}
    monkeypatch.setattr("chargen.training.spec.training_speeds", lambda *_, **__: speed)
    monkeypatch.setattr("chargen.training.spec.thread_counts", lambda *_: (1,))
    options = replace(open_options, steps=None, minutes=10.0, validation_fraction=0.2)
    for spent, size in ((0, 400), (595, 256)):
        spec = make_spec(corpus, options, began=time.monotonic() - spent)
        assert spec.model.hidden_size == size


@pytest.mark.parametrize("slowed", [1, 2])
def test_one_disturbed_measurement_does_not_change_the_precision(
    slowed: int, corpus: Corpus, open_options: TrainingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bfloat16 is chosen if it is faster with any number of threads."""

    def speeds(
        *_: object, precisions: list[str], counts: list[int]
    ) -> dict[tuple[str, int], float]:
        measured = {key: 1_000.0 * key[1] for key in product(precisions, counts)}
        for count in counts:
            measured["bfloat16", count] *= 0.5 if count == slowed else 1.5
        return measured

    monkeypatch.setattr("chargen.training.spec.training_speeds", speeds)
    monkeypatch.setattr("chargen.training.spec.has_bfloat16", lambda _: True)
    monkeypatch.setattr("chargen.training.spec.thread_counts", lambda *_: (1, 2))
    options = replace(open_options, steps=None, minutes=1, precision="auto")
    assert make_spec(corpus, options).training.precision == "bfloat16"


@pytest.mark.parametrize(
    ("budget", "fraction", "evaluations"),
    [(1000, 0.1, 250), (60, 0.1, 20), (0.01, 0.1, 2), (1000, 0.0, 0)],
)
def test_the_number_of_evaluations(
    budget: float,
    fraction: float,
    evaluations: int,
    corpus: Corpus,
    open_options: TrainingOptions,
) -> None:
    """It grows with the number of epochs, from two; without a validation set there are none."""
    options = replace(open_options, steps=None, epochs=budget, validation_fraction=fraction)
    assert make_spec(corpus, options).training.evaluations == evaluations


def test_the_facts_about_the_corpus_are_stored(options: TrainingOptions) -> None:
    """The facts count texts, characters, held-out characters and unknown ones."""
    corpus = Corpus.of(["aabb" * 50, "abbaz" * 20], name="two")
    spec = make_spec(corpus, replace(options, validation_fraction=0.1, min_count=21))
    assert asdict(spec.corpus) == {
        "name": "two",
        "sha256": corpus.sha256,
        "characters": 300,
        "texts": 2,
        "kind": asdict(STREAM),
        "longest_text": 200,
        "skipped_cells": 0,
        # The first of the last 30 characters is only an input.
        "held_out_characters": 29,
        "unknown_characters": 20,
        "normalize": "none",
        "normal_form": "both",
        "newlines": 0,
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_count": 10_000}, "min_count 10000 makes every character of story unknown"),
        ({"patience": 3, "validation_fraction": 0.0}, "patience needs a validation set"),
        *(({size: 10**12}, f"^{size} must be ") for size in SIZES),
    ],
)
def test_options_that_do_not_suit_the_corpus_are_refused(
    corpus: Corpus, options: TrainingOptions, changes: dict[str, int], message: str
) -> None:
    """The error is raised before a network is built."""
    with pytest.raises(OptionError, match=message):
        make_spec(corpus, replace(options, **changes))  # type: ignore[arg-type]


@pytest.mark.skipif(torch.cuda.is_available(), reason="the machine has a GPU")
def test_a_missing_device_is_refused(corpus: Corpus, options: TrainingOptions) -> None:
    """The error lists the available devices."""
    with pytest.raises(OptionError, match=r"device cuda is not available \(available: cpu"):
        make_spec(corpus, replace(options, device="cuda"))


def test_a_specification_is_restored_from_its_folder(
    corpus: Corpus, options: TrainingOptions
) -> None:
    """Model, configuration, options and split are the same."""
    first = make_spec(corpus, replace(options, validation_fraction=0.2, patience=4))
    stored = Description.from_json(first.description.to_json(), "config.json")
    again = restore_spec(corpus, Path("run"), stored, first.vocabulary)
    for part in ("model", "training", "options", "corpus"):
        assert getattr(again, part) == getattr(first, part)
    assert again.description.to_json() == first.description.to_json()
    for part in ("ids", "train", "validation"):
        assert np.array_equal(getattr(again.split, part), getattr(first.split, part))


def test_a_specification_is_not_restored_for_another_text(
    corpus: Corpus, options: TrainingOptions
) -> None:
    """One more character makes another text."""
    first = make_spec(corpus, options)
    other = Corpus.of([next(corpus.texts()) + "!"], name="story")
    with pytest.raises(OptionConflictError, match="story is not the text that run was trained on"):
        restore_spec(other, Path("run"), first.description, first.vocabulary)


def test_the_description_of_another_version_is_refused(
    corpus: Corpus, options: TrainingOptions
) -> None:
    """The error names config.json if a setting is unknown."""
    first = make_spec(corpus, options)
    training = {**first.description.training, "momentum": 0.9}
    stored = replace(first.description, training=training)
    with pytest.raises(CheckpointError, match=f"{CONFIG} was written by another version"):
        restore_spec(corpus, Path("run"), stored, first.vocabulary)


def test_fine_tuning_keeps_the_sizes_and_extends_the_vocabulary(model: Checkpoint) -> None:
    """The preset of the new text does not change the network; new characters get new ids."""
    options = TrainingOptions(
        steps=20, device="cpu", cell="lstm", hidden_size=12, init_from=str(model.folder)
    )
    corpus = Corpus.of(["a cat and a dog sat on the mat. " * 4])
    spec = make_spec(corpus, options)
    assert (spec.model, spec.vocabulary) == (model.config, model.vocabulary)
    assert spec.weights is not None
    for name, value in model.weights.items():
        assert np.array_equal(spec.weights[name], value)
    spec = make_spec(Corpus.of(["zebra Ω é zebra"]), options)
    old = model.vocabulary.characters
    assert spec.vocabulary.characters == old + "".join(sorted(set("zΩé") - set(old)))
    assert spec.model == replace(model.config, vocab_size=len(old) + 3)


@pytest.mark.parametrize("encoder", ["embedding", "one-hot"])
def test_fine_tuning_starts_with_the_weights_of_the_model(
    corpus: Corpus, options: TrainingOptions, tmp_path: Path, encoder: str
) -> None:
    """Before the first update the network has the model's weights, and finite new rows."""
    size = 6 if encoder == "embedding" else None
    options = replace(options, encoder=encoder, embedding_size=size)
    first = start(corpus, options, output=tmp_path / "first")
    list(first.run())
    first.folder.finish()
    model = Checkpoint.load(tmp_path / "first")
    options = replace(options, init_from=str(model.folder))
    new_text = Corpus.of(["zebra Ω é zebra"])
    second = start(new_text, options, output=tmp_path / "second")
    second.save()
    second.folder.close()
    saved = safetensors.numpy.load((tmp_path / "second" / TRAINING).read_bytes())
    for name, old in model.weights.items():
        if name == "decoder.bias":  # e shares its probability with é
            continue
        new = saved[f"network/{name}"]
        assert np.array_equal(new[tuple(slice(0, length) for length in old.shape)], old)
        assert np.isfinite(new).all()


@pytest.mark.parametrize(
    ("size", "value"),
    [
        ("cell", "gru"),
        ("encoder", "one-hot"),
        ("embedding_size", 7),
        ("hidden_size", 13),
        ("num_layers", 2),
    ],
)
def test_fine_tuning_refuses_other_sizes(
    corpus: Corpus, model: Checkpoint, size: str, value: object
) -> None:
    """A size that differs from the model's is not silently ignored."""
    sizes: dict[str, Any] = {size: value}
    options = TrainingOptions(device="cpu", init_from=str(model.folder), **sizes)
    theirs = "is an LSTM" if size == "cell" else "has "
    message = f"{size} {value} does not match .*, which {theirs}"
    with pytest.raises(OptionConflictError, match=message):
        make_spec(corpus, options)
