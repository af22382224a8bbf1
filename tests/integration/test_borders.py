"""An area gets another border, and whoever reads meanwhile finds what is held."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
import structlog

from jobs import areas
from jobs.areas import DEFAULT_AREA, Area, from_box, from_geojson
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.police import Police
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month, ingest_month_on_demand
from jobs.ingestion.store import LandChanged, partly_held, releases
from jobs.months import parse_month
from jobs.settings import Box
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import crime, point_at, rows, served
from tests.standins.police import PoliceStandin
from worker.settings import Settings

OLD = (50.85, -1.5, 50.97, -1.3)
NEW = (50.85, -1.55, 51.0, -1.3)
MONTHS = ("2023-11", "2023-12", "2024-01")
# In both boxes, and in the new one only: to the west, and to the north.
INSIDE = [(50.91, -1.4), (50.9, -1.45), (50.96, -1.35)]
ADDED = [(50.9, -1.52), (50.98, -1.4)]
BEYOND = [(51.05, -1.4)]
CRIMES = [crime(month, *place) for month in MONTHS for place in INSIDE + ADDED + BEYOND]


@pytest.fixture
def old(here: Context) -> Context:
    """A system whose first area has the box that was the default once."""
    resize(here, from_box(DEFAULT_AREA, "Southampton core", OLD, ("hampshire",)))
    return here


@pytest.fixture
def police(old: Context) -> Iterator[PoliceStandin]:
    """The source, with three months that are held within the old box."""
    with served(old, CRIMES) as police:
        ingest_latest_crime_data()
        rebuild_safety_grid()
        yield police


def box(sides: Box, slug: str = DEFAULT_AREA) -> Area:
    return from_box(slug, slug, sides, ())


def resize(here: Context, area: Area) -> int:
    """Returns how many crimes were said to be deleted by it."""
    with here.connection.begin():
        lost = land.lost_by_resizing(here.connection, area)
        land.resize(here.connection, area)
        return lost


def partly(here: Context) -> list[str]:
    with here.connection.begin():
        return [f"{month:%Y-%m}" for month in partly_held(here.connection, DEFAULT_AREA)]


def each_month(points: Iterable[tuple[float, float]], months: Sequence[str] = MONTHS) -> dict[str, Any]:
    return {month: set(points) for month in months}


def held(here: Context) -> dict[str, set[tuple[float, float]]]:
    """{month: points of its crimes}"""
    found: dict[str, set[tuple[float, float]]] = {}
    query = "SELECT to_char(month, 'YYYY-MM'), latitude, longitude FROM placed_crimes"
    for month, lat, lng in rows(here.connection, query):
        found.setdefault(month, set()).add((lat, lng))
    return found


def gridded(here: Context) -> dict[str, int]:
    """{month: crimes in its grid}"""
    query = "SELECT to_char(month, 'YYYY-MM'), sum(crime_count_total) FROM safety_cells GROUP BY 1"
    return {month: int(total) for month, total in rows(here.connection, query)}


def test_a_larger_border_is_filled_month_by_month_and_no_crime_is_ever_missing(
    old: Context, police: PoliceStandin
) -> None:
    assert resize(old, box(NEW)) == 0
    assert held(old) == each_month(INSIDE)
    assert partly(old) == ["2024-01", "2023-12", "2023-11"]
    for done, month in enumerate(reversed(MONTHS), 1):
        ingest_month_on_demand(int(month[:4]), int(month[5:]))
        rebuild_safety_grid()
        new = MONTHS[-done:]
        assert held(old) == each_month(INSIDE) | each_month(INSIDE + ADDED, new)
        assert gridded(old) == {one: len(held(old)[one]) for one in MONTHS}
        assert partly(old) == [one for one in reversed(MONTHS) if one not in new]
    assert validate_h3_grid_health()["health_status"] == "healthy"


def test_a_smaller_border_keeps_what_lies_inside_and_is_whole_at_once(old: Context, police: PoliceStandin) -> None:
    small = box((50.89, -1.47, 50.95, -1.3))
    assert resize(old, small) == 3
    assert (held(old), partly(old)) == (each_month(INSIDE[:2]), [])
    rebuild_safety_grid()
    assert gridded(old) == dict.fromkeys(MONTHS, 2)
    assert validate_h3_grid_health()["health_status"] == "healthy"


def test_what_another_area_covers_is_not_deleted_by_a_smaller_border(old: Context, police: PoliceStandin) -> None:
    with old.connection.begin():
        land.add(old.connection, box((50.95, -1.5, 50.97, -1.3), "north"))
    assert resize(old, box((50.85, -1.5, 50.95, -1.3))) == 0
    assert held(old) == each_month(INSIDE)


def test_a_border_that_is_moved_keeps_what_lies_inside_both(old: Context, police: PoliceStandin) -> None:
    # To the west and south: leaves out the north, and adds the west.
    assert resize(old, box((50.85, -1.55, 50.95, -1.3))) == 3
    assert held(old) == each_month(INSIDE[:2])
    assert partly(old) == ["2024-01", "2023-12", "2023-11"]
    ingest_month_on_demand(2024, 1)
    assert held(old) == each_month(INSIDE[:2]) | each_month([*INSIDE[:2], ADDED[0]], ["2024-01"])
    rebuild_safety_grid()
    issues = validate_h3_grid_health()["issues"]
    assert not any("another program" in issue or "older crimes" in issue for issue in issues)


def test_a_border_that_lies_elsewhere_leaves_nothing(old: Context, police: PoliceStandin) -> None:
    assert resize(old, box((51.02, -1.5, 51.1, -1.3))) == 9
    assert (held(old), partly(old)) == ({}, [])
    assert rows(old.connection, "SELECT month FROM held_months UNION SELECT month FROM area_months") == []


def test_the_monthly_ingestion_takes_over_what_is_left(old: Context, police: PoliceStandin) -> None:
    resize(old, box(NEW))
    ingest_month_on_demand(2023, 12)
    asked = ingest_latest_crime_data()["results"]
    assert [month["month"] for month in asked] == ["2024-01-01", "2023-11-01"]
    assert held(old) == each_month(INSIDE + ADDED)
    assert ingest_latest_crime_data()["results"] == []


def test_a_resize_that_is_taken_back_asks_for_nothing(old: Context, police: PoliceStandin) -> None:
    resize(old, box(NEW))
    ingest_month_on_demand(2024, 1)
    assert resize(old, box(OLD)) == 2
    assert (partly(old), held(old)) == ([], each_month(INSIDE))


def test_a_failed_month_keeps_what_is_held(old: Context, police: PoliceStandin) -> None:
    resize(old, box(NEW))
    police.fault("status:404", path="crimes-street/")
    with pytest.raises(Exception, match="404"):
        ingest_month_on_demand(2024, 1)
    assert held(old) == each_month(INSIDE)
    assert partly(old) == ["2024-01", "2023-12", "2023-11"]


def test_an_ingestion_that_began_before_the_resize_changes_nothing(old: Context, police: PoliceStandin) -> None:
    with old.connection.begin():
        before = areas.find(old.connection, DEFAULT_AREA)
    resize(old, box(NEW))
    with pytest.raises(LandChanged, match="southampton-core was resized or removed, or a newer release was ingested"):
        ingest_month(old, Police.of(old.settings), before, parse_month(MONTHS[-1]))
    assert held(old) == each_month(INSIDE)


def test_polygons_are_resized_as_boxes_are(old: Context, police: PoliceStandin) -> None:
    # South-east of a line through the box.
    triangle = {"type": "Polygon", "coordinates": [[[-1.5, 50.85], [-1.3, 50.85], [-1.3, 51.0], [-1.5, 50.85]]]}
    resize(old, from_geojson(DEFAULT_AREA, "Half", triangle, ()))
    ingest_latest_crime_data()
    assert held(old) == each_month([(50.91, -1.4), (50.96, -1.35)])
    assert partly(old) == []


def test_months_that_are_held_in_part_are_no_measure_of_what_is_usual(old: Context, police: PoliceStandin) -> None:
    with old.connection.begin():
        assert len(releases(old.connection, DEFAULT_AREA)) == 3
    resize(old, box(NEW))
    with old.connection.begin():
        assert releases(old.connection, DEFAULT_AREA) == {}


def test_the_health_check_names_what_can_be_brought_in_again(old: Context, police: PoliceStandin) -> None:
    resize(old, box(NEW))
    ingest_month_on_demand(2024, 1)
    rebuild_safety_grid()
    report = validate_h3_grid_health()
    # Published and not held of all of the area.
    assert report["coverage"]["missing_months"] == []
    assert (report["health_status"], report["issues"]) == (
        "warning",
        [
            "southampton-core: 2023-12, 2023-11 are ingested only for a part of the area. "
            "Run `safegrid backfill --area southampton-core`"
        ],
    )
    with served(old, [one for one in CRIMES if one["month"] == "2024-01"]) as later:
        point_at(old, later)
        assert validate_h3_grid_health()["issues"] == []


def follow(here: Context, sides: Box) -> list[Any]:
    with structlog.testing.capture_logs() as logged, here.connection.begin():
        land.ensure_default(here.connection, Settings(southampton_bbox=sides))
    return [(event["event"], event.get("remedy", "")) for event in logged]


def test_a_start_with_another_box_in_the_settings_keeps_what_is_held_and_says_so(
    old: Context, police: PoliceStandin
) -> None:
    ((event, remedy),) = follow(old, NEW)
    assert event == "area_is_not_the_setting"
    assert "`safegrid area resize southampton-core --box 50.85,-1.55,51.0,-1.3`" in remedy
    assert "SOUTHAMPTON_BBOX=50.85,-1.5,50.97,-1.3" in remedy
    with old.connection.begin():
        assert areas.find(old.connection, DEFAULT_AREA).bounds == OLD
    assert follow(old, OLD) == []
    resize(old, box(NEW))
    assert follow(old, NEW) == []
