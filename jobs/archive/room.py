"""The room that an archive takes in PostgreSQL, said before it begins."""

import contextlib
import shutil
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from jobs.archive.errors import ArchiveRefused
from jobs.archive.opening import Member
from jobs.database import data_folder

# A row of the files has about 205 bytes, a crime with its indexes as many, the log of its writing too.
PER_BYTE: Final = 2.0


def needed(members: Sequence[Member]) -> int:
    """Bytes that the crimes of these members take while they come in, about."""
    return round(PER_BYTE * sum(member.size for member in members))


def free(connection: Connection) -> int | None:
    """Bytes free where PostgreSQL keeps its data; none where that is another machine, or not for us to know."""
    with connection.begin():
        folder = data_folder(connection)
    # A folder of that name on another machine, or one that we may not look into, is not PostgreSQL's for us.
    with contextlib.suppress(OSError):
        if folder and (folder / "PG_VERSION").exists():
            return shutil.disk_usage(folder).free
    return None


def refuse_without(connection: Connection, members: Sequence[Member]) -> None:
    """Raises ArchiveRefused where the disk has too little room for what is to come in."""
    there, wanted = free(connection), needed(members)
    if there is not None and there < wanted:
        raise ArchiveRefused(
            f"The crimes need about {wanted / 2**30:.1f} GiB in PostgreSQL, and {there / 2**30:.1f} are free: make "
            "room, or bring in fewer months with oldest and newest. Nothing was changed"
        )
