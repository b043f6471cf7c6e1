"""Detecting encodings. The texts are short: longer ones have more evidence."""

# ruff: noqa: RUF001 - letters of other scripts are the subject of this file

from pathlib import Path

import numpy as np
import pytest

from chargen.text.detection import detect, utf_16_order

ENGLISH = "He said “don’t” in the café — and the naïve waiter smiled “really?” at us.\n"
RUSSIAN = "Мой дядя самых честных правил, когда не в шутку занемог.\n"
JAPANESE = "これは日本語の文章です。今日はいい天気なので、学校へ行きました。\n"
TEXTS = {
    "cp1252": ENGLISH * 2,
    "mac-roman": ENGLISH * 2,
    "iso8859-15": "Le cœur brûlé d'Éléonore a coûté 5 €, dit-il à sa mère très âgée.\n" * 2,
    "cp850": "Schöne Grüße aus München, wo es öfter schneit und häufig weht.\n",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy v šerém městě.\n",
    "iso8859-2": "Zażółć gęślą jaźń i wróć do domu, bo już późno.\n",
    "cp1254": "İstanbul'da yağmur yağıyor, çocuklar dışarı çıkmıyor, güneş doğmadı.\n" * 2,
    "cp1251": RUSSIAN,
    "koi8-r": RUSSIAN,
    "cp1253": "Το φεγγάρι ήταν μεγάλο και η θάλασσα ήσυχη.\n",
    "cp932": JAPANESE,
    "euc-jp": JAPANESE * 2,
    "cp949": "오늘은 날씨가 좋습니다. 우리는 학교에 갔다가 집으로 돌아왔습니다.\n",
    "gb18030": "我们今天去学校，因为老师说要考试了。\n",
    "big5": "我們今天去學校，因為老師說要考試了。\n",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_a_sentence_is_enough(encoding: str) -> None:
    """The first encoding reads the text as it was written, and is certain."""
    data = TEXTS[encoding].encode(encoding)
    found = detect(data)
    assert data.decode(found.guesses[0].encoding) == TEXTS[encoding]
    assert found.certain


def test_few_bytes_are_not_enough() -> None:
    """A ligature in one word could be the letter of another language, and so it is uncertain."""
    found = detect(b"C\xe6sar came.\n")
    assert not found.certain
    assert found.guesses[0].encoding == "cp1252"
    assert 2 <= len(found.guesses) <= 4


def test_a_rare_letter_distinguishes_encodings() -> None:
    """A single letter in a long text decides between encodings that share all others."""
    head = "“No,” he said. “There is no time.”\n" * 500  # as in mac-cyrillic
    data = f"{head}The naïve café was closed.\n{head}".encode("mac-roman")
    assert detect(data).guesses[0].encoding == "mac-roman"


def test_nonsense_is_uncertain() -> None:
    """Random bytes are no text in any encoding."""
    bytes_ = np.random.default_rng(0).integers(0x20, 0x100, 5_000, np.uint8).tobytes()
    assert not detect(bytes_).certain


def test_a_text_without_spaces_is_sampled_at_its_start() -> None:
    """A Chinese text can be one long line."""
    data = (TEXTS["gb18030"].strip() * 500).encode("gb18030")
    found = detect(data)
    assert found.certain
    assert found.guesses[0].encoding == "gb18030"


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [ENGLISH, TEXTS["cp1251"], TEXTS["gb18030"]])
def test_utf_16_needs_no_mark(order: str, text: str) -> None:
    """The byte order follows from the spaces and newlines."""
    assert utf_16_order((text * 3).encode(order)) == order


@pytest.mark.parametrize(
    "data", [b"", b"abc", b"\0 and a tab\there", b"\0" * 100, b"x\0" * 100, ENGLISH.encode()]
)
def test_other_data_is_not_utf_16(data: bytes) -> None:
    """Neither NUL bytes alone nor UTF-8 are UTF-16."""
    assert utf_16_order(data) is None


def test_real_texts_are_detected(data: Path) -> None:
    """A Russian and a Chinese book are detected in each encoding of their language."""
    russian = (data / "ru_onegin.txt").read_text(encoding="utf-8")[10_000:20_000]
    chinese = (data / "zh_songci_100k.txt").read_text(encoding="utf-8")[10_000:20_000]
    for text, encodings in (
        (russian, ("cp1251", "koi8-r", "iso8859-5", "cp866")),
        (chinese, ("gb18030",)),
    ):
        for encoding in encodings:
            found = detect(text.encode(encoding, "ignore"))
            assert (found.guesses[0].encoding, found.certain) == (encoding, True)
