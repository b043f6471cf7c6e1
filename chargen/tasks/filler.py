"""Distraction: small sentences that say nothing to the point, for any number of characters.

They name nobody, use no pronoun of the third person, and know of no weather, place or dog, so that
every task can use them all.
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

# Each with the space that parts it from what follows. There is one of every length from SHORTEST to
# the longest, so that the last one of a distraction can always be had at the length that is left.
_SPACED = tuple(sentence + " " for sentence in SENTENCES)
SHORTEST = min(map(len, _SPACED))
_LONGEST = max(map(len, _SPACED))
# Less is never left over, or many a distraction would end in a string of "ha." and "hm.".
_LEAST_REST = 2 * SHORTEST


def fill(random: Random, length: int) -> str:
    """Sentences of exactly `length` characters in all, SHORTEST or more, each with its space.

    No sentence follows itself where another one would do.
    """
    assert length >= SHORTEST
    drawn: list[str] = []
    last = ""
    while length:
        fitting = _fitting(min(length, _LONGEST + _LEAST_REST))
        last = random.choice([sentence for sentence in fitting if sentence != last] or fitting)
        drawn.append(last)
        length -= len(last)
    return "".join(drawn)


@cache
def _fitting(length: int) -> tuple[str, ...]:
    """The sentences that fill the length, or leave a rest that is easily filled."""
    return tuple(s for s in _SPACED if len(s) == length or length - len(s) >= _LEAST_REST)
