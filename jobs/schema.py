"""The schema of the database, brought up to date by Alembic's migrations."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from jobs.database import lock
from jobs.errors import SafegridError

if TYPE_CHECKING:
    # Imported where it is used: it is large, and workers never migrate.
    from alembic.config import Config

# Tables that exist only where PostGIS does, and PostGIS's own.
_OPTIONAL = {"cell_shapes", "spatial_ref_sys"}


class SchemaOutOfDate(SafegridError):
    """The database's tables are not those that this version needs: run `safegrid migrate`."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


def is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    """Whether Alembic compares this object with our models."""
    return not (kind == "table" and name in _OPTIONAL)


def config(connection: Connection) -> "Config":
    """Alembic's configuration for this connection; there is no alembic.ini."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.attributes["connection"] = connection
    return settings


def migrate(connection: Connection) -> str:
    """Bring the tables up to date; at the same time only one does it. Returns the revision reached."""
    from alembic import command

    with connection.begin():
        # A release may start several programs that migrate: the second finds the work done.
        lock(connection, "safegrid:migrate")
        command.upgrade(config(connection), "head")
    return _current(connection) or ""


def check(connection: Connection) -> None:
    """Raises SchemaOutOfDate unless the tables are those of this version."""
    from alembic.script import ScriptDirectory

    if _current(connection) != ScriptDirectory.from_config(config(connection)).get_current_head():
        raise SchemaOutOfDate


def _current(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    with connection.begin():
        return MigrationContext.configure(connection).get_current_revision()
