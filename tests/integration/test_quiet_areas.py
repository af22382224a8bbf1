"""An area without any crime is held as such, where the source has crimes of the month elsewhere."""

import pytest

from jobs.areas import from_box
from jobs.context import Context
from jobs.coverage.locate import locate_forces
from jobs.errors import JobError, PermanentError
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import crime, rows, served, unplaced

MOOR = from_box("moor", "Moor", (51.2, -1.6, 51.21, -1.59), ())
SEA = from_box("sea", "Sea", (49.2, -5.1, 49.3, -5.0), ())
HELD = "SELECT area, records, is_whole FROM area_months ORDER BY area"


def add(here: Context, *wanted: object) -> None:
    with here.connection.begin():
        for area in wanted:
            land.add(here.connection, area)  # type: ignore[arg-type]


def test_an_area_without_crimes_is_held_where_there_are_some_elsewhere(here: Context) -> None:
    add(here, MOOR)
    with served(here, [crime()]) as police:
        results = ingest_latest_crime_data()["results"]
        assert {one["area"]: one["records_ingested"] for one in results} == {"moor": 0, "southampton-core": 1}
        police.forget_requests()
        assert ingest_latest_crime_data()["results"] == []
        assert police.calls("crimes-street/") == []
        rebuild_safety_grid()
        locate_forces()
        assert validate_h3_grid_health()["health_status"] == "healthy"
    assert rows(here.connection, HELD) == [("moor", 0, True), ("southampton-core", 1, True)]


def test_a_force_s_crimes_without_a_place_show_that_the_source_has_the_month(here: Context) -> None:
    with served(here, [unplaced(), unplaced()]) as police:
        assert ingest_month_on_demand(2024, 1)["records_ingested"] == 0
        assert [call.parameters.get("lat") for call in police.calls("crimes-street/")] == [None]


def test_a_month_without_crimes_anywhere_is_not_believed(here: Context) -> None:
    with served(here, [crime(latitude=53.0, longitude=-1.0)]) as police:
        with pytest.raises(JobError, match="nor for places that always have some") as raised:
            ingest_month_on_demand(2024, 1)
        assert not isinstance(raised.value, PermanentError)
        assert len(police.calls("crimes-street/")) == 6
    assert rows(here.connection, HELD) == []


def test_an_area_outside_of_every_force_is_refused_for_good(here: Context) -> None:
    add(here, SEA)
    with served(here, [crime()]), pytest.raises(PermanentError, match=r"no police force at 49.2500, -5.0500"):
        ingest_month_on_demand(2024, 1, area="sea")
