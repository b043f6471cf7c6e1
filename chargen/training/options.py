"""The options of a training run that a user can set."""

from __future__ import annotations

from dataclasses import dataclass

from chargen.errors import OptionConflictError
from chargen.model.cells.registry import CELLS
from chargen.model.config import ENCODERS, WEIGHTS_DTYPES
from chargen.options import MAX_SEED, check_options, option
from chargen.training.presets import PRESETS

BUDGETS = ("minutes", "epochs", "steps")
PRECISIONS = ("auto", "float32", "bfloat16")
DEVICES = ("auto", "cpu", "cuda", "mps")
AUTO, NONE = "auto", "none"  # of init_from
_MAX_BUDGET = 10**12
_MAX_SIZE = 1 << 20


@dataclass(frozen=True)
class TrainingOptions:
    """The options of a run. None leaves a choice to the preset, or to a measurement.

    Raises OptionError if a value is not allowed, OptionConflictError if options are incompatible.
    """

    minutes: float | None = option(
        None,
        "Train for N minutes, including the time to read the text",
        above=0,
        maximum=_MAX_BUDGET,
        metavar="N",
        default_help="0.5 to 60, by preset",
    )
    epochs: float | None = option(
        None,
        "Train for N passes over the text, instead of minutes",
        above=0,
        maximum=_MAX_BUDGET,
        metavar="N",
    )
    steps: int | None = option(
        None,
        "Train for N weight updates, instead of minutes",
        minimum=1,
        maximum=_MAX_BUDGET,
        metavar="N",
    )
    preset: str = option(
        "auto",
        "Set of sizes and rates; auto selects it by the length of the text",
        choices=("auto", *PRESETS),
    )
    init_from: str = option(
        AUTO,
        "Start from the weights of this model: a name, folder or archive; auto: english if it"
        " predicts the text better than letter pairs do; none: random weights",
        metavar="MODEL",
    )
    cell: str | None = option(
        None,
        "Recurrent cell of the network; feedforward has no recurrence",
        choices=CELLS,
        default_help="lstm",
    )
    encoder: str | None = option(
        None,
        "Input of the network: learned embeddings or one-hot vectors",
        choices=ENCODERS,
        default_help="embedding",
    )
    embedding_size: int | None = option(
        None, "Size of the embedding", minimum=1, metavar="N", default_help="by preset"
    )
    hidden_size: int | None = option(
        None, "Units per layer", minimum=1, metavar="N", default_help="by preset"
    )
    num_layers: int | None = option(
        None, "Number of layers", minimum=1, metavar="N", default_help="by preset"
    )
    batch_size: int | None = option(
        None,
        "Sequences per batch",
        minimum=1,
        maximum=_MAX_SIZE,
        metavar="N",
        default_help="by preset",
    )
    sequence_length: int | None = option(
        None,
        "Characters per window (truncated backpropagation through time)",
        minimum=1,
        maximum=_MAX_SIZE,
        metavar="N",
        default_help="by preset",
    )
    learning_rate: float | None = option(
        None,
        "Peak learning rate",
        minimum=1e-9,
        maximum=10,
        metavar="X",
        default_help="by preset and cell",
    )
    dropout: float | None = option(
        None,
        "Dropout between layers, 0 to 0.95",
        minimum=0,
        maximum=0.95,
        metavar="P",
        default_help="by the number of epochs; 0 without validation",
    )
    patience: int | None = option(
        None,
        "Stop after N evaluations without a new best validation loss; 0 disables early stopping",
        minimum=0,
        maximum=1 << 30,
        metavar="N",
        default_help="stop only if the run overfits",
    )
    validation_fraction: float | None = option(
        None,
        "Fraction held out for validation, 0 to 0.9",
        minimum=0,
        maximum=0.9,
        flags=("--val-fraction",),
        metavar="P",
        default_help="0.1; 0 below 10,000 characters",
    )
    save_every: float = option(
        30.0, "Seconds between saves", minimum=0, maximum=1e9, metavar="SECONDS"
    )
    precision: str = option(
        "auto",
        "Precision of training; auto selects the faster of float32 and bfloat16",
        choices=PRECISIONS,
    )
    device: str = option(
        "auto", "Device; auto selects cuda or mps if available, else cpu", choices=DEVICES
    )
    weights_dtype: str = option(
        "float32",
        "Type of the stored weights: float32, or float16 for half the file size",
        choices=WEIGHTS_DTYPES,
    )
    min_count: int = option(
        1, "Treat characters with fewer than N occurrences as unknown", minimum=1, metavar="N"
    )
    augment: bool = option(
        False,
        "Vary the layout, punctuation and case of passages, for a model from which others start",
    )
    seed: int = option(
        1,
        "Random seed of the weights, the batches and dropout",
        minimum=0,
        maximum=MAX_SEED,
        metavar="N",
    )

    def __post_init__(self) -> None:
        check_options(self)
        budgets = [kind for kind in BUDGETS if getattr(self, kind) is not None]
        if len(budgets) > 1:
            names = " and ".join(f"{{{kind}}}" for kind in budgets)
            raise OptionConflictError(f"{names} are mutually exclusive", *budgets)
        if self.encoder == "one-hot" and self.embedding_size is not None:
            raise OptionConflictError(
                "{embedding_size} has no effect with {encoder} one-hot (omit one of them)",
                "embedding_size",
                "encoder",
            )

    @property
    def budget(self) -> Budget | None:
        """The given budget, if any."""
        for kind in BUDGETS:
            if (amount := getattr(self, kind)) is not None:
                return Budget(kind, amount)
        return None


@dataclass(frozen=True)
class Budget:
    """How long to train: minutes of wall-clock time, passes over the text, or weight updates."""

    kind: str
    amount: float

    def __str__(self) -> str:
        unit = self.kind if self.amount != 1 else self.kind[:-1]
        return f"{self.amount:g} {unit}"
