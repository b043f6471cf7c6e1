"""The options of text generation."""

from __future__ import annotations

from dataclasses import dataclass

from chargen.errors import OptionError
from chargen.options import MAX_SEED, check_options, option

_MAX_COUNT = 1_000_000
_CHARACTERS_PER_UNIT = 10_000


@dataclass(frozen=True)
class GenerationSettings:
    """How characters are sampled, and when a text ends.

    length: None for no limit. seed: None for a random one.
    Raises OptionError if a value is not allowed.
    """

    temperature: float = option(
        0.8,
        "Sampling temperature; 0 is greedy, higher is more random",
        minimum=0,
        flags=("-t", "--temperature"),
        hint="0 is greedy, 0.8 is a good start",
    )
    top_k: int = option(0, "Keep the K most likely characters; 0 keeps all", minimum=0, metavar="K")
    top_p: float = option(
        1.0,
        "Keep the fewest characters with a total probability of P; 1 keeps all",
        minimum=0,
        maximum=1,
        metavar="P",
        hint="1 keeps all, 0.9 is a good start",
    )
    min_p: float = option(
        0.0,
        "Keep characters with at least P times the top probability; 0 keeps all",
        minimum=0,
        maximum=1,
        metavar="P",
        hint="0 keeps all, 0.05 is a good start",
    )
    threshold: float = option(
        0.0,
        "Keep the most likely character and all with at least probability P; 0 keeps all",
        minimum=0,
        maximum=1,
        metavar="P",
        hint="0 keeps all, 0.9 keeps only nearly certain ones",
    )
    repetition_penalty: float = option(
        1.0,
        "Divide the logits of recent characters by X; 1 is off, higher repeats less",
        minimum=0.001,  # no float32 logit overflows in float64
        maximum=1000,
        metavar="X",
        hint="1 is off, 1.2 is a good start",
    )
    repetition_last: int = option(
        64,
        "Number of recent characters to penalise",
        minimum=1,
        maximum=1 << 16,
        metavar="N",
        requires="repetition_penalty",
    )
    length: int | None = option(
        200,
        "Stop after N characters; 0 for no limit",
        minimum=0,
        flags=("-n", "--length"),
        metavar="N",
        none_as="0",
        default_help=(
            "200; for separate texts: twice the longest text, at most 10,000; with --stop: 10,000;"
            " with a maximum: 10,000 for each sentence, line or paragraph"
        ),
    )
    stop: tuple[str, ...] = option((), "Stop before this text; can be repeated", metavar="TEXT")
    include_stop: bool = option(
        False, "Stop after the --stop text instead of before it", requires="stop"
    )
    until_newline: bool = option(False, "Stop before a newline; same as --max-lines 1")
    max_lines: int = option(
        0,
        "Stop after N lines; 0 is off",
        minimum=0,
        maximum=_MAX_COUNT,
        metavar="N",
        excludes="until_newline",
    )
    max_sentences: int = option(
        0, "Stop after N sentences; 0 is off", minimum=0, maximum=_MAX_COUNT, metavar="N"
    )
    max_paragraphs: int = option(
        0,
        "Stop after N paragraphs, separated by blank lines; 0 is off",
        minimum=0,
        maximum=_MAX_COUNT,
        metavar="N",
    )
    confidence: float = option(
        0.0,
        "Stop when the top probability is below P; 0 is off",
        minimum=0,
        maximum=1,
        metavar="P",
    )
    seed: int | None = option(
        None,
        "Random seed; the same seed generates the same text",
        minimum=0,
        maximum=MAX_SEED,
        metavar="N",
        default_help="random",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if "" in self.stop:
            raise OptionError("stop", "", "a string of at least one character")

    @property
    def has_stop(self) -> bool:
        """Whether a condition other than the length can end a sample."""
        return bool(self.stop or self.until_newline or self.has_maximum or self.confidence)

    @property
    def has_maximum(self) -> bool:
        """Whether the number of lines, sentences or paragraphs is limited."""
        return bool(self.max_lines or self.max_sentences or self.max_paragraphs)

    def default_length(self, of_model: int) -> int:
        """Return the default of `length`, given the other settings.

        With a maximum or a text to stop at, it must not cut a text that would soon be complete.
        of_model: the default without them.
        """
        counts = [n for n in (self.max_lines, self.max_sentences, self.max_paragraphs) if n]
        if counts:
            return _CHARACTERS_PER_UNIT * min(counts)
        return max(of_model, _CHARACTERS_PER_UNIT) if self.stop else of_model
