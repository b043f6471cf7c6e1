"""Tests of options: each is declared once, and checked by its declaration."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from chargen.errors import OptionConflictError, OptionError, UnknownOptionError
from chargen.generation.settings import GenerationSettings
from chargen.options import Option, check_names, check_options, option, options_of
from chargen.repl.settings import SessionSettings
from tests.readme_tables import README, TABLES, make_table, update

CLASSES: list[Any] = [*TABLES.values(), SessionSettings]


@dataclass(frozen=True)
class Example:
    """One option of each kind."""

    count: int = option(1, "Number of things", minimum=1, maximum=2000)
    rate: float | None = option(None, "Rate", above=0, hint="0.1 is a good start")
    fraction: float = option(0.5, "Fraction", minimum=0, maximum=1)
    half_open: float = option(1.0, "Interval", above=0, maximum=1)
    name: str = option("x", "Name")
    kind: str = option("a", "Kind", choices={"a": 1, "b": 2})
    on: bool = option(False, "Switch")
    lags: tuple[int, ...] = option((25, 1000), "Distances", minimum=1)
    internal: int = 0

    def __post_init__(self) -> None:
        check_options(self)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"count": "3"}, "count must be a whole number between 1 and 2,000, got '3'"),
        ({"count": 0}, "count must be a whole number between 1 and 2,000, got 0"),
        ({"count": None}, "count must be a whole number between 1 and 2,000, got None"),
        ({"count": True}, "count must be a whole number between 1 and 2,000, got True"),
        ({"count": 2.0}, "count must be a whole number between 1 and 2,000, got 2.0"),
        ({"rate": 0}, "rate must be a number greater than 0, got 0 (0.1 is a good start)"),
        ({"rate": math.nan}, "rate must be a number greater than 0, got nan (0.1 is a good start)"),
        ({"fraction": -5e-324}, "fraction must be a number between 0 and 1, got -5e-324"),
        ({"half_open": 2}, "half_open must be a number greater than 0 and at most 1, got 2"),
        ({"name": None}, "name must be a string, got None"),
        ({"name": b"x"}, "name must be a string, got b'x'"),
        ({"kind": "c"}, "kind must be one of a, b, got 'c'"),
        ({"kind": ["a"]}, "kind must be one of a, b, got ['a']"),
        ({"on": 1}, "on must be True or False, got 1"),
        ({"on": "no\n"}, r"on must be True or False, got 'no\n'"),
        ({"lags": (5, 0)}, "lags must be a whole number, 1 or more, got 0"),
        ({"lags": [5]}, "lags must be a tuple, got [5]"),
    ],
)
def test_an_error_names_the_option_the_value_and_what_is_allowed(
    value: dict[str, Any], message: str
) -> None:
    """The message ends with the hint, if there is one."""
    with pytest.raises(OptionError) as caught:
        Example(**value)
    assert str(caught.value) == message
    (name,) = value
    assert caught.value.message(str.upper) == message.replace(name, name.upper(), 1)


HOSTILE = [
    10**400,
    -(10**5000),
    math.nan,
    -math.inf,
    np.float64("nan"),
    np.array([1, 2]),
    np.bool_(True),
    Decimal("0.5"),
    1j,
    object(),
    "\ud800" * 500,
    [],
    "1",
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", ["count", "rate", "fraction", "kind", "on", "lags"])
def test_hostile_values_are_refused_in_one_short_line(name: str, value: object) -> None:
    """Every value raises an OptionError, and a long value is shortened."""
    with pytest.raises(OptionError) as caught:
        Example(**{name: value})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("count", np.int64(3), 3),
        ("count", np.uint8(3), 3),
        ("rate", 1, 1),
        ("rate", np.float64(0.5), 0.5),
        ("rate", None, None),
        ("rate", np.float32(0.5), 0.5),
        ("fraction", np.int64(1), 1.0),
        ("fraction", Fraction(1, 2), 0.5),
        ("lags", (np.int64(3), 4), (3, 4)),
        ("internal", "anything", "anything"),
    ],
)
def test_numbers_of_other_libraries_become_python_numbers(
    name: str, value: Any, expected: object
) -> None:
    """Whole numbers are numbers, and numpy numbers become Python numbers, which JSON can store."""
    found = getattr(Example(**{name: value}), name)
    assert repr(found) == repr(expected)


def boundaries(declared: Option) -> list[Any]:
    """Return the smallest and the largest allowed values, and all choices."""
    if declared.choices:
        return list(declared.choices)
    if declared.kind not in ("int", "float"):
        return []
    above = [] if declared.above is None else [math.nextafter(declared.above, math.inf)]
    return [*above, *(x for x in (declared.minimum, declared.maximum) if x is not None)]


def just_outside(declared: Option) -> list[Any]:
    """Return values next to the boundaries, and values of other types."""
    if declared.kind == "bool":
        return [0, "on", None]
    if declared.choices or declared.kind == "str":
        return ["not a choice" if declared.choices else 1, 1.5]
    low, high = declared.minimum, declared.maximum
    below = [] if low is None else [math.nextafter(low, -math.inf)]
    beyond = [] if high is None else [math.nextafter(high, math.inf)]
    if declared.kind == "int":
        below = [] if low is None else [low - 1]
        beyond = [1.5] if high is None else [high + 1, 1.5]
    exclusive = [] if declared.above is None else [declared.above]
    return [*below, *exclusive, *beyond, math.nan, math.inf, -math.inf, True, "1"]


def cases(values: Any) -> list[Any]:
    """Return class, option and value, for every option of every class."""
    return [
        pytest.param(each, declared, value, id=f"{each.__name__}-{name}-{value}")
        for each in CLASSES
        for name, declared in options_of(each).items()
        for value in values(declared)
    ]


@pytest.mark.parametrize(("options", "declared", "value"), cases(boundaries))
def test_values_at_the_boundaries_are_accepted(
    options: Any, declared: Option, value: object
) -> None:
    """Every option accepts its bounds and its choices, if no other option excludes them."""
    with suppress(OptionConflictError):
        options(**{declared.name: (value,) if declared.multiple else value})


@pytest.mark.parametrize(("options", "declared", "value"), cases(just_outside))
def test_values_just_outside_are_refused(options: Any, declared: Option, value: object) -> None:
    """Every option refuses the next value beyond its bounds, NaN, infinity and other types."""
    with pytest.raises(OptionError) as caught:
        options(**{declared.name: (value,) if declared.multiple else value})
    assert str(caught.value).startswith(f"{declared.name} must be ")


@pytest.mark.parametrize("options", CLASSES)
def test_declarations_are_consistent(options: Any) -> None:
    """Defaults are allowed, required options exist, and help is a phrase without a full stop."""
    declared = options_of(options)
    assert declared == options_of(options())
    for each in declared.values():
        assert each.help
        assert not each.help.endswith(".")
        assert not each.requires or each.requires in declared
        assert not each.none_as or each.optional


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("count", "1"),
        ("rate", ""),
        ("fraction", "0.5"),
        ("kind", "a"),
        ("on", ""),
        ("lags", "25,1000"),
    ],
)
def test_the_help_ends_with_the_default(name: str, default: str) -> None:
    """The default is in the help, unless it is None or False."""
    declared = options_of(Example)[name]
    assert declared.default_text == default
    assert declared.full_help == declared.help + (f" [default: {default}]" if default else "")


def test_an_empty_stop_text_is_refused() -> None:
    """An empty stop text would end every text before its first character."""
    with pytest.raises(OptionError, match=r"^stop must be a string of at least one .* got ''$"):
        GenerationSettings(stop=("ab", ""))


def test_a_conflict_names_all_options() -> None:
    """The fields in a reason are worded by the front end."""
    error = OptionConflictError("{a} excludes {b_c}, not {d}", "a", "b_c")
    assert str(error) == "a excludes b_c, not {d}"
    assert error.message(lambda field: f"--{field}") == "--a excludes --b_c, not {d}"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("coutn", "unknown option coutn (did you mean count?)"),
        ("half-open", "unknown option half-open (did you mean half_open?)"),
        ("{}", "unknown option {} (available: count, half_open)"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(name: str, message: str) -> None:
    """The message suggests a similar name, or lists all."""
    known = ["count", "half_open"]
    check_names(known, known)
    with pytest.raises(UnknownOptionError) as caught:
        check_names(["count", name], known)
    assert str(caught.value) == message
    assert isinstance(caught.value, TypeError)


# The tables of the README


def test_the_tables_of_the_readme_are_current() -> None:
    """`python -m tests.readme_tables` changes nothing."""
    readme = README.read_text(encoding="utf-8")
    assert update(readme) == readme


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_row_for_each_option(name: str) -> None:
    """The text around a table is kept, and each row has the name, the default and the help."""
    readme = f"before\n<!-- options: {name} -->\nold\n<!-- /options -->\nafter\n"
    lines = update(readme).splitlines()
    assert lines[:2] == ["before", f"<!-- options: {name} -->"]
    assert lines[-2:] == ["<!-- /options -->", "after"]
    assert "\n".join(lines[2:-2]) + "\n" == make_table(TABLES[name])
    assert update("\n".join(lines)) == "\n".join(lines)
    for row, declared in zip(lines[4:-2], options_of(TABLES[name]).values(), strict=True):
        assert row.count("|") == 4
        assert f"| {declared.default_text} | {declared.help}" in row
        assert all(value in row for value in declared.choices)
        assert f"--{declared.name.replace('_', '-')}`" in row or declared.flags
