"""Pausing and resuming a queue or a cadence, and a queue's workers: done and noted, for pages and programs alike."""

from web.http.clients import client
from web.people import audit, guard
from worker import ledger, pauses, staffing


def pause(kind: str, name: str) -> bool:
    """Returns whether it was not paused already."""
    with client().engine.connect() as connection:
        changed = pauses.pause(connection, kind, name, guard.who())
    return _noted("paused", kind, name, changed)


def resume(kind: str, name: str) -> bool:
    """Returns whether it was paused."""
    with client().engine.connect() as connection:
        changed = pauses.resume(connection, kind, name)
    return _noted("resumed", kind, name, changed)


def purge(queue: str) -> int:
    """Cancel what waits in a queue. Returns how many runs that were."""
    with client().engine.connect() as connection:
        count = ledger.purge(connection, queue, guard.who())
    audit.note("purged", f"the queue {queue}: {count} runs cancelled")
    return count


def choose_workers(queue: str, count: int | None) -> None:
    """Give each supervisor so many workers of the queue, the usual number for None. Raises WrongCount."""
    with client().engine.connect() as connection:
        staffing.choose(connection, queue, count, guard.who())
    audit.note("changed", f"the workers of the queue {queue} to {'the default number' if count is None else count}")


def _noted(action: str, kind: str, name: str, changed: bool) -> bool:
    if changed:
        audit.note(action, f"the cadence of {name}" if kind == "cadence" else f"the {kind} {name}")
    return changed
