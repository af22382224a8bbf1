"""What the health check finds odd in the crimes and in where the cells are."""

from collections.abc import Iterator

import pytest

from jobs import areas
from jobs.context import Context
from jobs.coverage.reading import DID
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


def test_a_month_of_more_than_twice_the_usual_is_a_concern(here: Context) -> None:
    hold(here.connection, "2023-12", scattered("2023-12", 200)[:81])
    rebuild_safety_grid()
    (issue,) = findings("warning")
    assert issue.startswith(f"{AREA} 2023-12: 81 crimes, but 40 are usual: check the month, and")


def test_a_whole_month_among_damaged_ones_is_not_accused(here: Context) -> None:
    hold(here.connection, "2023-12", scattered("2023-12", 200)[:81])
    rebuild_safety_grid()
    change(here.connection, "UPDATE area_coverage SET status = 'partial' WHERE month <> '2023-12-01'")
    assert not [issue for issue in findings("warning") if "2023-12:" in issue]


@pytest.mark.parametrize("status", ["missing", "partial"])
def test_months_that_a_force_did_not_supply_are_one_concern_by_area_and_force(here: Context, status: str) -> None:
    supplied = "UPDATE area_coverage SET status = :status, reason = 'So it is' WHERE force = 'hampshire'"
    change(here.connection, f"{supplied} AND month IN ('2023-10-01', '2023-12-01', '2024-01-01')", status=status)
    (issue,) = findings("warning")
    assert issue.startswith(f"{AREA}: hampshire {DID[status]} 2023-12 to 2024-01, 2023-10. So it is.")
    change(here.connection, "UPDATE area_coverage SET status = 'unknown'")
    assert findings("healthy") == []


def test_an_area_whose_forces_are_not_known_is_a_concern(here: Context) -> None:
    change(here.connection, "DELETE FROM area_forces")
    assert findings("healthy") == []
    change(here.connection, "DELETE FROM area_coverage WHERE force <> 'btp'")
    assert findings("warning") == [
        f"{AREA}: the forces of its land are not known: run `safegrid run locate_forces --area {AREA}`"
    ]


@pytest.mark.parametrize("count", [20, 80])
def test_a_month_of_half_or_twice_the_usual_is_none(here: Context, count: int) -> None:
    hold(here.connection, "2023-12", scattered("2023-12", 200)[:count])
    rebuild_safety_grid()
    assert findings("healthy") == []


def test_many_crimes_without_a_place_are_a_concern_where_all_of_the_force_s_land_is_held(here: Context) -> None:
    few = "UPDATE area_coverage SET placed = 39, unplaced = 13, is_whole = true WHERE month = '2024-01-01'"
    change(here.connection, few)
    assert findings("healthy") == []
    change(here.connection, "UPDATE area_coverage SET unplaced = 14 WHERE force = 'hampshire' AND is_whole")
    (issue,) = findings("warning")
    words = (
        f"{AREA} 2024-01: 26% of the crimes of hampshire (14) have no place, so the grid shows too few crimes there."
    )
    assert issue.startswith(words)
    # Of a part of its land, they are those of all of it.
    change(here.connection, "UPDATE area_coverage SET is_whole = false")
    assert findings("healthy") == []


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
        "2023-11: the grid was built from older crimes, although the counts agree: run rebuild_safety_grid"
    ]
    rebuild_safety_grid()
    assert findings("healthy") == []
