"""`chargen sample`: generate text that continues a prompt."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from chargen.cli.copies import Copies, find_training_text
from chargen.cli.display import coloured, colours_wanted, json_line, legend, marked
from chargen.cli.options import (
    Command,
    declared_options,
    encoding_option,
    file_text,
    given,
    known_prompt,
    load_model,
    model_option,
    refuse_encoding,
    warn,
)
from chargen.errors import OptionError
from chargen.generation.records import Drawn, Stopped
from chargen.generation.settings import GenerationSettings
from chargen.text.display import visible
from chargen.text.kind import LINE, STREAM, TextKind

if TYPE_CHECKING:
    from pathlib import Path

    from chargen.text.vocabulary import Vocabulary

_PROBABILITY, _COPIED = "probability", "copied"  # what --highlight shows


@click.command("sample", cls=Command)
@model_option
@click.option("-p", "--prompt", help="Text to continue")
@click.option("--file", metavar="FILE", help="Read the prompt from a file; - is standard input")
@click.option("--keep-newline", is_flag=True, help="Keep the last newline of --file in the prompt")
@encoding_option
@click.option(
    "--num-samples", type=int, default=1, metavar="N", help="Number of texts [default: 1]"
)
@declared_options(GenerationSettings)
@click.option(
    "--novel",
    is_flag=True,
    help="Draw a text again if it occurs in the training text or repeats another sample",
)
@click.option(
    "--against",
    metavar="FILE",
    multiple=True,
    help="Training text for --novel, --highlight copied and --json; can be repeated"
    " [default: the file that the model was trained on]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per text")
@click.option(
    "--highlight",
    type=click.Choice([_PROBABILITY, _COPIED]),
    is_flag=False,
    flag_value=_PROBABILITY,
    help="Colour characters by their probability, which is the default, or mark stretches that are"
    " copied from the training text",
)
def command(
    model: str | None,
    prompt: str | None,
    file: str | None,
    keep_newline: bool,
    encoding: str,
    num_samples: int,
    novel: bool,
    against: tuple[str, ...],
    as_json: bool,
    highlight: str | None,
    **options: Any,
) -> None:
    """Generate text that continues a prompt, with the newest model or -m MODEL.

    Filters apply in this order: repetition penalty, temperature, top-k, top-p, min-p, threshold.
    """
    from chargen.generation.context import Reader
    from chargen.generation.generate import generate, random_seed
    from chargen.generation.novel import generate_novel
    from chargen.text.decoding import normalise

    _check_usage(**click.get_current_context().params)
    shows_copies = as_json or highlight == _COPIED
    chosen = given(GenerationSettings, options)
    chosen["stop"] = tuple(normalise(text) for text in chosen.get("stop", ()))
    settings = GenerationSettings(**chosen)
    if settings.seed is None:
        settings = replace(settings, seed=random_seed())
    loaded = load_model(model)
    reader, vocabulary = Reader.of(loaded), loaded.vocabulary
    if "length" not in chosen:
        settings = replace(settings, length=reader.default_length)
    settings = replace(settings, stop=tuple(map(vocabulary.known_form, settings.stop)))
    _warn_unknown(settings.stop, vocabulary)
    read = prompt or "" if file is None else file_text(file, encoding)
    if file is not None and not keep_newline:
        read = read.removesuffix("\n")
    prompt = known_prompt(read, vocabulary, typed=file is None)
    training_text = None
    if novel or shows_copies:
        is_needed = novel or highlight == _COPIED
        training_text = find_training_text(loaded, against, encoding, is_needed=is_needed)
    colours = highlight is not None and colours_wanted(sys.stdout)
    if highlight and not colours:
        what = "--highlight has no effect" if highlight == _PROBABILITY else "nothing is marked"
        warn(f"{what}: standard output is not a terminal with colours")
    draw = generate
    if novel:
        assert training_text is not None
        draw = partial(generate_novel, occurs=partial(training_text.contains, prompt))
    records = draw(
        reader,
        settings,
        prompt,
        num_samples=num_samples,
        log_probabilities=as_json or (colours and highlight == _PROBABILITY),
    )
    samples = completed(records)
    copies = Copies(training_text, prompt) if shows_copies and training_text else None
    if copies is not None:
        samples = copies.marked(samples)
    if as_json:
        for number, sample in samples:
            print_json(loaded.folder, prompt, number, sample, settings)
    elif num_samples == 1 and not novel and copies is None:
        _stream_one(prompt, records, settings, colours=colours)
    else:
        kind = LINE if settings.until_newline else reader.kind
        print_texts(prompt, samples, kind, colours=colours)
    if highlight == _COPIED and copies is not None:
        print(copies.summary(), file=sys.stderr)
    elif colours and sys.stderr.isatty():
        print(legend(), file=sys.stderr)


def _check_usage(
    prompt: str | None,
    file: str | None,
    keep_newline: bool,
    num_samples: int,
    novel: bool,
    against: tuple[str, ...],
    as_json: bool,
    highlight: str | None,
    **_: Any,
) -> None:
    """Refuse options that are incompatible or have no effect."""
    if prompt is not None and file is not None:
        raise click.UsageError("--prompt and --file are mutually exclusive")
    refuse_encoding(file or next(iter(against), None), "--file or --against")
    if keep_newline and file is None:
        raise click.UsageError("--keep-newline has no effect without --file")
    if as_json and highlight is not None:
        raise click.UsageError("--json and --highlight are mutually exclusive")
    if against and not (novel or as_json or highlight == _COPIED):
        raise click.UsageError(
            "--against has no effect without --novel, --highlight copied or --json"
        )
    if num_samples < 1:
        raise OptionError("num_samples", num_samples, "a whole number, 1 or more")


def _warn_unknown(stop: Iterable[str], vocabulary: Vocabulary) -> None:
    from chargen.text.display import list_characters

    for text in stop:
        if unknown := vocabulary.unknown(text):
            shown = list_characters(unknown)
            warn(f"--stop {text!r} never occurs: the model does not know {shown}")


def _stream_one(
    prompt: str, records: Iterable[Drawn | Stopped], settings: GenerationSettings, *, colours: bool
) -> None:
    reason = stream(prompt, records, colours=colours)
    if reason == "confidence" and sys.stderr.isatty():
        print(
            f"(stopped: the top probability fell below {settings.confidence:g})",
            file=sys.stderr,
        )


@dataclass
class Text:
    """The characters of a sample, and the reason why it ended; "" until it ends.

    copied: the positions of the characters that are copied from the training text; None if the
    training text is not known.
    """

    characters: list[Drawn] = field(default_factory=list)
    reason: str = ""
    copied: Collection[int] | None = None

    def __str__(self) -> str:
        return "".join(drawn.character for drawn in self.characters)


def completed(records: Iterable[Drawn | Stopped]) -> Iterator[tuple[int, Text]]:
    """Yield numbers and samples in order when complete; after Ctrl-C, also incomplete ones."""
    texts: defaultdict[int, Text] = defaultdict(Text)
    following = 0
    try:
        for record in records:
            text = texts[record.sample]
            if isinstance(record, Drawn):
                text.characters.append(record)
                continue
            text.reason = record.reason
            while following in texts and texts[following].reason:
                yield following, texts.pop(following)
                following += 1
    except KeyboardInterrupt:
        for number, text in sorted(texts.items()):
            text.reason = text.reason or "interrupted"
            yield number, text
        raise


def print_texts(
    prompt: str, samples: Iterable[tuple[int, Text]], kind: TextKind, *, colours: bool = False
) -> None:
    """Print the samples that `completed` yields.

    kind: what a sample is. Lines are not separated by blank lines, nor are documents and cells of
    one line.
    """
    before = ""
    for number, sample in samples:
        text = f"{prompt}{sample}"
        is_apart = kind == STREAM or (kind != LINE and "\n" in before + text)
        start = "\n" * (is_apart and number > 0) + prompt
        stream(start, sample.characters, colours=colours, copied=sample.copied or ())
        before = text


def print_json(
    model: Path, prompt: str, number: int, text: Text, settings: GenerationSettings
) -> None:
    """Print a sample as one line of JSON."""
    from chargen.evaluation.units import bits_per_character

    log_probability = sum(drawn.log_probability or 0.0 for drawn in text.characters)
    count = len(text.characters)
    fields = {
        "sample": number,
        "prompt": prompt,
        "text": str(text),
        "log_probability": log_probability,
        "bits_per_character": bits_per_character(-log_probability / count) if count else None,
        "copied": None if text.copied is None else len(text.copied) / max(1, count),
        "stop_reason": text.reason,
        "model": str(model),
        "settings": asdict(settings),
    }
    print(json_line(fields), flush=True)


def stream(
    prompt: str,
    records: Iterable[Drawn | Stopped],
    *,
    colours: bool = False,
    copied: Collection[int] = (),
) -> str:
    """Print a text while it is generated, and return why it ended. Ctrl-C ends the line first.

    Control characters are visible on a terminal. colours: show the probabilities, and mark the
    characters at the positions in `copied`.
    """
    out = sys.stdout
    terminal = out.isatty()
    show = visible if terminal else str
    reason = ""
    try:
        out.write(show(prompt))
        out.flush()
        for place, record in enumerate(records):
            if isinstance(record, Stopped):
                reason = record.reason
                continue
            character = show(record.character)
            if colours and place in copied:
                character = marked(character)
            elif colours and record.log_probability is not None:
                character = coloured(character, math.exp(record.log_probability))
            out.write(character)
            if terminal:
                out.flush()
    except KeyboardInterrupt:
        out.write("\n")
        raise
    out.write("\n")
    out.flush()
    return reason
