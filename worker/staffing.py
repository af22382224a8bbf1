"""How many workers each queue has in one supervisor: the usual number, or what somebody chose."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from jobs.errors import WrongCall
from jobs.models.runs import QueueWorkers

EVENTS = "events"
# As SAFEGRID_MAX_WORKERS has it.
MOST = 64
_EVENTS_ARE_SENT = text(
    """
    SELECT EXISTS (SELECT FROM subscribers)
        OR EXISTS (SELECT FROM runs WHERE queue = 'events' AND ended_at IS NULL)
    """
)


class WrongCount(WrongCall):
    """A number of workers that no queue can have."""

    def __init__(self, queue: str, count: int) -> None:
        super().__init__(f"workers of {queue} must be a whole number from 1 to {MOST} (given: {count})")


def chosen(connection: Connection) -> dict[str, int]:
    """{queue: workers of each supervisor}, of those for which somebody chose a number."""
    with connection.begin():
        return _chosen(connection)


def _chosen(connection: Connection) -> dict[str, int]:
    query = select(QueueWorkers.queue, QueueWorkers.workers)
    return {row.queue: row.workers for row in connection.execute(query)}


def choose(connection: Connection, queue: str, count: int | None, who: str) -> None:
    """Give each supervisor of the queue so many workers from now on; the usual number for None. Raises WrongCount."""
    if count is not None and not 1 <= count <= MOST:
        raise WrongCount(queue, count)
    with connection.begin():
        connection.execute(delete(QueueWorkers).where(QueueWorkers.queue == queue))
        if count is not None:
            values = {"queue": queue, "workers": count, "requested_by": who}
            connection.execute(upsert(QueueWorkers).values(values).on_conflict_do_nothing())


def usual(queues: Sequence[str], fewest: int) -> list[int]:
    """Workers of each queue, where nobody wants another number: one, and what is left of the fewest in turn.

    Events have none until somebody is told of them: see `wanted`.
    """
    others = [name for name in queues if name != EVENTS]
    counts = dict.fromkeys(queues, 0)
    for number in range(max(fewest, len(others)) if others else 0):
        counts[others[number % len(others)]] += 1
    return list(counts.values())


def wanted(connection: Connection, queues: Sequence[str], fewest: int, most: int) -> list[int]:
    """Workers of each queue now."""
    counts = dict(zip(queues, usual(queues, fewest), strict=True))
    with connection.begin():
        if EVENTS in counts and are_events_sent(connection):
            counts[EVENTS] = 1
        counts |= {queue: count for queue, count in _chosen(connection).items() if counts.get(queue)}
    return list(within(counts, most).values())


def within(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """The same, `most` in all: those with the most workers give some up, and each keeps one."""
    left = dict(counts)
    while sum(left.values()) > max(most, sum(count > 0 for count in left.values())):
        left[max(left, key=lambda queue: left[queue])] -= 1
    return left


def are_events_sent(connection: Connection) -> bool:
    """Whether anybody is to be told of events. Part of the caller's transaction."""
    return bool(connection.scalar(_EVENTS_ARE_SENT))
