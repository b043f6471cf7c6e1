"""The device, the threads and the precision of training."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product

import torch
from torch.nn import functional

from chargen.errors import OptionConflictError
from chargen.model.config import ModelConfig
from chargen.model.network import Network
from chargen.training.ranks import Ranks, has_own_gpu
from chargen.training.threads import race

_TIMED = 0.8  # seconds
# Multiplications of a timed forward pass. A large network is timed on shorter windows: passes of
# whole windows of two layers of 1,024 units take seconds each.
_MAX_WORK = 1 << 32


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
    backends = {"cuda": has_own_gpu(), "mps": torch.mps.is_available() and Ranks().size == 1}
    available = [name for name, is_available in backends.items() if is_available] + ["cpu"]
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


def training_speeds(
    config: ModelConfig,
    batch_size: int,
    sequence_length: int,
    device: str,
    *,
    precisions: Sequence[str],
    counts: Sequence[int],
) -> dict[tuple[str, int], float]:
    """Return the training speed, in characters/s, for each precision and number of threads.

    A few forward-backward passes of each are timed alternately.
    """
    sequence_length = min(sequence_length, max(1, _MAX_WORK // (config.parameters * batch_size)))
    network = Network(config).to(device)
    network.initialise(0)
    ids = torch.zeros(sequence_length, batch_size, dtype=torch.long, device=device)
    states = network.empty_states(batch_size)

    def run(precision: str, count: int) -> tuple[int, float]:
        with torch_threads(count):
            began = time.perf_counter()
            with autocast(precision, device):
                logits, _ = network(ids, states)
            torch.autograd.backward(
                functional.cross_entropy(logits.flatten(0, 1).float(), ids.flatten())
            )
            if device != "cpu":
                torch.accelerator.synchronize()
            return ids.numel(), time.perf_counter() - began

    for precision in precisions:  # the first pass of all takes longer than the others
        run(precision, counts[0])
    passes = {key: partial(run, *key) for key in product(precisions, counts)}
    return race(passes, _TIMED)


def autocast(precision: str, device: str) -> torch.autocast:
    """Return the context for the forward pass."""
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
