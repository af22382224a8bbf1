"""The watch: has each rule looked at when it is due, by whoever comes first, and tells what is wrong now."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import RedisError
from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError, OperationalError

from worker import causes, transport
from worker.boundaries import boundary
from worker.findings import data, engines, pauses, processes, runs, schedule, scores, security, store, telling, tokens
from worker.findings.kinds import SEVERITIES, Finding
from worker.findings.rule import Here, Rule
from worker.settings import Settings

RULES: tuple[Rule, ...] = tuple(
    one.RULE for one in (engines, processes, schedule, runs, pauses, data, scores, security, tokens, telling)
)
# Somebody may be waiting for the page; a Redis that takes longer is as good as away.
PATIENCE_S = 2


@dataclass(frozen=True)
class Shown:
    """A finding as it is told. `id` is none for one that PostgreSQL could not keep, as it is what is wrong."""

    kind: str
    subject: str
    severity: str
    cause: str
    remedy: str
    link: str | None
    since: dt.datetime
    last_seen: dt.datetime
    id: int | None = None
    rule: str | None = None
    acknowledged_by: str | None = None
    acknowledged_until: dt.datetime | None = None
    is_acknowledged: bool = False

    @classmethod
    def kept(cls, row: Row[Any]) -> "Shown":
        """One that is kept."""
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})

    @classmethod
    def unkept(cls, finding: Finding) -> "Shown":
        """One that cannot be kept now."""
        values = {name: value for name, value in vars(finding).items() if name != "worse"}
        now = dt.datetime.now(dt.UTC)
        return cls(**values, severity=finding.severity, since=now, last_seen=now)


class Watch:
    """Looks and tells with connections of its own to both Redis, which are opened when they are needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queues = transport.impatient(settings.queue_redis_url, PATIENCE_S)
        self._cache = transport.impatient(settings.redis_url, PATIENCE_S)

    def close(self) -> None:
        """Give the connections back."""
        self._queues.close()
        self._cache.close()

    def look(self, connection: Connection, *, at_once: bool = False, unkept: list[Shown] | None = None) -> None:
        """Look at every rule that is due, and keep what is seen. Raises sqlalchemy's errors where that cannot be.

        at_once: at all of them, whenever they were looked at last.
        unkept: takes what is seen of a rule and PostgreSQL refuses to keep.
        """
        unkept = [] if unkept is None else unkept
        due = store.claim(connection, {rule.name: 0 if at_once else rule.every_s for rule in RULES})
        is_away = False
        for rule in RULES:
            if rule.name in due:
                here = Here(self._settings, connection, self._queues, self._cache, due[rule.name])
                is_away = self._look_at(rule, here, unkept, is_away=is_away)

    def _look_at(self, rule: Rule, here: Here, unkept: list[Shown], *, is_away: bool) -> bool:
        """Whether Redis is away: then nobody waits for it again in this look."""
        seen: list[Finding] | None = None
        if not (is_away and rule.needs_redis):
            with boundary("findings", here.connection, rule=rule.name):
                try:
                    seen = list(rule.look(here))
                except RedisError:
                    is_away = True
                else:
                    is_away = is_away or any(finding.kind == "redis_away" for finding in seen)
                    store.reconcile(here.connection, rule.name, seen, here.facts, rule.why)
                    return is_away
        if seen is None:
            store.leave_unknown(here.connection, rule.name)
        else:
            # It is so, whether or not a full disk has room for it.
            unkept += map(Shown.unkept, seen)
        return is_away

    def current(self, connection: Connection, *, at_once: bool = False) -> Sequence[Shown]:
        """What is wrong, the worst first; at_once: by a look of now. Raises sqlalchemy's errors where it is away."""
        unkept: list[Shown] = []
        kept: list[Shown] = []
        try:
            try:
                self.look(connection, at_once=at_once, unkept=unkept)
            except DBAPIError as error:
                unkept.append(_refused(connection, error))
            # What was kept before is still so, also where nothing can be added to it.
            kept = [Shown.kept(row) for row in store.current(connection)]
        except DBAPIError as error:
            unkept.append(_refused(connection, error))
        found = {(one.kind, one.subject): one for one in (*unkept, *kept)}
        order: Sequence[str] = SEVERITIES
        return sorted(found.values(), key=lambda one: order.index(one.severity))


def _refused(connection: Connection, error: DBAPIError) -> Shown:
    """That finding, and the connection ready for the next statement. Raises the error where the connection is lost."""
    if error.connection_invalidated:
        raise error
    connection.rollback()
    return refused(error)


def refused(error: DBAPIError) -> Shown:
    """PostgreSQL is there, and what was to be kept is not."""
    cause = f"PostgreSQL refuses to read or write: {causes.of_postgresql(error)}."
    remedy = (
        "Follow its message; if its disk is full, free some space. Requested runs are kept and continue by themselves."
    )
    return Shown.unkept(Finding("postgresql_refuses", "postgresql", cause, remedy))


def away(error: OperationalError | None = None) -> Shown:
    """PostgreSQL cannot be reached, so that nothing else is known."""
    cause = "PostgreSQL does not respond, so no run can start."
    if error is not None:
        cause = f"{cause} {causes.of_postgresql(error)}."
    remedy = "Restart PostgreSQL, or correct DATABASE_URL. Requested runs are kept there and continue by themselves."
    return Shown.unkept(Finding("postgresql_away", "postgresql", cause, remedy))


def acknowledge(connection: Connection, finding_id: int, who: str, minutes: int | None = None) -> None:
    """Tell nobody of the finding for so long, or until it is over. A run that failed is settled by it.

    Raises UnknownFinding.
    """
    with connection.begin():
        row = store.acknowledge(connection, finding_id, who, minutes)
        if row.kind == "failed_run" and minutes is None:
            runs.acknowledge(connection, str(row.link).removeprefix("run:"), who)
            store.resolve(connection, row, f"acknowledged by {who}")
