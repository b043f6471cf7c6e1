"""The network as a torch module, for training.

Shapes: T time, B batch, D input, H hidden, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from chargen.model.cells.registry import CELLS
from chargen.model.config import ModelConfig

States = list[tuple[Tensor, ...]]


class Network(nn.Module):
    """Encoder, stacked layers, decoder: ids [T, B] and states -> logits [T, B, V] and states.

    Each layer is a separate module with dropout outside it: with built-in dropout, `nn.LSTM`
    leaves the fast CPU path and is less accurate in bfloat16.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.cell = CELLS[config.cell]
        self.encoder = (
            nn.Embedding(config.vocab_size, config.embedding_size)
            if config.encoder == "embedding"
            else None
        )
        widths = [config.input_size] + [config.hidden_size] * (config.num_layers - 1)
        self.layers = nn.ModuleList(
            self.cell.torch_layer(width, config.hidden_size) for width in widths
        )
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(
        self, ids: Tensor, states: States, masks: list[Tensor] | None = None
    ) -> tuple[Tensor, States]:
        """Compute the logits [T, B, V] after each id of [T, B]. See `hidden` for the masks."""
        h, states = self.hidden(self.encode(ids), states, masks)
        return self.decode(h), states

    def encode(self, ids: Tensor) -> Tensor:
        """Return the first layer's inputs [..., D] for ids [...]."""
        if self.encoder is None:
            one_hot = functional.one_hot(ids, self.config.vocab_size)
            return one_hot.to(self.decoder.weight.dtype)
        embedded: Tensor = self.encoder(ids)
        return embedded

    def hidden(
        self, x: Tensor, states: States, masks: list[Tensor] | None = None
    ) -> tuple[Tensor, States]:
        """Run the layers: x [T, B, D] -> the last layer's outputs [T, B, H] and the states.

        masks: from `dropout_masks`; the first multiplies x, the others each layer's outputs.
        """
        if masks is not None:
            x = x * masks[0]
        after: States = []
        for k, layer in enumerate(self.layers):
            state = states[k]
            x, new = layer(x, state[0] if len(state) == 1 else state)
            after.append((new,) if isinstance(new, Tensor) else new)
            if masks is not None:
                x = x * masks[k + 1]
        return x, after

    def decode(self, h: Tensor) -> Tensor:
        """Return the logits [..., V] for outputs [..., H]."""
        logits: Tensor = self.decoder(h)
        return logits

    def empty_states(self, batch_size: int) -> States:
        """Return the states at the start of a text: zeros [1, B, H]."""
        weight = self.decoder.weight
        zeros = weight.new_zeros(1, batch_size, self.config.hidden_size)
        return [tuple(zeros.clone() for _ in self.cell.state) for _ in self.layers]

    @torch.no_grad()
    def initialise(self, seed: int, *, chrono_max: int | None = None) -> None:
        """Draw the initial weights; each cell initialises its layers.

        chrono_max: let the units of a gated cell start with time scales from 2 to this many
        characters. It determines how soon a dependency on the start of a line is learned: in
        `corpora/animals.txt` an LSTM distinguished the three settings after 1,500 steps (two
        seeds); with forget biases of 1 it confused two of them after 3,000. In running text it
        increases the loss: on Tiny Shakespeare after 1.6 million characters, 1.529 nats with it
        and 1.503 without.
        """
        generator = torch.Generator().manual_seed(seed)
        if self.encoder is not None:
            self.encoder.weight.normal_(generator=generator)
        for layer in self.layers:
            self.cell.initialise(layer, generator, chrono_max)
        bound = 1 / math.sqrt(self.config.hidden_size)
        self.decoder.weight.uniform_(-bound, bound, generator=generator)
        self.decoder.bias.zero_()

    @torch.no_grad()
    def init_identity(self) -> None:
        """Initialise the layers of a cell without gates so that they add up their inputs."""
        for layer in self.layers:
            self.cell.init_identity(layer)

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return a float32 copy of every weight, by the names of `ModelConfig.shapes`."""
        return {
            name: value.detach().to("cpu", torch.float32).numpy().copy()
            for name, value in self.state_dict().items()
        }

    @torch.no_grad()
    def load_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Load the weights of a model of the same sizes and the same or a smaller vocabulary.

        An extended vocabulary keeps the ids of its characters, so their rows come first; the rows
        of new characters keep their values.
        """
        for name, parameter in self.named_parameters():
            value = torch.from_numpy(weights[name])
            parameter[tuple(slice(0, size) for size in value.shape)] = value
