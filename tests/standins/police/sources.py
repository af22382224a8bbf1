"""Where the stand-in's crimes come from: archive files on disk, or records that a test gives."""

import csv
import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tests.standins.police.catalogue import slug_of
from tests.standins.police.crimes import Crimes, Row, from_records, from_rows

COLUMNS = [
    *("Crime ID", "Month", "Reported by", "Falls within", "Longitude", "Latitude", "Location"),
    *("LSOA code", "LSOA name", "Crime type", "Last outcome category", "Context"),
]
_MEMBER = re.compile(r"(\d{4}-\d{2})-([a-z-]+)-street\.csv$")


class Source(Protocol):
    """Crimes by month and force."""

    synthetic: bool

    def months(self) -> list[str]:
        """All months that the source holds, oldest first."""
        ...

    def forces(self, month: str) -> list[str]:
        """The forces with crimes in a month; none for a month that is not held."""
        ...

    def crimes(self, month: str, force: str) -> Crimes: ...


class Member(NamedTuple):
    """A CSV file: in the zip at `path`, or in the folder at `path`."""

    path: Path
    name: str

    def text(self) -> str:
        if self.path.is_dir():
            return (self.path / self.name).read_text("utf-8")
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(self.name).decode("utf-8")


class Archive:
    """Folders and zips in the layout of the archive; where two hold the same file the last one counts."""

    synthetic = False

    def __init__(self, *paths: Path | str) -> None:
        self._members = {key: member for path in paths for key, member in _members(Path(path))}
        if not self._members:
            raise ValueError(f"No YYYY-MM-<force>-street.csv in {', '.join(map(str, paths))}")

    def months(self) -> list[str]:
        return sorted({month for month, _ in self._members})

    def forces(self, month: str) -> list[str]:
        return sorted(force for held, force in self._members if held == month)

    def crimes(self, month: str, force: str) -> Crimes:
        member = self._members[month, force]
        reader = csv.reader(io.StringIO(member.text(), newline=""))
        header = next(reader, [])
        if header != COLUMNS:
            raise ValueError(f"{member.path}: {member.name} has the columns {header}, expected {COLUMNS}")
        return from_rows(month, force, map(_row, reader))


class Records:
    """Records that a test gives, each with at least its `month`; what else is missing is filled in.

    `force` (default hampshire) is no field of the API, but says whose the record is.
    """

    synthetic = False

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self._records: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for record in map(dict, records):
            force = record.pop("force", "hampshire")
            self._records[record["month"]][force].append(record)

    def months(self) -> list[str]:
        return sorted(self._records)

    def forces(self, month: str) -> list[str]:
        return sorted(self._records.get(month, {}))

    def crimes(self, month: str, force: str) -> Crimes:
        return from_records(month, force, self._records[month][force])


def _members(path: Path) -> Iterator[tuple[tuple[str, str], Member]]:
    if path.is_dir():
        names = sorted(str(file.relative_to(path)) for file in path.rglob("*-street.csv"))
    else:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    for name in names:
        if found := _MEMBER.search(name):
            yield (found[1], found[2]), Member(path, name)


def _row(columns: list[str]) -> Row:
    crime_id, _, _, _, lng, lat, street, _, _, crime_type, outcome, _ = columns
    return Row(crime_id, lat, lng, street, slug_of(crime_type), outcome)
