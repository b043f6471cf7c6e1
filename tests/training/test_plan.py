"""How a corpus and a few wishes become every choice of a run."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

from chargen.errors import CheckpointError, CorpusError, OptionError
from chargen.model.cells import CELLS
from chargen.model.checkpoint import CONFIG, TRAINING, Checkpoint, Description
from chargen.text.corpus import Corpus
from chargen.training.config import Budget
from chargen.training.plan import Asked, plan, plan_again
from chargen.training.precision import has_bfloat16
from chargen.training.presets import PRESETS, RATE_OF_CELL, automatic_dropout
from chargen.training.train import start


@pytest.fixture
def short(asked: Asked) -> Asked:
    """Nothing chosen but what saves time."""
    return Asked(budget=asked.budget, device="cpu", precision="float32")


@pytest.fixture
def model(corpus: Corpus, asked: Asked, tmp_path: Path) -> Checkpoint:
    """A trained model."""
    trainer = start(corpus, asked, output=tmp_path / "first")
    list(trainer.run())
    trainer.folder.finish()
    return Checkpoint.load(tmp_path / "first")


def test_the_preset_decides_what_was_not_asked_for(corpus: Corpus, short: Asked) -> None:
    """A short text gets the sizes of tiny, an LSTM with an embedding, and no held-out part."""
    made, tiny = plan(corpus, short), PRESETS["tiny"]
    assert made.training.preset == "tiny"
    assert (made.model.cell, made.model.encoder) == ("lstm", "embedding")
    assert made.model.hidden_size == tiny.hidden_size
    assert made.model.num_layers == tiny.num_layers
    assert made.model.embedding_size == tiny.embedding_size
    assert made.model.vocab_size == len(made.vocabulary)
    assert made.training.learning_rate == tiny.learning_rate
    assert made.split.validation_characters == 0


def test_the_length_of_a_text_decides_the_preset(short: Asked) -> None:
    """One character more than tiny reaches to makes the preset small."""
    reach = int(PRESETS["tiny"].up_to)
    assert plan(Corpus.of(["ab" * (reach // 2)]), short).training.preset == "tiny"
    assert plan(Corpus.of(["ab" * (reach // 2) + "a"]), short).training.preset == "small"


def test_a_preset_that_is_asked_for_is_taken(corpus: Corpus, short: Asked) -> None:
    """A short text may have the sizes of a longer one's preset."""
    made = plan(corpus, replace(short, preset="base"))
    assert made.training.preset == "base"
    assert made.model.hidden_size == PRESETS["base"].hidden_size


def test_what_was_asked_for_overrules_the_preset(corpus: Corpus, asked: Asked) -> None:
    """Every size and rate of a user stands, whatever the preset says."""
    made = plan(corpus, replace(asked, cell="gru", learning_rate=0.5, seed=9))
    assert (made.model.cell, made.model.embedding_size) == ("gru", 6)
    assert (made.model.hidden_size, made.model.num_layers) == (12, 1)
    assert (made.training.batch_size, made.training.sequence_length) == (4, 16)
    assert (made.training.learning_rate, made.training.seed) == (0.5, 9)
    assert made.training.budget == Budget("steps", 20)


@pytest.mark.parametrize("cell", CELLS)
def test_the_rate_suits_the_cell(corpus: Corpus, short: Asked, cell: str) -> None:
    """The preset's rate is taken times the cell's share."""
    made = plan(corpus, replace(short, cell=cell))
    assert made.training.learning_rate == PRESETS["tiny"].learning_rate * RATE_OF_CELL[cell]


def test_the_budget_is_the_minutes_of_the_preset(corpus: Corpus, asked: Asked) -> None:
    """Without a budget a run takes as long as its preset says."""
    made = plan(corpus, replace(asked, budget=None))
    assert made.training.budget == Budget("minutes", PRESETS["tiny"].minutes)


def test_automatic_choices_are_stored_resolved(corpus: Corpus, asked: Asked) -> None:
    """No "auto" is left in what is stored: device, precision and preset are names of things."""
    made = plan(corpus, replace(asked, precision="auto", device="auto"))
    assert made.training.device in ("cpu", "cuda", "mps")
    assert made.training.precision in ("float32", "bfloat16")
    assert made.training.preset in PRESETS
    assert made.training.threads == torch.get_num_threads()
    if made.training.device == "cpu" and not has_bfloat16("cpu"):
        assert made.training.precision == "float32"


def test_windows_and_lanes_shrink_to_a_short_text(short: Asked) -> None:
    """A text of ten characters is trained in one lane with windows of ten."""
    made = plan(Corpus.of(["abcdefghij"]), short)
    assert (made.training.batch_size, made.training.sequence_length) == (1, 10)


@pytest.mark.parametrize(
    ("length", "window", "lanes"), [(15, 64, 16), (100, 101, 10), (500, 256, 8)]
)
def test_a_window_holds_a_line(short: Asked, length: int, window: int, lanes: int) -> None:
    """Under lines windows and gates reach over a line with its newline, to 256 characters."""
    lines = Corpus.of(["\n".join(f"{k:0{length}}" for k in range(600))], lines=True)
    training = plan(lines, short).training
    assert (training.sequence_length, training.batch_size) == (window, lanes)
    assert training.memory == min(256, length + 1)


def test_running_text_asks_for_no_memory(corpus: Corpus, short: Asked) -> None:
    """Where lines are no texts of their own the forget gate begins with its usual bias."""
    assert plan(corpus, short).training.memory is None


def test_a_text_with_nothing_held_out_gets_no_dropout(corpus: Corpus, short: Asked) -> None:
    """Who trains on a page wants that page, however often it is read."""
    made = plan(corpus, replace(short, budget=Budget("epochs", 1000)))
    assert made.training.dropout == 0.0


def test_dropout_follows_the_passes_where_a_part_is_held_out(corpus: Corpus, short: Asked) -> None:
    """Twenty passes get what suits them, one gets none, and a wish is granted."""
    held_out = replace(short, validation_fraction=0.2, budget=Budget("epochs", 20))
    assert plan(corpus, held_out).training.dropout == automatic_dropout(20) > 0
    assert plan(corpus, replace(held_out, budget=Budget("epochs", 1))).training.dropout == 0
    assert plan(corpus, replace(held_out, dropout=0.1)).training.dropout == 0.1


def test_evaluations_are_rarer_where_they_would_cost_more(corpus: Corpus, short: Asked) -> None:
    """A long run reads its held-out part twenty times, a short one twice."""
    held_out = replace(short, validation_fraction=0.1)
    long = plan(corpus, replace(held_out, budget=Budget("epochs", 1000)))
    brief = plan(corpus, replace(held_out, budget=Budget("steps", 1)))
    assert long.training.evaluations == 20
    assert brief.training.evaluations == 2


def test_what_a_corpus_was_is_told(asked: Asked) -> None:
    """The stored facts count texts, characters, the held-out part and the unknown ones."""
    corpus = Corpus.of(["aabb" * 50, "abbaz" * 20], name="two")
    made = plan(corpus, replace(asked, validation_fraction=0.1, min_count=21))
    assert made.corpus["name"] == "two"
    assert made.corpus["texts"] == 2
    assert made.corpus["characters"] == 300
    assert made.corpus["lines"] is False
    assert made.corpus["unknown_characters"] == 20
    # The tail's first character is its first input, so that 29 of 30 can be predicted.
    assert made.corpus["held_out_characters"] == 29
    assert made.corpus["sha256"] == corpus.sha256


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"min_count": 0}, "--min-count must be 1 or more, got 0"),
        ({"validation_fraction": float("nan")}, "--val-fraction must lie between 0 and 0.9"),
        ({"validation_fraction": 0.95}, "--val-fraction must lie between 0 and 0.9, got 0.95"),
        ({"precision": "float8"}, "--precision must be one of auto, float32, bfloat16"),
        ({"hidden_size": 0}, "--hidden-size must be a whole number, 1 or more, got 0"),
        ({"num_layers": -1}, "--num-layers must be a whole number, 1 or more, got -1"),
        ({"cell": "transformer"}, "--cell must be one of lstm, gru, rnn, feedforward"),
        ({"dropout": 2.0}, "--dropout must lie between 0 and 0.95, got 2"),
        ({"seed": -1}, "--seed must lie between 0 and"),
    ],
)
def test_a_wish_that_cannot_be_granted_is_refused(
    corpus: Corpus, asked: Asked, wish: dict[str, float], message: str
) -> None:
    """The error names the choice, what came and what is allowed."""
    with pytest.raises(OptionError, match=message):
        plan(corpus, replace(asked, **wish))  # type: ignore[arg-type]


def test_a_seed_out_of_range_is_refused_where_it_draws_held_out_lines(asked: Asked) -> None:
    """The draw of the held-out lines does not meet the seed before its range is checked."""
    lines = Corpus.of(["a\nb\nc\nd\n"], lines=True)
    for seed in (-1, 1 << 64):
        with pytest.raises(OptionError, match="--seed must lie between"):
            plan(lines, replace(asked, seed=seed, validation_fraction=0.25))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_there_is_refused(corpus: Corpus, asked: Asked) -> None:
    """The message lists the devices that are."""
    with pytest.raises(OptionError, match=r"--device cuda is not to be had here \(there is: cpu"):
        plan(corpus, replace(asked, device="cuda"))


def test_an_embedding_size_without_an_embedding_is_refused(corpus: Corpus, asked: Asked) -> None:
    """No wish is silently ignored: the one-hot encoder has no embedding to size."""
    with pytest.raises(OptionError, match="--embedding-size"):
        plan(corpus, replace(asked, encoder="one-hot", embedding_size=5))


def test_patience_with_nothing_held_out_is_refused(corpus: Corpus, asked: Asked) -> None:
    """No wish is silently ignored: without evaluations there is nothing to be patient about."""
    with pytest.raises(OptionError, match="--patience"):
        plan(corpus, replace(asked, patience=3, validation_fraction=0.0))


def test_an_absurdly_large_network_is_refused(corpus: Corpus, asked: Asked) -> None:
    """Sizes that no memory holds are an error of the option, found before anything is built."""
    for size in ("embedding_size", "hidden_size", "num_layers"):
        with pytest.raises(OptionError):
            plan(corpus, replace(asked, **{size: 10**12}))  # type: ignore[arg-type]


def test_a_plan_is_made_again_from_what_its_folder_says(corpus: Corpus, asked: Asked) -> None:
    """Model, training, wishes and the two parts of the text come out the same."""
    first = plan(corpus, replace(asked, validation_fraction=0.2, patience=4))
    stored = Description.from_json(first.description.to_json(), "config.json")
    again = plan_again(corpus, Path("run"), stored, first.vocabulary)
    assert (again.model, again.training, again.asked) == (first.model, first.training, first.asked)
    assert again.description.to_json() == first.description.to_json()
    for part in ("ids", "train", "validation"):
        assert np.array_equal(getattr(again.split, part), getattr(first.split, part))


def test_a_plan_is_not_made_again_for_another_text(corpus: Corpus, asked: Asked) -> None:
    """One changed character makes it another text, and the error tells what to do with that."""
    first = plan(corpus, asked)
    other = Corpus.of([corpus.texts[0] + "!"], name="story")
    with pytest.raises(CorpusError, match=r"story is not the text that run is trained on.*--init"):
        plan_again(other, Path("run"), first.description, first.vocabulary)


def test_a_description_that_makes_no_sense_is_damaged(corpus: Corpus, asked: Asked) -> None:
    """A config.json with an impossible choice in it is named as damaged."""
    first = plan(corpus, asked)
    fields = json.loads(first.description.to_json())
    fields["training"]["dropout"] = 7
    stored = Description.from_json(json.dumps(fields).encode(), CONFIG)
    with pytest.raises(CheckpointError, match=f"{CONFIG} is damaged: --dropout"):
        plan_again(corpus, Path("run"), stored, first.vocabulary)


def test_fine_tuning_keeps_the_sizes(asked: Asked, model: Checkpoint) -> None:
    """A run that begins with a model has its network, whatever the preset of the new text."""
    corpus = Corpus.of(["a cat and a dog sat on the mat. " * 4])
    made = plan(corpus, Asked(budget=asked.budget, device="cpu"), init_from=model)
    assert made.model == model.config
    assert made.vocabulary == model.vocabulary
    assert made.weights is model.weights


def test_fine_tuning_extends_the_vocabulary(asked: Asked, model: Checkpoint) -> None:
    """Old characters keep their ids, new ones come behind them, none is forgotten."""
    made = plan(Corpus.of(["zebra Ω é zebra"]), asked, init_from=model)
    old = model.vocabulary.characters
    assert made.vocabulary.characters == old + "".join(sorted(set("zΩé") - set(old)))
    assert made.model.vocab_size == len(old) + 3
    assert replace(made.model, vocab_size=len(old)) == model.config


@pytest.mark.parametrize("encoder", ["embedding", "one-hot"])
def test_fine_tuning_begins_with_the_weights_of_the_model(
    corpus: Corpus, asked: Asked, tmp_path: Path, encoder: str
) -> None:
    """Before its first update the network holds the model's weights, and finite new rows."""
    wish = replace(asked, encoder=encoder, embedding_size=6 if encoder == "embedding" else None)
    first = start(corpus, wish, output=tmp_path / "first")
    list(first.run())
    first.folder.finish()
    model = Checkpoint.load(tmp_path / "first")
    second = start(
        Corpus.of(["zebra Ω é zebra"]), wish, output=tmp_path / "second", init_from=model
    )
    second.save()
    second.folder.close()
    begun = safetensors.numpy.load((tmp_path / "second" / TRAINING).read_bytes())
    for name, old in model.weights.items():
        new = begun[f"network/{name}"]
        assert np.array_equal(new[tuple(slice(0, size) for size in old.shape)], old)
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
    """A size that contradicts the model's is an error, not silently dropped."""
    option = "--" + size.replace("_", "-")
    with pytest.raises(OptionError, match=f"{option} {value} does not fit --init-from .* has "):
        plan(corpus, Asked(device="cpu", **{size: value}), init_from=model)  # type: ignore[arg-type]


def test_fine_tuning_accepts_the_sizes_it_has(
    corpus: Corpus, asked: Asked, model: Checkpoint
) -> None:
    """To ask again for what the model has is no conflict."""
    wish = replace(asked, cell="lstm", encoder="embedding")
    assert plan(corpus, wish, init_from=model).model == model.config
