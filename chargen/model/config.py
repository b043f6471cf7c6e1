"""What a model is made of: the sizes and names from which its weights' shapes follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chargen.errors import OptionError
from chargen.model.cells import CELLS

ENCODERS = ("embedding", "one-hot")

_MOST = 1 << 21
_MOST_LAYERS = 1_000
_MOST_PARAMETERS = 1 << 33


@dataclass(frozen=True)
class ModelConfig:
    """The sizes of one network. With the one-hot encoder `embedding_size` has no meaning.

    Raises OptionError where a size is not positive or a name is not known.
    """

    vocab_size: int
    cell: str = "lstm"
    encoder: str = "embedding"
    embedding_size: int = 64
    hidden_size: int = 512
    num_layers: int = 1

    def __post_init__(self) -> None:
        for name in ("vocab_size", "embedding_size", "hidden_size", "num_layers"):
            value, option = getattr(self, name), name.replace("_", "-")
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise OptionError(f"--{option} must be a whole number, 1 or more, got {value!r}")
            if value > _MOST:
                raise OptionError(f"--{option} must be at most {_MOST:,}, got {value:,}")
        if self.cell not in CELLS:
            raise OptionError(f"--cell must be one of {', '.join(CELLS)}, got {self.cell!r}")
        if self.encoder not in ENCODERS:
            raise OptionError(
                f"--encoder must be one of {', '.join(ENCODERS)}, got {self.encoder!r}"
            )

        if self.num_layers > _MOST_LAYERS or self.parameters > _MOST_PARAMETERS:
            raise OptionError(
                f"--num-layers {self.num_layers:,} of --hidden-size {self.hidden_size:,} is more"
                f" than {_MOST_LAYERS:,} layers or {_MOST_PARAMETERS:,} parameters"
            )

    @property
    def input_size(self) -> int:
        """The width of what the first layer reads."""
        return self.vocab_size if self.encoder == "one-hot" else self.embedding_size

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(_product(shape) for shape in self.shapes().values())

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every weight, in torch's names and gate order."""
        cell, hidden = CELLS[self.cell], self.hidden_size
        rows = cell.blocks * hidden
        shapes: dict[str, tuple[int, ...]] = {}
        if self.encoder == "embedding":
            shapes["encoder.weight"] = (self.vocab_size, self.embedding_size)
        for k in range(self.num_layers):
            width = self.input_size if k == 0 else hidden
            shapes[f"layers.{k}.weight_ih_l0"] = (rows, width)
            if cell.recurrent:
                shapes[f"layers.{k}.weight_hh_l0"] = (rows, hidden)
            shapes[f"layers.{k}.bias_ih_l0"] = (rows,)
            if cell.recurrent:
                shapes[f"layers.{k}.bias_hh_l0"] = (rows,)
        shapes["decoder.weight"] = (self.vocab_size, hidden)
        shapes["decoder.bias"] = (self.vocab_size,)
        return shapes

    def to_dict(self) -> dict[str, Any]:
        """The fields as they stand in config.json."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ModelConfig:
        """Read what `to_dict` wrote. Raises OptionError or TypeError where it does not fit."""
        return cls(**fields)


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
