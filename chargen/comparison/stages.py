"""What a comparison is made of: pieces of work that are done once, each with its share of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chargen.records import Stage


@dataclass(frozen=True)
class Job:
    """One piece of work. seconds: what it will probably take. work: yields its share done."""

    doing: str
    seconds: float
    work: Callable[[], Iterator[float]]


def run(jobs: list[Job]) -> Iterator[Stage]:
    """Do one job after the other, and tell how far all of them are."""
    total = sum(job.seconds for job in jobs)
    before = 0.0
    for job in jobs:
        yield Stage(job.doing, before / total)
        work = job.work()
        try:
            for share in work:
                yield Stage(job.doing, (before + min(1.0, share) * job.seconds) / total)
        finally:
            if hasattr(work, "close"):  # a training run saves itself
                work.close()
        before += job.seconds
