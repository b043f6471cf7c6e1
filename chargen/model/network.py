"""The network as a torch module: what trains.

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

from chargen.model.cells import CELLS
from chargen.model.config import ModelConfig

States = list[tuple[Tensor, ...]]

_SMALL_INPUT = 0.3


class FeedForward(nn.Module):
    """A layer with the names and the shape of a recurrent one, and no recurrence."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.empty(hidden_size, input_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(hidden_size))

    def forward(self, x: Tensor, state: tuple[Tensor, ...] = ()) -> tuple[Tensor, None]:
        """[T, B, D] -> [T, B, H], each character by itself."""
        return torch.tanh(functional.linear(x, self.weight_ih_l0, self.bias_ih_l0)), None


class Network(nn.Module):
    """Encoder, stacked layers, decoder: ids [T, B] and states -> logits [T, B, V] and states.

    The layers are single fused modules of torch, the dropout between them is ours: with its own
    dropout `nn.LSTM` leaves the fast CPU path and is less exact in bfloat16.
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
        layer = getattr(nn, self.cell.torch_name) if self.cell.recurrent else FeedForward
        self.layers = nn.ModuleList(layer(width, config.hidden_size) for width in widths)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(
        self, ids: Tensor, states: States, masks: list[Tensor] | None = None
    ) -> tuple[Tensor, States]:
        """masks: from `dropout_masks`, one for the encoder's side and one behind each layer."""
        if self.encoder is None:
            x = functional.one_hot(ids, self.config.vocab_size).to(self.decoder.weight.dtype)
        else:
            x = self.encoder(ids)
        if masks is not None:
            x = x * masks[0]
        after: States = []
        for k, layer in enumerate(self.layers):
            x, state = layer(x, _as_torch(states[k]))
            after.append(_as_tuple(state))
            if masks is not None:
                x = x * masks[k + 1]
        return self.decoder(x), after

    def empty_states(self, batch_size: int) -> States:
        """The states of a text that has not begun: [1, B, H] of zeros."""
        weight = self.decoder.weight
        zeros = weight.new_zeros(1, batch_size, self.config.hidden_size)
        return [tuple(zeros.clone() for _ in self.cell.state) for _ in self.layers]

    @torch.no_grad()
    def initialise(self, seed: int, *, memory: int | None = None) -> None:
        """Draw the weights for training, as is best known for each cell.

        Recurrent blocks are orthogonal (Saxe et al. 2014), input blocks Glorot-uniform (Glorot
        and Bengio 2010), the forget gate's bias is 1 (Jozefowicz et al. 2015), others are 0.
        memory: instead let the units of a gated cell begin with time scales of 2 to so many
        characters (Tallec and Ollivier 2018, but spread evenly over the logarithm). Where an end
        hangs on a beginning, that decides how soon it is found: in `corpora/animals.txt` an LSTM
        told the three settings apart after 1,500 updates (two seeds); with biases of 1 it took
        the water for a home after 3,000. In running text it costs: on Tiny Shakespeare 1.529
        nats after 1.6 million characters, without 1.503.
        """
        generator = torch.Generator().manual_seed(seed)
        hidden = self.config.hidden_size
        if self.encoder is not None:
            self.encoder.weight.normal_(generator=generator)
        for layer in self.layers:
            for name, parameter in layer.named_parameters():
                if name.startswith("bias"):
                    parameter.zero_()
                    if name == "bias_ih_l0":
                        self._open_gates(parameter, memory, generator)
                    continue
                draw = nn.init.orthogonal_ if "_hh_" in name else nn.init.xavier_uniform_
                for block in torch.split(parameter, hidden):
                    draw(block, generator=generator)
        bound = 1 / math.sqrt(hidden)
        self.decoder.weight.uniform_(-bound, bound, generator=generator)
        self.decoder.bias.zero_()

    @torch.no_grad()
    def begin_as_a_sum(self) -> None:
        """Let a vanilla RNN begin by adding up what it reads; other cells have gates for that.

        Its recurrent blocks become the identity, as Le et al. 2015 have it for another
        nonlinearity, and the inputs so small that the tanh stays nearly straight. It is for tasks
        that are nothing without memory: in `recall`, after 4 million characters at a rate of 3e-4,
        it was right at a lag of 50 in 83 %; with inputs that were not made small it came to a lag
        of 15, and with an orthogonal block it never left chance (rates of 3e-4 to 3e-3). On
        names it costs: 2.186 nats after 1,500 updates, without it 2.142.
        """
        if self.config.cell == "rnn":
            for name, parameter in self.layers.named_parameters():
                if "weight_hh" in name:
                    nn.init.eye_(parameter)
                elif "weight_ih" in name:
                    parameter.mul_(_SMALL_INPUT)

    def _open_gates(self, bias: Tensor, memory: int | None, generator: torch.Generator) -> None:
        """Set the bias of the gate that keeps: the second block of an LSTM's and of a GRU's."""
        hidden = self.config.hidden_size
        keep, learn = bias[hidden : 2 * hidden], bias[:hidden]
        if self.config.cell not in ("lstm", "gru"):
            return
        if memory is not None:
            keep.uniform_(0, math.log(max(2, memory - 1)), generator=generator)
        elif self.config.cell == "lstm":
            keep.fill_(1.0)
        if memory is not None and self.config.cell == "lstm":
            learn.copy_(-keep)

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """A copy of every weight as float32, by the names of `ModelConfig.shapes`."""
        return {
            name: value.detach().to("cpu", torch.float32).numpy().copy()
            for name, value in self.state_dict().items()
        }

    @torch.no_grad()
    def begin_with(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take the weights of a model of the same sizes, of this or of a smaller vocabulary.

        Ids keep their meaning when a vocabulary is extended, so its rows come first; the rows of
        the new characters stay as they are.
        """
        for name, parameter in self.named_parameters():
            value = torch.from_numpy(weights[name])
            parameter[tuple(slice(0, size) for size in value.shape)] = value


def _as_torch(state: tuple[Tensor, ...]) -> tuple[Tensor, ...] | Tensor:
    return state[0] if len(state) == 1 else state


def _as_tuple(state: Tensor | tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
    if state is None:
        return ()
    return state if isinstance(state, tuple) else (state,)
