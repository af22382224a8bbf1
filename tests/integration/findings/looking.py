"""A watch that looks whenever it is asked, and what it found."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from tests.integration.crimes import change, rows
from worker.findings.watch import Shown, Watch
from worker.settings import Settings


@dataclass
class Looker:
    """Looks through one connection."""

    connection: Connection
    watch: Watch

    def all(self) -> dict[tuple[str, str], Shown]:
        """{(kind, subject): finding} of all that is wrong now, looked at now."""
        look_again(self.connection)
        return {(one.kind, one.subject): one for one in self.watch.current(self.connection)}

    def of(self, kind: str) -> dict[str, Shown]:
        """{subject: finding} of that kind."""
        return {subject: one for (name, subject), one in self.all().items() if name == kind}

    def passed(self, kind: str) -> dict[str, str]:
        """{subject: what made it pass}"""
        query = "SELECT subject, resolved_by FROM findings WHERE kind = :kind AND resolved_at IS NOT NULL ORDER BY id"
        return {str(subject): str(why) for subject, why in rows(self.connection, query, kind=kind)}


@contextmanager
def looking(settings: Settings, connection: Connection, **values: Any) -> Iterator[Looker]:
    """One with these settings; `values` are further ones."""
    watch = Watch(settings.model_copy(update=values))
    yield Looker(connection, watch)
    watch.close()


def look_again(connection: Connection) -> None:
    """Every rule is due, whenever it was looked at last."""
    change(connection, "UPDATE finding_looks SET claimed_at = 'epoch'")


def end(connection: Connection, run_id: str, state: str, error: str | None = None) -> None:
    """The run has ended so, now."""
    values = {"id": run_id, "state": state, "error": error}
    with connection.begin():
        statement = "UPDATE runs SET state = :state, ended_at = clock_timestamp(), error = :error WHERE id = :id"
        connection.execute(text(statement), values)
