"""One update of a network's weights: clipped gradients, weight decay, then Muon and AdamW."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from chargen.training.muon import muon_update

BETAS, _EPS = (0.9, 0.99), 1e-8
_MOMENTUM = ("exp_avg", "momentum")


class Optimiser:
    """Muon for the matrices between hidden units, if wanted, and AdamW for everything else.

    Weights decay towards 0, or towards the weights that the run started from. AdamW is torch's
    function, without the class around it: the first object of that class in a process imports
    torch._dynamo, which takes one to two seconds.
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
        self._recurrent = [name for name in self._parameters if muon and _between_units(name)]
        self._others = [name for name in self._parameters if name not in self._recurrent]
        self._dtype = dtype
        self._is_fused = device != "mps"
        self._state: dict[str, Tensor] = {}
        for name in self._recurrent:
            self._state[f"{name}/momentum"] = torch.zeros_like(self._parameters[name].data)
        for name in self._others:
            weights = self._parameters[name].data
            self._state[f"{name}/step"] = torch.zeros((), device=weights.device)
            self._state[f"{name}/exp_avg"] = torch.zeros_like(weights)
            self._state[f"{name}/exp_avg_sq"] = torch.zeros_like(weights)

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

    @torch.no_grad()
    def step(self, learning_rate: float) -> float:
        """Update the weights with the gradients. Return their norm before clipping.

        If the norm is not finite, nothing changes.
        """
        norm = torch.nn.utils.clip_grad_norm_(self._values, self._clip_norm).item()
        if not math.isfinite(norm):
            return norm
        self._decay(learning_rate * self._weight_decay)
        for name in self._recurrent:
            weights, momentum = self._parameters[name], self._state[f"{name}/momentum"]
            if weights.grad is not None:
                muon_update(weights, weights.grad, momentum, learning_rate, dtype=self._dtype)
        self._adamw(learning_rate)
        return norm

    def reset_momentum(self) -> None:
        """Forget the direction of the latest updates, but not the size of the gradients."""
        for name, value in self._state.items():
            if name.endswith(_MOMENTUM):
                value.zero_()

    def state(self) -> dict[str, Tensor]:
        """Return the moments and step counts as tensors named `<parameter>/<key>`."""
        return dict(self._state)

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a state that `state` returned."""
        for name, value in tensors.items():
            self._state[name].copy_(value)

    def _adamw(self, learning_rate: float) -> None:
        parameters, gradients, names = [], [], []
        for name in self._others:
            if (gradient := self._parameters[name].grad) is not None:
                parameters.append(self._parameters[name].data)
                gradients.append(gradient)
                names.append(name)
        adamw(
            parameters,
            gradients,
            [self._state[f"{name}/exp_avg"] for name in names],
            [self._state[f"{name}/exp_avg_sq"] for name in names],
            [],
            [self._state[f"{name}/step"] for name in names],
            fused=self._is_fused,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=0.0,  # that of AdamW has no target
            eps=_EPS,
            maximize=False,
        )

    def _decay(self, rate: float) -> None:
        if self._towards is None:
            torch._foreach_mul_(self._values, 1 - rate)
        else:
            torch._foreach_lerp_(self._values, self._towards, rate)


def _between_units(name: str) -> bool:
    """Return whether a parameter is a matrix whose inputs are hidden units: [G*H, H]."""
    is_first = name.startswith("layers.0.")
    return "weight_hh" in name or ("weight_ih" in name and not is_first)
