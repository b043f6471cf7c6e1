"""Tests of `chargen info`."""

import hashlib
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.numpy

from chargen.model.checkpoint import MODEL
from tests.cli.outcome import Command

DOCUMENTED = (
    "cell",
    "parameters",
    "vocab_size",
    "validation_nats",
    "validation_bpc",
    "validation_characters",
    "trained_characters",
    "trained_seconds",
    "precision",
    "corpus_sha256",
)


@pytest.fixture
def facts(chargen: Command) -> Callable[[str], dict[str, Any]]:
    """Return the JSON that `chargen info --json` prints for a model folder."""

    def call(folder: str) -> dict[str, Any]:
        outcome = chargen("info", "-m", folder, "--json")
        assert (outcome.status, outcome.err) == (0, "")
        found: dict[str, Any] = json.loads(outcome.out)
        return found

    return call


def test_documented_keys_are_present(facts: Callable[[str], dict[str, Any]], model: Path) -> None:
    """With held-out text, every documented key has a value."""
    found = facts(str(model))
    assert all(found[name] is not None for name in DOCUMENTED)


def test_figures_agree_with_the_model_files(
    facts: Callable[[str], dict[str, Any]], model: Path
) -> None:
    """Parameters are counted, units agree, and the sizes are the requested ones."""
    found = facts(str(model))
    weights = safetensors.numpy.load((model / MODEL).read_bytes())
    assert found["parameters"] == sum(value.size for value in weights.values())
    assert found["vocab_size"] == len(weights["decoder.bias"])
    assert found["cell"] == "lstm"
    assert (found["num_layers"], found["hidden_size"]) == (1, 16)
    assert (found["encoder"], found["embedding_size"]) == ("embedding", 8)
    # The same quotient, rounded twice.
    assert found["validation_bpc"] == pytest.approx(found["validation_nats"] / math.log(2))
    assert found["validation_perplexity"] == pytest.approx(math.exp(found["validation_nats"]))
    assert found["precision"] == found["weights_dtype"] == "float32"
    assert found["trained_steps"] <= 150
    assert found["trained_characters"] <= found["trained_steps"] * 4 * 16
    assert found["corpus_name"] == "text"
    # The first held-out character is only an input.
    assert found["corpus_held_out_characters"] == found["corpus_characters"] // 5 - 1


def test_the_type_of_the_stored_weights_is_shown(
    text: str, chargen: Command, facts: Callable[[str], dict[str, Any]], quick: tuple[str, ...]
) -> None:
    """--weights-dtype float16 is the type in the file."""
    assert chargen("train", text, "-o", "out", "--weights-dtype", "float16", *quick).status == 0
    assert facts("out")["weights_dtype"] == "float16"


def test_the_corpus_digest_is_the_digest_of_the_file(
    here: Path,
    text: str,
    chargen: Command,
    facts: Callable[[str], dict[str, Any]],
    quick: tuple[str, ...],
) -> None:
    """The SHA-256 of a corpus made of one UTF-8 file is the SHA-256 of the file."""
    assert chargen("train", text, "-o", "out", *quick).status == 0
    expected = hashlib.sha256((here / text).read_bytes()).hexdigest()
    assert facts("out")["corpus_sha256"] == expected


def test_unmeasured_values_are_null(
    text: str, chargen: Command, facts: Callable[[str], dict[str, Any]], quick: tuple[str, ...]
) -> None:
    """Without held-out text the validation figures are null."""
    assert chargen("train", text, "-o", "out", *quick).status == 0
    found = facts("out")
    assert found["validation_nats"] is None
    assert found["validation_bpc"] is None
    assert found["validation_perplexity"] is None
    assert found["validation_characters"] is None
    assert found["corpus_held_out_characters"] == 0
    assert found["training_nats"] > 0
    assert all(found[name] is not None for name in DOCUMENTED if "validation" not in name)


def test_text_output_has_the_same_facts_with_labels(
    chargen: Command, facts: Callable[[str], dict[str, Any]], model: Path
) -> None:
    """Without --json each fact is a line with a label, and numbers have units.

    The steps of the weights and of the run, and whether it is finished, are on one line.
    """
    lines = chargen("info", "-m", str(model)).out.splitlines()
    found = facts(str(model))
    assert len(lines) == len(found) - 5
    shown = dict(re.split(r"  +", line, maxsplit=1) for line in lines)
    assert shown["hidden size"] == "16"
    assert shown["training steps"] == f"{found['trained_steps']} of 150"
    assert shown["validation loss"].endswith(" nats per character")
    assert shown["training data"] == "text"
    assert shown["size of training data"] == "1,440 characters"


def test_a_corpus_name_in_another_script_is_kept(
    here: Path, chargen: Command, facts: Callable[[str], dict[str, Any]], quick: tuple[str, ...]
) -> None:
    """The name is the same in the folder, the files and the JSON."""
    (here / "昔話.txt").write_text("昔々あるところに\n" * 4, encoding="utf-8")
    assert chargen("train", "昔話.txt", *quick).status == 0
    assert facts("checkpoints/昔話")["corpus_name"] == "昔話"
