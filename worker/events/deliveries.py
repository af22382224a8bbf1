"""From an event to its deliveries: each subscriber's get numbers without gaps, and a few at a time become runs.

Numbers are given after the event's transaction, in the order in which the events came to be seen: so no transaction
that notes one waits for another.
"""

from sqlalchemy import Connection, text

from jobs import catalogue
from worker import ledger
from worker.ledger import Requester

JOB = "deliver_event"
REQUESTER = Requester("pipeline", "events")
# Of one subscriber: one that takes nothing has so few runs that wait for their next try, whatever else there is for it.
MOST_OPEN = 4
MOST_NUMBERED = 1_000
MOST_ENTERED = 200

_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('safegrid:events', 0))")
_NUMBER = text(
    """
    WITH fresh AS (
        UPDATE events SET numbered_at = clock_timestamp()
        WHERE id IN (SELECT id FROM events WHERE numbered_at IS NULL ORDER BY id LIMIT :most) RETURNING id, kind, at
    ), wanted AS (
        SELECT subscribers.id AS subscriber_id, fresh.id AS event_id,
            last_number + row_number() OVER (PARTITION BY subscribers.id ORDER BY fresh.id) AS number
        FROM fresh JOIN subscribers ON fresh.kind = ANY (kinds) AND fresh.at >= created_at
    ), counted AS (
        UPDATE subscribers SET last_number = newest FROM (
            SELECT subscriber_id, max(number) AS newest FROM wanted GROUP BY 1
        ) AS given WHERE id = subscriber_id
    )
    INSERT INTO deliveries (subscriber_id, number, event_id) SELECT subscriber_id, number, event_id FROM wanted
    """
)
_NEXT = text(
    """
    SELECT id AS subscriber, number FROM subscribers, LATERAL (
        SELECT number FROM deliveries WHERE subscriber_id = subscribers.id AND run_id IS NULL ORDER BY number
        LIMIT greatest(0, :most_open - (
            SELECT count(*) FROM runs WHERE queue = 'events' AND ended_at IS NULL AND job = :job
            AND parameters->>'subscriber' = subscribers.id::text
        ))
    ) AS waiting ORDER BY number, id LIMIT :most
    """
)
_ENTERED = text("UPDATE deliveries SET run_id = :run_id WHERE subscriber_id = :subscriber AND number = :number")
_FORGET = text(
    """
    DELETE FROM events WHERE id IN (
        SELECT id FROM events WHERE at < clock_timestamp() - :days * interval '1 day' AND numbered_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM deliveries WHERE event_id = events.id AND run_id IS NULL) ORDER BY id LIMIT :most
    )
    """
)


def send_out(connection: Connection) -> int:
    """Number what is new and enter the runs whose turn it is. Returns how many; 0 where another process does it."""
    with connection.begin():
        if not connection.scalar(_ALONE):
            return 0
        connection.execute(_NUMBER, {"most": MOST_NUMBERED})
        limits = {"job": JOB, "most_open": MOST_OPEN, "most": MOST_ENTERED}
        due = connection.execute(_NEXT, limits).all()
        for row in due:
            _enter(connection, row.subscriber, row.number)
    return len(due)


def _enter(connection: Connection, subscriber: int, number: int) -> None:
    job = catalogue.find(JOB)
    which = {"subscriber": subscriber, "number": number}
    entered = ledger.enter(connection, job, job.validate(which), REQUESTER, None)
    connection.execute(_ENTERED, {**which, "run_id": entered.run_id})


def forget(connection: Connection, days: int, most: int = 5_000) -> None:
    """Delete events of long ago, and what was sent of them. Numbers go on from where they are."""
    with connection.begin():
        connection.execute(_FORGET, {"days": days, "most": most})
