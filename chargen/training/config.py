"""The configuration of a training run, with all automatic choices resolved."""

from __future__ import annotations

from dataclasses import dataclass

from chargen.training.options import Budget


@dataclass(frozen=True)
class TrainingConfig:
    """Every setting that is needed to repeat or resume a run.

    sequence_length: characters of a window of truncated backpropagation through time.
    learning_rate: the peak. dropout: between layers; the encoder's output has a third of it.
    threads: of torch on the CPU; with minutes, those of the first update. evaluations: the number
    of evaluations. validation_characters: about the number of held-out characters that each of them
    reads, evenly spread; None for all. weights_dtype: of model.safetensors.
    weight_decay: per update, times the learning rate.
    reset_probability: that a stream's state is reset before a window.
    muon: whether the matrices between hidden units are trained with Muon instead of AdamW.
    chrono_max: the longest time scale of the gates' initial biases, in characters; None for the
    usual biases. split_windows: whether early windows are split, see `schedule.window_parts`.
    bptt_length: the number of characters through which gradients flow; None for a whole window.
    processes: the number of processes, each of which trains on a part of every batch.
    """

    budget: Budget
    preset: str
    threads: int
    evaluations: int
    batch_size: int
    sequence_length: int
    learning_rate: float
    dropout: float
    seed: int
    precision: str
    device: str
    patience: int | None = None
    save_every: float = 30.0
    weights_dtype: str = "float32"
    weight_decay: float = 0.1
    reset_probability: float = 0.05
    clip_norm: float = 1.0
    muon: bool = False
    chrono_max: int | None = None
    split_windows: bool = True
    bptt_length: int | None = None
    validation_characters: int | None = None
    processes: int = 1
