"""Colours can be told apart and read; numbers and texts are written for people."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargen.records import Comparison
from chargen.report import phrases
from chargen.report.style import GRID, LOOKS, PAPER, Role, looks, roles

# Full colour blindness of each kind. Source: Machado, Oliveira and Fernandes 2009.
SIGHT = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
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
    """The light of a colour of sRGB, each part from 0 to 1."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return tuple(one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)


def times(matrix: tuple[Triple, ...], vector: Triple) -> Triple:
    """The product."""
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def lab(light: Triple) -> Triple:
    """CIE L*a*b*, in which distances are roughly those seen; 2.3 is just noticeable."""
    x, y, z = (
        one ** (1 / 3) if one > 0.008856 else 7.787 * one + 16 / 116
        for one in (part / white for part, white in zip(times(XYZ, light), WHITE, strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def contrast(color: str, paper: str) -> float:
    """The contrast of a text to its paper. Source: WCAG 2.1."""
    low, high = sorted(times(XYZ, linear(one))[1] for one in (color, paper))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("paper", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_cells_can_be_told_apart_without_full_colour_sight(sight: str, paper: str) -> None:
    """Any two are four times as far apart as what is just noticeable; marks differ besides."""
    seen = []
    for look in LOOKS.values():
        light = times(SIGHT[sight], linear(getattr(look.role, paper)))
        seen.append(lab(tuple(min(1.0, max(0.0, part)) for part in light)))
    for one, other in combinations(seen, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 9.2
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)


@pytest.mark.parametrize("paper", ["light", "dark"])
@pytest.mark.parametrize("role", [role for role in roles() if role not in (PAPER, GRID)])
def test_every_text_can_be_read(role: Role, paper: str) -> None:
    """The contrast is at least the 4.5 that WCAG asks of text."""
    assert contrast(getattr(role, paper), getattr(PAPER, paper)) >= 4.5


def test_no_two_roles_share_a_colour() -> None:
    """Each colour of a figure becomes one variable of the page."""
    assert len({role.light for role in roles()}) == len(roles())
    assert len({role.variable for role in roles()}) == len(roles())


def test_a_cell_looks_the_same_whoever_stands_beside_it(comparison: Comparison) -> None:
    """The look hangs on the name alone."""
    assert looks(comparison) == {name: LOOKS[name] for name in comparison.cells}


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.9, "90 %"),
        (0.034, "3.4 %"),
        (0.0034, "0.34 %"),
        (0.997, "99.7 %"),
        (0.99999, "more than 99.9 %"),
        (3e-9, "3 × 10⁻⁷ %"),  # noqa: RUF001
        (float("nan"), "–"),  # noqa: RUF001
    ],
)
def test_shares_have_the_digits_that_say_something(share: float, said: str) -> None:
    """Nothing that happened is rounded to never, nothing that failed to always."""
    assert phrases.percent(share).replace("\N{NO-BREAK SPACE}", " ") == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0.2 s"), (95, "95 s"), (1500, "25 min"), (20_000, "5 h 33 min")],
)
def test_times_are_in_units_of_their_size(seconds: float, said: str) -> None:
    """Seconds, minutes, or hours with minutes."""
    assert phrases.duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == said


@pytest.mark.parametrize(
    ("items", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_lists_are_written_as_in_a_sentence(items: list[str], said: str) -> None:
    """Commas, and an "and" before the last."""
    assert phrases.listing(items) == said


@given(st.text())
def test_nothing_stays_invisible(text: str) -> None:
    """No control, no direction mark and no half character is left; making visible ends."""
    shown = phrases.visible(text)
    assert phrases.visible(shown) == shown
    shown.encode()
    assert shown.isprintable() or not text.isprintable()


def test_line_ends_stay_where_boxes_show_them() -> None:
    """In a sample a line end is a line end; elsewhere it is an arrow."""
    assert phrases.visible("a\nb\t", lines=True) == "a\nb␉"
    assert phrases.visible("a\nb") == "a↵b"
    assert phrases.visible("\ud800") == "\u2039D800\u203a"
