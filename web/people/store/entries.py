"""The audit in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from jobs.models.people import AuditEntry


@dataclass(frozen=True)
class Actor:
    """Who does something. What tells them from others is the kind with the id, and not the name."""

    name: str
    kind: str
    id: str


def note(connection: Connection, actor: Actor, action: str, target: str, address: str | None) -> None:
    """Write down who changed what."""
    who = {"who": actor.name, "kind": actor.kind, "account_id": actor.id}
    with connection.begin():
        connection.execute(insert(AuditEntry).values(**who, action=action, target=target, address=address))


def newest(connection: Connection, count: int, before: int | None = None) -> Sequence[Row[Any]]:
    """The newest entries, of those older than the entry `before`."""
    where = [AuditEntry.id < before] if before else []
    with connection.begin():
        return connection.execute(
            select(AuditEntry.__table__).where(*where).order_by(AuditEntry.id.desc()).limit(count)
        ).all()
