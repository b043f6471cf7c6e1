"""What the tests of training share: one thread, a short text, a tiny network."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from chargen.model.checkpoint import CONFIG, LOG, MODEL, TOKENIZER, TRAINING
from chargen.model.storage import unseal
from chargen.text.corpus import Corpus
from chargen.training.config import Budget
from chargen.training.plan import Asked

SENTENCES = (
    "the cat sat on the mat and sang.\n"
    "a dog ran to the gate in the rain.\n"
    "we saw a red fox by the old box.\n"
    "who made the cake that we ate by the lake?\n"
)


# What the clock decides; and the length of a log that tells of more saves.
OF_THE_CLOCK = {"trained_seconds", "seconds", "best_seconds", "reserve", "sha256", "log_bytes"}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks are slower on many threads, and sums over one have one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def corpus() -> Corpus:
    """About 1,400 characters in 40 sentences."""
    return Corpus.of([SENTENCES * 10], name="story")


@pytest.fixture
def asked() -> Asked:
    """A network that trains its twenty updates in a blink, and saves only when it must."""
    return Asked(
        budget=Budget("steps", 20),
        embedding_size=6,
        hidden_size=12,
        num_layers=1,
        batch_size=4,
        sequence_length=16,
        dropout=0.0,
        save_every=1e6,
        precision="float32",
        device="cpu",
        seed=3,
    )


@pytest.fixture
def assert_same_run() -> Callable[[Path, Path], None]:
    """Asserts that two folders hold the same to the bit, but for what the clock decides."""

    def assert_same(one: Path, other: Path) -> None:
        for name in (CONFIG, TOKENIZER):
            assert (one / name).read_bytes() == (other / name).read_bytes()
        for name in (MODEL, TRAINING):
            datas = [(folder / name).read_bytes() for folder in (one, other)]
            first, second = map(safetensors.torch.load, datas)
            assert set(first) == set(second)
            for key, tensor in first.items():
                assert tensor.dtype == second[key].dtype
                assert torch.equal(tensor, second[key]), f"{name}: {key}"
            said = [_without_clock(unseal(data, {}, name)) for data in datas]
            assert said[0] == said[1], name
        assert _of_the_log(one) == _of_the_log(other)

    return assert_same


def _without_clock(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields, and the fields in them, without those that the clock decides."""
    return {
        name: _without_clock(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if name not in OF_THE_CLOCK
    }


def _of_the_log(folder: Path) -> list[dict[str, Any]]:
    """What was logged of training: saves and samples come at other times in a stopped run."""
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    records = [_without_clock(json.loads(line)) for line in lines]
    return [line for line in records if line["record"] in ("step", "evaluation", "finished")]
