"""Areas that overlap, or lie inside each other: every crime is held once, whichever of them brings it in."""

import datetime as dt
from typing import Any

import pytest

from jobs.areas import from_box
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from jobs.settings import Box
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import MONTH, crime, rows, served, unplaced, value

# Inside the first area; over its eastern side; around all of them.
DOCKS = (50.88, -1.42, 50.92, -1.38)
EAST = (50.85, -1.4, 51.0, -1.2)
AROUND = (50.8, -1.6, 51.1, -1.1)
PLACES = {"docks": (50.9, -1.41), "core": (50.95, -1.5), "both": (50.95, -1.35), "east": (50.9, -1.25)}
FAR = (51.05, -1.55)
CRIMES = [crime(latitude=lat, longitude=lng) for lat, lng in [*PLACES.values(), FAR]]


def add(here: Context, slug: str, sides: Box, *forces: str) -> None:
    with here.connection.begin():
        land.add(here.connection, from_box(slug, slug, sides, forces))


def held(here: Context) -> int:
    crimes: int = value(here.connection, "SELECT count(*) FROM crime_incidents")
    return crimes


def by_area(here: Context) -> dict[str, tuple[int, bool]]:
    """{area: crimes, whether all of it is held} as pages show them."""
    query = "SELECT area, records, is_whole FROM area_months WHERE month = '2024-01-01'"
    summed = {area: (records, is_whole) for area, records, is_whole in rows(here.connection, query)}
    counted = dict(
        rows(here.connection, "SELECT area, count(*) FROM crime_incidents JOIN area_points USING (point_id) GROUP BY 1")
    )
    assert {area: records for area, (records, _) in summed.items() if records} == counted
    return summed


def ingest(area: str) -> dict[str, Any]:
    (result,) = ingest_month_on_demand(2024, 1, area=area)["results"]
    found: dict[str, Any] = result
    return found


@pytest.mark.parametrize("order", [("southampton-core", "east"), ("east", "southampton-core")])
def test_what_two_areas_share_is_held_once_whichever_comes_first(here: Context, order: tuple[str, str]) -> None:
    add(here, "east", EAST)
    with served(here, CRIMES):
        for area in (*order, order[0]):
            ingest(area)
        rebuild_safety_grid()
        assert validate_h3_grid_health()["health_status"] == "healthy"
    assert held(here) == 4
    assert by_area(here) == {"southampton-core": (3, True), "east": (2, True)}
    assert value(here.connection, "SELECT sum(crime_count_total) FROM safety_cells") == 4


def test_an_area_inside_of_another_is_held_with_it(here: Context) -> None:
    add(here, "around", AROUND)
    with served(here, CRIMES):
        ingest("around")
    assert by_area(here) == {"around": (5, True), "southampton-core": (3, True)}
    # An area that is drawn later finds what is there.
    add(here, "docks", DOCKS)
    assert by_area(here)["docks"] == (1, True)


def test_an_area_around_others_is_held_in_part_until_it_comes_in(here: Context) -> None:
    add(here, "around", AROUND)
    with served(here, CRIMES):
        ingest("southampton-core")
        assert by_area(here) == {"southampton-core": (3, True), "around": (3, False)}
        (issue,) = (one for one in validate_h3_grid_health()["issues"] if one.startswith("around"))
        assert issue.startswith("around: 2024-01 is ingested only for a part of the area. Run `safegrid backfill")
        ingest_latest_crime_data()
    assert by_area(here) == {"southampton-core": (3, True), "around": (5, True)}
    assert held(here) == 5


def test_one_request_for_all_areas_does_not_ask_twice_for_the_land_of_a_larger_one(here: Context) -> None:
    add(here, "around", AROUND, "hampshire")
    with served(here, [*CRIMES, unplaced()]) as police:
        result = ingest_latest_crime_data()
        assert [(one["area"], one["records_ingested"]) for one in result["results"]] == [("around", 5)]
        assert len(police.calls("crimes-street/")) == 1
        again = ingest_month_on_demand(2024, 1)
        assert [one["area"] for one in again["results"]] == ["around"]
    assert by_area(here) == {"around": (5, True), "southampton-core": (3, True)}


def test_an_area_within_another_is_asked_for_where_it_has_forces_of_its_own(here: Context) -> None:
    add(here, "around", AROUND)
    with served(here, [*CRIMES, unplaced()]):
        result = ingest_month_on_demand(2024, 1)
    assert {one["area"]: one["records_unplaced"] for one in result["results"]} == {"around": 0, "southampton-core": 1}


def test_the_newer_revision_is_held_of_what_two_areas_share(here: Context) -> None:
    add(here, "east", EAST)
    with served(here, CRIMES) as police:
        ingest("southampton-core")
        shared = next(one for one in police.crimes(MONTH) if one["location"]["longitude"] == "-1.350000")
        police.revise(MONTH, remove=[shared["id"]])
        ingest("east")
    assert by_area(here) == {"southampton-core": (2, True), "east": (1, True)}


def test_what_is_held_says_as_of_which_release_its_oldest_part_is(here: Context) -> None:
    add(here, "east", EAST)
    crimes = [*CRIMES, crime("2024-02")]
    with served(here, crimes) as police:
        police.published = [MONTH]
        ingest("southampton-core")
        police.published = [MONTH, "2024-02"]
        ingest("east")
    releases = "SELECT area, release FROM area_months WHERE month = '2024-01-01' ORDER BY area"
    assert rows(here.connection, releases) == [
        ("east", dt.date(2024, 2, 1)),
        ("southampton-core", dt.date(2024, 1, 1)),
    ]


def test_an_area_that_is_removed_leaves_what_another_covers(here: Context) -> None:
    add(here, "east", EAST, "hampshire")
    with served(here, [*CRIMES, unplaced(), unplaced()]):
        ingest_latest_crime_data()
    with here.connection.begin():
        assert land.alone(here.connection, "southampton-core") == 2
        land.remove(here.connection, "southampton-core")
    assert by_area(here) == {"east": (2, True)}
    assert held(here) == 2
    # Of a force that another area names, too.
    assert value(here.connection, "SELECT count(*) FROM unplaced_crimes") == 2
    with here.connection.begin():
        assert land.alone(here.connection, "east") == 2
        land.remove(here.connection, "east")
    empty = ("crime_incidents", "unplaced_crimes", "month_grounds", "area_months", "held_months", "area_points")
    assert [value(here.connection, f"SELECT count(*) FROM {table}") for table in empty] == [0] * len(empty)


def test_land_that_was_given_up_is_not_held_when_it_is_drawn_again(here: Context) -> None:
    add(here, "east", EAST)
    with served(here, CRIMES):
        ingest_latest_crime_data()
    with here.connection.begin():
        land.remove(here.connection, "east")
    add(here, "east", EAST)
    assert by_area(here) == {"southampton-core": (3, True), "east": (1, False)}


def test_a_force_of_several_areas_has_its_crimes_without_a_place_once(here: Context) -> None:
    add(here, "east", EAST, "hampshire", "dorset")
    with served(here, [*CRIMES, unplaced(), unplaced(), unplaced(force="dorset")]):
        ingest_latest_crime_data()
    query = "SELECT force, count(*) FROM unplaced_crimes GROUP BY 1 ORDER BY 1"
    assert rows(here.connection, query) == [("dorset", 1), ("hampshire", 2)]
    query = "SELECT area, unplaced FROM area_months ORDER BY 1"
    assert rows(here.connection, query) == [("east", 3), ("southampton-core", 2)]


def test_a_failed_area_leaves_what_it_shares_with_another(here: Context) -> None:
    add(here, "east", EAST)
    with served(here, CRIMES) as police:
        ingest("southampton-core")
        police.fault("status:404", path="crimes-street/")
        with pytest.raises(Exception, match="404"):
            ingest("east")
    assert by_area(here) == {"southampton-core": (3, True), "east": (1, False)}
