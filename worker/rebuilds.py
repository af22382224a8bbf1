"""Rebuilds of the grid go on after a pause."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs import crimes, regrid
from jobs.grid import generations
from worker import pauses
from worker.client import Client
from worker.ledger import Requester


@dataclass(frozen=True)
class Resumed:
    """Whether rebuilds were paused, and the runs that build what changed meanwhile."""

    was_paused: bool
    run_ids: Sequence[str]


def resume(client: Client, resolution: int, requester: Requester) -> Resumed:
    """Resume rebuilds, and ask for those of the months that the grid has otherwise than they are held."""
    with client.engine.connect() as connection:
        was_paused = pauses.resume(connection, *generations.REBUILDS)
        with connection.begin():
            months = crimes.outdated_months(connection, resolution)
    asked = [client.submit(one.job, one.parameters, requester).run_id for one in regrid.rebuilds(months)]
    return Resumed(was_paused, asked)
