"""What the health check finds odd in the crimes and in where the cells are."""

from collections.abc import Iterator

import pytest

from jobs import areas
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.run import ingest_latest_crime_data
from jobs.validation import validate_h3_grid_health
from tests.gridded import AREA, Place, hold, scattered
from tests.integration.crimes import change, served
from tests.integration.crimes import scattered as records

MONTHS = ["2023-10", "2023-11", "2023-12", "2024-01"]


@pytest.fixture(autouse=True)
def _a_healthy_grid(here: Context) -> Iterator[None]:
    with served(here, [one for month in MONTHS for one in records(month, 40)]):
        ingest_latest_crime_data()
        rebuild_safety_grid()
        assert findings("healthy") == []
        yield


def findings(status: str) -> list[str]:
    report = validate_h3_grid_health()
    assert report["health_status"] == status, report["issues"]
    return list(report["issues"])


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (19, "19 crimes, usual are 40: hampshire may not have supplied all. Ingest the month again when"),
        (81, "81 crimes, usual are 40: look at the month before you trust it, and ingest it again"),
    ],
)
def test_a_month_unlike_the_others_is_a_concern(here: Context, count: int, said: str) -> None:
    hold(here.connection, "2023-12", scattered("2023-12", 200)[:count])
    rebuild_safety_grid()
    (issue,) = findings("warning")
    assert issue.startswith(f"{AREA} 2023-12: {said}")


@pytest.mark.parametrize("count", [20, 80])
def test_a_month_of_half_or_twice_the_usual_is_none(here: Context, count: int) -> None:
    hold(here.connection, "2023-12", scattered("2023-12", 200)[:count])
    rebuild_safety_grid()
    assert findings("healthy") == []


def test_many_crimes_without_a_place_are_a_concern(here: Context) -> None:
    change(here.connection, "UPDATE area_months SET unplaced = 13 WHERE month = '2024-01-01'")
    assert findings("healthy") == []
    change(here.connection, "UPDATE area_months SET unplaced = 14 WHERE month = '2024-01-01'")
    (issue,) = findings("warning")
    assert issue.startswith(f"{AREA} 2024-01: 26% of the crimes (14) have no place, so the grid is too pale there.")


def test_cells_outside_of_every_area_are_a_fault(here: Context) -> None:
    stray = Place("2024-01", 51.2, -1.4, "drugs")
    on_the_border = Place("2024-01", 50.9999, -1.3001, "drugs")
    hold(here.connection, "2024-01", [*scattered("2024-01", 40), on_the_border, stray])
    rebuild_safety_grid()
    (issue,) = findings("degraded")
    assert issue.startswith("1 cells lie in no area, the first 8a")
    with here.connection.begin():
        land.add(here.connection, areas.from_box("north", "North", (51.1, -1.5, 51.3, -1.3), ()))
    assert not any("lie in no area" in issue for issue in validate_h3_grid_health()["issues"])


def test_a_grid_of_an_older_state_is_a_concern_though_its_counts_agree(here: Context) -> None:
    change(here.connection, "UPDATE grid_months SET fingerprint = 'older' WHERE month = '2023-11-01'")
    assert findings("warning") == [
        "2023-11: the grid was built from an older state of its crimes, though the counts agree: "
        "run rebuild_safety_grid"
    ]
    rebuild_safety_grid()
    assert findings("healthy") == []
