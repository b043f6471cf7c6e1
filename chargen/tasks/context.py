"""Context: the place of a story makes one animal likely at its end, but not certain."""

from __future__ import annotations

from random import Random

from chargen.tasks.episode import Answer, Episode, Task
from chargen.tasks.filler import SHORTEST, fill

ANIMALS = ("dog", "wolf", "fish")
# The places of a setting, and the probabilities of the animals there. The settings are equally
# frequent. The fish is more likely by the water than the dog is at home, because it is rarer
# elsewhere and each animal must occur in a third of all stories.
SETTINGS = (
    (("at home", "in the kitchen", "on the sofa", "in the attic"), (0.8, 0.15, 0.05)),
    (("in the wild", "in the woods", "in the hills", "up north"), (0.15, 0.8, 0.05)),
    (("by the water", "by the lake", "by the sea", "in a boat"), (0.05, 0.05, 0.9)),
)
ANNOUNCEMENT = "oh, a "

_STOP = ". "


def episode(random: Random, lag: int) -> Episode:
    """Draw an episode such as `we were in the kitchen. a cup fell. we sang. oh, a dog.`."""
    filler = fill(random, lag - len(_STOP) - len(ANNOUNCEMENT))
    # The place is drawn after the filler, so that the filler cannot depend on it.
    places, probabilities = random.choice(SETTINGS)
    fact = f"we were {random.choice(places)}"
    animal = random.choices(ANIMALS, probabilities)[0]
    answer = Answer(
        at=len(fact) + lag,
        text=animal,
        fact_end=len(fact) - 1,
        choices=ANIMALS,
        probabilities=probabilities,
    )
    return Episode(f"{fact}{_STOP}{filler}{ANNOUNCEMENT}{animal}.", (answer,))


TASK = Task(
    name="context",
    summary="The place of a story makes one animal likely and leaves the others possible.",
    choices=ANIMALS,
    announcement=ANNOUNCEMENT,
    min_lag=len(_STOP) + SHORTEST + len(ANNOUNCEMENT),
    chance=1 / len(ANIMALS),
    training_characters=2_250_000,
    episode=episode,
    settings={places[0]: probabilities for places, probabilities in SETTINGS},
)
