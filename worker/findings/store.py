"""Findings in PostgreSQL: what was seen is reconciled with what is open there."""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, Row, text

from worker.errors import UnknownFinding
from worker.findings.kinds import Finding

log = structlog.get_logger("safegrid.findings")

OVER = "it is no longer the case"
# By the clock of the server: those who look may have others.
_CLAIM = text(
    """
    INSERT INTO finding_looks (rule, every_s, claimed_at)
    SELECT rule, every_s, clock_timestamp()
    FROM unnest(CAST(:rules AS text[]), CAST(:every AS float[])) AS wanted (rule, every_s) ORDER BY rule
    ON CONFLICT (rule) DO UPDATE SET claimed_at = excluded.claimed_at, every_s = excluded.every_s
    WHERE finding_looks.claimed_at <= excluded.claimed_at - excluded.every_s * interval '1 second'
    RETURNING rule, facts
    """
)
_LOOKED = text("UPDATE finding_looks SET looked_at = clock_timestamp(), facts = :facts WHERE rule = :rule")
_UNKNOWN = text("UPDATE finding_looks SET looked_at = clock_timestamp() WHERE rule = :rule")
_SEEN = text(
    """
    INSERT INTO findings (rule, kind, subject, severity, cause, remedy, link, last_seen)
    VALUES (:rule, :kind, :subject, :severity, :cause, :remedy, :link, clock_timestamp())
    ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO UPDATE SET
        rule = excluded.rule, severity = excluded.severity, cause = excluded.cause, remedy = excluded.remedy,
        link = excluded.link, last_seen = excluded.last_seen
    RETURNING xmax = 0 AS is_new
    """
)
_OPEN_OF_RULE = text("SELECT * FROM findings WHERE rule = :rule AND resolved_at IS NULL")
_RESOLVE = text(
    "UPDATE findings SET resolved_at = clock_timestamp(), resolved_by = :why WHERE id = :id AND resolved_at IS NULL"
)
_ORDER = "array_position(ARRAY['critical', 'warning', 'notice'], severity), since DESC, id"
_CURRENT = text(
    f"""
    SELECT findings.*, acknowledged_by IS NOT NULL
           AND coalesce(acknowledged_until > clock_timestamp(), true) AS is_acknowledged
    FROM findings JOIN finding_looks USING (rule)
    WHERE resolved_at IS NULL AND last_seen >= looked_at ORDER BY {_ORDER}
    """  # noqa: S608 - a constant
)
_RESOLVED = text("SELECT * FROM findings WHERE resolved_at IS NOT NULL ORDER BY resolved_at DESC LIMIT :count")
_ACKNOWLEDGE = text(
    """
    UPDATE findings SET acknowledged_by = :who,
        acknowledged_until = clock_timestamp() + CAST(:minutes AS int) * interval '1 minute'
    WHERE id = :id AND resolved_at IS NULL RETURNING *
    """
)
_TAKE_BACK = text(
    "UPDATE findings SET acknowledged_by = NULL, acknowledged_until = NULL WHERE id = :id AND resolved_at IS NULL"
)
# An open one of a rule that nobody looks at any more, such as one of an older version, is no finding.
_FORGET = text(
    "DELETE FROM findings WHERE resolved_at < clock_timestamp() - :days * interval '1 day' "
    "OR resolved_at IS NULL AND last_seen < clock_timestamp() - interval '1 day'"
)

Why = Callable[[Connection, Row[Any]], str]


def claim(connection: Connection, every_s: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """{rule: facts of its last look} of the rules that are due, for this process to look at.

    every_s: {rule: seconds between two looks}.
    """
    values = {"rules": list(every_s), "every": list(every_s.values())}
    with connection.begin():
        return {row.rule: row.facts for row in connection.execute(_CLAIM, values)}


def reconcile(connection: Connection, rule: str, seen: Sequence[Finding], facts: Mapping[str, Any], why: Why) -> None:
    """Make the open findings of a rule those that it has seen.

    why: what made one pass that is seen no more; called inside the transaction.
    """
    by_key = {(one.kind, one.subject): one for one in seen}
    with connection.begin():
        # First the row of the rule, by which one of two that looked waits for the other; its time before theirs.
        connection.execute(_LOOKED, {"rule": rule, "facts": json.dumps(facts)})
        is_open = connection.execute(_OPEN_OF_RULE, {"rule": rule}).all()
        for one in by_key.values():
            _keep(connection, rule, one)
        for row in is_open:
            if (row.kind, row.subject) not in by_key:
                _resolve(connection, row, why(connection, row))


def _keep(connection: Connection, rule: str, one: Finding) -> None:
    values = {"rule": rule, "severity": one.severity, **vars(one)}
    if connection.scalar(_SEEN, values):
        log.warning("finding_opened", kind=one.kind, subject=one.subject, severity=one.severity, cause=one.cause)


def _resolve(connection: Connection, row: Row[Any], why: str) -> None:
    if connection.execute(_RESOLVE, {"id": row.id, "why": why}).rowcount:
        log.info("finding_over", kind=row.kind, subject=row.subject, why=why)


def leave_unknown(connection: Connection, rule: str) -> None:
    """The rule could not be looked at: what it found before is neither over nor known to be so now."""
    with connection.begin():
        connection.execute(_UNKNOWN, {"rule": rule})


def current(connection: Connection) -> Sequence[Row[Any]]:
    """Findings that were so at the last look of their rule, the worst first; `is_acknowledged` beside the columns."""
    with connection.begin():
        return connection.execute(_CURRENT).all()


def is_current(connection: Connection, kind: str) -> bool:
    """Whether something of that kind is wrong now."""
    return any(row.kind == kind for row in current(connection))


def resolved(connection: Connection, count: int) -> Sequence[Row[Any]]:
    """The findings that passed last."""
    with connection.begin():
        return connection.execute(_RESOLVED, {"count": count}).all()


def acknowledge(connection: Connection, finding_id: int, who: str, minutes: int | None) -> Row[Any]:
    """Nobody is told of an open finding for so long, or until it is over. Returns it.

    Inside the caller's transaction. Raises UnknownFinding.
    """
    row = connection.execute(_ACKNOWLEDGE, {"id": finding_id, "who": who, "minutes": minutes}).one_or_none()
    if row is None:
        raise UnknownFinding(finding_id)
    return row


def resolve(connection: Connection, row: Row[Any], why: str) -> None:
    """Somebody has made the finding pass. Inside the caller's transaction."""
    _resolve(connection, row, why)


def take_back(connection: Connection, finding_id: int) -> bool:
    """An acknowledged finding counts again. Returns whether it is open."""
    with connection.begin():
        return bool(connection.execute(_TAKE_BACK, {"id": finding_id}).rowcount)


def forget(connection: Connection, older_than: dt.timedelta) -> int:
    """Delete what passed long ago. Returns how many there were."""
    with connection.begin():
        return connection.execute(_FORGET, {"days": older_than.total_seconds() / 86_400}).rowcount
