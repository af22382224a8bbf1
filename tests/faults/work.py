"""The work that goes on all the time: a seeded stream of requests, as many at once as two cores can bear."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from jobs.models.runs import Run
from jobs.months import parse_month
from tests.faults.background import Background
from tests.faults.notes import FAULTS, Request
from worker.client import Client
from worker.settings import Settings

OPEN_AT_ONCE = 6
PAUSE_S = 0.2


# The last one: whatever the order in which months came in, after it the grid is that of all of them.
LAST = Request("rebuild_safety_grid", {"months": 12})


def requests(chance: random.Random, months: list[str]) -> Iterator[Request]:
    """Requests without end; `months`: those on offer, YYYY-MM."""
    # Those of the data first, so that even a short run has each.
    yield Request("ingest_latest_crime_data", {})
    yield Request("cleanup_old_route_history", {"retention_days": 150})
    yield _steps(chance, 0)
    number = 0
    while True:
        number += 1
        match chance.choices(("steps", "month", "latest", "grid", "cleanup"), (40, 30, 6, 14, 10))[0]:
            case "steps":
                yield _steps(chance, number)
            case "month":
                month = parse_month(chance.choice(months))
                yield Request("ingest_month_on_demand", {"year": month.year, "month": month.month})
            case "latest":
                yield Request("ingest_latest_crime_data", {})
            case "grid":
                yield Request("rebuild_safety_grid", {"months": chance.choice((3, 6, 12)), "force": True})
            case _:
                yield Request("cleanup_old_route_history", {"retention_days": chance.randint(20, 150)})


def _steps(chance: random.Random, number: int) -> Request:
    return Request("take_steps", {"name": f"steps {number}", "steps": chance.randint(8, 25), "seconds": 0.2})


@dataclass
class Asking(Background):
    """A thread that asks for runs, for the length of a `with`. A request that is not accepted is asked again."""

    settings: Settings
    stream: Iterator[Request]
    accepted: dict[str, Request] = field(default_factory=dict)
    """By run id, in the order of their acceptance."""
    asked: int = 0
    """Requests that were accepted; equal ones may have been answered with one run."""
    refused: Counter[str] = field(default_factory=Counter)

    def ask(self, client: Client, request: Request) -> str | None:
        """The run that was accepted; none if PostgreSQL is away."""
        try:
            run_id = client.submit(request.job, request.parameters, FAULTS).run_id
        except (SQLAlchemyError, RedisError) as error:
            self.refused[type(error).__name__] += 1
            return None
        self.asked += 1
        self.accepted.setdefault(run_id, request)
        return run_id

    def work(self) -> None:
        """Ask until the stream ends."""
        with Client(self.settings) as client:
            for request in self.stream:
                while not self.over.is_set() and (_is_busy(client) or self.ask(client, request) is None):
                    self.over.wait(PAUSE_S)
                if self.over.wait(PAUSE_S):
                    return


def _is_busy(client: Client) -> bool:
    """Whether enough runs are open."""
    try:
        with client.engine.connect() as connection, connection.begin():
            open_runs = select(Run.id).where(Run.ended_at.is_(None), Run.job != "tick")
            return len(connection.execute(open_runs).all()) >= OPEN_AT_ONCE
    except SQLAlchemyError:
        # Ask all the same: what a person's request meets is what is tested.
        return False
