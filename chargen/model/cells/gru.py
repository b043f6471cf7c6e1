"""The gated recurrent unit."""

from __future__ import annotations

from typing import Any

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


class GRU(Cell):
    """Gated recurrent unit: the gate z sets how much of the old state is kept.

    As in torch and cuDNN, the reset gate r multiplies the candidate's recurrent product.
    Source: Cho et al. 2014.
    """

    name = "gru"
    label = "GRU"
    description = (
        "Has gates; one of them decides, for each unit of the state, how much of the old value is"
        " kept and how much of a new one is added."
    )
    num_gates = 3
    state = ("h",)
    gates = {"r": "reset", "z": "keep (update)", "n": "candidate"}
    torch_name = "GRU"
    chrono_signs = {"z": 1}
    learning_rate_scale = 0.5
    task_learning_rates = (3e-3, 1e-2, 3e-2)

    def step(
        self,
        xp: Any,
        projected_x: Array,
        state: State,
        weights: Weights,
        hold: Hold = unchanged,
    ) -> Step:
        (h,) = state
        x_r, x_z, x_n = split_gates(projected_x, 3)
        h_r, h_z, h_n = split_gates(h @ weights["weight_hh"].T + weights["bias_hh"], 3)
        r, z = hold("r", sigmoid(xp, x_r + h_r)), hold("z", sigmoid(xp, x_z + h_z))
        n = hold("n", xp.tanh(x_n + r * h_n))
        h = n + z * (h - n)
        return h, (h,), {"r": r, "z": z, "n": n}

    def memory_parts(self, gates: Gates, state: State) -> dict[str, Array]:
        return {"kept": gates["z"] * state[0], "written": (1 - gates["z"]) * gates["n"]}


CELL = GRU()
