"""Reading a corpus, and its layout as one sequence."""

import codecs
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chargen.errors import ChargenError, CorpusError
from chargen.text.corpus import Corpus, UnreadTable, corpus_name, read_as
from chargen.text.decoding import normalise
from chargen.text.kind import LINE, STREAM, TextKind
from chargen.text.split import encode
from chargen.text.vocabulary import Vocabulary

Write = Callable[..., Path]
Stdin = Callable[[bytes], None]

PIECE = 1 << 20  # the longest string from `pieces`


def targets(spans: Iterable[Iterable[int]]) -> list[int]:
    """Return every target: the positions of each span except its first."""
    return [k for start, stop in spans for k in range(start + 1, stop)]


# Reading


def test_a_file_is_read_unchanged(write: Write) -> None:
    """A file is one text with the name of the file, and no whitespace is stripped."""
    corpus = Corpus.read([write("  \u660e\u6708,\n\n e\u0301 \n".encode())])
    assert (corpus.name, corpus.kind) == ("corpus", STREAM)
    assert list(corpus.texts()) == ["  \u660e\u6708,\n\n e\u0301 \n"]
    assert corpus.characters == 12


def test_a_path_can_be_a_string(write: Write) -> None:
    """A string and a path name the same file."""
    path = write(b"abc")
    assert Corpus.read([str(path)]).sha256 == Corpus.read([path]).sha256


def test_several_files_are_several_texts_in_the_order_given(write: Write) -> None:
    """Files are separate texts and are not sorted."""
    b, a = write(b"second", "b.txt"), write(b"first", "a.txt")
    corpus = Corpus.read([b, a])
    assert tuple(corpus.texts()) == ("second", "first")
    assert corpus.name == "b-and-1-more"


def test_the_txt_files_of_a_folder_are_read_sorted_by_path(write: Write, tmp_path: Path) -> None:
    """Only *.txt files are read, in the folder and in its subfolders."""
    write(b"two", "b.txt")
    write(b"one", "a.txt")
    write(b"\xff\0", "picture.png")
    (tmp_path / "c.txt").mkdir()
    write(b"deeper", "c.txt/d.txt")
    corpus = Corpus.read([tmp_path])
    assert tuple(corpus.texts()) == ("one", "two", "deeper")
    assert corpus.name == tmp_path.name


def test_files_and_folders_mix(write: Write, tmp_path: Path) -> None:
    """Each folder is expanded in place."""
    folder = tmp_path / "texts"
    folder.mkdir()
    write(b"in it", "texts/x.txt")
    outside = write(b"outside", "y")
    assert tuple(Corpus.read([outside, folder, outside]).texts()) == ("outside", "in it", "outside")


def test_a_dash_is_standard_input(stdin: Stdin) -> None:
    """Standard input is read as bytes; the encoding of `sys.stdin` is ignored."""
    stdin("\u660e\u6708\r\n".encode())
    corpus = Corpus.read(["-"])
    assert (corpus.name, list(corpus.texts())) == ("stdin", ["\u660e\u6708\n"])


def test_standard_input_has_the_given_encoding(stdin: Stdin) -> None:
    """The encoding applies to standard input, too."""
    stdin("\u043e\u043d\u0430".encode("cp1251"))
    assert tuple(Corpus.read(["-"], encoding="cp1251").texts()) == ("\u043e\u043d\u0430",)


# Newlines, byte order marks, encodings


def test_every_newline_becomes_a_line_feed() -> None:
    """CR LF and CR become newlines; other separators are characters."""
    assert normalise("a\r\nb\rc\nd\r\r\ne\n\rf") == "a\nb\nc\nd\n\ne\n\nf"
    assert normalise("\v\f\x1c\x85\u2028\u2029") == "\v\f\x1c\x85\u2028\u2029"


def test_only_a_byte_order_mark_at_the_start_is_removed() -> None:
    """U+FEFF is a byte order mark only as the first character."""
    assert normalise("\ufeff\ufeffa\ufeffb") == "\ufeffa\ufeffb"


@given(st.text())
def test_normalisation_is_idempotent(text: str) -> None:
    """A normalised text without a mark at its start does not change."""
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
def test_encodings_marks_and_newlines_do_not_change_the_text(
    write: Write, encoding: str, content: bytes
) -> None:
    """The text is the same in every encoding."""
    assert tuple(Corpus.read([write(content)], encoding=encoding).texts()) == ("caf\u00e9\n",)


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "big5", "euc-jp"])
def test_east_asian_encodings_are_read(write: Write, encoding: str) -> None:
    """Encodings of Chinese and Japanese text are known by their usual names."""
    path = write("\u660e\u6708\n".encode(encoding))
    assert tuple(Corpus.read([path], encoding=encoding).texts()) == ("\u660e\u6708\n",)


def test_a_gutenberg_text_is_normalised(data: Path) -> None:
    """The byte order mark and the carriage returns of a published book are removed."""
    path = data / "prideprejudice.txt"
    raw = path.read_bytes()
    assert raw.startswith(codecs.BOM_UTF8)
    assert b"\r\n" in raw
    plain = raw[3:].replace(b"\r\n", b"\n")
    corpus = Corpus.read([path])
    assert tuple(corpus.texts()) == (plain.decode("utf-8"),)
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
def test_a_corpus_has_the_name_of_its_first_file(paths: list[str], name: str) -> None:
    """The name is valid for a folder: at most 80 letters, digits, dots, dashes and underscores."""
    assert corpus_name(paths) == name


def test_a_relative_folder_has_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the current folder is not a dot."""
    monkeypatch.chdir(tmp_path)
    assert corpus_name(["."]) == corpus_name([tmp_path])


def test_a_link_to_itself_has_a_name(tmp_path: Path) -> None:
    """Naming never fails; reading reports the error."""
    path = tmp_path / "circle.txt"
    path.symlink_to(path)
    assert corpus_name([path]) == "circle"


# Layout

some_texts = st.lists(st.text(st.sampled_from("ab\n\u660e"), min_size=1, max_size=9), max_size=6)


def corpus_of(texts: list[str], *, lines: bool) -> Corpus:
    """Make a corpus; skip texts that are too short."""
    try:
        return Corpus.of(texts, kind=LINE if lines else STREAM)
    except CorpusError:
        assume(False)
        raise


@given(some_texts, st.booleans())
@example(["ab", "c\n", "\nd"], False)
@example(["a\nb", "a"], True)
def test_spans_pieces_and_ids_agree(texts: list[str], lines: bool) -> None:
    """Each span is a newline and a text, and with lines another newline."""
    corpus = corpus_of(texts, lines=lines)
    layout = "".join(corpus.pieces())
    spans = corpus.spans()
    assert [layout[start:stop] for start, stop in spans] == [
        f"\n{text}\n" if lines else f"\n{text}" for text in corpus.texts()
    ]
    assert len(targets(spans)) == corpus.characters
    assert sorted({*targets(spans), *spans[:, 0].tolist()}) == list(range(len(layout)))
    vocabulary = Vocabulary.build(corpus.pieces())
    ids = encode(corpus, vocabulary)
    assert vocabulary.decode(ids[:]) == layout
    assert ids.dtype == vocabulary.dtype


def test_empty_texts_are_skipped() -> None:
    """A text with only a byte order mark is empty."""
    corpus = Corpus.of(["ab", "\ufeff", "", "cd"])
    assert tuple(corpus.texts()) == ("ab", "cd")
    assert corpus.spans().tolist() == [[0, 3], [3, 6]]


def test_with_lines_every_line_is_a_text() -> None:
    """Empty lines are skipped, and the last line needs no newline."""
    corpus = Corpus.of(["emma\r\nolivia\n\n", "ava"], kind=LINE)
    assert tuple(corpus.texts()) == ("emma", "olivia", "ava")
    assert "".join(corpus.pieces()) == "\nemma\nolivia\nava\n"
    assert corpus.characters == len("emma\nolivia\nava\n")
    assert corpus.spans().tolist() == [[0, 6], [5, 13], [12, 17]]


def test_other_separators_do_not_end_a_line() -> None:
    """Only a newline ends a line."""
    corpus = Corpus.of(["a\u2028b\x0bc\x1cd\x85e\ne"], kind=LINE)
    assert tuple(corpus.texts()) == ("a\u2028b\x0bc\x1cd\x85e", "e")


@pytest.mark.parametrize("lines", [False, True])
def test_a_corpus_longer_than_a_piece_is_complete(lines: bool) -> None:
    """No character between two pieces is lost."""
    text = "".join(chr(0x100 + k % 1009) + ("\n" if k % 7 == 6 else "") for k in range(PIECE))
    corpus = Corpus.of([text, "tail"], kind=LINE if lines else STREAM)
    pieces = list(corpus.pieces())
    assert max(map(len, pieces)) <= PIECE
    assert len(pieces) == 2
    vocabulary = Vocabulary.build(pieces)
    ids = encode(corpus, vocabulary)
    assert vocabulary.decode(ids[:]) == "\n" + (text + "\ntail\n" if lines else text + "\ntail")


def test_separate_texts_longer_than_a_piece_are_complete() -> None:
    """A text can continue in the next piece, and a piece can end with a boundary."""
    texts = ["a" * (PIECE - 1), "b", "c" * (2 * PIECE + 5), "d"]
    assert list(Corpus.of(["\n".join(texts)], kind=LINE).texts()) == texts


def test_unknown_characters_are_encoded_as_0() -> None:
    """A character that is not in the vocabulary has id 0."""
    ids = encode(Corpus.of(["abc", "cb"]), Vocabulary("\ufffd\nb"))
    assert ids[:].tolist() == [1, 0, 2, 0, 1, 0, 2]
    assert ids.dtype == np.uint8


# Digests


@pytest.mark.parametrize("name", ["tinyshakespeare.txt", "zh_songci_100k.txt", "names.txt"])
def test_the_digest_of_a_file_is_that_of_its_bytes(data: Path, name: str) -> None:
    """For a UTF-8 file with Unix newlines, the digest equals the output of sha256sum."""
    path = data / name
    assert Corpus.read([path]).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_digest_of_a_long_text_is_that_of_its_bytes() -> None:
    """The length of a text does not matter."""
    text = "\u660e\u6708" * PIECE
    assert Corpus.of([text]).sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_of_lines_is_that_of_the_file(write: Write) -> None:
    """Lines without empty ones, all ended by a newline, have the digest of their file."""
    path = write(b"emma\nolivia\nava\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert Corpus.read([path], kind=LINE).sha256 == digest


def test_the_digest_depends_on_the_boundaries_of_texts() -> None:
    """The same characters split into other texts make another corpus."""
    digests = {Corpus.of(texts).sha256 for texts in (["abcd"], ["ab", "cd"], ["abc", "d"])}
    assert len(digests) == 3


def test_the_digest_is_of_the_normalised_text(write: Write) -> None:
    """A byte order mark, other newlines and another encoding do not change the digest."""
    plain = hashlib.sha256("caf\u00e9\n".encode()).hexdigest()
    marked = write(codecs.BOM_UTF8 + "caf\u00e9\r\n".encode())
    assert Corpus.read([marked]).sha256 == plain
    latin = write(b"caf\xe9\r")
    assert Corpus.read([latin], encoding="latin-1").sha256 == plain


# Documents and cells


def test_documents_have_a_boundary_at_both_ends(write: Write) -> None:
    """Each file is split by itself, and its end separates, too."""
    one, two = write(b"a\nb\n%\nc\n", "1.txt"), write(b"d\r\n", "2.txt")
    corpus = Corpus.read([one, two], kind=TextKind("document", separator="%"))
    assert tuple(corpus.texts()) == ("a\nb", "c", "d")
    assert "".join(corpus.pieces()) == "\x1ea\nb\x1ec\x1ed\x1e"
    assert corpus.characters == 4 + 2 + 2
    assert corpus.spans().tolist() == [[0, 5], [4, 7], [6, 9]]


def test_cells_of_several_tables_are_texts(write: Write) -> None:
    """Cells without text are counted."""
    one = write(b'id,text\n1,"a\n\nb"\n2,\n', "1.csv")
    two = write(b'{"text": "c"}\n{"text": null}\n', "2.jsonl")
    corpus = Corpus.read([one, two], kind=TextKind("cell", column="text"))
    assert (tuple(corpus.texts()), corpus.skipped_cells) == (("a\n\nb", "c"), 2)


def test_the_tables_of_a_folder_are_read_in_their_encodings(write: Write, tmp_path: Path) -> None:
    """The pattern selects them, and the cells take the normal form."""
    write('id,text\n1,"caf\u00e9\n\u201cno\u201d"\n'.encode("utf-16"), "1.csv")
    write("id,text\n1,cre\u0300me\n".encode(), "2.csv")
    write(b"no table", "3.txt")
    corpus = Corpus.read(
        [tmp_path], kind=TextKind("cell", column="text"), pattern="*.csv", normalize="nfc"
    )
    assert tuple(corpus.texts()) == ("caf\u00e9\n\u201cno\u201d", "cr\u00e8me")


def test_a_separator_matches_before_the_text_is_converted(write: Write) -> None:
    """It is written as in the file, whose documents take the normal form."""
    path = write("e\u0301\n\u00e9\nab\n".encode())
    kind = TextKind("document", separator="\u00e9")
    assert tuple(Corpus.read([path], kind=kind, normalize="nfd").texts()) == ("e\u0301", "ab")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (TextKind("document", separator="%"), "^corpus has no line that equals separator '%'"),
        (TextKind("document", separator="blank-line"), "^corpus has no blank line"),
        (TextKind("cell", column="text"), "corpus.txt is not a table, so it has no column text"),
    ],
)
def test_a_kind_that_does_not_suit_the_text_is_refused(
    write: Write, kind: TextKind, message: str
) -> None:
    """A separator must occur, and only a table has columns."""
    with pytest.raises(ChargenError, match=message):
        Corpus.read([write(b"ab cd\nef\n")], kind=kind)


def test_a_table_that_is_read_as_a_whole_is_noted(write: Write) -> None:
    """Also with lines."""
    path = write(b"id,text\n1,hello\n2,you\n", "m.csv")
    for kind in (STREAM, LINE):
        assert Corpus.read([path], kind=kind).table == UnreadTable(
            str(path), "text", ("id", "text")
        )
    assert Corpus.read([path], kind=TextKind("cell", column="text")).table is None


def test_a_read_file_is_split_like_the_training_text(write: Write) -> None:
    """A document needs no separator in it, and a file that is not a table is one cell."""
    documents = TextKind("document", separator="%")
    cells = TextKind("cell", column="text")
    assert read_as(write(b"a\nb\n%\n\nc\n"), documents) == "a\nb\x1ec\x1e"
    assert read_as(write(b"a\n\nb\n"), documents) == "a\n\nb\x1e"
    assert read_as(write(b"a\n\nb"), LINE) == "a\nb\n"
    assert read_as(write(b"a\n\nb"), STREAM) == "a\n\nb"
    assert read_as(write(b"id,text\n1,a\n2,b\n", "m.csv"), cells) == "a\x1eb\x1e"
    assert read_as(write(b"a\nb\n"), cells) == "a\nb\x1e"
    assert read_as(write(b"a\n%\n\xe9"), documents, encoding="latin-1") == "a\x1e\u00e9\x1e"
    with pytest.raises(CorpusError, match="has no text"):
        read_as(write(b"%\n\n%\n"), documents)
