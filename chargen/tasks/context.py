"""Context: where a story plays says which animal is likely at its end, but not for certain."""

from __future__ import annotations

from random import Random

from chargen.tasks.episode import Answer, Episode, Task
from chargen.tasks.filler import SHORTEST, fill

ANIMALS = ("dog", "wolf", "fish")
# The places of a setting, and the probabilities of the animals there. The settings are equally
# frequent; the fish is likelier by the water than the dog is at home, because it is rarer elsewhere
# and each animal is to come in a third of all stories.
SETTINGS = (
    (("at home", "in the kitchen", "on the sofa", "in the attic"), (0.8, 0.15, 0.05)),
    (("in the wild", "in the woods", "in the hills", "up north"), (0.15, 0.8, 0.05)),
    (("by the water", "by the lake", "by the sea", "in a boat"), (0.05, 0.05, 0.9)),
)
ANNOUNCEMENT = "oh, a "

_STOP = ". "


def episode(random: Random, lag: int) -> Episode:
    """Make one such as `we were in the kitchen. a cup fell. we sang. oh, a dog.`."""
    distraction = fill(random, lag - len(_STOP) - len(ANNOUNCEMENT))
    # Drawn after the distraction, which therefore cannot tell it.
    places, probabilities = random.choice(SETTINGS)
    told = f"we were {random.choice(places)}"
    animal = random.choices(ANIMALS, probabilities)[0]
    answer = Answer(
        at=len(told) + lag,
        text=animal,
        fact_end=len(told) - 1,
        choices=ANIMALS,
        probabilities=probabilities,
    )
    return Episode(f"{told}{_STOP}{distraction}{ANNOUNCEMENT}{animal}.", (answer,))


CONTEXT = Task(
    name="context",
    summary="the place of a story makes one animal likely and leaves the others possible",
    choices=ANIMALS,
    announcement=ANNOUNCEMENT,
    least_lag=len(_STOP) + SHORTEST + len(ANNOUNCEMENT),
    chance=1 / len(ANIMALS),
    episode=episode,
    settings={places[0]: probabilities for places, probabilities in SETTINGS},
)
