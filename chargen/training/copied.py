"""The share of passages sampled from a trained model that occur in its training text."""

from __future__ import annotations

from functools import partial

import numpy as np

from chargen.evaluation.copying import copied_share
from chargen.generation.context import Reader
from chargen.generation.generate import generate_texts
from chargen.generation.settings import GenerationSettings
from chargen.text.ids import Spans
from chargen.text.split import Split
from chargen.text.vocabulary import Vocabulary

_SAMPLES = 8
_LENGTH = 240
_PROMPT = 20
_MIN_PASSAGES = 200
_MAX_CHARACTERS = 5_000_000  # about a second; models of these sizes hardly copy from a longer text


def copied_passages(
    reader: Reader, parts: Split, length: int, *, by_heart: bool, seed: int
) -> tuple[float, float] | None:
    """Return two shares of passages of `length` characters that occur in the training set.

    The first is that of samples, the second that of the validation set; 0 without one.
    by_heart: let the samples continue passages of the training set; without it, they have no
    prompt. None if there are too few passages, or if the training set is very long.
    """
    size = min(_LENGTH, parts.train_characters // 2)
    if size < length or parts.train_characters > _MAX_CHARACTERS:
        return None
    text = _decode(parts, parts.train, reader.vocabulary)
    settings = GenerationSettings(length=size, seed=seed)
    continued = partial(generate_texts, reader, settings, past_end=True)
    if by_heart:
        room = len(text) - _PROMPT - size
        starts = [room * k // _SAMPLES for k in range(1, _SAMPLES + 1)]
        samples = [continued(text[at : at + _PROMPT])[0] for at in starts]
    else:
        samples = continued(num_samples=_SAMPLES)
    if reader.kind.separate:
        samples = [part for sample in samples for part in sample.split(reader.kind.boundary)]
    if sum(max(0, len(sample) - length + 1) for sample in samples) < _MIN_PASSAGES:
        return None
    copied = copied_share(samples, text, length)
    if not copied:
        return 0.0, 0.0  # without the slower second share
    held_out = _decode(parts, parts.validation, reader.vocabulary)
    return copied, copied_share([held_out], text, length)


def _decode(parts: Split, spans: Spans, vocabulary: Vocabulary) -> str:
    codes = np.array([ord(character) for character in vocabulary.characters], np.uint32)
    return "".join(
        codes[parts.ids[start + 1 : stop]].tobytes().decode("utf-32-le")
        for start, stop in spans.tolist()
    )
