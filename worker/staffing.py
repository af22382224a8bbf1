"""How many workers each queue has in one supervisor."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

EVENTS = "events"
_EVENTS_ARE_SENT = text(
    """
    SELECT EXISTS (SELECT FROM subscribers)
        OR EXISTS (SELECT FROM runs WHERE queue = 'events' AND ended_at IS NULL)
    """
)


def usual(queues: Sequence[str], fewest: int) -> list[int]:
    """Workers of each queue, where nobody wants another number: one, and what is left of the fewest in turn.

    Events have none until somebody is told of them: see `wanted`.
    """
    others = [name for name in queues if name != EVENTS]
    counts = dict.fromkeys(queues, 0)
    for number in range(max(fewest, len(others)) if others else 0):
        counts[others[number % len(others)]] += 1
    return list(counts.values())


def wanted(connection: Connection, queues: Sequence[str], fewest: int) -> list[int]:
    """Workers of each queue now."""
    counts = dict(zip(queues, usual(queues, fewest), strict=True))
    with connection.begin():
        if EVENTS in counts and are_events_sent(connection):
            counts[EVENTS] = 1
    return list(counts.values())


def are_events_sent(connection: Connection) -> bool:
    """Whether anybody is to be told of events. Part of the caller's transaction."""
    return bool(connection.scalar(_EVENTS_ARE_SENT))
