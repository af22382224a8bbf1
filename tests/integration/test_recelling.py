"""After a change of H3_RESOLUTION the crimes that are held are as if they had been ingested at the new one."""

import datetime as dt

import pytest
from sqlalchemy import Connection

from jobs import catalogue
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.grid.store import OtherResolution
from jobs.recell import recell_crimes
from jobs.regrid import rebuilds
from tests.gridded import hold, scattered
from tests.integration.crimes import rows

MONTHS = ["2023-12", "2024-01"]
HELD = "SELECT month, h3_resolution, fingerprint, crimes FROM held_months ORDER BY month"
CRIMES = "SELECT month, api_id, category, latitude, longitude, h3_cell FROM placed_crimes ORDER BY month, api_id"
CELLS = "SELECT cell_id, h3_resolution, crime_count_total, crime_count_weighted, stats FROM safety_cells ORDER BY 1"


def all_of(connection: Connection) -> list[list[tuple[object, ...]]]:
    return [rows(connection, query) for query in (HELD, CRIMES, CELLS)]


def hold_all(here: Context, resolution: int) -> None:
    for month in MONTHS:
        hold(here.connection, month, scattered(month), resolution=resolution)


@pytest.mark.parametrize("resolution", [7, 9, 12])
def test_recelled_crimes_are_those_of_an_ingestion_at_the_resolution(here: Context, resolution: int) -> None:
    hold_all(here, 10)
    rebuild_safety_grid()
    here.settings = here.settings.model_copy(update={"h3_resolution": resolution})
    with pytest.raises(OtherResolution, match="run recell_crimes, or reset H3_RESOLUTION"):
        rebuild_safety_grid()
    result = recell_crimes()
    assert result == {
        "task": "recell_crimes",
        "h3_resolution": resolution,
        "months_recelled": ["2023-12-01", "2024-01-01"],
        "records_recelled": 400,
        "distinct_points": len(set(rows(here.connection, "SELECT latitude, longitude FROM placed_crimes"))),
    }
    assert len(rebuild_safety_grid()["months_rebuilt"]) == 2
    recelled = all_of(here.connection)
    hold_all(here, 10)
    # In the cells of what is held, whatever was asked for, and the same fingerprints: nothing is left to be built.
    assert rebuild_safety_grid()["months_rebuilt"] == []
    assert all_of(here.connection) == recelled


def test_months_of_the_resolution_are_left_alone(here: Context) -> None:
    hold_all(here, 10)
    before = all_of(here.connection)
    assert recell_crimes()["months_recelled"] == []
    assert all_of(here.connection) == before
    rebuild_safety_grid()
    assert catalogue.find("recell-crimes").follow_ups(recell_crimes()) == []


def test_the_grid_of_every_month_is_rebuilt_next(here: Context) -> None:
    hold_all(here, 9)
    recell_crimes()
    # Also after a second attempt, which finds nothing left to do.
    for result in (recell_crimes(), None):
        (one,) = catalogue.find("recell-crimes").follow_ups(result)
        assert (one.job, one.parameters) == ("rebuild_safety_grid", {"months": 2, "until": "2024-01"})


def test_a_grid_of_more_months_than_one_run_builds_takes_several() -> None:
    many = [one.parameters for one in rebuilds([dt.date(2018, 12, 1), dt.date(2024, 1, 1)])]
    assert many == [{"months": 60, "until": "2024-01"}, {"months": 2, "until": "2019-01"}]
