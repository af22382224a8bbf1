"""An area gets another border month by month, and whoever reads meanwhile finds what is held."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
import structlog

from jobs import areas
from jobs.areas import DEFAULT_AREA, Area, AreaError, from_box, from_geojson
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.ingestion import borders
from jobs.ingestion.police import Police
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month, ingest_month_on_demand
from jobs.ingestion.store import BorderChanged, held_months
from jobs.settings import Box
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import crime, point_at, rows, served, value
from tests.standins.police import PoliceStandin
from worker.settings import Settings

OLD = (50.85, -1.5, 50.97, -1.3)
NEW = (50.85, -1.55, 51.0, -1.3)
MONTHS = ("2023-11", "2023-12", "2024-01")
OFFERED = [dt.date(2023, 11, 1), dt.date(2023, 12, 1), dt.date(2024, 1, 1)]
# In both boxes, and in the new one only: to the west, and to the north.
INSIDE = [(50.91, -1.4), (50.9, -1.45), (50.96, -1.35)]
ADDED = [(50.9, -1.52), (50.98, -1.4)]
BEYOND = [(51.05, -1.4)]
CRIMES = [crime(month, *place) for month in MONTHS for place in INSIDE + ADDED + BEYOND]


@pytest.fixture
def old(here: Context) -> Context:
    """A system whose first area has the box that was the default once."""
    with here.connection.begin():
        areas.resize(here.connection, from_box(DEFAULT_AREA, "Southampton core", OLD, ("hampshire",)))
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


def resize(here: Context, area: Area, offered: list[dt.date] = OFFERED) -> list[dt.date]:
    with here.connection.begin():
        return borders.resize(here.connection, area, offered)


def outdated(here: Context) -> list[str]:
    with here.connection.begin():
        return [f"{month:%Y-%m}" for month in borders.outdated(here.connection, DEFAULT_AREA)]


def each_month(points: Iterable[tuple[float, float]], months: Sequence[str] = MONTHS) -> dict[str, Any]:
    return {month: set(points) for month in months}


def held(here: Context) -> dict[str, set[tuple[float, float]]]:
    """{month: points of its crimes}"""
    found: dict[str, set[tuple[float, float]]] = {}
    query = "SELECT to_char(month, 'YYYY-MM'), latitude, longitude FROM crime_incidents"
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
    assert resize(old, box(NEW)) == []
    assert held(old) == each_month(INSIDE)
    assert outdated(old) == ["2024-01", "2023-12", "2023-11"]
    for done, month in enumerate(reversed(MONTHS), 1):
        ingest_month_on_demand(int(month[:4]), int(month[5:]))
        rebuild_safety_grid()
        new = MONTHS[-done:]
        assert held(old) == each_month(INSIDE) | each_month(INSIDE + ADDED, new)
        assert gridded(old) == {one: len(held(old)[one]) for one in MONTHS}
        assert outdated(old) == [one for one in reversed(MONTHS) if one not in new]
    assert validate_h3_grid_health()["health_status"] == "healthy"


def test_a_smaller_border_is_taken_over_month_by_month(old: Context, police: PoliceStandin) -> None:
    small = box((50.89, -1.47, 50.95, -1.3))
    assert resize(old, small) == []
    assert held(old) == each_month(INSIDE)
    ingest_month_on_demand(2024, 1)
    rebuild_safety_grid()
    assert held(old) == each_month(INSIDE) | each_month(INSIDE[:2], ["2024-01"])
    assert gridded(old) == {"2023-11": 3, "2023-12": 3, "2024-01": 2}
    # What lies within the former border lies in no wrong place.
    assert not any("lie in no area" in issue for issue in validate_h3_grid_health()["issues"])


def test_the_monthly_ingestion_takes_over_what_is_left(old: Context, police: PoliceStandin) -> None:
    resize(old, box(NEW))
    ingest_month_on_demand(2023, 12)
    asked = ingest_latest_crime_data()["results"]
    assert [month["month"] for month in asked] == ["2024-01-01", "2023-11-01"]
    assert held(old) == each_month(INSIDE + ADDED)
    assert ingest_latest_crime_data()["results"] == []


def test_a_resize_that_is_interrupted_goes_on_and_one_that_is_taken_back_asks_for_nothing_twice(
    old: Context, police: PoliceStandin
) -> None:
    resize(old, box(NEW))
    ingest_month_on_demand(2024, 1)
    assert resize(old, box(NEW)) == []
    assert outdated(old) == ["2023-12", "2023-11"]
    resize(old, box(OLD))
    assert outdated(old) == ["2024-01"]
    ingest_month_on_demand(2024, 1)
    assert (outdated(old), held(old)) == ([], each_month(INSIDE))


def test_a_failed_month_keeps_what_is_held_within_the_former_border(old: Context, police: PoliceStandin) -> None:
    resize(old, box(NEW))
    police.fault("status:404", path="crimes-street/")
    with pytest.raises(Exception, match="404"):
        ingest_month_on_demand(2024, 1)
    assert held(old) == each_month(INSIDE)
    assert outdated(old) == ["2024-01", "2023-12", "2023-11"]


def test_of_months_that_are_not_on_offer_any_more_the_crimes_in_both_borders_stay(
    old: Context, police: PoliceStandin
) -> None:
    # To the west and south: leaves out the north, and adds what the old months never had.
    moved = box((50.85, -1.55, 50.95, -1.3))
    assert resize(old, moved, OFFERED[1:]) == OFFERED[:1]
    assert held(old) == each_month(INSIDE) | each_month(INSIDE[:2], ["2023-11"])
    (counted,) = rows(
        old.connection,
        "SELECT records, categories = (SELECT jsonb_object_agg(category, n) FROM (SELECT category, count(*) AS n "
        "FROM crime_incidents WHERE month = '2023-11-01' GROUP BY 1) AS each) FROM ingestion_runs "
        "WHERE current AND month = '2023-11-01'",
    )
    assert counted == (2, True)
    rebuild_safety_grid()
    assert gridded(old) == {"2023-11": 2, "2023-12": 3, "2024-01": 3}
    issues = validate_h3_grid_health()["issues"]
    assert not any("other hands" in issue or "older state" in issue for issue in issues)


def test_a_month_that_is_not_on_offer_and_lies_in_the_smaller_border_is_of_that_border(
    old: Context, police: PoliceStandin
) -> None:
    assert resize(old, box((50.85, -1.5, 50.95, -1.3)), []) == list(reversed(OFFERED))
    assert outdated(old) == []
    assert held(old) == each_month(INSIDE[:2])
    # So the land that was left may be another area's now.
    with old.connection.begin():
        areas.add(old.connection, box((50.95, -1.5, 50.97, -1.3), "north"))


def test_a_border_that_lies_elsewhere_leaves_nothing_of_months_that_are_not_on_offer(
    old: Context, police: PoliceStandin
) -> None:
    assert resize(old, box((51.02, -1.5, 51.1, -1.3)), OFFERED[1:]) == OFFERED[:1]
    assert value(old.connection, "SELECT count(*) FROM ingestion_runs WHERE current AND month = '2023-11-01'") == 0
    rebuild_safety_grid()
    assert gridded(old) == {"2023-12": 3, "2024-01": 3}


def test_the_land_of_a_neighbour_is_refused_and_the_neighbour_named(old: Context, police: PoliceStandin) -> None:
    with old.connection.begin():
        areas.add(old.connection, box((50.98, -1.5, 51.1, -1.3), "north"))
    with pytest.raises(AreaError, match="Areas southampton-core and north overlap"):
        resize(old, box(NEW))
    assert outdated(old) == []


def test_land_is_a_neighbour_s_only_when_no_month_is_held_within_the_former_border(
    old: Context, police: PoliceStandin
) -> None:
    resize(old, box((50.85, -1.5, 50.93, -1.3)))
    north = box((50.93, -1.5, 51.0, -1.3), "north")
    for month in MONTHS:
        refused = pytest.raises(AreaError, match=r"overlaps the former border of southampton-core.*backfill --area")
        with refused, old.connection.begin():
            areas.add(old.connection, north)
        ingest_month_on_demand(int(month[:4]), int(month[5:]))
    with old.connection.begin():
        areas.add(old.connection, north)
    ingest_latest_crime_data()
    assert (
        value(old.connection, "SELECT max(n) FROM (SELECT count(*) AS n FROM crime_incidents GROUP BY api_id) AS c")
        == 1
    )


def test_an_ingestion_that_began_before_the_resize_holds_nothing_of_the_old_border(
    old: Context, police: PoliceStandin
) -> None:
    with old.connection.begin():
        before = areas.find(old.connection, DEFAULT_AREA)
    resize(old, box(NEW))
    with pytest.raises(BorderChanged, match="southampton-core was resized or removed while its crimes came in"):
        ingest_month(old, Police.of(old.settings), before, OFFERED[-1])
    assert held(old) == each_month(INSIDE)


def test_polygons_are_resized_as_boxes_are(old: Context, police: PoliceStandin) -> None:
    # South-east of a line through the box.
    triangle = {"type": "Polygon", "coordinates": [[[-1.5, 50.85], [-1.3, 50.85], [-1.3, 51.0], [-1.5, 50.85]]]}
    resize(old, from_geojson(DEFAULT_AREA, "Half", triangle, ()))
    ingest_latest_crime_data()
    assert held(old) == each_month([(50.91, -1.4), (50.96, -1.35)])
    assert outdated(old) == []


def test_months_of_another_border_are_no_measure_of_what_is_usual(old: Context, police: PoliceStandin) -> None:
    with old.connection.begin():
        assert len(held_months(old.connection, DEFAULT_AREA)) == 3
    resize(old, box(NEW))
    with old.connection.begin():
        assert held_months(old.connection, DEFAULT_AREA) == {}


def test_the_health_check_names_what_can_be_brought_in_again(old: Context, police: PoliceStandin) -> None:
    resize(old, box(NEW))
    ingest_month_on_demand(2024, 1)
    rebuild_safety_grid()
    report = validate_h3_grid_health()
    assert (report["health_status"], report["issues"]) == (
        "warning",
        [
            "southampton-core: held within its former border are 2023-12, 2023-11. "
            "Run `safegrid backfill --area southampton-core`"
        ],
    )
    with served(old, [one for one in CRIMES if one["month"] == "2024-01"]) as later:
        point_at(old, later)
        assert validate_h3_grid_health()["issues"] == []


def follow(here: Context, sides: Box) -> list[Any]:
    with structlog.testing.capture_logs() as logged, here.connection.begin():
        areas.ensure_default(here.connection, Settings(southampton_bbox=sides))
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


def test_a_start_with_a_box_that_overlaps_a_neighbour_fails_nobody(old: Context) -> None:
    with old.connection.begin():
        areas.add(old.connection, box((50.98, -1.5, 51.1, -1.3), "north"))
    told = [event for event, _ in follow(old, NEW)]
    assert told == ["area_cannot_follow_setting", "area_is_not_the_setting"]
    with old.connection.begin():
        assert areas.find(old.connection, DEFAULT_AREA).bounds == OLD
