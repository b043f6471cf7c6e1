"""Filler: short sentences without any information, of any total length.

They contain no name, third-person pronoun, weather, place or dog, so that all tasks can use them.
"""

from __future__ import annotations

from functools import cache
from random import Random

SENTENCES = (
    "ha.",
    "hm.",
    "wow.",
    "yum.",
    "oops.",
    "hush.",
    "bravo.",
    "sorry.",
    "we ate.",
    "we hid.",
    "we sang.",
    "we read.",
    "it broke.",
    "more jam.",
    "tea time.",
    "we baked.",
    "who knows.",
    "we waited.",
    "a cup fell.",
    "soup again.",
    "nobody knew.",
    "we ate cake.",
    "we found jam.",
    "a fly sneezed.",
    "the cat snored.",
    "we lost a sock.",
    "we won at chess.",
    "the band played.",
    "the baby giggled.",
    "the jam was gone.",
    "we told old jokes.",
    "we danced in socks.",
    "the tea was too hot.",
    "the clock was wrong.",
    "we counted to eleven.",
    "a button went missing.",
    "the parrot said hello.",
    "the cat sat on the map.",
    "we fixed the old piano.",
    "a kettle hummed a tango.",
    "we played cards for nuts.",
    "the tall hat was too tall.",
    "the letter came by bicycle.",
    "we wrote a poem about soup.",
    "the goose took our sandwich.",
    "we laughed until it was late.",
    "the neighbours practised tuba.",
)

# Each includes the space after it. There is one of every length from SHORTEST to the longest, so
# that the last sentence of a filler can have any remaining length.
_SPACED = tuple(sentence + " " for sentence in SENTENCES)
SHORTEST = min(map(len, _SPACED))
_LONGEST = max(map(len, _SPACED))
# At least this is left for the last sentences; otherwise many would be "ha." and "hm.".
_MIN_REST = 2 * SHORTEST


def fill(random: Random, length: int) -> str:
    """Draw sentences of exactly `length` characters with their spaces, SHORTEST or more.

    No sentence is repeated immediately if another one fits.
    """
    assert length >= SHORTEST
    drawn: list[str] = []
    last = ""
    while length:
        fitting = _fitting(min(length, _LONGEST + _MIN_REST))
        last = random.choice([sentence for sentence in fitting if sentence != last] or fitting)
        drawn.append(last)
        length -= len(last)
    return "".join(drawn)


@cache
def _fitting(length: int) -> tuple[str, ...]:
    """Return the sentences that fill the length or leave a remainder that is easy to fill."""
    return tuple(s for s in _SPACED if len(s) == length or length - len(s) >= _MIN_REST)
