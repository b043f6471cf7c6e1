"""One update of a network's weights: clipped gradients, weight decay, then Muon and AdamW."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from chargen.training.muon import Muon

BETAS = (0.9, 0.99)


class Optimiser:
    """Muon for the matrices between hidden units, if wanted, and AdamW for everything else.

    Weights decay towards 0, or towards the weights that the run started from.
    Source: Loshchilov and Hutter 2019 (AdamW); Pascanu et al. 2013 (clipping by the norm);
    Li et al. 2018 (decay towards the start).
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        *,
        weight_decay: float,
        clip_norm: float = 1.0,
        muon: bool = False,
        dtype: torch.dtype = torch.float32,
        towards: Mapping[str, Tensor] | None = None,
        device: str = "cpu",
    ) -> None:
        """Create the optimiser.

        parameters: the result of `network.named_parameters()`. dtype: in which Muon computes.
        towards: the weights that the decay has as its target; None for 0.
        """
        self._parameters = dict(parameters)
        self._values: list[Tensor] = list(self._parameters.values())
        self._weight_decay = weight_decay
        self._clip_norm = clip_norm
        self._towards = None if towards is None else [towards[name] for name in self._parameters]
        recurrent = [p for name, p in self._parameters.items() if muon and _between_units(name)]
        others = [p for p in self._values if all(p is not other for other in recurrent)]
        # The decay is not that of AdamW, which has no target.
        self._optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others, betas=BETAS, weight_decay=0.0, fused=device != "mps")
        ]
        if recurrent:
            self._optimisers.append(Muon(recurrent, dtype=dtype))

    def update(self, loss: Tensor, learning_rate: float) -> float:
        """Update the weights once. Return the norm of the gradient before clipping.

        If the norm is not finite, nothing changes.
        """
        self.gradients(loss)
        return self.step(learning_rate)

    def gradients(self, loss: Tensor) -> list[Tensor]:
        """Compute the gradients of a loss, which `step` uses, and return them."""
        for parameter in self._values:
            parameter.grad = None
        torch.autograd.backward(loss)
        return [parameter.grad for parameter in self._values if parameter.grad is not None]

    def step(self, learning_rate: float) -> float:
        """Update the weights with the gradients. Return their norm before clipping.

        If the norm is not finite, nothing changes.
        """
        norm = torch.nn.utils.clip_grad_norm_(self._values, self._clip_norm).item()
        if not math.isfinite(norm):
            return norm
        self._decay(learning_rate * self._weight_decay)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate
            optimiser.step()
        return norm

    def reset_momentum(self) -> None:
        """Forget the direction of the latest updates, but not the size of the gradients."""
        for name, value in self.state().items():
            if name.endswith(("/exp_avg", "/momentum")):
                value.zero_()

    def state(self) -> dict[str, Tensor]:
        """Return the moments and step counts as tensors named `<parameter>/<key>`."""
        return {
            f"{name}/{key}": value
            for name, parameter in self._parameters.items()
            for optimiser in self._optimisers
            for key, value in optimiser.state.get(parameter, {}).items()
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a state that `state` returned."""
        saved: defaultdict[str, dict[str, Tensor]] = defaultdict(dict)
        for path, value in tensors.items():
            name, _, key = path.rpartition("/")
            saved[name][key] = value
        name_of = {parameter: name for name, parameter in self._parameters.items()}
        for optimiser in self._optimisers:
            names = [name_of[p] for group in optimiser.param_groups for p in group["params"]]
            fields = optimiser.state_dict()
            fields["state"] = {k: saved[name] for k, name in enumerate(names) if name in saved}
            optimiser.load_state_dict(fields)

    @torch.no_grad()
    def _decay(self, rate: float) -> None:
        if self._towards is None:
            torch._foreach_mul_(self._values, 1 - rate)
        else:
            torch._foreach_lerp_(self._values, self._towards, rate)


def _between_units(name: str) -> bool:
    """Return whether a parameter is a matrix whose inputs are hidden units: [G*H, H]."""
    is_first = name.startswith("layers.0.")
    return "weight_hh" in name or ("weight_ih" in name and not is_first)
