"""Numbers and texts are formatted for readers, and colours can be distinguished."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.report.formatting import duration, listing, percent, visible
from chargen.report.theme import GRID, PAPER, ROLES, SERIES, Role

# Full colour blindness of each kind. Source: Machado, Oliveira and Fernandes 2009.
SIGHT = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)
Triple = tuple[float, ...]


def linear(color: str) -> Triple:
    """Return the light of an sRGB colour, each part from 0 to 1."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return tuple(one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)


def times(matrix: tuple[Triple, ...], vector: Triple) -> Triple:
    """Return the product of a matrix and a vector."""
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def lab(light: Triple) -> Triple:
    """Return CIE L*a*b*; a distance of 2.3 is just noticeable."""
    x, y, z = (
        one ** (1 / 3) if one > 0.008856 else 7.787 * one + 16 / 116
        for one in (part / white for part, white in zip(times(XYZ, light), WHITE, strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("paper", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_networks_can_be_distinguished(sight: str, paper: str) -> None:
    """The colours of five networks differ for every kind of sight, and their markers differ."""
    seen = []
    for role, _ in SERIES[:5]:
        light = times(SIGHT[sight], linear(getattr(role, paper)))
        seen.append(lab(tuple(min(1.0, max(0.0, part)) for part in light)))
    for one, other in combinations(seen, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 4 * 2.3
    assert len({marker for _, marker in SERIES}) == len(SERIES)


@pytest.mark.parametrize("paper", ["light", "dark"])
@pytest.mark.parametrize("role", [role for role in ROLES if role not in (PAPER, GRID)])
def test_text_is_readable(role: Role, paper: str) -> None:
    """The contrast of every colour of text is at least 4.5, as WCAG requires."""
    colors = (getattr(role, paper), getattr(PAPER, paper))
    low, high = sorted(times(XYZ, linear(color))[1] for color in colors)
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_roles_are_unique() -> None:
    """Each colour of a figure becomes one variable of the page."""
    assert len({role.light for role in ROLES}) == len({role.variable for role in ROLES})


@pytest.mark.parametrize(
    ("share", "formatted"),
    [
        (None, "–"),  # noqa: RUF001
        (0, "0 %"),
        (1, "100 %"),
        (0.9, "90 %"),
        (0.034, "3.4 %"),
        (0.0034, "0.34 %"),
        (0.997, "99.7 %"),
        (0.99999, "more than 99.9 %"),
        (3e-9, "3 × 10⁻⁷ %"),  # noqa: RUF001
    ],
)
def test_percent(share: float | None, formatted: str) -> None:
    """A small share is not rounded to 0, and a large one not to 100 %."""
    assert percent(share).replace("\N{NO-BREAK SPACE}", " ") == formatted


@pytest.mark.parametrize(
    ("seconds", "formatted"),
    [(0.2, "0.2 s"), (95, "95 s"), (1500, "25 min"), (20_000, "5 h 33 min")],
)
def test_duration(seconds: float, formatted: str) -> None:
    """The unit depends on the duration."""
    assert duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == formatted


@pytest.mark.parametrize(
    ("items", "joined"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_listing(items: list[str], joined: str) -> None:
    """Items are joined as in a sentence."""
    assert listing(items) == joined


@given(st.text())
def test_invisible_characters_are_replaced(text: str) -> None:
    """Control characters, direction marks and lone surrogates are replaced."""
    shown = visible(text)
    assert visible(shown) == shown
    shown.encode()
    assert not any("\x00" <= character < " " for character in shown)


def test_line_breaks_are_kept_in_boxes() -> None:
    """In a sample, line breaks are kept; elsewhere they become arrows."""
    assert visible("a\nb\t", lines=True) == "a\nb␉"
    assert visible("a\nb\u202e\ud800") == "a↵b‹202E›‹D800›"  # noqa: RUF001
