"""Texts are read as they stand, and laid out with their borders."""

import codecs
import hashlib
import io
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chargen.errors import CorpusError
from chargen.text.corpus import (
    Corpus,
    corpus_name,
    encode,
    normalise,
)
from chargen.text.vocabulary import Vocabulary

PIECE = 1 << 20  # the longest string that `pieces` yields


def write(folder: Path, content: bytes, name: str = "corpus.txt") -> Path:
    """A file of the folder with this content."""
    path = folder / name
    path.write_bytes(content)
    return path


def targets(spans: Iterable[Iterable[int]]) -> list[int]:
    """Every place that a part predicts: all of each span but its first."""
    return [k for start, stop in spans for k in range(start + 1, stop)]


# Reading


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    """A clean file is one text under the name of the file, with nothing stripped."""
    corpus = Corpus.read([write(tmp_path, "  \u660e\u6708,\n\n e\u0301 \n".encode())])
    assert corpus == Corpus("corpus", ("  \u660e\u6708,\n\n e\u0301 \n",), lines=False)
    assert corpus.characters == 12


def test_a_path_may_be_a_string(tmp_path: Path) -> None:
    """Strings and paths name the same file."""
    path = write(tmp_path, b"abc")
    assert Corpus.read([str(path)]) == Corpus.read([path])


def test_several_files_are_several_texts_in_the_order_given(tmp_path: Path) -> None:
    """Files stay texts of their own and are not sorted."""
    b, a = write(tmp_path, b"second", "b.txt"), write(tmp_path, b"first", "a.txt")
    corpus = Corpus.read([b, a])
    assert corpus.texts == ("second", "first")
    assert corpus.name == "b-and-1-more"


def test_a_folder_gives_its_txt_files_sorted_by_name(tmp_path: Path) -> None:
    """Of a folder only *.txt directly in it is read, and no folder that is called so."""
    write(tmp_path, b"two", "b.txt")
    write(tmp_path, b"one", "a.txt")
    write(tmp_path, b"\xff\0", "picture.png")
    (tmp_path / "c.txt").mkdir()
    write(tmp_path / "c.txt", b"deeper", "d.txt")
    corpus = Corpus.read([tmp_path])
    assert corpus.texts == ("one", "two")
    assert corpus.name == tmp_path.name


def test_files_and_folders_mix(tmp_path: Path) -> None:
    """Each argument is expanded where it stands."""
    folder = tmp_path / "texts"
    folder.mkdir()
    write(folder, b"in it", "x.txt")
    outside = write(tmp_path, b"outside", "y")
    assert Corpus.read([outside, folder, outside]).texts == ("outside", "in it", "outside")


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Put these bytes into standard input, behind a wrapper of another encoding."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input is read as bytes, so that its own encoding has no say."""
    stdin(monkeypatch, "\u660e\u6708\r\n".encode())
    corpus = Corpus.read(["-"])
    assert corpus == Corpus("stdin", ("\u660e\u6708\n",), lines=False)


def test_standard_input_obeys_the_encoding_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """--encoding holds for standard input too."""
    stdin(monkeypatch, "\u043e\u043d\u0430".encode("cp1251"))
    assert Corpus.read(["-"], encoding="cp1251").texts == ("\u043e\u043d\u0430",)


# Newlines, byte order marks, encodings


def test_every_newline_becomes_a_line_feed() -> None:
    """CR LF and CR are newlines; other separators are characters."""
    assert normalise("a\r\nb\rc\nd\r\r\ne\n\rf") == "a\nb\nc\nd\n\ne\n\nf"
    assert normalise("\v\f\x1c\x85\u2028\u2029") == "\v\f\x1c\x85\u2028\u2029"


def test_one_byte_order_mark_is_dropped_at_the_start_alone() -> None:
    """U+FEFF is a mark only as the very first character."""
    assert normalise("\ufeff\ufeffa\ufeffb") == "\ufeffa\ufeffb"


@given(st.text())
def test_normalising_again_changes_no_newline(text: str) -> None:
    """A normalised text holds no CR, and without a mark in front it stays what it is."""
    once = normalise(text)
    assert "\r" not in once
    assert once.startswith("\ufeff") or normalise(once) == once


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", codecs.BOM_UTF8 + b"caf\xc3\xa9\r\n"),
        ("utf-8-sig", codecs.BOM_UTF8 + b"caf\xc3\xa9\r\n"),
        ("utf-16", "\ufeffcaf\u00e9\r\n".encode("utf-16-le")),
        ("utf-16", "\ufeffcaf\u00e9\r\n".encode("utf-16-be")),
        ("utf-16-le", "\ufeffcaf\u00e9\r\n".encode("utf-16-le")),
        ("utf-32", "caf\u00e9\r\n".encode("utf-32")),
        ("latin-1", b"caf\xe9\r\n"),
        ("cp1252", b"caf\xe9\r\n"),
        ("cp437", b"caf\x82\r\n"),
        ("UTF8", b"caf\xc3\xa9\r\n"),
    ],
)
def test_encodings_marks_and_newlines_leave_the_same_text(
    tmp_path: Path, encoding: str, content: bytes
) -> None:
    """However it is stored, the text is the same."""
    assert Corpus.read([write(tmp_path, content)], encoding=encoding).texts == ("caf\u00e9\n",)


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "big5", "euc-jp"])
def test_east_asian_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    """The encodings of Chinese and Japanese texts work by their usual names."""
    path = write(tmp_path, "\u660e\u6708\n".encode(encoding))
    assert Corpus.read([path], encoding=encoding).texts == ("\u660e\u6708\n",)


def test_a_gutenberg_text_loses_its_mark_and_its_carriage_returns(data: Path) -> None:
    """A book as published, with a mark and CR LF, is read as its plain form."""
    path = data / "prideprejudice.txt"
    raw = path.read_bytes()
    assert raw.startswith(codecs.BOM_UTF8)
    assert b"\r\n" in raw
    plain = raw[3:].replace(b"\r\n", b"\n")
    corpus = Corpus.read([path])
    assert corpus.texts == (plain.decode("utf-8"),)
    assert corpus.sha256 == hashlib.sha256(plain).hexdigest()


# Names


@pytest.mark.parametrize(
    ("paths", "name"),
    [
        (["corpus.txt"], "corpus"),
        (["/some/where/My Book (2nd).txt"], "My-Book--2nd"),
        (["\u660e\u6708.txt"], "\u660e\u6708"),
        (["a.tar.gz"], "a.tar"),
        ([".hidden"], "hidden"),
        (["---.txt"], "corpus"),
        (["x" * 200 + ".txt"], "x" * 80),
        (["-"], "stdin"),
        (["bad\udcff.txt"], "bad"),
        (["a.txt", "b.txt", "c.txt"], "a-and-2-more"),
    ],
)
def test_a_corpus_is_called_after_its_first_file(paths: list[str], name: str) -> None:
    """The name is fit for a folder: letters, digits, dot, dash and underscore, 80 at most."""
    assert corpus_name(paths) == name


def test_a_relative_folder_has_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current folder is called what it is called, not a dot."""
    monkeypatch.chdir(tmp_path)
    assert corpus_name(["."]) == corpus_name([tmp_path])


def test_a_circle_of_links_has_a_name(tmp_path: Path) -> None:
    """Naming never fails; it is reading that tells what is wrong."""
    path = tmp_path / "circle.txt"
    path.symlink_to(path)
    assert corpus_name([path]) == "circle"


# Layout

some_texts = st.lists(st.text(st.sampled_from("ab\n\u660e"), min_size=1, max_size=9), max_size=6)


def corpus_of(texts: list[str], *, lines: bool) -> Corpus:
    """A corpus, where these texts make one."""
    try:
        return Corpus.of(texts, lines=lines)
    except CorpusError:
        assume(False)
        raise


@given(some_texts, st.booleans())
@example(["ab", "c\n", "\nd"], False)
@example(["a\nb", "a"], True)
def test_spans_pieces_and_ids_agree(texts: list[str], lines: bool) -> None:
    """Each span of the laid out corpus is a newline and its text, and with lines a newline."""
    corpus = corpus_of(texts, lines=lines)
    laid_out = "".join(corpus.pieces())
    spans = corpus.spans()
    assert [laid_out[start:stop] for start, stop in spans] == [
        f"\n{text}\n" if lines else f"\n{text}" for text in corpus.texts
    ]
    assert len(targets(spans)) == corpus.characters
    assert sorted({*targets(spans), *spans[:, 0].tolist()}) == list(range(len(laid_out)))
    vocabulary = Vocabulary.build(corpus.pieces())
    ids = encode(corpus, vocabulary)
    assert vocabulary.decode(ids) == laid_out
    assert ids.dtype == vocabulary.dtype


def test_empty_texts_are_left_out() -> None:
    """A text of nothing but a mark has no span."""
    corpus = Corpus.of(["ab", "\ufeff", "", "cd"])
    assert corpus.texts == ("ab", "cd")
    assert corpus.spans().tolist() == [[0, 3], [3, 6]]


def test_lines_of_all_texts_are_texts_of_their_own() -> None:
    """With lines, empty ones vanish and a last one without a newline counts like others."""
    corpus = Corpus.of(["emma\r\nolivia\n\n", "ava"], lines=True)
    assert corpus.texts == ("emma", "olivia", "ava")
    assert "".join(corpus.pieces()) == "\nemma\nolivia\nava\n"
    assert corpus.characters == len("emma\nolivia\nava\n")
    assert corpus.spans().tolist() == [[0, 6], [5, 13], [12, 17]]


def test_other_separators_do_not_end_a_line() -> None:
    """A line ends at a newline and nowhere else."""
    corpus = Corpus.of(["a\u2028b\x0bc\x1cd\x85e\ne"], lines=True)
    assert corpus.texts == ("a\u2028b\x0bc\x1cd\x85e", "e")


@pytest.mark.parametrize("lines", [False, True])
def test_a_corpus_longer_than_a_piece_is_laid_out_whole(lines: bool) -> None:
    """Characters on both sides of the border between two pieces come through."""
    text = "".join(chr(0x100 + k % 1009) + ("\n" if k % 7 == 6 else "") for k in range(PIECE))
    corpus = Corpus.of([text, "tail"], lines=lines)
    pieces = list(corpus.pieces())
    assert max(map(len, pieces)) <= PIECE
    assert len(pieces) > 2
    vocabulary = Vocabulary.build(pieces)
    ids = encode(corpus, vocabulary)
    assert vocabulary.decode(ids) == "\n" + (text + "\ntail\n" if lines else text + "\ntail")


def test_encoding_with_another_vocabulary_marks_the_unknown() -> None:
    """A character that the vocabulary lacks is 0 in the layout too."""
    ids = encode(Corpus.of(["abc", "cb"]), Vocabulary("\ufffd\nb"))
    assert ids.tolist() == [1, 0, 2, 0, 1, 0, 2]
    assert ids.dtype == np.uint8


# Digests


@pytest.mark.parametrize("name", ["tinyshakespeare.txt", "zh_songci_100k.txt", "names.txt"])
def test_the_digest_of_a_clean_file_is_that_of_its_bytes(data: Path, name: str) -> None:
    """For one file in UTF-8 with plain newlines the digest is what sha256sum prints."""
    path = data / name
    assert Corpus.read([path]).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_digest_of_a_long_text_is_that_of_its_bytes() -> None:
    """Digesting piece by piece gives the digest of the whole."""
    text = "\u660e\u6708" * PIECE
    assert Corpus.of([text]).sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_of_clean_lines_is_that_of_the_file(tmp_path: Path) -> None:
    """Lines without gaps, the last one ended too, have the digest of their file."""
    path = write(tmp_path, b"emma\nolivia\nava\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert Corpus.read([path], lines=True).sha256 == digest


def test_the_digest_knows_where_texts_end() -> None:
    """The same characters divided otherwise are another corpus."""
    digests = {Corpus.of(texts).sha256 for texts in (["abcd"], ["ab", "cd"], ["abc", "d"])}
    assert len(digests) == 3


def test_the_digest_is_of_the_text_as_read(tmp_path: Path) -> None:
    """A mark, other newlines and another encoding leave the digest as it is."""
    plain = hashlib.sha256("caf\u00e9\n".encode()).hexdigest()
    marked = write(tmp_path, codecs.BOM_UTF8 + "caf\u00e9\r\n".encode())
    assert Corpus.read([marked]).sha256 == plain
    latin = write(tmp_path, b"caf\xe9\r")
    assert Corpus.read([latin], encoding="latin-1").sha256 == plain
