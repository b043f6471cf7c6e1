"""Ids in memory and in a file, and the file of a long text that the next start reads."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.errors import CorpusError
from chargen.text import corpus as corpus_module
from chargen.text import decoding, files, ids
from chargen.text.corpus import Corpus
from chargen.text.ids import BLOCK, IdWriter, StoredIds
from chargen.text.kind import LINE, STREAM, TextKind
from chargen.text.reading import Note
from chargen.text.split import split
from chargen.text.vocabulary import Vocabulary

Write = Callable[..., Path]

# Three blocks and a part of one, and more characters than a byte can number.
LONG = "".join(chr(0x4E00 + k * 7 % 400) + "caf\u00e9\r\n"[k % 6] for k in range(7_000))
Both = tuple[npt.NDArray[np.uint16], StoredIds]
DOCUMENTS = TextKind("document", separator="blank-line")


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat a text of a few kilobytes like one of gigabytes."""
    monkeypatch.setattr(ids, "IN_MEMORY", 1_000)
    monkeypatch.setattr(corpus_module, "IN_MEMORY", 1_000)
    monkeypatch.setattr(ids, "_BUFFER", 2 * BLOCK)
    monkeypatch.setattr(files, "SMALL", 1_000)
    monkeypatch.setattr(files, "_CHUNK", 999)
    monkeypatch.setattr(decoding, "_SAMPLE", 5_000)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The folder of encoded texts, which does not exist yet."""
    return tmp_path / "models" / "cache"


def stored(cache: Path) -> list[Path]:
    """Return the files of encoded texts."""
    return sorted(cache.glob("*.ids"))


def facts(corpus: Corpus) -> tuple[object, ...]:
    """Return everything that does not depend on where the ids are."""
    encoded = corpus.encoded
    return (
        list(corpus.pieces()),
        list(encoded.counts.items()),
        encoded.edges.tolist(),
        encoded.sha256,
        encoded.normal_form,
    )


@pytest.fixture
def long_ids(small_limits: None) -> Both:
    """Random ids, and the same ones in a file."""
    array = np.random.default_rng(1).integers(0, 60_000, 3 * BLOCK).astype(np.uint16)
    with IdWriter() as writer:
        writer.widen(np.uint16)
        for part in np.array_split(array, 7):
            writer.write(part)
    found = writer.finish()
    assert isinstance(found, StoredIds)
    return array, found


def test_ids_in_a_file_are_read_like_an_array(
    long_ids: tuple[npt.NDArray[np.uint16], StoredIds],
) -> None:
    """Ids in a file equal those of an array for slices, scattered positions and windows [T, B]."""
    array, found = long_ids
    assert len(found) == len(array)
    for places in (slice(5, 9_000), slice(None), slice(9, 9), slice(-3, None)):
        np.testing.assert_array_equal(found[places], array[places])
    starts = np.array([0, 4_090, 12_000, 17])
    windows = starts + np.arange(100)[:, None]
    windows[40:, 3] = 0
    for at in (windows, windows[:, 1], np.array([7, 7, 8, 3, 12_287]), np.empty(0, np.int64)):
        np.testing.assert_array_equal(found[at], array[at])
    table = np.arange(60_000, dtype=np.uint16)[::-1].copy()
    np.testing.assert_array_equal(found.mapped(table)[windows], table[array[windows]])


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("kind", [STREAM, LINE, DOCUMENTS])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "gb18030"])
@pytest.mark.parametrize("normalize", ["none", "nfd"])
def test_a_text_read_in_chunks_is_the_text_read_at_once(
    write: Write, cache: Path, kind: TextKind, encoding: str, normalize: str
) -> None:
    """A chunk can end inside a character, a pair of newlines or a separator."""
    text = LONG + "\n\n  \n\n" + LONG[::-1]
    path = write(text.encode(encoding))
    read = Corpus.read([path], encoding=encoding, kind=kind, normalize=normalize, cache=cache)
    assert isinstance(read.encoded.ids, StoredIds)
    assert facts(read) == facts(Corpus.of([text], kind=kind, normalize=normalize))


@pytest.mark.usefixtures("small_limits")
def test_a_long_table_is_read_in_chunks(write: Write, cache: Path) -> None:
    """Cells can be longer than a chunk, and contain newlines."""
    cells = ["a" * 3_000, "b\nc" * 50, "", *(f"d{k}" for k in range(900))]
    path = write(("id,text\n" + "".join(f'1,"{cell}"\n' for cell in cells)).encode(), "m.csv")
    corpus = Corpus.read([path], kind=TextKind("cell", column="text"), cache=cache)
    assert list(corpus.texts()) == [cell for cell in cells if cell]
    assert corpus.skipped_cells == 1


@pytest.mark.usefixtures("small_limits")
def test_an_error_in_a_long_text_names_its_byte(write: Write) -> None:
    """The offset counts the bytes of the chunks before it."""
    path = write("\u660e".encode() * 2_001 + b"\xff\xe9" + b"a" * 1_500)
    with pytest.raises(CorpusError, match=r"is not UTF-8: byte 0xFF at offset 6003 \("):
        Corpus.read([path], encoding="utf-8")


@pytest.mark.usefixtures("small_limits")
def test_the_encoding_of_a_long_text_is_detected_where_it_matters(
    write: Write, cache: Path
) -> None:
    """An encoding is detected even if the first non-ASCII byte is far from the start."""
    french = "Cr\u00e8me br\u00fbl\u00e9e tr\u00e8s r\u00e9ussie, d\u00e9j\u00e0 vu\n"
    text = "plain English text\n" * 4_000 + french * 9
    notes: list[Note] = []
    path = write(text.encode("cp1252"))
    corpus = Corpus.read([path], cache=cache, report=notes.append)
    assert list(corpus.texts()) == [text]
    assert notes == [Note(f"{path}: decoded as cp1252", "encoding")]
    Corpus.read([path], cache=cache, report=notes.append)
    assert notes[1:] == notes[:1]  # read from the cache


@pytest.mark.usefixtures("small_limits")
def test_an_encoded_text_is_reused(write: Write, cache: Path) -> None:
    """The same files with the same options are not encoded again; the facts are the same."""
    path = write(LONG.encode())
    first = Corpus.read([path], cache=cache)
    (file,) = stored(cache)
    before = file.stat().st_mtime_ns
    again = Corpus.read([path], cache=cache)
    assert facts(again) == facts(first)
    assert file.stat().st_mtime_ns == before
    assert len(stored(cache)) == 1
    Corpus.read([path], kind=LINE, cache=cache)
    assert len(stored(cache)) == 2


@pytest.mark.usefixtures("small_limits")
def test_the_text_of_a_file_that_changed_is_replaced(write: Write, cache: Path) -> None:
    """The encoded texts of changed and removed files are deleted."""
    path, other = write(LONG.encode()), write(LONG.encode(), "other.txt")
    Corpus.read([path], cache=cache)
    Corpus.read([other], cache=cache)
    other.unlink()
    path.write_bytes(LONG.encode() + b"new")
    assert "".join(Corpus.read([path], cache=cache).pieces()).endswith("new")
    assert len(stored(cache)) == 1


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("size", [0, 1, 50, 3 * BLOCK, -1, -40, -3_000])
def test_a_truncated_file_is_written_again(write: Write, cache: Path, size: int) -> None:
    """A truncated file is written again, wherever it ends."""
    path = write(LONG.encode())
    expected = facts(Corpus.read([path], cache=cache))
    (file,) = stored(cache)
    content = file.read_bytes()
    file.write_bytes(content[:size])
    assert facts(Corpus.read([path], cache=cache)) == expected
    assert file.read_bytes() == content


@pytest.mark.usefixtures("small_limits")
def test_a_changed_byte_is_noticed(write: Write, cache: Path) -> None:
    """A changed byte is detected when its part of the file is read, and the file is replaced."""
    path = write(LONG.encode())
    first = Corpus.read([path], cache=cache)
    expected = facts(first)
    (file,) = stored(cache)
    content = file.read_bytes()
    for at in range(0, len(content), 997):
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        if at < len(first.encoded.ids) * 2:
            with pytest.raises(
                CorpusError, match=r"\.ids is damaged and was removed; the next run"
            ):
                list(Corpus.read([path], cache=cache).pieces())
            assert not stored(cache)
        assert facts(Corpus.read([path], cache=cache)) == expected


@pytest.mark.usefixtures("small_limits")
def test_the_cache_can_be_deleted_while_it_is_used(write: Write, cache: Path) -> None:
    """The open file can still be read."""
    path = write(LONG.encode())
    corpus = Corpus.read([path], cache=cache)
    for file in cache.iterdir():
        file.unlink()
    cache.rmdir()
    assert "".join(corpus.pieces())[1:] == next(Corpus.of([LONG]).texts())


@pytest.mark.usefixtures("small_limits")
def test_the_file_of_a_killed_process_is_removed(write: Write, cache: Path) -> None:
    """An error leaves no file either."""
    cache.mkdir(parents=True)
    killed = cache / f".{'0' * 32}.4194999.00000000.tmp"
    killed.write_bytes(b"x")
    path = write(LONG.encode())
    with pytest.raises(CorpusError, match="is not a table"):
        Corpus.read([path, path], kind=TextKind("cell", column="a"), cache=cache)
    assert {file.name for file in cache.iterdir()} == {".gitignore", "CACHEDIR.TAG"}


@pytest.mark.usefixtures("small_limits")
def test_a_cache_that_cannot_be_written_is_an_error(write: Write, tmp_path: Path) -> None:
    """The message names the place and the reason."""
    with pytest.raises(CorpusError, match=r"cannot be written to .*corpus.txt.*: "):
        Corpus.read([write(LONG.encode())], cache=tmp_path / "corpus.txt" / "cache")


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("kind", [STREAM, LINE])
def test_a_split_is_the_same_in_memory_and_in_a_file(
    write: Write, cache: Path, kind: TextKind
) -> None:
    """Ids, spans and counts; the counts of the training set are those of its targets."""
    path = write(LONG.encode())
    read = Corpus.read([path], kind=kind, cache=cache)
    held = Corpus.of([LONG], kind=kind)
    vocabulary = Vocabulary.of_counts(held.encoded.counts, min_count=20)
    one, two = (
        split(corpus, vocabulary, validation_fraction=0.2, seed=3) for corpus in (read, held)
    )
    for name in ("train", "validation", "counts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(one.ids[:], two.ids[:])
    targets = np.concatenate([two.ids[a + 1 : b] for a, b in two.train.tolist()])
    expected = np.bincount(targets, minlength=len(vocabulary))
    np.testing.assert_array_equal(one.train_counts(), expected)


@given(st.lists(st.text(st.sampled_from("ab-\n \u660e"), max_size=12), max_size=8))
def test_sections_of_documents_split_like_the_whole_text(pieces: list[str]) -> None:
    """Sections split like the whole text, wherever the pieces end."""
    text = "".join(pieces)
    for kind in (LINE, DOCUMENTS, TextKind("document", separator="-")):
        sections = list(kind.sections(pieces))
        assert "".join(sections) == text
        assert [part for section in sections for part in kind.split(section)] == kind.split(text)
        if kind.separator is not None and len(sections) > 1:
            assert kind.has_separator(text)
