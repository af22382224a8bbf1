"""Archives for tests: rows as the source writes them, in a zip or a folder."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.archive.rows import HEADER
from tests.integration.crimes import MONTH

FORCES = {"hampshire": "Hampshire Constabulary", "dorset": "Dorset Police", "btp": "British Transport Police"}
ID = "{:064x}".format


def row(
    lat: float | str = 50.91,
    lng: float | str = -1.4,
    *,
    crime_id: str = "",
    month: str = MONTH,
    force: str = FORCES["hampshire"],
    kind: str = "Anti-social behaviour",
    outcome: str = "",
    street: str = "On or near High Street",
) -> str:
    """A row of a file, without a place where `lat` is empty."""
    place = f"{lng},{lat},{street}" if lat != "" else ",,No Location"
    return f"{crime_id},{month},{force},{force},{place},E01017139,Southampton 023A,{kind},{outcome},"


def name_of(force: str = "hampshire", month: str = MONTH) -> str:
    """The name of a file within an archive."""
    return f"{month}/{month}-{force}-street.csv"


def content(rows: Sequence[str]) -> str:
    """The text of a file."""
    return "\n".join((HEADER, *rows, ""))


def write_zip(path: Path, files: Mapping[str, Sequence[str] | bytes]) -> Path:
    """An archive with these files, by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in files.items():
            archive.writestr(name, rows if isinstance(rows, bytes) else content(rows))
    return path
