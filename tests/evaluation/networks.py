"""Networks with random weights, random texts, and spans of them."""

import numpy as np
import numpy.typing as npt
import torch

from chargen.model.config import ModelConfig
from chargen.model.network import Network

Spans = npt.NDArray[np.int64]


def make_network(
    cell: str = "lstm", encoder: str = "embedding", depth: int = 2, vocab_size: int = 7
) -> Network:
    """A network with weights of about 1, so that its losses differ between characters."""
    network = Network(ModelConfig(vocab_size, cell, encoder, 4, 6, depth))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-1, 1, generator=generator)
    return network


def make_ids(length: int, vocab_size: int = 7) -> npt.NDArray[np.uint8]:
    """A random text without the unknown character."""
    return np.random.default_rng(length).integers(1, vocab_size, length).astype(np.uint8)


def make_spans(*spans: tuple[int, int]) -> Spans:
    """Spans [n, 2]."""
    return np.array(spans, np.int64).reshape(-1, 2)
