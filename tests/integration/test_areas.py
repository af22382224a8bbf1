"""Areas are filters: whatever borders they have, a crime is held once, and counts for each area that it lies in."""

from typing import Any

import pytest
from shapely.geometry import Polygon, mapping

from jobs import areas
from jobs.areas import Area, AreaError, from_box, from_geojson
from jobs.context import Context
from jobs.errors import PermanentError
from jobs.held import land
from jobs.ingestion.run import ingest_latest_crime_data, ingest_month_on_demand
from jobs.settings import Box
from tests.integration.crimes import crime, rows, served, unplaced, value
from worker.settings import Settings

FIRST = (50.85, -1.55, 51.0, -1.3)
NORTH = (51.0, -1.55, 51.1, -1.3)
EAST = (50.85, -1.3, 51.0, -1.1)


def add(here: Context, *wanted: Area) -> None:
    with here.connection.begin():
        for area in wanted:
            land.add(here.connection, area)


def held(here: Context) -> list[Area]:
    with here.connection.begin():
        return areas.all_areas(here.connection)


def follow(here: Context, box: Box) -> None:
    settings = Settings(southampton_bbox=box)
    with here.connection.begin():
        land.ensure_default(here.connection, settings)


def polygon(slug: str, *corners: tuple[float, float], holes: Any = None) -> Area:
    """Corners have longitude first."""
    return from_geojson(slug, slug, mapping(Polygon(corners, holes)), ())


def crimes_by_area(here: Context) -> list[tuple[Any, ...]]:
    return rows(
        here.connection,
        "SELECT area, count(*) FROM crime_incidents JOIN area_points USING (point_id) GROUP BY 1 ORDER BY 1",
    )


def test_a_crime_on_the_border_of_two_areas_is_held_once(here: Context) -> None:
    corner = (51.0, -1.3, 51.1, -1.1)
    for slug, box in (("north", NORTH), ("east", EAST), ("north-east", corner)):
        add(here, from_box(slug, slug, box, ()))
    points = [(50.91, -1.4), (51.0, -1.4), (50.91, -1.3), (51.0, -1.3)]
    with served(here, [crime(latitude=lat, longitude=lng) for lat, lng in points]):
        assert ingest_month_on_demand(2024, 1)["records_ingested"] == 4
    assert crimes_by_area(here) == [("east", 1), ("north", 1), ("north-east", 1), ("southampton-core", 1)]


def test_a_slanted_border_gives_each_crime_to_one_of_its_areas(here: Context) -> None:
    first, *_ = held(here)
    with here.connection.begin():
        land.remove(here.connection, first.slug)
    add(
        here,
        polygon("below", (-1.55, 50.85), (-1.3, 50.85), (-1.3, 51.0)),
        polygon("above", (-1.55, 50.85), (-1.3, 51.0), (-1.55, 51.0)),
    )
    slanted = [crime(latitude=50.85 + part * 0.0015, longitude=-1.55 + part * 0.0025) for part in range(1, 100)]
    beside = [crime(latitude=50.9, longitude=-1.32), crime(latitude=50.95, longitude=-1.48)]
    with served(here, [*slanted, *beside]):
        assert ingest_month_on_demand(2024, 1)["records_ingested"] == len(slanted) + len(beside)
    assert value(here.connection, "SELECT count(DISTINCT api_id) FROM crime_incidents") == len(slanted) + len(beside)


def test_an_area_in_the_hole_of_another_takes_what_the_other_leaves(here: Context) -> None:
    hole = [(-1.55, 50.85), (-1.3, 50.85), (-1.3, 51.0), (-1.55, 51.0)]
    around = polygon("around", (-1.6, 50.8), (-1.2, 50.8), (-1.2, 51.1), (-1.6, 51.1), holes=[hole])
    add(here, around)
    with served(here, [crime(), crime(latitude=50.82), crime(latitude=51.0), crime(longitude=-1.55)]):
        ingest_month_on_demand(2024, 1)
    assert crimes_by_area(here) == [("around", 2), ("southampton-core", 2)]


def test_an_area_whose_bounding_box_covers_another_takes_its_own_crimes_only(here: Context) -> None:
    # An L around the south and west of the first area.
    add(
        here,
        polygon("l-shaped", (-1.6, 50.8), (-1.3, 50.8), (-1.3, 50.85), (-1.55, 50.85), (-1.55, 51.0), (-1.6, 51.0)),
    )
    with served(here, [crime(), crime(latitude=50.82), crime(longitude=-1.58)]):
        ingest_month_on_demand(2024, 1)
    assert crimes_by_area(here) == [("l-shaped", 2), ("southampton-core", 1)]


def test_an_area_without_forces_has_no_unplaced_crimes_and_asks_for_none(here: Context) -> None:
    add(here, from_box("north", "North", NORTH, ()))
    with served(here, [crime(latitude=51.0), unplaced()]) as police:
        ingest_month_on_demand(2024, 1, area="north")
        assert police.calls("crimes-no-location") == police.calls("forces") == []
    assert value(here.connection, "SELECT count(*) FROM unplaced_crimes") == 0


def test_the_unplaced_of_several_forces_belong_to_one_area(here: Context) -> None:
    add(here, from_box("north", "North", NORTH, ("dorset", "btp")))
    crimes = [crime(latitude=51.0), unplaced(force="dorset"), unplaced(force="btp"), unplaced(force="hampshire")]
    with served(here, crimes):
        assert ingest_month_on_demand(2024, 1, area="north")["results"][0]["records_unplaced"] == 2
    assert rows(here.connection, "SELECT force FROM unplaced_crimes ORDER BY 1") == [("btp",), ("dorset",)]


def test_a_force_that_the_source_does_not_know_fails_its_area_alone(here: Context) -> None:
    add(here, from_box("north", "North", NORTH, ("hampshir",)))
    with served(here, [crime(), crime(latitude=51.0)]):
        with pytest.raises(
            PermanentError, match=r"1 of 2 months failed.*does not know the force hampshir:.*area north"
        ):
            ingest_latest_crime_data()
        with pytest.raises(PermanentError, match=r"^The source does not know the force hampshir:"):
            ingest_latest_crime_data()
    assert crimes_by_area(here) == [("southampton-core", 1)]


def test_areas_may_touch_at_sides_and_corners(here: Context) -> None:
    touching = [from_box("north", "North", NORTH, ()), from_box("corner", "Corner", (50.7, -1.3, 50.85, -1.1), ())]
    add(here, *touching)
    assert [area.slug for area in held(here)] == ["southampton-core", "corner", "north"]


def test_a_name_is_taken_once(here: Context) -> None:
    with pytest.raises(AreaError, match="The area southampton-core exists already"):
        add(here, from_box("southampton-core", "Again", NORTH, ()))


def test_an_area_reads_back_as_it_was_given(here: Context) -> None:
    wanted = polygon("odd", (-1.6, 50.8), (-1.2, 50.8), (-1.25, 50.84), holes=None)
    add(here, wanted)
    assert held(here)[1] == wanted


def test_an_area_that_is_removed_takes_its_crimes_along(here: Context) -> None:
    add(here, from_box("north", "North", NORTH, ("dorset",)))
    with served(here, [crime(), crime(latitude=51.0), unplaced(force="dorset")]):
        ingest_month_on_demand(2024, 1)
    with here.connection.begin():
        land.remove(here.connection, "north")
    assert crimes_by_area(here) == [("southampton-core", 1)]
    for table in ("unplaced_crimes", "area_forces WHERE force = 'dorset'", "ingestion_runs WHERE area = 'north'"):
        assert value(here.connection, f"SELECT count(*) FROM {table}") == 0


def test_an_area_that_is_not_there_cannot_be_removed(here: Context) -> None:
    with here.connection.begin(), pytest.raises(AreaError, match="There is no area north"):
        land.remove(here.connection, "north")


def test_the_first_area_is_the_box_that_is_set(here: Context) -> None:
    (first,) = held(here)
    assert (first.slug, first.bounds, first.is_box, first.forces) == ("southampton-core", FIRST, True, ("hampshire",))


def test_the_first_area_follows_the_setting_until_crimes_are_held(here: Context) -> None:
    wider = (50.8, -1.6, 51.0, -1.2)
    with served(here, [crime()]) as police:
        police.fault("status:404", path="crimes-street/")
        with pytest.raises(PermanentError):
            ingest_month_on_demand(2024, 1)
        follow(here, wider)
        assert held(here)[0].bounds == wider
        ingest_month_on_demand(2024, 1)
    follow(here, FIRST)
    assert held(here)[0].bounds == wider


def test_an_area_of_people_s_own_is_not_replaced_by_the_setting(here: Context) -> None:
    with here.connection.begin():
        land.remove(here.connection, "southampton-core")
    add(here, polygon("southampton-core", (-1.55, 50.85), (-1.3, 50.85), (-1.3, 51.0)))
    follow(here, FIRST)
    (own,) = held(here)
    assert not own.is_box
    with here.connection.begin():
        land.remove(here.connection, "southampton-core")
    add(here, from_box("north", "North", NORTH, ()))
    follow(here, FIRST)
    assert [area.slug for area in held(here)] == ["north"]
