"""The comparison of two runs that must be the same."""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from chargen.model.checkpoint import CONFIG, LOG, MODEL, TOKENIZER, TRAINING
from chargen.model.storage import unseal

# Fields that depend on the clock, or on the number of saves.
CLOCK_FIELDS = {
    "trained_seconds",
    "seconds",
    "minutes",
    "best_seconds",
    "reserve",
    "preparation",
    "sha256",
    "log_bytes",
}


def assert_same_run(one: Path, other: Path) -> None:
    """Compare two run folders bit by bit, except for times."""
    for name in (CONFIG, TOKENIZER):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    for name in (MODEL, TRAINING):
        files = [(folder / name).read_bytes() for folder in (one, other)]
        first, second = map(safetensors.torch.load, files)
        assert set(first) == set(second)
        for key, tensor in first.items():
            assert tensor.dtype == second[key].dtype
            assert torch.equal(tensor, second[key]), f"{name}: {key}"
        metadata = [_without_clock(unseal(data, {}, name)) for data in files]
        assert metadata[0] == metadata[1], name
    assert _training_log(one) == _training_log(other)


def _without_clock(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_clock(each) for each in value]
    if isinstance(value, dict):
        return {
            name: _without_clock(each) for name, each in value.items() if name not in CLOCK_FIELDS
        }
    return value


def _training_log(folder: Path) -> list[dict[str, Any]]:
    """Return the logged steps and evaluations; an interrupted run has other saves and samples."""
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    records = [_without_clock(json.loads(line)) for line in lines]
    return [
        line for line in records if line["record"] in ("step", "evaluation", "returned", "finished")
    ]
