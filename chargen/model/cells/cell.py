"""The base class of the recurrent cells.

Shapes: T time, B batch, D input, H hidden, G gates (blocks of H rows in the weights).
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:  # listing and describing the cells requires neither numpy nor torch
    import torch
    from torch import Tensor, nn

    from chargen.model.numpy_layer import NumpyLayer

Array = Any
State = tuple[Array, ...]
Gates = dict[str, Array]
Weights = Mapping[str, Array]
Step = tuple[Array, State, Gates]
Hold = Callable[[str, Array], Array]


def unchanged(gate: str, values: Array) -> Array:
    """Return the values of a gate as they are: the default of `Cell.step`."""
    return values


class Cell(ABC):
    """Everything about one kind of recurrent layer: equations, shapes, initial weights, names.

    name: the value of `--cell`. label: the name in tables and figures.
    description: one sentence for readers of a report.
    num_gates: G, the number of blocks of H rows in the weights.
    state: the names of the arrays that are carried from one character to the next.
    gates: the name of each gate in words, by its letter in the equations, in order of the weights.
    torch_name: the layer of torch.nn that trains the cell; empty if `unroll` trains it.
    initial_bias: the gates with an initial bias other than 0.
    chrono_signs: the gates that `chrono_max` sets, 1 where a large bias keeps the state, else -1.
    learning_rate_scale: the best peak learning rate relative to that of the LSTM.
    task_learning_rates: the learning rates that are tried on memory tasks.
    max_dropout: the largest dropout used in comparisons.
    needs_native_bfloat16: whether training in bfloat16 fails on a CPU that only emulates it.
    """

    name: str
    label: str
    description: str
    num_gates: int
    state: tuple[str, ...]
    gates: ClassVar[Mapping[str, str]] = {}
    torch_name: str = ""
    initial_bias: ClassVar[Mapping[str, float]] = {}
    chrono_signs: ClassVar[Mapping[str, int]] = {}
    learning_rate_scale: float = 1.0
    task_learning_rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3)
    max_dropout: float = 1.0
    needs_native_bfloat16: bool = False

    @property
    def recurrent(self) -> bool:
        """Whether the cell carries a state."""
        return bool(self.state)

    @property
    def noun(self) -> str:
        """The network in a sentence: "an LSTM", "a feed-forward network"."""
        if not self.label[-1].isupper():  # not an acronym
            return f"a {self.label.lower()} network"
        return f"{'an' if self.label[0] in 'LR' else 'a'} {self.label}"

    @property
    def memory(self) -> str:
        """The name of the part of the state that carries the memory; "used" if there is none."""
        return self.state[-1] if self.state else "used"

    @abstractmethod
    def step(
        self,
        xp: Any,
        projected_x: Array,
        state: State,
        weights: Weights,
        hold: Hold = unchanged,
    ) -> Step:
        """Compute one time step with the array namespace `xp` (numpy or torch).

        projected_x [B, G*H]: W_ih x + b_ih, so that a caller can look it up in a table or compute
        it for many characters at once. state: arrays [B, H]. weights: weight_hh and bias_hh, if
        the cell has them. hold: replaces the values of a gate, given its letter, before they are
        used. Returns h [B, H], the new state and the gates.
        """

    def memory_parts(self, gates: Gates, state: State) -> dict[str, Array]:
        """Split the new memory into "kept", what remains of the old one, and "written".

        gates, state: of a step, the state before it. The two parts add up to the
        part of the new state that `memory` names. Empty if a step rewrites the whole state.
        """
        return {}

    def find_gate(self, name: str) -> str | None:
        """Return the letter of a gate, given by its letter or by one of its names in words."""
        for letter, words in self.gates.items():
            if name.lower() in (letter, *re.findall(r"\w+", words)):
                return letter
        return None

    def shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a layer's weights by their names in torch."""
        rows = self.num_gates * hidden_size
        return {
            "weight_ih_l0": (rows, input_size),
            "weight_hh_l0": (rows, hidden_size),
            "bias_ih_l0": (rows,),
            "bias_hh_l0": (rows,),
        }

    def unroll(self, projected_x: Tensor, state: State, weights: Weights) -> tuple[Tensor, State]:
        """Compute all time steps in torch: [T, B, G*H] and state -> h [T, B, H] and state."""
        import torch

        outputs = []
        for projected in projected_x:
            h, state, _ = self.step(torch, projected, state, weights)
            outputs.append(h)
        return torch.stack(outputs), state

    def torch_layer(self, input_size: int, hidden_size: int) -> nn.Module:
        """Create the torch module that trains the cell."""
        from torch import nn

        from chargen.model.torch_layer import TorchLayer

        if not self.torch_name:
            return TorchLayer(self, input_size, hidden_size)
        layer: nn.Module = getattr(nn, self.torch_name)(input_size, hidden_size)
        return layer

    def numpy_layer(self, weights: Weights) -> NumpyLayer:
        """Create the numpy layer that generates; by default one that calls `step`."""
        from chargen.model.numpy_layer import NumpyLayer

        return NumpyLayer(self, weights)

    def initialise(
        self, layer: nn.Module, generator: torch.Generator, chrono_max: int | None
    ) -> None:
        """Draw a layer's initial weights.

        Recurrent blocks are orthogonal (Saxe et al. 2014), input blocks Glorot-uniform (Glorot
        and Bengio 2010). Biases are `initial_bias`, or those of time scales from 2 to `chrono_max`
        characters: a gate sigmoid(b) keeps the state for about 1 + exp(b) characters. They are
        uniform, so that the time scales are uniform on a logarithmic scale (compare Tallec and
        Ollivier 2018).
        """
        import torch

        for name, parameter in layer.named_parameters():
            blocks = torch.split(parameter, len(parameter) // self.num_gates)
            if name.startswith("bias"):
                parameter.zero_()
                if name == "bias_ih_l0":
                    self._init_bias(
                        dict(zip(self.gates, blocks, strict=False)), generator, chrono_max
                    )
                continue
            draw = torch.nn.init.orthogonal_ if "_hh_" in name else torch.nn.init.xavier_uniform_
            for block in blocks:
                draw(block, generator=generator)

    def _init_bias(
        self, biases: Mapping[str, Tensor], generator: torch.Generator, chrono_max: int | None
    ) -> None:
        if chrono_max is None:
            for gate, value in self.initial_bias.items():
                biases[gate].fill_(value)
        elif self.chrono_signs:
            drawn = next(iter(biases.values())).clone()
            drawn.uniform_(0, math.log(max(2, chrono_max - 1)), generator=generator)
            for gate, sign in self.chrono_signs.items():
                biases[gate].copy_(sign * drawn)

    def init_identity(self, layer: nn.Module) -> None:  # noqa: B027 - optional
        """Initialise the layer so that it adds up its inputs; does nothing for gated cells."""


def split_gates(rows: Array, count: int) -> list[Array]:
    """Split [..., count*H] into `count` arrays [..., H]."""
    hidden = rows.shape[-1] // count
    return [rows[..., k * hidden : (k + 1) * hidden] for k in range(count)]


def sigmoid(xp: Any, x: Array) -> Array:
    """Compute 1 / (1 + exp(-x)) without overflow."""
    return 0.5 + 0.5 * xp.tanh(0.5 * x)
