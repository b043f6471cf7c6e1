"""The sizes of a network, which determine the shapes of its weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chargen.errors import OptionConflictError, OptionError
from chargen.model.cells.registry import CELLS

ENCODERS = ("embedding", "one-hot")
WEIGHTS_DTYPES = ("float32", "float16")  # of model.safetensors

_MAX_SIZE = 1 << 21
_MAX_LAYERS = 1_000
_MAX_PARAMETERS = 1 << 33


@dataclass(frozen=True)
class ModelConfig:
    """The cell and the sizes of a network; the one-hot encoder ignores `embedding_size`.

    Raises OptionError if a size is out of range or a name is unknown.
    """

    vocab_size: int
    cell: str = "lstm"
    encoder: str = "embedding"
    embedding_size: int = 64
    hidden_size: int = 512
    num_layers: int = 1

    def __post_init__(self) -> None:
        for name in ("vocab_size", "embedding_size", "hidden_size", "num_layers"):
            value, limit = getattr(self, name), _MAX_LAYERS if name == "num_layers" else _MAX_SIZE
            if type(value) is not int or not 1 <= value <= limit:
                raise OptionError(name, value, f"a whole number between 1 and {limit:,}")
        for name, known in (("cell", tuple(CELLS)), ("encoder", ENCODERS)):
            if (value := getattr(self, name)) not in known:
                raise OptionError(name, value, f"one of {', '.join(known)}")
        if self.parameters > _MAX_PARAMETERS:
            raise OptionConflictError(
                f"{{num_layers}} {self.num_layers:,} with {{hidden_size}} {self.hidden_size:,} has"
                f" {self.parameters:,} parameters; at most {_MAX_PARAMETERS:,} are supported",
                "num_layers",
                "hidden_size",
            )

    @property
    def input_size(self) -> int:
        """D, the width of the first layer's inputs."""
        return self.vocab_size if self.encoder == "one-hot" else self.embedding_size

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(math.prod(shape) for shape in self.shapes().values())

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every weight by its name in torch."""
        cell, hidden = CELLS[self.cell], self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {}
        if self.encoder == "embedding":
            shapes["encoder.weight"] = (self.vocab_size, self.embedding_size)
        for k in range(self.num_layers):
            layer = cell.shapes(self.input_size if k == 0 else hidden, hidden)
            shapes |= {f"layers.{k}.{name}": shape for name, shape in layer.items()}
        shapes["decoder.weight"] = (self.vocab_size, hidden)
        shapes["decoder.bias"] = (self.vocab_size,)
        return shapes
