"""Texts are read strictly, and what is held out is never trained on."""

import codecs
import hashlib
import io
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chargen.errors import CorpusError, OptionError
from chargen.text.corpus import (
    HOLD_OUT_FROM,
    Corpus,
    Split,
    corpus_name,
    encode,
    normalise,
    read_file,
    split,
)
from chargen.text.vocabulary import Vocabulary

PIECE = 1 << 20  # the longest string that `pieces` yields


def write(folder: Path, content: bytes, name: str = "corpus.txt") -> Path:
    """A file of the folder with this content."""
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(*paths: str | Path, encoding: str = "utf-8", lines: bool = False) -> str:
    """The message with which these paths are refused: always one line."""
    with pytest.raises(CorpusError) as caught:
        Corpus.read(paths, encoding=encoding, lines=lines)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def split_of(corpus: Corpus, fraction: float | None, seed: int = 1) -> Split:
    """The split of a corpus in its own vocabulary."""
    vocabulary = Vocabulary.build(corpus.pieces())
    return split(corpus, vocabulary, validation_fraction=fraction, seed=seed)


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


def test_empty_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error on standard input calls it by its name."""
    stdin(monkeypatch, b"")
    assert refusal("-") == "standard input is empty"


def test_damaged_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The byte and the place are told for standard input as for a file."""
    stdin(monkeypatch, b"abc\xe9")
    assert refusal("-") == (
        "standard input is not UTF-8: byte 0xE9 at offset 3 (try --encoding latin-1)"
    )


def test_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has no sys.stdin at all where the shell closed it; that is an error like others."""
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal("-").startswith("standard input ")


def test_unreadable_standard_input_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Standard input that was opened for writing alone is an error like others."""
    handle = os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
    with open(handle, "rb", buffering=0) as raw:
        # What the interpreter builds of descriptor 0, whatever its access mode is.
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(raw)))
        assert refusal("-").startswith("standard input ")


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


# What is refused


def test_no_paths_are_refused() -> None:
    """Without a path there is nothing to read."""
    assert refusal() == "no text was given (name a file, a folder of .txt files, or -)"


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "hex", "base64", "", "utf\0", "\udcff"])
def test_an_unknown_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    """What Python does not know as a text encoding is named, before any file is opened."""
    with pytest.raises(OptionError) as caught:
        Corpus.read([tmp_path / "absent"], encoding=encoding)
    assert str(caught.value) == (
        f"--encoding {ascii(encoding)[1:-1]} is not a text encoding that Python knows"
        " (try utf-8, utf-16, latin-1, cp1252, gb18030 or shift_jis)"
    )


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A missing file is named, with what could be."""
    path = tmp_path / "absent.txt"
    assert refusal(path) == f"{path} does not exist (name a text file, a folder or -)"


@pytest.mark.parametrize(
    "name", ["x" * 300, "nul\0", "corpus.txt/inside"], ids=["too long", "NUL", "below a file"]
)
def test_an_impossible_path_is_refused(tmp_path: Path, name: str) -> None:
    """A path that no file can have is an error like others."""
    write(tmp_path, b"abc")
    assert "cannot be read: " in refusal(tmp_path / name)


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    """A link to itself cannot be read."""
    path = tmp_path / "circle.txt"
    path.symlink_to(path)
    assert refusal(path).startswith(f"{path} cannot be read: ")


def test_a_folder_without_texts_is_refused(tmp_path: Path) -> None:
    """A folder is of use only with .txt files in it."""
    write(tmp_path, b"abc", "notes.md")
    assert refusal(tmp_path) == (
        f"{tmp_path} is a folder without .txt files (name the files themselves)"
    )


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """No bytes are no text."""
    path = write(tmp_path, b"")
    assert refusal(path) == f"{path} is empty"


def test_a_file_that_is_not_utf_8_names_byte_and_offset(tmp_path: Path) -> None:
    """The first byte that does not fit is named with its place in the file."""
    path = write(tmp_path, b"x" * 1042 + b"\xe9t\xe9")
    assert refusal(path) == (
        f"{path} is not UTF-8: byte 0xE9 at offset 1042 (try --encoding latin-1)"
    )


def test_the_offset_counts_bytes(tmp_path: Path) -> None:
    """Characters of several bytes before it move the offset by their bytes."""
    path = write(tmp_path, "\u660e\u6708".encode() + b"\xff")
    assert "byte 0xFF at offset 6" in refusal(path)


def test_a_character_cut_off_at_the_end_is_refused(tmp_path: Path) -> None:
    """A file that ends within a character is named by the byte at which that one begins."""
    path = write(tmp_path, "abc\u660e".encode()[:-1])
    assert "byte 0xE6 at offset 3" in refusal(path)


def test_the_offset_counts_the_byte_order_mark(tmp_path: Path) -> None:
    """An encoding that strips the mark still names the place in the file."""
    path = write(tmp_path, codecs.BOM_UTF8 + b"ab\xffcd")
    assert "byte 0xFF at offset 5" in refusal(path, encoding="utf-8")
    assert "byte 0xFF at offset 5" in refusal(path, encoding="utf-8-sig")


def test_utf_16_is_recognised_by_its_mark(tmp_path: Path) -> None:
    """The hint for a UTF-16 file is the encoding that reads it."""
    path = write(tmp_path, "abc".encode("utf-16"))
    assert refusal(path) == (f"{path} is not UTF-8: byte 0xFF at offset 0 (try --encoding utf-16)")
    assert Corpus.read([path], encoding="utf-16").texts == ("abc",)


def test_the_hint_is_never_the_encoding_that_failed(tmp_path: Path) -> None:
    """Where UTF-16 fails by itself, trying UTF-16 is no advice."""
    path = write(tmp_path, "abc".encode("utf-16") + b"\0")
    message = refusal(path, encoding="utf-16")
    assert message.startswith(f"{path} is not UTF-16: byte 0x00 at offset 8 ")
    assert "utf-16)" not in message


def test_another_encoding_is_named_where_it_fails(tmp_path: Path) -> None:
    """The encoding in the message is the one that was asked for."""
    path = write(tmp_path, b"ab\x81")
    assert refusal(path, encoding="cp1252").startswith(
        f"{path} is not CP1252: byte 0x81 at offset 2 "
    )


def test_an_encoding_that_lets_surrogates_through_is_refused(tmp_path: Path) -> None:
    """Half of a surrogate pair is no character, whatever the codec thinks."""
    path = write(tmp_path, b"ab+2AA-cd")
    assert "\ud800" in path.read_bytes().decode("utf-7")
    assert refusal(path, encoding="utf-7") == f"{path} is not UTF-7: surrogates not allowed"


def test_bytes_that_are_no_text_look_binary(tmp_path: Path) -> None:
    """A file with NUL bytes that is not UTF-8 gets no advice on encodings."""
    path = write(tmp_path, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert refusal(path) == (
        f"{path} is not UTF-8: byte 0x89 at offset 0 (it looks like a binary file)"
    )


def test_control_characters_look_binary(tmp_path: Path) -> None:
    """UTF-8 with more than a tenth of control characters is refused with the count."""
    path = write(tmp_path, "abc".encode("utf-16-le"))
    assert refusal(path) == (
        f"{path} looks like a binary file: 3 of its first 6 characters"
        " are control characters (give plain text)"
    )
    path = write(tmp_path, b"x\0" * 100_000)
    assert "32,768 of its first 65,536 characters" in refusal(path)


def test_a_few_control_characters_are_text(tmp_path: Path) -> None:
    """A tenth of control characters is allowed, and tabs, feeds and escapes do not count."""
    assert Corpus.read([write(tmp_path, b"abcdefghi\0")]).texts == ("abcdefghi\0",)
    tabs = b"\t\n\f\v\b\x1b[1m"
    assert Corpus.read([write(tmp_path, tabs)]).texts == (tabs.decode(),)
    assert "binary" in refusal(write(tmp_path, b"abcdefgh\0\0"))


def test_one_character_is_too_little(tmp_path: Path) -> None:
    """Fewer than two characters leave nothing to learn; a lone mark is none at all."""
    assert refusal(write(tmp_path, b"x")) == "corpus holds 1 character; training takes two or more"
    mark = write(tmp_path, codecs.BOM_UTF8)
    assert refusal(mark) == "corpus holds 0 characters; training takes two or more"
    assert Corpus.read([write(tmp_path, b"xy")]).characters == 2


def test_one_distinct_character_is_too_little(tmp_path: Path) -> None:
    """A text of one character repeated, in however many files, is refused."""
    path, other = write(tmp_path, b"xxxx"), write(tmp_path, b"xx", "b.txt")
    message = "corpus holds one distinct character, 'x'; training takes two or more"
    assert refusal(path) == message
    assert refusal(path, other) == message.replace("corpus", "corpus-and-1-more")
    write(tmp_path, b"xy", "b.txt")
    assert Corpus.read([path, other]).characters == 6


def test_newlines_alone_are_one_distinct_character(tmp_path: Path) -> None:
    """A file of empty lines is named as such, in one line."""
    assert refusal(write(tmp_path, b"\r\n\n\r")) == (
        "corpus holds one distinct character, '\\n'; training takes two or more"
    )


def test_the_smallest_corpora_of_lines(tmp_path: Path) -> None:
    """With lines the newline is the second character, but one letter is still too little."""
    assert Corpus.read([write(tmp_path, b"xx\n")], lines=True).texts == ("xx",)
    assert Corpus.read([write(tmp_path, b"x\nx\n")], lines=True).texts == ("x", "x")
    one = refusal(write(tmp_path, b"\nx\n\n"), lines=True)
    assert one == "corpus holds 1 character; training takes two or more"
    none = refusal(write(tmp_path, b"\n\n"), lines=True)
    assert none == "corpus holds 0 characters; training takes two or more"


def test_a_lone_surrogate_in_memory_is_refused() -> None:
    """A text that no file could hold is refused as `read` would, not met later."""
    with pytest.raises(CorpusError):
        Corpus.of(["ab\ud800cd"])


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


# Held out


def test_a_short_corpus_holds_nothing_out() -> None:
    """Under 10,000 characters all is trained on unless asked; from there on a tenth is held out."""
    assert HOLD_OUT_FROM == 10_000
    short, long = Corpus.of(["ab" * 4_999 + "c"]), Corpus.of(["ab" * 5_000])
    assert short.characters == 9_999
    parts = split_of(short, None)
    assert parts.validation.shape == (0, 2)
    assert parts.train_characters == 9_999
    assert parts.validation_characters == 0
    assert split_of(long, None).train_characters == 9_000
    assert split_of(short, 0.1).train_characters == 8_999


def test_lines_below_ten_thousand_characters_hold_nothing_out() -> None:
    """The newline of each line counts towards the 10,000."""
    lines = [f"{k:03d}" for k in range(1_000)] * 3
    short = Corpus.of(["\n".join(lines[:2_499])], lines=True)
    long = Corpus.of(["\n".join(lines[:2_500])], lines=True)
    assert (short.characters, long.characters) == (9_996, 10_000)
    assert len(split_of(short, None).validation) == 0
    assert len(split_of(long, None).validation) == 100


def test_fraction_0_trains_on_everything() -> None:
    """Asked for nothing, nothing is held out, of a long corpus either."""
    parts = split_of(Corpus.of(["ab" * 10_000, "cd"]), 0.0)
    assert parts.train.tolist() == [[0, 20_001], [20_001, 20_004]]
    assert parts.validation_characters == 0


def test_the_tail_of_a_text_is_held_out() -> None:
    """The held-out part begins where training ends, and its first character is only read."""
    parts = split_of(Corpus.of(["0123456789"]), 0.3)
    assert parts.train.tolist() == [[0, 8]]
    assert parts.validation.tolist() == [[8, 11]]
    assert parts.train_characters == 7
    assert parts.validation_characters == 2


def test_the_tail_goes_over_several_texts() -> None:
    """The tail is counted over all texts: later ones are held out whole, one is cut."""
    corpus = Corpus.of(["aaaa", "bbbbbbbb", "cccc"])
    parts = split_of(corpus, 0.5)
    assert parts.train.tolist() == [[0, 5], [5, 10]]
    assert parts.validation.tolist() == [[10, 14], [14, 19]]


def test_a_tail_that_ends_with_a_text_cuts_none() -> None:
    """Where the border falls between two texts both stay whole."""
    parts = split_of(Corpus.of(["aaaa", "bbbb"]), 0.5)
    assert parts.train.tolist() == [[0, 5]]
    assert parts.validation.tolist() == [[5, 10]]
    assert parts.train_characters == parts.validation_characters == 4


@pytest.mark.parametrize("fraction", [0.0001, 0.05, 0.95, 1.0])
def test_a_part_with_nothing_to_predict_is_refused(fraction: float) -> None:
    """A fraction that leaves a part without a target is refused with what to do about it."""
    with pytest.raises(CorpusError) as caught:
        split_of(Corpus.of(["0123456789"], name="digits"), fraction)
    assert str(caught.value) == (
        f"--val-fraction {fraction:g} of digits (10 characters) leaves a part with nothing to"
        " predict (use --val-fraction 0 to train on all of it)"
    )


def test_lines_that_are_all_the_same_cannot_be_held_out() -> None:
    """One distinct line is on one side or the other."""
    with pytest.raises(CorpusError, match="leaves a part with nothing to predict"):
        split_of(Corpus.of(["emma\n" * 100], lines=True), 0.1)


many_texts = st.lists(st.text("abc\n", min_size=1, max_size=30), min_size=1, max_size=8)


@given(many_texts, st.floats(0.01, 0.9))
@example(["aaaa", "bbbbbbbb", "cccc"], 0.5)
@example(["ab"], 0.5)
def test_tails_partition_the_characters(texts: list[str], fraction: float) -> None:
    """Every character is trained on or held out, but the one at a cut, which is only read."""
    corpus = corpus_of(texts, lines=False)
    try:
        parts = split_of(corpus, fraction)
    except CorpusError:
        return
    trained, held = targets(parts.train), targets(parts.validation)
    borders = set(parts.validation[:, 0].tolist()) - set(corpus.spans()[:, 0].tolist())
    assert len(borders) <= 1
    assert sorted([*trained, *held, *borders]) == targets(corpus.spans())
    assert max(trained) < min(held)
    keep = corpus.characters - max(1, round(corpus.characters * fraction))
    assert parts.train_characters == len(trained) == keep
    assert parts.validation_characters == len(held) == corpus.characters - keep - len(borders)
    assert "".join(corpus.pieces()) == Vocabulary.build(corpus.pieces()).decode(parts.ids)


def said(parts: Split, spans: Iterable[Iterable[int]], vocabulary: Vocabulary) -> list[str]:
    """The lines that a part predicts."""
    return [vocabulary.decode(parts.ids[start + 1 : stop]) for start, stop in spans]


repeated_lines = st.lists(
    st.text("abc\u660e", min_size=1, max_size=2), min_size=1, max_size=40
).map("\n".join)


@given(repeated_lines, st.floats(0.01, 0.9), st.integers(0, (1 << 63) - 1))
@example("a\nb\na\nb\na", 0.5, 0)
def test_lines_are_held_out_by_distinct_line(text: str, fraction: float, seed: int) -> None:
    """A held-out line stands once in its part and nowhere in the training part."""
    corpus = corpus_of([text], lines=True)
    vocabulary = Vocabulary.build(corpus.pieces())
    try:
        parts = split(corpus, vocabulary, validation_fraction=fraction, seed=seed)
    except CorpusError:
        assert len(set(corpus.texts)) < 3 or fraction > 0.5
        return
    trained = said(parts, parts.train, vocabulary)
    held = said(parts, parts.validation, vocabulary)
    assert len(held) == len(set(held)) == max(1, round(len(set(corpus.texts)) * fraction))
    assert not set(held) & set(trained)
    kept = [f"{line}\n" for line in corpus.texts if f"{line}\n" not in held]
    assert trained == kept


def test_the_seed_draws_the_lines() -> None:
    """The same seed holds the same lines out, another seed others."""
    corpus = Corpus.of(["\n".join(f"{k:03d}" for k in range(500))], lines=True)
    first, again, other = (split_of(corpus, 0.1, seed).validation for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_the_order_of_lines_has_no_say_in_how_many_are_held_out(data: Path) -> None:
    """Of real names, with their many repetitions, a tenth of the distinct ones is held out."""
    corpus = Corpus.read([data / "names.txt"], lines=True)
    vocabulary = Vocabulary.build(corpus.pieces())
    parts = split(corpus, vocabulary, validation_fraction=None, seed=1)
    held = set(said(parts, parts.validation, vocabulary))
    trained = said(parts, parts.train, vocabulary)
    assert len(held) == len(parts.validation) == round(len(set(corpus.texts)) / 10)
    assert not held & set(trained)
    assert len(held | set(trained)) == len(set(corpus.texts))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no such device")
def test_a_device_without_end_is_refused() -> None:
    """A character device that is no terminal is not read."""
    with pytest.raises(CorpusError, match=r"^/dev/zero is a device, not a text"):
        read_file("/dev/zero")
