"""Answers about the grid: each of one version of it, and kept under that version.

Version and cells are read in one transaction that sees one state. So a reader that meets a rebuild leaves nothing
behind that could be found later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from jobs import database
from jobs.cell_ids import number_of
from jobs.errors import SafegridError
from jobs.grid import period
from jobs.grid.period import Version
from jobs.grid.snapshots import Name, Snapshots
from jobs.settings import Settings

Make = Callable[[Connection, Version], bytes]
Known = Callable[[str], bool]
"""Whether the asker has the answer of an ETag."""
Parts = tuple[Literal["areas", "coverage", "weights"], ...]


class NoSuchCell(SafegridError):
    """A cell that the grid does not have."""


def cell_of(name: str) -> int:
    """The cell that is called so. Raises NoSuchCell."""
    number = number_of(name)
    if number is None:
        raise NoSuchCell(f"{name} is not an H3 cell")
    return number


@dataclass(frozen=True)
class Answer:
    """Bytes as gzip, none where the asker has them already, and their ETag (weak: of what is said, not how)."""

    etag: str
    packed: bytes | None


def nothing_known(_etag: str) -> bool:
    """Of an asker who has no answer yet."""
    return False


class Answers:
    """Of one process; may be used by several threads at once."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._glances = database.create_for_glances(settings, "safegrid grid")
        # One state of the database for version and cells, and a promise to change nothing.
        self.engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._snapshots = Snapshots(settings)

    def answer(self, question: str, parts: Parts, make: Make, known: Known) -> Answer:
        """The answer to a question, made where it is not kept. parts: what it is made from beside the grid."""
        name = Name.of(self._version(parts), question)
        if known(name.etag):
            return Answer(name.etag, None)
        if packed := self._snapshots.get(name):
            return Answer(name.etag, packed)
        with self.engine.connect() as connection:
            at = period.version(connection, *parts)
            body = make(connection, at)
        name = Name.of(at, question)
        return Answer(name.etag, self._snapshots.keep(name, body))

    def _version(self, parts: Parts) -> Version:
        try:
            with self._glances.connect() as connection:
                return period.version(connection, *parts)
        except OperationalError:
            # The server was restarted, or is away: a fresh connection tells which.
            with self._glances.connect() as connection:
                return period.version(connection, *parts)
