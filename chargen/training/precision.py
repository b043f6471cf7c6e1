"""The device, the threads and the precision of training."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional

from chargen.errors import OptionConflictError
from chargen.model.config import ModelConfig
from chargen.model.network import Network

_WARM_UP = 3
_TIMED = 7


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Set the number of torch's threads within a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_device(device: str) -> str:
    """Return the device, or the best one for "auto". Raises OptionError if it is not available."""
    backends = {"cuda": torch.cuda, "mps": torch.mps}
    available = [name for name, backend in backends.items() if backend.is_available()] + ["cpu"]
    if device == "auto":
        return available[0]
    if device not in available:
        raise OptionConflictError(
            f"{{device}} {device} is not available (available: {', '.join(available)})", "device"
        )
    return device


def has_bfloat16(device: str) -> bool:
    """Return whether the hardware supports bfloat16; emulation is slow."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def characters_per_second(
    config: ModelConfig, batch_size: int, sequence_length: int, precision: str, device: str
) -> float:
    """Return the training speed of a configuration: the median of a few forward-backward passes."""
    network = Network(config).to(device)
    network.initialise(0)
    ids = torch.zeros(sequence_length, batch_size, dtype=torch.long, device=device)
    states = network.empty_states(batch_size)
    seconds = []
    for _ in range(_WARM_UP + _TIMED):
        began = time.perf_counter()
        with autocast(precision, device):
            logits, _ = network(ids, states)
        torch.autograd.backward(
            functional.cross_entropy(logits.flatten(0, 1).float(), ids.flatten())
        )
        if device != "cpu":
            torch.accelerator.synchronize()
        seconds.append(time.perf_counter() - began)
    return batch_size * sequence_length / statistics.median(seconds[_WARM_UP:])


def autocast(precision: str, device: str) -> torch.autocast:
    """Return the context for the forward pass."""
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
