"""Every knob of writing in one value: how characters are drawn, and when a text ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chargen.errors import OptionError
from chargen.generation.context import Reader
from chargen.generation.filters import FILTERS, Filter, chain
from chargen.generation.generate import generate, random_seed
from chargen.generation.repetition import DEFAULT_LAST, Repetition
from chargen.generation.sampler import Sampler, check_seed
from chargen.generation.stopping import Stopping
from chargen.options import check_types
from chargen.records import Drawn, Stopped

_AT_ONCE = 256


@dataclass(frozen=True)
class Settings:
    """The knobs of `chargen sample`, with its defaults.

    length: None for no end. seed: None for another one each time. Raises OptionError where a
    value is not allowed.
    """

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    threshold: float = 0.0
    repetition_penalty: float = 1.0
    repetition_last: int = DEFAULT_LAST
    length: int | None = 200
    stop: tuple[str, ...] = ()
    until_newline: bool = False
    confidence: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        check_types(self)
        if not isinstance(self.stop, tuple) or not all(isinstance(s, str) for s in self.stop):
            raise OptionError(f"--stop must be texts, got {self.stop!r:.40}")
        _ = self.filters, self.repetition, self.stopping
        if self.seed is not None:
            check_seed(self.seed)

    @property
    def filters(self) -> list[Filter]:
        """The chain that characters are drawn through; those that do nothing are left out."""
        idle = Settings.__dataclass_fields__
        values = {name: getattr(self, name) for name in FILTERS}
        made = chain(**values)
        return [
            each
            for (name, value), each in zip(values.items(), made, strict=True)
            if name == "temperature" or value != idle[name].default
        ]

    @property
    def repetition(self) -> Repetition | None:
        """What makes repetitions less likely, where that was asked for."""
        rule = Repetition(self.repetition_penalty, self.repetition_last)
        return None if rule.penalty == 1 else rule

    @property
    def stopping(self) -> Stopping:
        """When a text ends."""
        return Stopping(self.length, self.stop, self.until_newline, self.confidence)

    def write(
        self, reader: Reader, prompt: str, *, samples: int = 1, first: int = 0, scored: bool = False
    ) -> Iterator[Drawn | Stopped]:
        """What follows a prompt that begins a text, in so many samples from number `first` on.

        They are written side by side, 256 at once, each batch when the one before has ended.
        """
        settled = self if self.seed is not None else replace(self, seed=random_seed())
        context = reader.read(prompt)
        for at in range(first, first + samples, _AT_ONCE):
            count = min(_AT_ONCE, first + samples - at)
            sampler = settled.sampler(reader, prompt, samples=count, first=at)
            yield from generate(reader, sampler, context, self.stopping, scored=scored)

    def sampler(self, reader: Reader, before: str, *, samples: int = 1, first: int = 0) -> Sampler:
        """A sampler for what follows the text `before`."""
        sampler = Sampler(
            self.filters,
            seed=random_seed() if self.seed is None else self.seed,
            samples=samples,
            first=first,
            repetition=self.repetition,
        )
        if self.repetition is not None:
            tail = before[-self.repetition_last :]
            sampler.begin(reader.vocabulary.encode(tail), len(reader.vocabulary))
        return sampler
