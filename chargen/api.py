"""The public Python API: train or load a model, generate, score and inspect text."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from chargen.errors import OptionConflictError, OptionError, TrainingError
from chargen.evaluation.inspection import InspectionSettings
from chargen.evaluation.score import Score
from chargen.evaluation.surprisal import check_choices, read, shares
from chargen.evaluation.trace import Trace, Tracer
from chargen.generation.context import Context, Reader
from chargen.generation.generate import generate, generate_texts
from chargen.generation.records import Drawn
from chargen.generation.settings import GenerationSettings
from chargen.model.checkpoint import Checkpoint
from chargen.model.find import find, newest
from chargen.options import Option, check_names, check_together, options_of
from chargen.text.decoding import normalise
from chargen.training.options import TrainingOptions

Function = TypeVar("Function", bound=Callable[..., Any])


def _lists(options: type) -> Callable[[Function], Function]:
    """Add the options of a dataclass to the docstring of a function that takes them by keyword."""

    def decorate(function: Function) -> Function:
        lines = [_line(each) for name, each in options_of(options).items() if name != "init_from"]
        text = inspect.cleandoc(function.__doc__ or "")
        function.__doc__ = "\n".join([text, "", "Keyword arguments:", "", *lines])
        return function

    return decorate


def _line(declared: Option) -> str:
    """Return the help line of an option in the notation of Python."""
    text = declared.full_help.replace("; can be repeated", "; a string or a list of strings")
    if declared.none_as:
        text = text.replace(f"; {declared.none_as} for", "; None for")
    text = re.sub(r"--([a-z]+)", r"\1", text)
    if declared.choices and not all(choice in text for choice in declared.choices):
        text += f" ({', '.join(declared.choices)})"
    return f"    {declared.name}: {text}"


class Model:
    """A trained model. It reuses internal buffers: use it from one thread at a time."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._reader = Reader.of(checkpoint)

    @cached_property
    def _tracer(self) -> Tracer:
        return Tracer.of(self.checkpoint)

    def __repr__(self) -> str:
        config = self.checkpoint.config
        return (
            f"<chargen model {self.checkpoint.folder}: {config.cell}"
            f" {config.num_layers} x {config.hidden_size}>"
        )

    @_lists(GenerationSettings)
    def generate(self, prompt: str = "", **settings: Any) -> str:
        """Return the text that follows the prompt, without the prompt.

        If the model was trained on separate texts, it ends with the text, at the latest after
        `length` characters, by default twice as many as the longest training text has. The last
        sentence of `max_sentences` includes its full stop and closing quotation marks.
        Raises OptionError if a value is not allowed, or if there is no stop condition.
        """
        return self.samples(1, prompt, **settings)[0]

    @_lists(GenerationSettings)
    def stream(self, prompt: str = "", **settings: Any) -> Iterator[str]:
        """Yield the characters of `generate`, each as soon as it is drawn."""
        records = generate(self._reader, self._settings(settings), self._known(prompt, "prompt"))
        return (record.character for record in records if isinstance(record, Drawn))

    @_lists(GenerationSettings)
    def samples(self, count: int, prompt: str = "", **settings: Any) -> list[str]:
        """Return `count` texts that follow the prompt, generated in one batch.

        The first is the one that `generate` returns.
        """
        _check_count(count)
        made = self._settings(settings)
        if made.length is None and not (made.has_stop or self._reader.kind.separate):
            raise OptionConflictError(
                "without {length}, set {stop}, {until_newline}, a maximum such as {max_lines}, or"
                " {confidence} (or use stream())",
                "length",
                "stop",
                "until_newline",
                "max_lines",
                "confidence",
            )
        return generate_texts(self._reader, made, self._known(prompt, "prompt"), num_samples=count)

    def score(self, text: str, prompt: str = "") -> Score:
        """Return the loss of the model on `text` after `prompt`."""
        text = self._known(text, "text")
        return Score(text, read(self._reader, text, self._read(prompt)).nats)

    def next_characters(self, prompt: str = "", count: int = 5) -> list[tuple[str, float]]:
        """Return the most likely next characters and their probabilities, in descending order."""
        _check_count(count)
        return self._reader.next_characters(self._read(prompt), count)

    def choices(self, prompt: str, choices: Sequence[str]) -> dict[str, float]:
        """Return the share of each choice in the probability of all choices after the prompt.

        Raises OptionError if there are fewer than two choices or two are equal.
        """
        choices = [choices] if isinstance(choices, str) else list(choices)
        texts = [self._known(choice, "choices") for choice in choices]
        check_choices(texts)
        _, share = shares(self._reader, self._read(prompt), texts)
        return dict(zip(choices, share.tolist(), strict=True))

    @_lists(InspectionSettings)
    def inspect(self, prompt: str, **settings: Any) -> Trace:
        """Return the gates, the memory and the predictions at each character of a text.

        The trace has the arrays of all layers; `shown` of the trace has the numbers of one `layer`
        or `unit`. Gates can be held closed or open, for example with `close="forget", start=3`.
        Raises OptionError if a value is not allowed.
        """
        check_names(settings, options_of(InspectionSettings))
        for name in ("close", "open"):
            if isinstance(settings.get(name), (str, list)):
                value = settings[name]
                settings[name] = (value,) if isinstance(value, str) else tuple(value)
        made = InspectionSettings(**settings)
        return self._tracer.trace(self._known(prompt, "prompt"), made)

    def _read(self, prompt: str) -> Context:
        return self._reader.read(self._known(prompt, "prompt"))

    def _known(self, value: object, name: str) -> str:
        """Return a text in the model's Unicode normal form. Raises OptionError."""
        if not isinstance(value, str):
            raise OptionError(name, value, "a string")
        return self.checkpoint.vocabulary.known_form(normalise(value))

    def _settings(self, settings: dict[str, Any]) -> GenerationSettings:
        check_names(settings, options_of(GenerationSettings))
        check_together([name for name, value in settings.items() if value], GenerationSettings)
        if "stop" in settings:
            stop = settings["stop"]
            texts = stop if isinstance(stop, (list, tuple)) else [stop]
            settings = settings | {"stop": tuple(self._known(text, "stop") for text in texts)}
        made = GenerationSettings(**settings)
        if "length" in settings:
            return made
        return replace(made, length=made.default_length(self._reader.default_length))


def load(model: str | Path | None = None) -> Model:
    """Load a model by its name, folder or archive, by default the newest below ./checkpoints.

    "english" is the model that chargen contains. Raises CheckpointError if there is no such model.
    """
    return Model(Checkpoint.load(newest() if model is None else find(model)))


@_lists(TrainingOptions)
def train(
    *texts: str | Path,
    output: str | Path | None = None,
    lines: bool = False,
    separator: str | None = None,
    column: str | int | None = None,
    encoding: str = "auto",
    glob: str | None = None,
    normalize: str = "none",
    overwrite: bool = False,
    init_from: str | Path = "auto",
    **options: Any,
) -> Model:
    """Train a model on text files and return it, without printing anything.

    lines, separator, column: what a separate text is. It is a line, a document between two lines
    that equal `separator` (between blank lines for "blank-line"), or a cell of a column of tables,
    which has a name or a number from 1.
    encoding: of the files; "auto" detects one that is not UTF-8. glob: the pattern of the files to
    read in folders [default: **/*.txt; with a column, all CSV, TSV and JSON Lines files].
    normalize: the Unicode normal form to convert the texts to, "nfc", "nfd" or "none".
    init_from: the model to start from, as for `load`. "auto" starts from the model english if
    it predicts the text better than the text's own letter pairs do; "none" from random weights.
    The run saves every 30 seconds; an interrupted one, even before its first save, is resumed with
    `chargen train --resume -o FOLDER`.
    Raises CorpusError, OptionError, CheckpointError, TrainingError.
    """
    began = time.monotonic()
    from chargen.model.checkpoint import DEFAULT_ROOT
    from chargen.text.cache import cache_folder
    from chargen.text.corpus import Corpus, corpus_name
    from chargen.text.kind import TextOptions
    from chargen.training import torchrun
    from chargen.training.folder import RunFolder
    from chargen.training.openmp import limit_thread_spinning
    from chargen.training.settings import RunSettings

    if torchrun.size() > 1:
        raise TrainingError(
            "chargen.train() trains in one process (use torchrun -m chargen train instead)"
        )
    check_names(options, options_of(TrainingOptions))
    options["init_from"] = str(init_from) if isinstance(init_from, Path) else init_from
    chosen = TrainingOptions(**options)
    name = str(column) if isinstance(column, int) else column
    kind = TextOptions(lines, separator, name)
    settings = RunSettings.of(
        texts,
        encoding=encoding,
        pattern=glob,
        normalize=normalize,
        text_options=asdict(kind),
        options={each: getattr(chosen, each) for each in options},
    )
    folder = RunFolder.create(
        None if output is None else Path(output),
        corpus_name(texts) if texts else "",
        overwrite=overwrite,
    )
    try:
        folder.write_settings(settings)  # a run that is killed while torch is imported is resumed
        limit_thread_spinning()
        from chargen.training.train import start

        cache = cache_folder(folder.final_path, DEFAULT_ROOT)
        corpus = Corpus.read(texts, **settings.reading, cache=cache)
        trainer = start(corpus, chosen, folder=folder, began=began)
    except Exception:
        folder.discard()
        raise
    except BaseException:
        folder.close()
        raise
    try:
        for _ in trainer.run():
            pass
        trainer.folder.finish()
    finally:
        trainer.folder.close()
    return load(trainer.folder.final_path)


def _check_count(count: object) -> None:
    Option("", "count", kind="int", minimum=1).check(count)
