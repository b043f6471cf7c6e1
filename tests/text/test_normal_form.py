"""Unicode normal forms of texts and prompts."""

import unicodedata
from dataclasses import replace

import pytest

from chargen.errors import OptionError
from chargen.text.corpus import Corpus, CorpusFacts
from chargen.text.kind import STREAM
from chargen.text.normal_form import FormDetector, in_form, last_boundary
from chargen.text.vocabulary import Vocabulary

NFC = "H\u00f4tel Vi\u1ec7t \ud55c"
NFD = unicodedata.normalize("NFD", NFC)


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        ([NFC], "nfc"),
        ([NFD], "nfd"),
        (["plain", NFD], "nfd"),
        (["plain"], "both"),
        ([NFC, NFD], "neither"),
    ],
)
def test_the_form_of_texts_is_found(texts: list[str], form: str) -> None:
    """ASCII is in both forms."""
    detector = FormDetector()
    for text in texts:
        detector.add(text)
    assert detector.form == form


def test_a_text_is_converted_only_if_asked() -> None:
    """The default keeps every code point."""
    assert in_form(NFD, "none") == NFD
    assert in_form(NFD, "nfc") == NFC
    with pytest.raises(OptionError, match=r"^normalize must be one of nfc, nfd, none, got 'nfkc'$"):
        in_form(NFC, "nfkc")


def test_the_form_is_stored_with_the_model() -> None:
    """The facts have the form of the texts and the requested conversion."""
    for normalize, form in (("none", "nfd"), ("nfc", "nfc")):
        corpus = Corpus.of([NFD], normalize=normalize)
        facts = CorpusFacts.of(corpus, held_out_characters=0, unknown_characters=0)
        assert (facts.normalize, facts.normal_form) == (normalize, form)


def test_the_facts_of_older_models_have_no_form() -> None:
    """They are read as before."""
    older = {"name": "a", "sha256": "", "characters": 9, "texts": 1, "kind": STREAM}
    facts = CorpusFacts(**older, held_out_characters=0, unknown_characters=0)  # type: ignore[arg-type]
    assert (facts.normalize, facts.normal_form) == ("", "")


@pytest.mark.parametrize(("text", "prompt"), [(NFC, NFD), (NFD, NFC)])
def test_a_prompt_takes_the_form_of_the_model(text: str, prompt: str) -> None:
    """The same letters in another form are not unknown."""
    vocabulary = Vocabulary.build([text])
    assert vocabulary.unknown(prompt)
    assert vocabulary.known_form(prompt) == text


def test_a_prompt_takes_the_form_of_a_converted_text() -> None:
    """All its characters can be known in another form; unknown ones still select the form."""
    vocabulary = replace(Vocabulary.build([NFC + NFD]), form="nfc")
    assert vocabulary.known_form(NFD) == NFC
    assert replace(vocabulary, form="nfd").known_form(NFC) == NFD
    assert vocabulary.known_form("i\u0302") == "i\u0302"  # the vocabulary lacks the composed one


def test_a_prompt_without_a_better_form_is_unchanged() -> None:
    """A known prompt keeps its form, even if the model knows both forms."""
    vocabulary = Vocabulary.build([NFC + NFD])
    assert vocabulary.known_form(NFD) == NFD
    assert vocabulary.known_form("\u00e9\u4e00") == "\u00e9\u4e00"


def test_a_text_can_be_converted_in_pieces() -> None:
    """A piece ends before a character that no character before it combines with."""
    jamo = unicodedata.normalize("NFD", "\ud55c\uae00")
    for text in (NFC, NFD, jamo, "a\u0327\u0301\u0301", "\u0bc6\u0bbe\u0bc6"):
        for stop in range(1, len(text) + 1):
            cut = last_boundary(text[:stop])
            parts = (
                unicodedata.normalize("NFC", text[:cut]),
                unicodedata.normalize("NFC", text[cut:]),
            )
            assert "".join(parts) == unicodedata.normalize("NFC", text)


def test_the_second_character_of_a_composition_is_no_boundary() -> None:
    """The second character of a canonical composition is not a boundary."""
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            assert last_boundary("a" + chr(int(parts[1], 16))) == 0
