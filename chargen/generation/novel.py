"""Samples that neither occur in a given text nor repeat each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

from chargen.errors import GenerationError, OptionConflictError
from chargen.generation.context import Reader
from chargen.generation.generate import MAX_BATCH, generate, random_seed
from chargen.generation.records import Drawn, Stopped
from chargen.generation.settings import GenerationSettings
from chargen.text.display import plural

# The search ends after this many consecutive texts that are not novel. If one in a hundred is
# novel, it ends too early with a probability of 0.99 ** 1,000 = 4e-5.
_PATIENCE = 1_000
_WHOLE = ("end", "length")  # reasons for which a sample is not a part; the length is only a limit


def generate_novel(
    reader: Reader,
    settings: GenerationSettings,
    prompt: str = "",
    *,
    occurs: Callable[[str, bool], bool],
    num_samples: int = 1,
    log_probabilities: bool = False,
) -> Iterator[Drawn | Stopped]:
    """Yield the records of the first novel samples, as `generate` numbers them, one by one.

    A sample is novel if it has a character that is not white space, does not occur, and differs
    from every other novel sample by more than surrounding white space. The yielded samples are
    numbered from 0. occurs: whether the text of a sample, without the prompt, is known, given
    whether the sample is whole: it is a part if a stop condition ended it before its end.
    Raises OptionConflictError if nothing ends a sample, and GenerationError if 1,000 samples in a
    row are not novel, or one with temperature 0, where all are equal.
    """
    if settings.length is None and not (settings.has_stop or reader.kind.separate):
        raise OptionConflictError(
            "{novel} needs a limit on each text, but {length} has none (set it to the number of"
            " characters, or set {stop}, {until_newline} or a maximum such as {max_lines})",
            "novel",
            "length",
            "stop",
            "until_newline",
            "max_lines",
        )
    if settings.seed is None:
        settings = replace(settings, seed=random_seed())
    context = reader.read(prompt)
    patience = _PATIENCE if settings.temperature else 1
    found: set[str] = set()
    drawn = failures = 0
    growth = 1  # larger batches are faster, and the fewer texts are novel, the more are needed
    while len(found) < num_samples:
        batch = min(growth * (num_samples - len(found)), MAX_BATCH)
        records: defaultdict[int, list[Drawn | Stopped]] = defaultdict(list)
        for record in generate(
            reader,
            settings,
            prompt,
            num_samples=batch,
            first_sample=drawn,
            context=context,
            log_probabilities=log_probabilities,
        ):
            records[record.sample].append(record)
        for number in range(drawn, drawn + batch):
            *characters, end = records[number]
            text = "".join(each.character for each in characters if isinstance(each, Drawn))
            is_whole = isinstance(end, Stopped) and end.reason in _WHOLE
            key = text.strip()
            if key and key not in found and not occurs(text, is_whole):
                for record in records[number]:
                    yield record._replace(sample=len(found))
                found.add(key)
                failures = 0
                if len(found) == num_samples:
                    return
            elif (failures := failures + 1) == patience:
                raise GenerationError(_too_few(len(found), num_samples, settings.temperature))
        drawn += batch
        growth *= 2


def _too_few(found: int, wanted: int, temperature: float) -> str:
    counts = f"found {found:,} of {plural(wanted, 'novel text')} at temperature {temperature:g}"
    if not temperature:
        return f"{counts}: every text is the same (raise the temperature)"
    return (
        f"{counts}: {_PATIENCE:,} consecutive texts occur in the training text or repeat a sample"
        " (raise the temperature, or generate longer texts)"
    )
