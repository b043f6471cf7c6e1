"""The windows of a run, in the order in which the trainer reads them.

Shapes: T time, B sequences in parallel.
"""

from __future__ import annotations

from chargen.training import schedule
from chargen.training.batches import NO_TARGET, Batch, Batches
from chargen.training.spec import RunSpec
from chargen.training.state import Progress


class Windows:
    """Reads one window after another, from the position in `progress`, which it advances."""

    def __init__(self, spec: RunSpec, progress: Progress) -> None:
        self._config = config = spec.training
        self._progress = progress
        self._batches = Batches(
            spec.split.ids,
            spec.split.train,
            batch_size=config.batch_size,
            sequence_length=config.sequence_length,
            reset_probability=config.reset_probability,
            seed=config.seed,
            separate=spec.corpus.kind.separate,
        )
        self._epoch = self._batches.epoch(progress.epoch)
        self._batch: Batch | None = None

    @property
    def epochs(self) -> float:
        """The number of epochs that were read so far."""
        progress = self._progress
        windows = progress.index + progress.part / progress.parts
        return progress.epoch + windows / len(self._epoch)

    def read(self, fraction: float) -> Batch:
        """Return the next window, or the part of one that the next update reads.

        fraction: the share of the budget that is spent; it determines how windows are split.
        """
        progress = self._progress
        if self._batch is None:
            self._batch = self._epoch[progress.index]
        batch = self._batch
        if progress.part == 0:
            split = self._config.split_windows
            progress.parts = schedule.window_parts(fraction) if split else 1
        width = -(-self._config.sequence_length // progress.parts)
        at = progress.part * width
        part = Batch(
            batch.inputs[at : at + width],
            batch.targets[at : at + width],
            batch.reset_mask & (progress.part == 0),
        )
        progress.characters += int((part.targets != NO_TARGET).sum())
        progress.part += 1
        if progress.part * width >= len(batch.inputs):
            progress.part, self._batch = 0, None
            progress.index += 1
        if progress.index == len(self._epoch):
            progress.index = 0
            progress.epoch += 1
            self._epoch = self._batches.epoch(progress.epoch)
        return part
