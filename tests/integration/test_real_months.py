"""Real months come in as the archive's files have them, counted here with other code: csv, zipfile and h3 alone."""

import csv
import io
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h3
import pytest

from jobs import areas
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.run import ingest_month_on_demand
from jobs.settings import Box
from tests.conftest import SHARED, needs
from tests.integration.crimes import point_at, rows
from tests.standins.police import PoliceStandin

HAMPSHIRE = SHARED / "data/police/hampshire.zip"
ARCHIVE = SHARED / "data/police/2024-02.zip"
SOUTHAMPTON = (50.85, -1.55, 51.0, -1.3)
WHOLE_COUNTY = (50.5, -2.0, 51.5, -0.6)
STAFFORD = (52.7, -2.3, 52.95, -1.9)
DYFED_POWYS = (51.6, -5.3, 52.7, -3.0)


@dataclass
class Count:
    """What a month's CSV says of a box: crimes by category and by cell, and those without a place."""

    categories: Counter[str] = field(default_factory=Counter)
    cells: Counter[str] = field(default_factory=Counter)
    unplaced: Counter[str] = field(default_factory=Counter)


def counted(text: str, box: Box) -> Count:
    south, west, north, east = box
    count = Count()
    for row in csv.DictReader(io.StringIO(text, newline="")):
        name = row["Crime type"]
        slug = "violent-crime" if name.startswith("Violence") else name.lower().replace(" and ", " ").replace(" ", "-")
        if not row["Latitude"]:
            count.unplaced[slug] += 1
            continue
        lat, lng = float(row["Latitude"]), float(row["Longitude"])
        if south <= lat < north and west <= lng < east:
            count.categories[slug] += 1
            count.cells[h3.latlng_to_cell(lat, lng, 10)] += 1
    return count


def member(path: Path, month: str, force: str) -> str:
    needs(str(path), path.exists())
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(f"{month}-{force}-street.csv")]
        return archive.read(name).decode()


def replace_area(here: Context, box: Box, force: str) -> None:
    with here.connection.begin():
        land.remove(here.connection, "southampton-core")
        land.add(here.connection, areas.from_box("real", "Real", box, (force,)))


def assert_held(here: Context, month: str, result: dict[str, Any], expected: Count) -> None:
    (brought,) = result["results"]
    assert result["records_ingested"] == expected.categories.total() > 0
    assert brought["categories"] == expected.categories
    assert brought["occupied_cells"] == len(expected.cells)
    assert (brought["records_unplaced"], brought["records_set_aside"]) == (expected.unplaced.total(), 0)
    unplaced = "SELECT category, count(*) FROM unplaced_crimes WHERE month = :month GROUP BY 1"
    assert dict(rows(here.connection, unplaced, month=f"{month}-01")) == expected.unplaced
    rebuild_safety_grid(months=1, until=month)
    cells = "SELECT h3_index, crime_count_total FROM safety_cells WHERE month = :month"
    assert dict(rows(here.connection, cells, month=f"{month}-01")) == expected.cells


@pytest.mark.parametrize("month", ["2018-10", "2024-04"])
def test_a_month_of_southampton_is_what_its_file_says(here: Context, month: str) -> None:
    text = member(HAMPSHIRE, month, "hampshire")
    with PoliceStandin(HAMPSHIRE) as police:
        point_at(here, police)
        result = ingest_month_on_demand(int(month[:4]), int(month[5:]))
        assert len(police.calls("crimes-street/")) == 1
    assert_held(here, month, result, counted(text, SOUTHAMPTON))


def test_a_month_of_the_whole_county_comes_in_parts_and_is_what_its_file_says(here: Context) -> None:
    text = member(HAMPSHIRE, "2024-01", "hampshire")
    replace_area(here, WHOLE_COUNTY, "hampshire")
    with PoliceStandin(HAMPSHIRE) as police:
        point_at(here, police)
        result = ingest_month_on_demand(2024, 1)
        assert [call.status for call in police.calls("crimes-street/")] == [503, 200, 200, 200, 200]
    assert_held(here, "2024-01", result, counted(text, WHOLE_COUNTY))


@pytest.mark.parametrize(("force", "box"), [("staffordshire", STAFFORD), ("dyfed-powys", DYFED_POWYS)])
def test_a_force_s_crimes_without_a_place_are_what_its_file_says(
    here: Context, tmp_path: Path, force: str, box: Box
) -> None:
    text = member(ARCHIVE, "2024-01", force)
    # One force of the archive's forty, so that the stand-in need not read them all.
    (tmp_path / f"2024-01-{force}-street.csv").write_text(text, newline="")
    replace_area(here, box, force)
    with PoliceStandin(tmp_path) as police:
        point_at(here, police)
        result = ingest_month_on_demand(2024, 1)
    expected = counted(text, box)
    assert expected.unplaced
    assert_held(here, "2024-01", result, expected)
