"""Long short-term memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chargen.model.cells.cell import (
    Array,
    Cell,
    Gates,
    Hold,
    State,
    Step,
    Weights,
    sigmoid,
    split_gates,
    unchanged,
)

if TYPE_CHECKING:
    from chargen.model.numpy_layer import NumpyLayer


class LSTM(Cell):
    """Long short-term memory: c keeps its content until a gate changes it.

    Teaching texts call the gates learn (i), forget (f) and use (o), the cell state c remember or
    long-term memory, and h short-term memory.
    Source: Hochreiter and Schmidhuber 1997; the forget gate: Gers et al. 2000; its initial bias:
    Jozefowicz et al. 2015.
    """

    name = "lstm"
    label = "LSTM"
    description = (
        "Has a separate cell state; gates decide how much of it is forgotten, what is added, and"
        " how much of it is used."
    )
    num_gates = 4
    state = ("h", "c")
    gates = {"i": "learn (input)", "f": "forget", "g": "candidate", "o": "use (output)"}
    torch_name = "LSTM"
    initial_bias = {"f": 1.0}
    chrono_signs = {"f": 1, "i": -1}
    task_learning_rates = (3e-3, 1e-2, 3e-2)
    needs_native_bfloat16 = True  # torch's fused layer raises an error

    def step(
        self,
        xp: Any,
        projected_x: Array,
        state: State,
        weights: Weights,
        hold: Hold = unchanged,
    ) -> Step:
        h, c = state
        i, f, g, o = split_gates(projected_x + h @ weights["weight_hh"].T + weights["bias_hh"], 4)
        i, f, g, o = sigmoid(xp, i), sigmoid(xp, f), xp.tanh(g), sigmoid(xp, o)
        i, f, g, o = hold("i", i), hold("f", f), hold("g", g), hold("o", o)
        c = f * c + i * g
        h = o * xp.tanh(c)
        return h, (h, c), {"i": i, "f": f, "g": g, "o": o}

    def memory_parts(self, gates: Gates, state: State) -> dict[str, Array]:
        return {"kept": gates["f"] * state[1], "written": gates["i"] * gates["g"]}

    def numpy_layer(self, weights: Weights) -> NumpyLayer:
        from chargen.model.fused_lstm import FusedLSTM

        return FusedLSTM(self, weights)


CELL = LSTM()
