"""Acknowledging a finding: done and noted, for pages and programs alike."""

from web.http.clients import client
from web.people import audit, guard
from worker.findings import store, watch


def acknowledge(finding_id: int, minutes: int | None) -> None:
    """Nobody is told of it for so long, or until it is over. Raises UnknownFinding."""
    with client().engine.connect() as connection:
        watch.acknowledge(connection, finding_id, guard.who(), minutes)
    audit.note("acknowledged", f"the finding {finding_id}{f' for {minutes} min' if minutes else ''}")


def take_back(finding_id: int) -> bool:
    """It counts again. Returns whether it is open."""
    with client().engine.connect() as connection:
        changed = store.take_back(connection, finding_id)
    if changed:
        audit.note("took back", f"the acknowledgement of the finding {finding_id}")
    return changed
