"""What `chargen info` tells of a model."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import safetensors.numpy

from chargen.model.checkpoint import MODEL

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome

PROMISED = (
    "cell",
    "parameters",
    "vocab_size",
    "validation_nats",
    "validation_bpc",
    "trained_characters",
    "trained_seconds",
    "precision",
    "corpus_sha256",
)


@pytest.fixture
def facts(chargen: Callable[..., "Outcome"]) -> Callable[[str], dict[str, Any]]:
    """What --json says of a model."""

    def call(folder: str) -> dict[str, Any]:
        outcome = chargen("info", "-m", folder, "--json")
        assert (outcome.status, outcome.err) == (0, "")
        found: dict[str, Any] = json.loads(outcome.out)
        return found

    return call


def test_what_is_promised_is_told(facts: Callable[[str], dict[str, Any]], model: Path) -> None:
    """Every key is there, and with a held-out part every value."""
    found = facts(str(model))
    assert all(found[name] is not None for name in PROMISED)


def test_the_figures_are_those_of_the_files(
    facts: Callable[[str], dict[str, Any]], model: Path
) -> None:
    """Parameters are counted, units agree, and the sizes are those that were asked for."""
    found = facts(str(model))
    weights = safetensors.numpy.load((model / MODEL).read_bytes())
    assert found["parameters"] == sum(value.size for value in weights.values())
    assert found["vocab_size"] == len(weights["decoder.bias"])
    assert found["cell"] == "lstm"
    assert (found["num_layers"], found["hidden_size"]) == (1, 16)
    assert (found["encoder"], found["embedding_size"]) == ("embedding", 8)
    # Two roundings of the same quotient.
    assert found["validation_bpc"] == pytest.approx(found["validation_nats"] / math.log(2))
    assert found["validation_perplexity"] == pytest.approx(math.exp(found["validation_nats"]))
    assert found["precision"] == "float32"
    assert found["trained_steps"] <= 150
    assert found["trained_characters"] <= found["trained_steps"] * 4 * 16
    assert found["corpus_name"] == "text"
    # The tail's first character is an input only.
    assert found["corpus_held_out_characters"] == found["corpus_characters"] // 5 - 1


def test_the_digest_is_that_of_the_file(
    here: Path,
    text: str,
    chargen: Callable[..., "Outcome"],
    facts: Callable[[str], dict[str, Any]],
    quick: tuple[str, ...],
) -> None:
    """For one clean file the corpus's sha256 is the file's."""
    assert chargen("train", text, "-o", "out", *quick).status == 0
    expected = hashlib.sha256((here / text).read_bytes()).hexdigest()
    assert facts("out")["corpus_sha256"] == expected


def test_what_was_not_measured_is_null(
    text: str,
    chargen: Callable[..., "Outcome"],
    facts: Callable[[str], dict[str, Any]],
    quick: tuple[str, ...],
) -> None:
    """With nothing held out there is no validation figure, and none is invented."""
    assert chargen("train", text, "-o", "out", *quick).status == 0
    found = facts("out")
    assert found["validation_nats"] is None
    assert found["validation_bpc"] is None
    assert found["validation_perplexity"] is None
    assert found["corpus_held_out_characters"] == 0
    assert found["training_nats"] > 0
    assert all(found[name] is not None for name in PROMISED if "validation" not in name)


def test_people_read_the_same_facts(
    chargen: Callable[..., "Outcome"], facts: Callable[[str], dict[str, Any]], model: Path
) -> None:
    """Without --json each fact is a line, its name in words; what is unknown is a dash."""
    outcome = chargen("info", "-m", str(model))
    lines = outcome.out.splitlines()
    names = [name.replace("_", " ") for name in facts(str(model))]
    assert [line[: len(name)] for line, name in zip(lines, names, strict=True)] == names
    assert all(line[len(name) :].strip() for line, name in zip(lines, names, strict=True))


def test_a_corpus_with_a_foreign_name_is_told_as_it_is(
    here: Path,
    chargen: Callable[..., "Outcome"],
    facts: Callable[[str], dict[str, Any]],
    quick: tuple[str, ...],
) -> None:
    """Names in any script survive the way through folder, files and JSON."""
    (here / "昔話.txt").write_text("昔々あるところに\n" * 4, encoding="utf-8")
    assert chargen("train", "昔話.txt", *quick).status == 0
    assert facts("checkpoints/昔話")["corpus_name"] == "昔話"
