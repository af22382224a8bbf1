"""What was told to whom, and who refused it."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from jobs.database import lock
from worker.findings.kinds import KINDS
from worker.telling.messages import Event
from worker.telling.receivers import Receiver

# More come at the next round.
MOST = 1_000
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('safegrid:alerts:' || :receiver, 0))")
_WAITS = text("SELECT next_try_at > clock_timestamp() FROM receivers WHERE name = :receiver")
# Opened for longer than its kind's patience, seen at the last look, and not acknowledged.
_DUE = text(
    """
    SELECT * FROM (
        SELECT findings.*, 'open' AS what FROM findings JOIN finding_looks USING (rule)
        JOIN unnest(CAST(:kinds AS text[]), CAST(:patience AS float[])) AS known (kind, patience_s) USING (kind)
        WHERE resolved_at IS NULL AND last_seen >= looked_at AND severity = ANY(:severities)
        AND since < clock_timestamp() - patience_s * interval '1 second'
        AND NOT (acknowledged_by IS NOT NULL AND coalesce(acknowledged_until > clock_timestamp(), true))
        AND NOT EXISTS (
            SELECT FROM finding_messages AS told
            WHERE finding_id = findings.id AND receiver = :receiver AND told.what = 'open'
        )
        UNION ALL
        SELECT findings.*, 'over' FROM findings
        JOIN finding_messages AS told ON finding_id = findings.id AND receiver = :receiver AND told.what = 'open'
        WHERE resolved_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM finding_messages AS told
            WHERE finding_id = findings.id AND receiver = :receiver AND told.what = 'over'
        )
    ) AS due ORDER BY array_position(ARRAY['critical', 'warning', 'notice'], severity), since, id LIMIT :most
    """
)
_TOLD = text(
    """
    INSERT INTO finding_messages (finding_id, receiver, what)
    SELECT id, :receiver, what FROM unnest(CAST(:ids AS bigint[]), CAST(:whats AS text[])) AS told (id, what)
    ON CONFLICT DO NOTHING
    """
)
_TAKEN = text("DELETE FROM receivers WHERE name = :receiver")
_REFUSED = text(
    """
    INSERT INTO receivers (name, error, refused_since, tries, next_try_at)
    VALUES (:receiver, :error, clock_timestamp(), 1, clock_timestamp() + :wait * interval '1 second')
    ON CONFLICT (name) DO UPDATE SET error = excluded.error, tries = receivers.tries + 1,
        next_try_at = clock_timestamp()
            + greatest(:wait, least(:most_wait, :first_wait * 2 ^ receivers.tries)) * interval '1 second'
    """
)
_GONE = text("DELETE FROM receivers WHERE NOT name = ANY(:names)")
_AWAY = text(
    """
    INSERT INTO findings (rule, kind, subject, severity, cause, remedy, since, resolved_at, resolved_by)
    VALUES ('engines', :kind, :subject, :severity, :cause, :remedy, :since, clock_timestamp(), 'it responds again')
    RETURNING id
    """
)

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0


def is_ours(connection: Connection, receiver: Receiver) -> bool:
    """Whether nobody else tells this receiver until the end of the transaction, and it may be tried again."""
    if not connection.scalar(_TRY_LOCK, {"receiver": receiver.name}):
        return False
    return not connection.scalar(_WAITS, {"receiver": receiver.name})


def due(connection: Connection, receiver: Receiver) -> list[Event]:
    """What the receiver is to be told of, the worst first. Inside the caller's transaction."""
    values = {
        "receiver": receiver.name,
        "severities": list(receiver.severities),
        "kinds": list(KINDS),
        "patience": [kind.patience_s for kind in KINDS.values()],
        "most": MOST,
    }
    return [Event.of(row) for row in connection.execute(_DUE, values)]


def told(connection: Connection, receiver: Receiver, events: Sequence[Event]) -> None:
    """The receiver has taken a message of these. Inside the caller's transaction."""
    kept = [event for event in events if event.finding_id is not None]
    values = {"ids": [event.finding_id for event in kept], "whats": [event.what for event in kept]}
    connection.execute(_TOLD, {"receiver": receiver.name, **values})


def taken(connection: Connection, receiver: Receiver) -> None:
    """It refuses no more. Inside the caller's transaction."""
    connection.execute(_TAKEN, {"receiver": receiver.name})


def refused(connection: Connection, receiver: Receiver, error: str, asked_s: float) -> None:
    """It is tried again later, each time after longer, or when it asks for. Begins its own transaction."""
    values = {
        "receiver": receiver.name,
        "error": error,
        "wait": asked_s or FIRST_WAIT_S,
        "first_wait": FIRST_WAIT_S,
        "most_wait": LONGEST_WAIT_S,
    }
    with connection.begin():
        connection.execute(_REFUSED, values)


def forget_others(connection: Connection, names: Sequence[str]) -> None:
    """Receivers that are no longer set refuse nothing."""
    with connection.begin():
        connection.execute(_GONE, {"names": list(names)})


def keep_outage(connection: Connection, event: Event, receivers: Sequence[Receiver]) -> None:
    """PostgreSQL was away, and these were told of it: now they are told that it is over."""
    with connection.begin():
        lock(connection, f"safegrid:outage:{event.since:%Y%m%d%H%M}")
        values = {name: getattr(event, name) for name in ("kind", "subject", "severity", "cause", "remedy", "since")}
        finding_id = connection.scalar(_AWAY, values)
        for receiver in receivers:
            connection.execute(_TOLD, {"receiver": receiver.name, "ids": [finding_id], "whats": ["open"]})
