"""The jobs of a simulated house. They stand in no catalogue but that of the simulation, and are never called."""

import datetime as dt
import itertools
from typing import Any

from jobs.catalogue import FollowUp, Job
from jobs.parameters import Parameters

RETRY_DELAY_S = 10.0


class Numbered(Parameters):
    """Two runs of the same number are equal."""

    number: int = 0


def plain(number: int = 0) -> None:
    """A job like any other."""


def joins(number: int = 0) -> None:
    """A request for it is satisfied by an equal run at work."""


def leads(number: int = 0) -> None:
    """Its work makes another run necessary."""


def hourly(number: int = 0) -> None:
    """It has a cadence."""


def jobs() -> dict[str, Job]:
    """A catalogue. What its runs ask for is never asked for twice: each has a number of its own."""
    numbers = itertools.count(1_000)

    def lead(_result: Any) -> list[FollowUp]:
        return [FollowUp("plain", {"number": next(numbers)})]

    declared = [
        Job(plain, Numbered, "cache", "plain", retry_delay_s=RETRY_DELAY_S),
        Job(joins, Numbered, "cache", "joins", retry_delay_s=RETRY_DELAY_S, joins_running=True),
        Job(leads, Numbered, "ingestion", "leads", retry_delay_s=RETRY_DELAY_S, follow_ups=lead),
        Job(hourly, Numbered, "maintenance", "hourly", cron="0 * * * *", catch_up=dt.timedelta(hours=5)),
    ]
    return {job.name: job for job in declared}
