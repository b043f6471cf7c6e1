"""One update of a network's weights: clipped gradients, then AdamW."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.99)
_STATE = ("step", "exp_avg", "exp_avg_sq")


class Optimiser:
    """AdamW with gradient clipping. The learning rate is given with every update.

    Source: Loshchilov and Hutter 2019 (AdamW); Pascanu et al. 2013 (clipping by the norm).
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        *,
        weight_decay: float,
        clip_norm: float = 1.0,
        device: str = "cpu",
    ) -> None:
        """Create the optimiser. parameters: the result of `network.named_parameters()`."""
        self._parameters = dict(parameters)
        self._clip_norm = clip_norm
        self._adamw = torch.optim.AdamW(
            self._parameters.values(),
            betas=BETAS,
            weight_decay=weight_decay,
            fused=device != "mps",
        )

    def update(self, loss: Tensor, learning_rate: float) -> float:
        """Update the weights once. Return the norm of the gradient before clipping."""
        for group in self._adamw.param_groups:
            group["lr"] = learning_rate
        self._adamw.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self._parameters.values(), self._clip_norm)
        self._adamw.step()
        return norm.item()

    def state(self) -> dict[str, Tensor]:
        """Return the moments and step counts as tensors named `<parameter>/<key>`."""
        return {
            f"{name}/{key}": value
            for name, parameter in self._parameters.items()
            for key, value in self._adamw.state.get(parameter, {}).items()
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a state that `state` returned."""
        fields = self._adamw.state_dict()
        fields["state"] = {
            k: {key: tensors[f"{name}/{key}"] for key in _STATE}
            for k, name in enumerate(self._parameters)
            if f"{name}/step" in tensors
        }
        self._adamw.load_state_dict(fields)
