"""The processes that train one network together. Each of them, a rank, has a part of every batch.

All ranks have the same weights and take the same decisions. They draw the numbers of the whole
batch and use those of their own sequences, so the run is that of one process with the same batch,
except for the order of sums.

Shapes: T time, B sequences in parallel, H hidden.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

from chargen.errors import OptionError, ProcessEndedError
from chargen.training import torchrun
from chargen.training.batches import NO_TARGET, Batch


@contextmanager
def joined() -> Iterator[Ranks]:
    """Connect the processes that `torchrun` started within a block.

    Raises ProcessEndedError if they cannot be connected.
    """
    if torchrun.size() == 1:
        yield Ranks()
        return
    backend = "gloo"
    if has_own_gpu():
        torch.cuda.set_device(torchrun.local_rank())
        backend = "cpu:gloo,cuda:nccl"
    _call(distributed.init_process_group, backend)
    torchrun.note_connection()
    try:
        yield Ranks()
    except BaseException:
        # torchrun sends it as soon as another process has ended: first, this one reports its error.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise
    finally:
        distributed.destroy_process_group()


def has_own_gpu() -> bool:
    """Return whether there is a CUDA device for each process on this machine."""
    return torch.cuda.is_available() and torch.cuda.device_count() >= torchrun.local_size()


class Ranks:
    """The connected processes. rank: the number of this one, from 0; size: that of all.

    Without `joined`, there is one. Each operation below is called by all ranks, in the same order,
    and raises ProcessEndedError if one of them has ended.
    """

    def __init__(self) -> None:
        is_joined = distributed.is_available() and distributed.is_initialized()
        self.rank: int = distributed.get_rank() if is_joined else 0
        self.size: int = distributed.get_world_size() if is_joined else 1

    @property
    def is_first(self) -> bool:
        """Whether this rank writes, prints, and measures times."""
        return self.rank == 0

    def check_batch_size(self, batch_size: int | None) -> None:
        """Raise OptionError if a batch cannot be divided equally."""
        if batch_size is not None and batch_size % self.size:
            allowed = f"a multiple of the number of processes, {self.size}"
            raise OptionError("batch_size", batch_size, allowed)

    def divisible(self, batch_size: int) -> int:
        """Return the largest batch up to this size that can be divided, but at least `size`."""
        return max(self.size, batch_size - batch_size % self.size)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the first rank of each machine run a block before the others. All ranks call it.

        The others then find the files that it has written.
        """
        is_later = torchrun.local_rank() > 0
        if is_later:
            self.sum(0.0)  # waits for all ranks
        try:
            yield
        finally:
            if not is_later:  # also after an error, which the others will find too
                self.sum(0.0)

    def share(self, value: float) -> float:
        """Return the value of the first rank."""
        if self.size == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64)
        _call(distributed.broadcast, shared, 0)
        return shared.item()

    def share_bytes(self, data: bytes) -> bytes:
        """Return the bytes of the first rank."""
        if self.size == 1:
            return data
        shared = torch.empty(int(self.share(len(data))), dtype=torch.uint8)
        if self.is_first:
            shared = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        _call(distributed.broadcast, shared, 0)
        return shared.numpy().tobytes()

    def sum(self, *values: float) -> list[float]:
        """Return the sums of the values of all ranks."""
        sums = torch.tensor(values, dtype=torch.float64)
        if self.size > 1:
            _call(distributed.all_reduce, sums)
        return list(sums.tolist())

    def sum_gradients(self, gradients: Sequence[Tensor], *values: float) -> list[float]:
        """Replace gradients by their sums over all ranks. Return the sums of the values.

        One message carries all of it. DistributedDataParallel takes as much CPU time (1x512 units,
        two processes: 3.9 ms with a message for the values, 3.4 ms here), but it averages over the
        ranks, which can have unequal numbers of characters. It could hardly overlap the exchange
        with the backward pass, since a fused layer returns all of its gradients at its end.
        """
        if self.size == 1:
            return list(values)
        first = gradients[0]
        parts = [each.flatten() for each in gradients]
        bucket = torch.cat([*parts, torch.tensor(values, dtype=first.dtype, device=first.device)])
        _call(distributed.all_reduce, bucket)
        lengths = [*(each.numel() for each in gradients), len(values)]
        *sums, shared = torch.split(bucket, lengths)
        views = [each.view_as(own) for each, own in zip(sums, gradients, strict=True)]
        torch._foreach_copy_(list(gradients), views)
        return list(shared.tolist())

    def part(self, batch: Batch) -> Batch:
        """Return the sequences of a batch that this rank trains on.

        A rank for which there is none reads one without targets: its gradient is 0.
        """
        if self.size == 1:
            return batch
        width = batch.inputs.shape[1]
        columns = self.columns(width)
        targets = batch.targets[:, columns]
        if self.rank >= width:
            targets = np.full_like(targets, NO_TARGET)
        return Batch(batch.inputs[:, columns], targets, batch.reset_mask[columns])

    def columns(self, width: int) -> slice | list[int]:
        """Return which of the sequences of a batch of this width this rank reads.

        Neighbouring sequences, which have similar lengths, go to different ranks.
        """
        if self.size == 1:
            return slice(None)
        return list(range(self.rank, width, self.size)) or [0]

    def whole(self, own: Tensor, width: int) -> Tensor:
        """Return a state [1, B, H] of all sequences, from those of each rank."""
        if self.size == 1:
            return own
        whole = own.new_zeros(1, width, own.shape[2])
        if self.rank < width:
            whole[:, self.columns(width)] = own
        _call(distributed.all_reduce, whole)
        return whole


def _call(operation: Callable[..., Any], *arguments: Any) -> None:
    try:
        operation(*arguments)
    except RuntimeError:  # the connection is closed, or there is none
        raise ProcessEndedError(
            "another process of this run has ended, so that training stops (repeat the command"
            " with --resume to continue from the last save)"
        ) from None
