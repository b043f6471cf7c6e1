"""Which arithmetic trains fastest here, by a short timing probe, and with how many threads."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional

from chargen.errors import OptionError
from chargen.model.config import ModelConfig
from chargen.model.network import Network

_WARM = 3
_TIMED = 7


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute with so many threads, and afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_device(asked: str) -> str:
    """The device for "auto", or the one asked for. Raises OptionError where it is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if asked == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if asked not in there:
        raise OptionError(f"--device must be one of auto, {', '.join(there)}, got {asked!r}")
    if not there[asked]:
        have = ", ".join(name for name, is_there in there.items() if is_there)
        raise OptionError(f"--device {asked} is not to be had here (there is: {have})")
    return asked


def has_bfloat16(device: str) -> bool:
    """Whether the hardware multiplies bfloat16 itself; elsewhere it is emulated, and slow."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def characters_per_second(
    config: ModelConfig, batch_size: int, sequence_length: int, precision: str, device: str
) -> float:
    """The training speed of one setting: the median of a few updates' worth of work."""
    network = Network(config).to(device)
    network.initialise(0)
    ids = torch.zeros(sequence_length, batch_size, dtype=torch.long, device=device)
    states = network.empty_states(batch_size)
    seconds = []
    for _ in range(_WARM + _TIMED):
        began = time.perf_counter()
        with autocast(precision, device):
            logits, _ = network(ids, states)
        torch.autograd.backward(
            functional.cross_entropy(logits.flatten(0, 1).float(), ids.flatten())
        )
        _wait(device)
        seconds.append(time.perf_counter() - began)
    return batch_size * sequence_length / statistics.median(seconds[_WARM:])


def autocast(precision: str, device: str) -> torch.autocast:
    """The context in which the forward pass runs."""
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
