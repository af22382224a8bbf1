"""The audit in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from jobs.models.people import AuditEntry


def note(connection: Connection, who: str, action: str, target: str, address: str | None) -> None:
    """Write down who changed what."""
    with connection.begin():
        connection.execute(insert(AuditEntry).values(who=who, action=action, target=target, address=address))


def newest(connection: Connection, count: int, before: int | None = None) -> Sequence[Row[Any]]:
    """The newest entries, of those older than the entry `before`."""
    where = [AuditEntry.id < before] if before else []
    with connection.begin():
        return connection.execute(
            select(AuditEntry.__table__).where(*where).order_by(AuditEntry.id.desc()).limit(count)
        ).all()
