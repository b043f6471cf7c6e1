"""Tests of the click options that are made from declared ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import pytest

from chargen.cli.main import COMMANDS, cli
from chargen.cli.options import declared_options, given
from chargen.errors import OptionConflictError
from chargen.options import option, options_of
from tests.cli.outcome import Refused


@dataclass(frozen=True)
class Example:
    """One option of each kind."""

    count: int = option(5, "Number of things", minimum=0, flags=("-n", "--count"), metavar="N")
    max_rate: float | None = option(None, "Rate", above=0, none_as="0", default_help="by size")
    kind: str = option("a", "Kind", choices={"a": 1, "b": 2})
    name: str = option("", "Name", requires="kind")
    on: bool = option(False, "Switch")
    stop: tuple[str, ...] = option((), "Stop text", metavar="TEXT")
    lags: tuple[int, ...] = option((25, 50), "Distances", separator=",", metavar="N,...")
    internal: int = 0


@click.command()
@declared_options(Example)
@click.option("--other", default="x")
def command(**values: Any) -> dict[str, Any]:
    """Return the options that the user set."""
    chosen = given(Example, values)
    assert list(values) == ["other"]
    return chosen


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("count", "-n, --count N"),
        ("max_rate", "--max-rate FLOAT"),
        ("kind", "--kind [a|b]"),
        ("name", "--name TEXT"),
        ("on", "--on"),
        ("stop", "--stop TEXT"),
        ("lags", "--lags N,..."),
    ],
)
def test_a_declaration_becomes_a_click_option(name: str, expected: str) -> None:
    """Names, metavar or type, choices and the help line come from the declaration."""
    found = {each.name: each for each in command.params}
    assert list(found) == ["count", "max_rate", "kind", "name", "on", "stop", "lags", "other"]
    record = found[name].get_help_record(click.Context(command))
    assert record is not None
    names, text = record
    assert names == expected
    assert text == options_of(Example)[name].full_help


def test_excluded_options_are_left_out() -> None:
    """A command can leave out options of a dataclass."""
    decorated = click.command()(declared_options(Example, exclude=("count", "stop"))(lambda: None))
    assert [each.name for each in decorated.params] == ["max_rate", "kind", "name", "on", "lags"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", {}),
        ("--count 5", {"count": 5}),
        ("-n 0", {"count": 0}),
        ("--max-rate 0", {"max_rate": None}),
        ("--max-rate 0.0", {"max_rate": None}),
        ("--max-rate 0.5", {"max_rate": 0.5}),
        ("--kind b --name x", {"kind": "b", "name": "x"}),
        ("--on", {"on": True}),
        ("--stop a --stop b", {"stop": ("a", "b")}),
        ("--lags 5,10", {"lags": (5, 10)}),
        ("--other y", {}),
    ],
)
def test_given_returns_what_the_user_set(arguments: str, expected: dict[str, Any]) -> None:
    """This includes 0 and a value that equals the default; the text for None becomes None."""
    assert command.main(arguments.split(), standalone_mode=False) == expected


def test_an_option_that_requires_another_is_refused_alone() -> None:
    """The error names both options."""
    with pytest.raises(OptionConflictError, match=r"^name has no effect without kind$"):
        command.main(["--name", "x"], standalone_mode=False)


def commands() -> Iterator[list[str]]:
    """Every command of chargen, as typed."""
    context = click.Context(cli)
    for name in COMMANDS:
        found = cli.get_command(context, name)
        names = list(found.commands) if isinstance(found, click.Group) else []
        yield from ([name, each] for each in names) if names else [[name]]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_a_repeated_option_is_refused(words: list[str], refused: Refused) -> None:
    """No command lets the last value win silently; options that collect values may be repeated."""
    found: Any = cli
    for word in words:
        found = found.get_command(click.Context(found), word)
    for each in found.params:
        if isinstance(each, click.Option) and not (each.multiple or each.is_flag):
            twice = [each.opts[0], "1", each.opts[-1], "1"]
            assert refused(2, *words, *twice) == (
                f"{each.opts[-1]} may be given only once, got 2 values (pass one of them;"
                f" see chargen {' '.join(words)} --help)"
            )


def test_options_that_collect_values_are_repeated(refused: Refused) -> None:
    """--stop may be repeated: the error is the next one."""
    assert refused(1, "sample", "--stop", "a", "--stop", "b").startswith("there is no model")
