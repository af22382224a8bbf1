"""Real archives come in as their files have them, counted here with other code: csv, zipfile and h3 alone."""

import csv
import io
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import h3
import pytest

from jobs.archive.run import ingest_archive
from jobs.areas import from_box
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.run import ingest_month_on_demand
from tests.conftest import SHARED, needs
from tests.integration.crimes import point_at, rows
from tests.standins.police import PoliceStandin

DATA = SHARED / "data/police"
HELD = "SELECT category, latitude, longitude, street_name, persistent_id, outcome, location_type FROM placed_crimes"
COUNTY = (50.5, -2.0, 51.5, -0.6)


@dataclass
class Count:
    """What the files of a month say: each counter by what its name says."""

    category: Counter[str] = field(default_factory=Counter)
    force: Counter[str] = field(default_factory=Counter)
    unplaced: Counter[tuple[str, str]] = field(default_factory=Counter)
    cells: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    collapsed: int = 0


def counted(path: Path) -> dict[str, Count]:
    months: dict[str, Count] = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            month, force = name.split("/")[-1][:7], name.split("/")[-1][8:].removesuffix("-street.csv")
            count_file(months.setdefault(month, Count()), force, archive.read(name).decode())
    return months


def count_file(count: Count, force: str, text: str) -> None:
    seen: set[tuple[str, ...]] = set()
    for row in csv.DictReader(io.StringIO(text, newline="")):
        count.rows += 1
        told = tuple(value for column, value in row.items() if column != "Last outcome category")
        if row["Crime ID"] and told in seen:
            count.collapsed += 1
            continue
        seen.add(told)
        name = row["Crime type"]
        slug = "violent-crime" if name.startswith("Violence") else name.lower().replace(" and ", " ").replace(" ", "-")
        if not row["Latitude"]:
            count.unplaced[force, slug] += 1
            continue
        count.category[slug] += 1
        count.force[force] += 1
        count.cells[h3.latlng_to_cell(float(row["Latitude"]), float(row["Longitude"]), 10)] += 1


@pytest.mark.long
@pytest.mark.parametrize("name", ["edge-cases.zip", "hampshire.zip", "2024-02.zip"])
def test_every_month_of_an_archive_is_what_its_files_say(here: Context, name: str) -> None:
    path = DATA / name
    needs(str(path), path.exists())
    expected = counted(path)
    here.settings = here.settings.model_copy(update={"import_folder": DATA})
    with here.connection.begin():
        # So wide that no crime lies outside, wherever its file puts it.
        every = sorted(
            {force for count in expected.values() for force in (*count.force, *(f for f, _ in count.unplaced))}
        )
        land.add(here.connection, from_box("everything", "Everything", (40.0, -12.0, 65.0, 5.0), every))
    results = {one["month"][:7]: one for one in ingest_archive(name, area="everything")["results"]}
    assert results.keys() == expected.keys()
    for month, count in expected.items():
        result = results[month]
        assert result["categories"] == count.category
        assert result["records_ingested"] == count.category.total()
        assert result["records_unplaced"] == count.unplaced.total()
        assert result["records_collapsed"] == count.collapsed
        assert (result["records_set_aside"], result["records_outside"]) == (0, 0)
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
