"""A synthetic police archive of full size: 44 forces, real distribution of points. Made from real months, not stored.

    python -m tests.standins.archive 2026-09.zip --months 36

Each month repeats a real one with ids of its own. The forces that the real months lack are others, moved.
"""

import argparse
import datetime as dt
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.archive.rows import HEADER
from jobs.months import add_months, month_text, parse_month

_NAME = re.compile(r".*(?P<month>[0-9]{4}-[0-9]{2})-(?P<force>[a-z-]+)-street\.csv")
# slug, name, forces that it is made of, degrees of latitude and longitude by which they are moved.
_MADE = (
    (
        "metropolitan",
        "Metropolitan Police Service",
        ("kent", "essex", "hampshire", "sussex", "thames-valley"),
        (0.21, 0.09),
    ),
    ("greater-manchester", "Greater Manchester Police", ("merseyside", "lancashire", "cheshire"), (0.013, 0.47)),
    ("west-midlands", "West Midlands Police", ("nottinghamshire", "leicestershire", "staffordshire"), (-0.31, -0.4)),
    ("west-yorkshire", "West Yorkshire Police", ("south-yorkshire", "humberside"), (0.27, -0.11)),
)


@dataclass(frozen=True)
class Part:
    """The rows of a force in one real month: the text before the id's tail, and after the month."""

    force: str
    rows: Sequence[tuple[str, str]]
    """Crime ID, and everything after the month."""


def write(path: Path, real: Path, months: int, newest: dt.date) -> int:
    """Write the archive of so many months. Returns how many rows it has."""
    seasons = list(_seasons(real))
    count = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for back in range(months):
            month = month_text(add_months(newest, -back))
            for part in seasons[back % len(seasons)]:
                # The same place and kind month after month, as in a city, and never the same id.
                stamp = f"{back:02x}"
                lines = (f"{crime_id and stamp + crime_id[2:]},{month},{rest}" for crime_id, rest in part.rows)
                archive.writestr(f"{month}/{month}-{part.force}-street.csv", "\n".join((HEADER, *lines, "")))
                count += len(part.rows)
    return count


def _seasons(real: Path) -> Iterator[list[Part]]:
    """The parts of each real month."""
    with zipfile.ZipFile(real) as archive:
        found = [(match, name) for name in archive.namelist() if (match := _NAME.fullmatch(name))]
        for month in sorted({match["month"] for match, _ in found}):
            parts = [
                Part(match["force"], [_split(line) for line in archive.read(name).decode().splitlines()[1:]])
                for match, name in found
                if match["month"] == month
            ]
            yield [*parts, *_made(parts)]


def _split(line: str) -> tuple[str, str]:
    crime_id, _, rest = line.split(",", 2)
    return crime_id, rest


def _made(parts: Sequence[Part]) -> Iterator[Part]:
    by_force = {part.force: part for part in parts}
    for slug, name, of, by in _MADE:
        rows = [row for force in of for row in by_force[force].rows]
        yield Part(slug, [(crime_id and "f" + crime_id[1:], _moved(rest, name, by)) for crime_id, rest in rows])


def _moved(rest: str, name: str, by: tuple[float, float]) -> str:
    _, _, lng, lat, more = rest.split(",", 4)
    place = f"{float(lng) + by[1]:.6f},{float(lat) + by[0]:.6f}" if lat else ","
    return f"{name},{name},{place},{more}"


def main() -> None:
    """Write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--real", type=Path, default=Path(__file__).parents[3] / "shared/data/police/2024-02.zip")
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--newest", type=parse_month, default=dt.date(2026, 9, 1))
    given = parser.parse_args()
    sys.stdout.write(f"{write(given.path, given.real, given.months, given.newest)} rows\n")


if __name__ == "__main__":
    main()
