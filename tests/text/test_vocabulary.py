"""The vocabulary, and its equivalence to a Hugging Face tokenizer."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from chargen.errors import CheckpointError
from chargen.text.vocabulary import UNKNOWN, UNKNOWN_ID, Vocabulary

# Characters that are difficult for programs that work on bytes, lines or 16-bit units.
ODD = (
    "NUL \0, CR \r, LF \n, VT \v, FF \f, FS \x1c, NEL \x85, LS \u2028, PS \u2029, BOM \ufeff,"
    " e\u0301 and \u00e9, \u05e9\u05dc\u05d5\u05dd, \u0645\u0631\u062d\u0628\u0627, \u202e,"
    " \u660e\u6708\u5e7e\u6642\u6709, \U00020000, \U0001f469\u200d\U0001f680, \U0010ffff, \ufffd"
)
LONE = "\ud800\udbff\udc00\udfff"

texts = st.text(st.characters(exclude_categories=["Cs"]))
texts_with_surrogates = st.text(st.characters())


def hugging_face(vocabulary: Vocabulary) -> Tokenizer:
    """Return the tokenizer that another program loads."""
    return Tokenizer.from_str(vocabulary.to_json().decode("utf-8"))


@given(texts)
@example(ODD)
@example("")
def test_decoding_inverts_encoding(text: str) -> None:
    """This holds for every text from which the vocabulary was built."""
    vocabulary = Vocabulary.build([text])
    assert vocabulary.decode(vocabulary.encode(text)) == text


@given(texts, texts)
@example(ODD, ODD)
@example("ab\n", ODD)
@example("ab", "\n\na\n\n\nb\n\n")
@example("ab", "a\u2028b\rc\0d")
@settings(max_examples=50)
def test_encoding_equals_that_of_tokenizers(known: str, text: str) -> None:
    """The numpy table and the stored tokenizer give the same ids, for unknown characters, too."""
    vocabulary = Vocabulary.build([known])
    assert vocabulary.encode(text).tolist() == hugging_face(vocabulary).encode(text).ids


@given(texts)
@example(ODD)
@settings(max_examples=50)
def test_tokenizers_decodes_to_the_same_text(text: str) -> None:
    """The stored tokenizer decodes ids without separators."""
    vocabulary = Vocabulary.build([text])
    ids = vocabulary.encode(text).tolist()
    assert hugging_face(vocabulary).decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("name", ["tinyshakespeare.txt", "ru_onegin.txt", "zh_songci_100k.txt"])
def test_real_texts_survive_encoding(data: Path, name: str) -> None:
    """Latin, Cyrillic and Chinese texts are decoded by numpy and by `tokenizers`."""
    text = (data / name).read_bytes().decode("utf-8")
    vocabulary = Vocabulary.build([text])
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    start = text[:20_000]
    tokenizer = hugging_face(vocabulary)
    assert tokenizer.encode(start).ids == ids[:20_000].tolist()
    assert tokenizer.decode(tokenizer.encode(start).ids, skip_special_tokens=False) == start


def test_unknown_characters_have_id_0() -> None:
    """Id 0 is decoded to U+FFFD."""
    vocabulary = Vocabulary.build(["abc"])
    ids = vocabulary.encode("a\u660eb\U0001f680c\0")
    assert (ids == 0).tolist() == [False, True, False, True, False, True]
    assert vocabulary.decode(ids) == "a\ufffdb\ufffdc\ufffd"
    assert UNKNOWN_ID == 0
    assert vocabulary.characters[0] == UNKNOWN == "\ufffd"


def test_lone_surrogates_have_id_0() -> None:
    """A lone surrogate of a badly encoded argument is an unknown character."""
    vocabulary = Vocabulary.build(["?ab"])
    assert vocabulary.encode(f"a{LONE}b?").tolist() == [3, 0, 0, 0, 0, 4, 2]


@given(texts_with_surrogates)
@example(LONE)
def test_every_code_point_has_one_id(text: str) -> None:
    """A code point outside the basic plane has one id, too."""
    vocabulary = Vocabulary.build([ODD])
    ids = vocabulary.encode(text)
    assert len(ids) == len(text)
    assert all(0 <= k < len(vocabulary) for k in ids.tolist())


def test_unknown_characters_are_listed() -> None:
    """`unknown` returns each unknown character once, sorted."""
    vocabulary = Vocabulary.build(["ab"])
    assert vocabulary.unknown("zabza\n\u660e\ud800") == "z\u660e\ud800"
    assert vocabulary.unknown("abba") == ""


def test_ids_are_sorted_by_code_point() -> None:
    """The vocabulary starts with U+FFFD, and always has the newline."""
    assert Vocabulary.build(["ba", "\U0001f680c"]).characters == "\ufffd\nabc\U0001f680"
    assert Vocabulary.build([]).characters == "\ufffd\n"
    assert Vocabulary.build(["a\ufffdb"]).characters == "\ufffd\nab"


@pytest.mark.parametrize(
    ("min_count", "characters"), [(1, "abc\ud7ff"), (2, "abc"), (3, "ab"), (4, "a"), (5, "")]
)
def test_min_count_removes_rare_characters(min_count: int, characters: str) -> None:
    """Characters are counted over all pieces; the newline always stays."""
    vocabulary = Vocabulary.build(["aaab", "abbc", "c\ud7ff"], min_count=min_count)
    assert vocabulary.characters == f"\ufffd\n{characters}"


@pytest.mark.parametrize("length", [4095, 4096, 10_000])
def test_short_and_long_pieces_have_the_same_counts(length: int) -> None:
    """Short pieces are sorted and long ones counted in a table, with the same result."""
    text = ("ab" * length)[: length - 1] + "\U0010ffff"
    assert Vocabulary.build([text], min_count=2).characters == "\ufffd\nab"
    assert Vocabulary.build([text, text], min_count=2).characters == "\ufffd\nab\U0010ffff"


@given(texts, texts)
@example("ab", "")
@example("b", "abc")
def test_extending_keeps_every_id(old: str, new: str) -> None:
    """An extended vocabulary starts with the old one, and has all new characters."""
    before = Vocabulary.build([old])
    after = before.extended(Counter(new))
    assert after.characters.startswith(before.characters)
    assert after.encode(old).tolist() == before.encode(old).tolist()
    assert after.decode(after.encode(new)) == new
    assert list(after.characters[len(before) :]) == sorted(set(new) - set(before.characters))


def test_extending_respects_min_count() -> None:
    """Rare characters of the new text are not added."""
    assert (
        Vocabulary.build(["ab"]).extended(Counter("ccd"), min_count=2).characters == "\ufffd\nabc"
    )


@given(texts)
@example(ODD)
@settings(max_examples=50)
def test_a_vocabulary_survives_json(text: str) -> None:
    """`from_json` inverts `to_json`."""
    vocabulary = Vocabulary.build([text])
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


def with_vocab(vocab: object) -> bytes:
    """Return a tokenizer.json with this vocabulary."""
    return json.dumps({"model": {"type": "WordLevel", "vocab": vocab}}).encode()


HOSTILE = {
    "nothing": b"",
    "no JSON": b"vocab",
    "half of the file": Vocabulary.build(["abc"]).to_json()[:200],
    "not UTF-8": b'{"model": {"vocab": {"\xff": 0}}}',
    "a number": b"1",
    "null": b"null",
    "a list": b"[]",
    "a string": b'"model"',
    "no model": b"{}",
    "model null": b'{"model": null}',
    "model a list": b'{"model": []}',
    "no vocabulary": b'{"model": {}}',
    "nested too deeply": b"[" * 100_000,
    "nested too deeply in the vocabulary": b'{"model": {"vocab": ' + b"[" * 100_000,
    "an id of ten thousand digits": b'{"model": {"vocab": {"\xef\xbf\xbd": 1%s}}}' % (b"0" * 10**4),
    "vocabulary null": with_vocab(None),
    "vocabulary a number": with_vocab(3),
    "vocabulary a string": with_vocab("\ufffd\nab"),
    "vocabulary a list": with_vocab(["\ufffd", "\n"]),
    "no characters": with_vocab({}),
    "no unknown character": with_vocab({"\n": 0, "a": 1}),
    "the unknown character is not the first": with_vocab({"\n": 0, "\ufffd": 1}),
    "ids start at 1": with_vocab({"\ufffd": 1, "\n": 2}),
    "a gap": with_vocab({"\ufffd": 0, "\n": 1, "a": 3}),
    "an id twice": with_vocab({"\ufffd": 0, "\n": 1, "a": 1}),
    "a negative id": with_vocab({"\ufffd": 0, "\n": -1}),
    "a gigantic id": with_vocab({"\ufffd": 0, "\n": 1 << 70}),
    "an id is a string": with_vocab({"\ufffd": 0, "\n": "1"}),
    "an id is null": with_vocab({"\ufffd": 0, "\n": None}),
    "an id is a list": with_vocab({"\ufffd": 0, "\n": [1]}),
    "an id is an object": with_vocab({"\ufffd": 0, "\n": {}}),
    "an id is a fraction": with_vocab({"\ufffd": 0, "\n": 1.5}),
    "ids are fractions without a remainder": with_vocab({"\ufffd": 0.0, "\n": 1.0}),
    "ids are truth values": with_vocab({"\ufffd": False, "\n": True}),
    "an id is NaN": with_vocab({"\ufffd": 0, "\n": float("nan")}),
    "an id is infinite": with_vocab({"\ufffd": 0, "\n": float("inf")}),
    "only NaN": with_vocab({"\ufffd": float("nan")}),
    "a token of two characters": with_vocab({"\ufffd": 0, "\n": 1, "ab": 2}),
    "an empty token": with_vocab({"\ufffd": 0, "\n": 1, "": 2}),
    # It could be sampled, and printing it would raise an error.
    "a lone surrogate": b'{"model": {"vocab": {"\\ufffd": 0, "\\n": 1, "\\ud800": 2}}}',
}


@pytest.mark.parametrize("stored", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_invalid_vocabulary_is_refused(stored: bytes) -> None:
    """Any invalid tokenizer.json raises a CheckpointError with one line."""
    with pytest.raises(CheckpointError) as caught:
        Vocabulary.from_json(stored)
    assert str(caught.value) == "tokenizer.json is not a character-level vocabulary"


@given(st.binary())
def test_arbitrary_bytes_are_refused(stored: bytes) -> None:
    """Random bytes raise a CheckpointError, too."""
    with pytest.raises(CheckpointError):
        Vocabulary.from_json(stored)


def test_a_hundred_thousand_distinct_characters_are_supported() -> None:
    """A vocabulary with more than 65,536 characters is encoded, stored and decoded."""
    assigned = [chr(code) for code in range(0x20, 0x19000) if not 0xD800 <= code < 0xE000]
    text = "".join(assigned[:100_000]) + "\n"
    vocabulary = Vocabulary.build([text])
    assert len(vocabulary) == 100_001  # the newline is new, U+FFFD is in the text and id 0
    ids = vocabulary.encode(text)
    assert ids.dtype == np.uint32
    assert vocabulary.decode(ids) == text
    tokenizer = hugging_face(vocabulary)
    some = text[::37]
    assert tokenizer.encode(some).ids == ids[::37].tolist()
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@pytest.mark.parametrize(
    ("size", "dtype"),
    [
        (2, np.uint8),
        (256, np.uint8),
        (257, np.uint16),
        (65_536, np.uint16),
        (65_537, np.uint32),
    ],
)
def test_ids_have_the_smallest_possible_type(size: int, dtype: type) -> None:
    """The type depends on the largest id."""
    codes = [code for code in range(0x12000) if not 0xD800 <= code < 0xE000 and code != 0xFFFD]
    vocabulary = Vocabulary(UNKNOWN + "".join(map(chr, codes[: size - 1])))
    assert len(vocabulary) == size
    ids = vocabulary.encode(vocabulary.characters)
    assert vocabulary.dtype == dtype
    assert ids.dtype == dtype
    assert ids[-1] == size - 1


def test_millions_of_characters_are_encoded() -> None:
    """The ids of a long text are those of a dictionary."""
    random = np.random.default_rng(1)
    codes = random.integers(0, 0x3000, 3_000_000).astype(np.uint32)
    codes[random.integers(0, len(codes), 1_000)] = 0x1F680
    text = codes.tobytes().decode("utf-32-le")
    vocabulary = Vocabulary.build([text[::2]], min_count=125)
    one_by_one = {c: k for k, c in enumerate(vocabulary.characters)}
    ids = vocabulary.encode(text)
    assert len(ids) == len(text)
    places = random.integers(0, len(text), 50_000)
    assert [int(ids[k]) for k in places] == [one_by_one.get(text[k], 0) for k in places]
    assert 0 < int((ids == 0).sum()) < len(ids)
    assert all(a < b for a, b in pairwise(vocabulary.characters[1:]))
