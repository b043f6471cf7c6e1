"""Read texts strictly, and tell which part of them is trained on and which is held out."""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chargen.errors import CorpusError, OptionError
from chargen.text.vocabulary import Vocabulary

Ids = npt.NDArray[np.unsignedinteger]
Spans = npt.NDArray[np.int64]

# Below this many characters a tenth is too little to measure anything on, and too much to lose.
HOLD_OUT_FROM = 10_000
DEFAULT_VALIDATION_FRACTION = 0.1

_PIECE = 1 << 20
_TEXT_CONTROLS = frozenset("\t\n\r\f\v\b\x1b")


@dataclass(frozen=True)
class Corpus:
    """One or more texts, each a sequence of its own.

    With `lines`, every non-empty line is a text, and its newline is predicted too.
    """

    name: str
    texts: tuple[str, ...]
    lines: bool = False

    @classmethod
    def read(
        cls, paths: Sequence[str | Path], *, encoding: str = "utf-8", lines: bool = False
    ) -> Corpus:
        """Read files, folders (their *.txt, sorted by name) and "-" (standard input).

        Raises CorpusError where one is missing, empty, binary or not in `encoding`, and where
        all of them together hold fewer than two characters or two distinct ones; OptionError
        where there is no such encoding.
        """
        if not paths:
            raise CorpusError("no text was given (name a file, a folder of .txt files, or -)")
        encoding = _known(encoding)
        sources = [source for path in paths for source in _expand(str(path))]
        texts = [_decode(_read_bytes(source), _shown(source), encoding) for source in sources]
        return cls.of(texts, name=corpus_name(paths), lines=lines)

    @classmethod
    def of(cls, texts: Iterable[str], *, name: str = "corpus", lines: bool = False) -> Corpus:
        """Take texts that are in memory already. Raises CorpusError as `read` does."""
        kept = tuple(normalise(text) for text in texts)
        if lines:
            kept = tuple(line for text in kept for line in text.split("\n") if line)
        corpus = cls(name, tuple(text for text in kept if text), lines)
        for piece in corpus.pieces():
            try:
                piece.encode("utf-8")
            except UnicodeEncodeError as error:  # a few codecs let them through
                half = f"U+{ord(piece[error.start]):04X}"
                raise CorpusError(
                    f"{name} holds half a character, the lone surrogate {half}"
                    " (decode the text with its right encoding)"
                ) from None
        size = corpus.characters - (len(corpus.texts) if lines else 0)
        if size < 2:
            raise CorpusError(
                f"{name} holds {size} character{'s' * (size != 1)}; training takes two or more"
            )
        first = corpus.texts[0][0]
        if not lines and all(text.count(first) == len(text) for text in corpus.texts):
            raise CorpusError(
                f"{name} holds one distinct character, {first!r}; training takes two or more"
            )
        return corpus

    @property
    def characters(self) -> int:
        """The number of characters to predict: with `lines`, each line's newline among them."""
        return sum(map(len, self.texts)) + (len(self.texts) if self.lines else 0)

    @property
    def sha256(self) -> str:
        """The digest of the texts in UTF-8, as read (newlines made "\\n", BOM dropped).

        For one clean file it is what `sha256sum` prints; several texts are divided by U+001E.
        """
        digest = hashlib.sha256()
        if self.lines:
            digest.update(("\n".join(self.texts) + "\n").encode("utf-8"))
        else:
            for k, text in enumerate(self.texts):
                digest.update(b"\x1e" if k else b"")
                for at in range(0, len(text), _PIECE):
                    digest.update(text[at : at + _PIECE].encode("utf-8"))
        return digest.hexdigest()

    def pieces(self) -> Iterator[str]:
        """All texts end to end, each after a newline, in pieces of a million characters.

        With `lines` the last line's newline follows too, so that every line ends with one.
        """
        texts = ("\n".join(self.texts) + "\n",) if self.lines else self.texts
        for text in texts:
            yield "\n"
            for at in range(0, len(text), _PIECE):
                yield text[at : at + _PIECE]

    def spans(self) -> Spans:
        """[n, 2]: where each text starts (at the newline before it) and stops in `pieces`."""
        lengths = np.fromiter(map(len, self.texts), np.int64, len(self.texts)) + 1
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64)
        return np.stack([starts, starts + lengths + (1 if self.lines else 0)], axis=1)


@dataclass(frozen=True)
class Split:
    """A corpus as ids, and the two parts of it.

    ids: [N], every text after a newline. train, validation: [n, 2] spans of ids; in each span
    every id but the first is a target.
    """

    ids: Ids
    train: Spans
    validation: Spans

    @property
    def train_characters(self) -> int:
        """The number of targets in the training part."""
        return int((self.train[:, 1] - self.train[:, 0] - 1).sum())

    @property
    def validation_characters(self) -> int:
        """The number of ids in the held-out part that can be targets."""
        return int((self.validation[:, 1] - self.validation[:, 0] - 1).sum())


def split(
    corpus: Corpus, vocabulary: Vocabulary, *, validation_fraction: float | None, seed: int
) -> Split:
    """Encode a corpus and hold part of it out.

    Texts lose their tail, counted over all of them; lines are drawn by the seed among the
    distinct ones, since a line that stands on both sides would be no test. A held-out line
    counts once, however often it stood there. With None a tenth is held out, of a corpus of
    10,000 characters or more. Raises CorpusError where a part would have nothing to predict.
    """
    ids = encode(corpus, vocabulary)
    spans = corpus.spans()
    if validation_fraction is None:
        enough = corpus.characters >= HOLD_OUT_FROM
        if corpus.lines:  # a line that is there once only cannot be on both sides
            enough = enough and any(line != corpus.texts[0] for line in corpus.texts)
        validation_fraction = DEFAULT_VALIDATION_FRACTION if enough else 0.0
    if validation_fraction == 0:
        return Split(ids, spans, spans[:0])
    cut = _split_lines if corpus.lines else _split_tail
    parts = Split(ids, *cut(corpus, spans, validation_fraction, seed))
    if parts.validation_characters < 1 or parts.train_characters < 2:
        raise CorpusError(
            f"--val-fraction {validation_fraction:g} of {corpus.name}"
            f" ({corpus.characters:,} characters) leaves a part with nothing to predict"
            " (use --val-fraction 0 to train on all of it)"
        )
    return parts


def encode(corpus: Corpus, vocabulary: Vocabulary) -> Ids:
    """All texts of a corpus as one array of ids, laid out as `Corpus.pieces` has them."""
    total = corpus.characters + (1 if corpus.lines else len(corpus.texts))
    ids = np.empty(total, vocabulary.dtype)
    at = 0
    for piece in corpus.pieces():
        ids[at : at + len(piece)] = vocabulary.encode(piece)
        at += len(piece)
    assert at == total
    return ids


def corpus_name(paths: Sequence[str | Path]) -> str:
    """What a corpus of these files is called, and the folder of its models by default."""
    first = str(paths[0])
    stem = "stdin" if first == "-" else Path(os.path.abspath(first)).stem
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in stem).strip("-.")
    return (kept[:80] or "corpus") + (f"-and-{len(paths) - 1}-more" if len(paths) > 1 else "")


def read_file(path: str | Path, *, encoding: str = "utf-8") -> str:
    """The text of one file, or of "-", with newlines as `normalise` writes them.

    Raises CorpusError where it is missing, a folder, empty, binary or not in `encoding`.
    """
    if os.path.isdir(path):
        raise CorpusError(f"{_shown(str(path))} is a folder (name a text file or -)")
    text = _decode(_read_bytes(str(path)), _shown(str(path)), encoding, "save it as UTF-8")
    return normalise(text)


def normalise(text: str) -> str:
    """A text without its byte order mark and with every newline written as "\\n"."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _split_tail(corpus: Corpus, spans: Spans, fraction: float, seed: int) -> tuple[Spans, Spans]:
    keep = corpus.characters - max(1, round(corpus.characters * fraction))
    before = np.cumsum(spans[:, 1] - spans[:, 0] - 1)  # targets up to the end of each text
    whole = int(np.searchsorted(before, keep, side="right"))
    train, validation = spans[:whole], spans[whole:]
    inside = keep - (int(before[whole - 1]) if whole else 0)
    if inside and whole < len(spans):
        cut = int(spans[whole, 0]) + 1 + inside
        head = np.array([[spans[whole, 0], cut]], np.int64)
        train = np.concatenate([train, head])
        validation = validation.copy()
        validation[0, 0] = cut
    return train, validation


def _split_lines(corpus: Corpus, spans: Spans, fraction: float, seed: int) -> tuple[Spans, Spans]:
    first_at: dict[str, int] = {}
    kind = np.fromiter(
        (first_at.setdefault(line, len(first_at)) for line in corpus.texts),
        np.int64,
        len(corpus.texts),
    )
    held = max(1, round(len(first_at) * fraction))
    order = np.random.Generator(np.random.Philox(key=[seed, 0])).permutation(len(first_at))
    is_held = np.zeros(len(first_at), bool)
    is_held[order[:held]] = True
    line_is_held = is_held[kind]
    _, first = np.unique(kind, return_index=True)
    once = np.zeros(len(spans), bool)
    once[first] = True
    return spans[~line_is_held], spans[line_is_held & once]


def _expand(path: str) -> list[str]:
    try:
        if path == "-" or not Path(path).is_dir():
            return [path]
        found = sorted(str(file) for file in Path(path).glob("*.txt") if file.is_file())
    except OSError as error:
        raise CorpusError(f"{_shown(path)} cannot be read: {error.strerror}") from None
    if not found:
        raise CorpusError(f"{path} is a folder without .txt files (name the files themselves)")
    return found


def _read_bytes(path: str) -> bytes:
    if path == "-":
        try:
            return sys.stdin.buffer.read()
        except (AttributeError, OSError, ValueError):  # None where there is none
            raise CorpusError("standard input is closed (name a file instead of -)") from None
    try:
        if stat.S_ISCHR(os.stat(path).st_mode) and path != os.devnull and not _is_terminal(path):
            raise CorpusError(f"{_shown(path)} is a device, not a text (name a file or -)")
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise CorpusError(
            f"{_shown(path)} does not exist (name a text file, a folder or -)"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CorpusError(f"{_shown(path)} cannot be read: {reason}") from None


def _is_terminal(path: str) -> bool:
    with open(path, "rb", buffering=0) as file:
        return file.isatty()


def _known(encoding: str) -> str:
    """The encoding, made sure of. The byte order mark is dropped in any, so UTF-8 needs no sig."""
    try:
        b"a".decode(encoding)
    except UnicodeDecodeError:
        pass  # half a character, in UTF-16
    except (LookupError, ValueError):
        raise OptionError(
            f"--encoding {ascii(encoding)[1:-1]} is not a text encoding that Python knows"
            " (try utf-8, utf-16, latin-1, cp1252, gb18030 or shift_jis)"
        ) from None
    return "utf-8" if codecs.lookup(encoding).name == "utf-8-sig" else encoding


def _decode(data: bytes, shown: str, encoding: str, advice: str = "") -> str:
    if not data:
        raise CorpusError(f"{shown} is empty")
    try:
        text = data.decode(encoding)
        text.encode("utf-8")  # a few codecs let lone surrogates through
    except UnicodeDecodeError as error:
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        binary = b"\0" in data[:4096] and not wide
        other = "utf-16" if wide and not encoding.lower().startswith("utf-16") else "latin-1"
        hint = "it looks like a binary file" if binary else advice or f"try --encoding {other}"
        value = f"byte 0x{data[error.start]:02X}" if error.start < len(data) else "the end"
        raise CorpusError(
            f"{shown} is not {encoding.upper()}: {value} at offset {error.start} ({hint})"
        ) from None
    except UnicodeError as error:
        reason = getattr(error, "reason", None) or error
        raise CorpusError(f"{shown} is not {encoding.upper()}: {reason}") from None
    head = text[:65_536]
    controls = sum(head.count(c) for c in map(chr, range(32)) if c not in _TEXT_CONTROLS)
    if controls > len(head) // 10:
        raise CorpusError(
            f"{shown} looks like a binary file: {controls:,} of its first {len(head):,} characters"
            " are control characters (give plain text)"
        )
    return text


def _shown(path: str) -> str:
    return "standard input" if path == "-" else path.encode("utf-8", "replace").decode("utf-8")
