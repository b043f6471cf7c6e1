"""settings.json: the settings of a run until its first save. This module does not need torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from chargen.errors import CheckpointError, OptionConflictError, OptionError
from chargen.model import storage
from chargen.model.checkpoint import SETTINGS
from chargen.options import options_of
from chargen.text.decoding import AUTO
from chargen.text.kind import TextOptions
from chargen.text.normal_form import UNCHANGED
from chargen.text.source import STANDARD_INPUT
from chargen.training.options import BUDGETS, TrainingOptions


@dataclass(frozen=True)
class RunSettings:
    """The texts and the options of a run.

    texts: files and folders, or "-" for standard input; stored with absolute paths. encoding,
    pattern, normalize: as in `Corpus.read`; None for the default. text_options, options: the fields
    of `TextOptions` and `TrainingOptions` that were given.
    """

    texts: tuple[str, ...]
    encoding: str | None = None
    pattern: str | None = None
    normalize: str | None = None
    text_options: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Sequence[str | Path], **fields: Any) -> RunSettings:
        """Return the settings for these texts."""
        return cls(tuple(map(str, texts)), **fields)

    @property
    def reading(self) -> dict[str, Any]:
        """The arguments of `Corpus.read`."""
        return {
            "encoding": AUTO if self.encoding is None else self.encoding,
            "kind": TextOptions(**self.text_options).kind,
            "pattern": self.pattern,
            "normalize": self.normalize or UNCHANGED,
        }

    def to_json(self) -> bytes:
        """Return the bytes of settings.json. ASCII escapes also keep names that are not UTF-8."""
        texts = [text if text == STANDARD_INPUT else os.path.abspath(text) for text in self.texts]
        fields = {**asdict(self), "texts": texts}
        return (json.dumps(fields, indent=2) + "\n").encode("ascii")

    @classmethod
    def from_json(cls, data: bytes) -> RunSettings:
        """Return the settings that `to_json` stored."""
        fields = json.loads(data)
        return cls(**{**fields, "texts": tuple(map(str, fields["texts"]))})

    @classmethod
    def read(cls, folder: Path) -> RunSettings:
        """Read settings.json. Raises CheckpointError if it is damaged."""
        path = folder / SETTINGS
        data = storage.read_file(path)
        try:
            settings = cls.from_json(data)
            TextOptions(**settings.text_options)
            TrainingOptions(**settings.options)
        except (OptionError, LookupError, TypeError, ValueError, RecursionError):
            raise CheckpointError(
                f"{path} is damaged, and nothing was trained yet (delete {folder}, and start again)"
            ) from None
        return settings

    def repeated(self, later: RunSettings) -> RunSettings:
        """Return these settings with those of a repeated command, before the first save.

        later: what is given now; its texts and its budget replace these. Raises OptionConflictError
        if another value contradicts a setting.
        """
        check_repeated(
            {**asdict(TextOptions(**self.text_options)), "normalize": self.normalize or UNCHANGED}
            | asdict(TrainingOptions(**self.options)),
            {**later.text_options, **later.options}
            | ({"normalize": later.normalize} if later.normalize else {}),
        )
        kept = {name: value for name, value in self.options.items() if name not in BUDGETS}
        budget = {name: value for name, value in later.options.items() if name in BUDGETS}
        changed = replace(self, options={**kept, **budget}) if budget else self
        if not later.texts:
            return changed
        return replace(
            changed,
            texts=later.texts,
            encoding=self.encoding if later.encoding is None else later.encoding,
            pattern=self.pattern if later.pattern is None else later.pattern,
        )


def check_repeated(stored: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise OptionConflictError if an option other than the budget contradicts a stored one.

    Raises OptionError if its value is not allowed.
    """
    declared = options_of(TrainingOptions)
    for name, value in given.items():
        if name in BUDGETS:
            continue
        if name in declared:
            declared[name].check(value)
        if value != stored.get(name):
            old = stored.get(name)
            if value is True:  # a flag
                message = f"{{{name}}} differs from the run to resume, which does not have it"
            else:
                has = "the default" if old is None else old
                message = f"{{{name}}} {value} differs from the run to resume, which has {has}"
            raise OptionConflictError(f"{message} (omit it, or start a new run)", name)
