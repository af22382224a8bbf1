"""Real archives come in as their files have them, counted here with other code: csv, zipfile and h3 alone."""

import csv
import functools
import io
import itertools
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import h3
import pytest
import shapely

from jobs.archive.run import ingest_archive
from jobs.areas import from_box
from jobs.boundaries.country import country
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.run import ingest_month_on_demand
from tests.conftest import SHARED, needs
from tests.integration.crimes import point_at, rows
from tests.standins.police import PoliceStandin

DATA = SHARED / "data/police"
HELD = "SELECT category, latitude, longitude, street_name, persistent_id, outcome, location_type FROM placed_crimes"
LAND = country().polygon
shapely.prepare(LAND)
COUNTY = (50.5, -2.0, 51.5, -0.6)


@dataclass
class Count:
    """What the files of a month say of the country."""

    category: Counter[str] = field(default_factory=Counter)
    unplaced: Counter[tuple[str, str]] = field(default_factory=Counter)
    cells: Counter[str] = field(default_factory=Counter)
    outside: int = 0
    collapsed: int = 0


def counted(path: Path, oldest: str) -> dict[str, Count]:
    months: dict[str, Count] = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            month, force = name.split("/")[-1][:7], name.split("/")[-1][8:].removesuffix("-street.csv")
            if month >= oldest:
                count_file(months.setdefault(month, Count()), force, archive.read(name).decode())
    return months


@functools.cache
def cell_of(lat: str, lng: str) -> str:
    """The cell of a place in the country; "" outside."""
    if not shapely.contains_xy(LAND, float(lng), float(lat)):
        return ""
    return h3.latlng_to_cell(float(lat), float(lng), 10)


def count_file(count: Count, force: str, text: str) -> None:
    seen: set[tuple[str, ...]] = set()
    for row in itertools.islice(csv.reader(io.StringIO(text, newline="")), 1, None):
        crime_id, kind, place = row[0], row[9], (row[5], row[4])
        if crime_id:
            told = (*row[:10], row[11])
            if told in seen:
                # That of a place outside is no concern of the country's.
                count.collapsed += int(not row[5] or cell_of(*place) != "")
                count.outside += int(bool(row[5]) and cell_of(*place) == "")
                continue
            seen.add(told)
        slug = "violent-crime" if kind.startswith("Violence") else kind.lower().replace(" and ", " ").replace(" ", "-")
        if not row[5]:
            count.unplaced[force, slug] += 1
        elif cell := cell_of(*place):
            count.category[slug] += 1
            count.cells[cell] += 1
        else:
            count.outside += 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "oldest"), [("edge-cases.zip", None), ("hampshire.zip", None), ("2024-02.zip", "2024-02")]
)
def test_every_month_of_an_archive_is_what_its_files_say(here: Context, name: str, oldest: str | None) -> None:
    path = DATA / name
    needs(str(path), path.exists())
    expected = counted(path, oldest or "")
    here.settings = here.settings.model_copy(update={"import_folder": DATA})
    results = {one["month"][:7]: one for one in ingest_archive(name, area="country", oldest=oldest)["results"]}
    assert results.keys() == expected.keys()
    for month, count in expected.items():
        result = results[month]
        assert result["categories"] == count.category
        assert result["records_ingested"] == count.category.total()
        assert result["records_unplaced"] == count.unplaced.total()
        assert result["records_collapsed"] == count.collapsed
        assert (result["records_set_aside"], result["records_outside"]) == (0, count.outside)
        assert result["occupied_cells"] == len(count.cells)
        unplaced = "SELECT force, category, count(*) FROM unplaced_crimes WHERE month = :month GROUP BY 1, 2"
        assert {(f, c): n for f, c, n in rows(here.connection, unplaced, month=f"{month}-01")} == count.unplaced
        rebuild_safety_grid(months=1, until=month)
    grid = "SELECT to_char(month, 'YYYY-MM'), h3_index, crime_count_total FROM safety_cells"
    built = {(month, cell): n for month, cell, n in rows(here.connection, grid)}
    assert built == {(month, cell): n for month, count in expected.items() for cell, n in count.cells.items()}


@pytest.mark.parametrize("month", ["2018-10", "2024-01"])
def test_a_month_is_the_same_by_api_and_by_archive(here: Context, month: str) -> None:
    path = DATA / "hampshire.zip"
    needs(str(path), path.exists())
    with here.connection.begin():
        land.remove(here.connection, "southampton-core")
        land.add(here.connection, from_box("county", "County", COUNTY, ("hampshire",)))
    with PoliceStandin(path) as police:
        point_at(here, police, import_folder=DATA)
        by_api = ingest_month_on_demand(int(month[:4]), int(month[5:]))["results"][0]
        held = sorted(map(repr, rows(here.connection, HELD)))
        (by_archive,) = ingest_archive("hampshire.zip", oldest=month, newest=month, again=True)["results"]
    assert sorted(map(repr, rows(here.connection, HELD))) == held
    same = ("records_ingested", "records_unplaced", "records_set_aside", "occupied_cells", "categories")
    assert {name: by_archive[name] for name in same} == {name: by_api[name] for name in same}
    assert by_archive["change"] == "unchanged"
