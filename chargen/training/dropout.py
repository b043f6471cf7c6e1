"""Dropout masks as functions of (seed, step).

Shapes: B sequences in parallel, D input or hidden size.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from chargen.model.config import ModelConfig
from chargen.training.config import TrainingConfig
from chargen.training.randomness import DROPOUT, generator

_ENCODER_SHARE = (
    1 / 3
)  # of the layers' dropout; for 0.3, an encoder dropout of 0.1 was measured to be best


def dropout_masks(
    model: ModelConfig, training: TrainingConfig, batch_size: int, step: int
) -> list[Tensor] | None:
    """Return a mask [1, B, D] for the encoder and for each layer; None without dropout.

    A mask is the same for all characters of a window.
    Source: Gal and Ghahramani 2016.
    """
    dropout = training.dropout
    if dropout == 0:
        return None
    random = generator(training.seed, DROPOUT, step)
    rates = [dropout * _ENCODER_SHARE] + [dropout] * model.num_layers
    sizes = [model.input_size] + [model.hidden_size] * model.num_layers
    masks = []
    for rate, size in zip(rates, sizes, strict=True):
        kept = random.random((1, batch_size, size), np.float32) >= rate
        masks.append(torch.from_numpy(kept.astype(np.float32) / (1 - rate)).to(training.device))
    return masks
