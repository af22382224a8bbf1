"""The schema of the database, brought to a revision by Alembic's migrations."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError

from jobs import placement
from jobs.errors import SafegridError, WrongCall
from jobs.migrations import locks, losses

if TYPE_CHECKING:
    # Imported where it is used: it is large, and workers never migrate.
    from alembic.config import Config
    from alembic.script import ScriptDirectory

# Tables that exist only where PostGIS does, and PostGIS's own.
_OPTIONAL = {"cell_shapes", "spatial_ref_sys"}
# Months, and those on their way in: see jobs/held/partitions.py.
_MADE_AT_WORK = re.compile(r"crime_incidents_\d{6}|incoming_\d+")
_LOCK = "hashtextextended('safegrid:migrate', 0)"


class SchemaDiffers(SafegridError):
    """The database's tables are not those that this version needs."""


class SchemaOutOfDate(SchemaDiffers):
    """The database's tables are not those that this version needs: run `safegrid migrate`."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


class SchemaTooNew(SchemaDiffers):
    """A newer version has migrated the database."""

    def __init__(self, found: str, needed: str) -> None:
        super().__init__(
            f"The database is at revision {found} of a newer version of Safegrid. This version needs {needed}: install "
            f"the newer version, or use it to run `safegrid migrate --to {needed}`"
        )


class MigrationBlocked(SafegridError):
    """Others hold the tables that a migration needs for itself."""

    def __init__(self, current: str | None, blocker: str) -> None:
        super().__init__(
            f"The migration after revision {current or 'none'} needs exclusive access to tables, but {blocker}. "
            "Nothing was changed: wait until this ends, or stop it, and run `safegrid migrate` again"
        )


class WouldLose(SafegridError):
    """An earlier revision has no place for something that is held."""

    def __init__(self, to: str, lost: list[str]) -> None:
        super().__init__(
            f"Revision {to} would delete {', '.join(lost)}. Nothing was changed: make a backup "
            "(docs/backup.md), then repeat with --discard"
        )


def is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    """Whether Alembic compares this object with our models."""
    return not (kind == "table" and name and (name in _OPTIONAL or _MADE_AT_WORK.fullmatch(name)))


def config(connection: Connection) -> "Config":
    """Alembic's configuration for this connection; there is no alembic.ini."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.attributes["connection"] = connection
    return settings


def migrate(connection: Connection, to: str = "head", *, discard: bool = False) -> str:
    """Bring the tables to a revision; at the same time only one does it. Returns the revision reached.

    Forward, each revision is a transaction. Back, all are one, which is undone where it would lose what is held,
    unless `discard`. Raises SchemaTooNew, MigrationBlocked, WouldLose, and WrongCall for a revision that is not known.
    """
    with _alone(connection):
        back = _is_back(connection, to)
        for _ in range(locks.TRIES):
            try:
                _go_back(connection, to, discard) if back else _go_forward(connection, to)
            except (locks.Blocked, OperationalError) as error:
                connection.rollback()
                if not locks.is_lock_timeout(error):
                    raise
                if isinstance(error, locks.Blocked):
                    break
                locks.make_way()
            else:
                return _current(connection) or ""
        with connection.begin():
            blocker = locks.holder(connection)
        raise MigrationBlocked(_current(connection), blocker)


def is_current(connection: Connection) -> bool:
    """Whether the tables are those of this version."""
    return _current(connection) == _scripts(connection).get_current_head()


def check(connection: Connection) -> None:
    """Raises SchemaOutOfDate or SchemaTooNew unless the tables are those of this version."""
    if is_current(connection):
        return
    _check_known(connection)
    raise SchemaOutOfDate


@contextlib.contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """A release may start several programs that migrate: the second finds the work done.

    Waits for a table are short, as readers that come meanwhile wait behind ours.
    """
    with connection.begin():
        connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
        connection.execute(text(f"SET lock_timeout = '{locks.SHORT}'"))
    try:
        yield
    finally:
        connection.rollback()
        # Without its connection the lock is gone anyway.
        with contextlib.suppress(DBAPIError), connection.begin():
            connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))
            connection.execute(text("RESET lock_timeout"))


def _go_forward(connection: Connection, to: str) -> None:
    from alembic import command

    command.upgrade(config(connection), to)
    # Alembic has begun another transaction to look where it is.
    connection.rollback()


def _go_back(connection: Connection, to: str, discard: bool) -> None:
    from alembic import command

    with connection.begin():
        held = losses.held(connection)
        command.downgrade(config(connection), to)
        lost = losses.lost(connection, held)
        if lost and not discard:
            raise WouldLose(to, lost)


def _is_back(connection: Connection, to: str) -> bool:
    """Whether the revision lies behind that of the database."""
    known = _check_known(connection)
    current = _current(connection)
    if to == "head":
        return False
    if to not in known:
        raise WrongCall(f"{to} is not a revision (this version knows {known[0]} to {known[-1]})")
    return current is not None and known.index(to) < known.index(current)


def _check_known(connection: Connection) -> list[str]:
    """All revisions that this version knows, the first one first. Raises SchemaTooNew."""
    known = [script.revision for script in _scripts(connection).walk_revisions()][::-1]
    current = _current(connection)
    if current is not None and current not in known:
        raise SchemaTooNew(current, known[-1])
    return known


def _scripts(connection: Connection) -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(config(connection))


def _current(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    with connection.begin():
        # Other applications have a table of that name too.
        if not placement.holds_ours(connection):
            return None
        return MigrationContext.configure(connection).get_current_revision()
