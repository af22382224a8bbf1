"""Places by name follow what is held: months that come in, borders that move, areas that go."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection

from jobs import schema
from jobs.archive.run import ingest_archive
from jobs.areas import AreaError, from_box
from jobs.context import Context
from jobs.gazetteer import names, search
from jobs.gazetteer.query import PlaceQuery
from jobs.gazetteer.search import Found
from jobs.held import land
from tests.archives import name_of, row, write_zip
from tests.gridded import AREA, Place, hold
from tests.integration.crimes import rows

EAST = (50.85, -1.4, 51.0, -1.2)


def at(street: str, lat: float, lng: float) -> Place:
    return Place("2024-01", lat, lng, "burglary", f"On or near {street}")


SHIRLEY = [at("Shirley High Street", 50.9222 + step * 0.001, -1.4333) for step in range(4)]
HIGH_STREETS = [at("High Street", 50.90, -1.404), at("High Street", 50.903, -1.404), at("High Street", 50.9642, -1.354)]
KINDS = [at("Supermarket", 50.91, -1.40), at("Parking Area", 50.91, -1.39), at("", 50.92, -1.38)]
TOWN = [*SHIRLEY, *HIGH_STREETS, *KINDS, at("Bernard Street", 50.9, -1.402), at("Portswood Road", 50.928, -1.3893)]


def find(connection: Connection, q: str, **values: Any) -> list[Found]:
    with connection.begin():
        return search.find(connection, PlaceQuery(q=q, **values))


def found(connection: Connection, q: str, **values: Any) -> list[str]:
    return [one.place.name for one in find(connection, q, **values)]


def kept(connection: Connection) -> dict[tuple[str, str], int]:
    """{(area, name): points} as the gazetteer has them."""
    query = "SELECT area, name, sum(points) FROM street_parts JOIN street_names ON id = name_id GROUP BY 1, 2"
    return {(area, name): points for area, name, points in rows(connection, query)}


def counted(connection: Connection) -> dict[tuple[str, str], int]:
    """The same, by the points themselves."""
    query = "SELECT area, street_name FROM area_points JOIN points ON id = point_id"
    return Counter(
        (area, names.shown(name))
        for area, name in rows(connection, query)
        if not names.is_kind(name) and not names.is_nameless(name)
    )


def boxes(connection: Connection) -> list[tuple[Any, ...]]:
    """Every part, with its sums as precise as the order of adding leaves them."""
    columns = "box_row, box_column, points, round(latitude_sum::numeric, 6), round(longitude_sum::numeric, 6)"
    query = (
        f"SELECT area, name, {columns}, south, west, north, east FROM street_parts JOIN street_names ON id = name_id"
    )
    return rows(connection, f"{query} ORDER BY 1, 2, 3, 4")


@pytest.fixture
def town(connection: Connection) -> Connection:
    hold(connection, "2024-01", TOWN)
    return connection


def test_a_street_has_its_middle_its_bounds_and_where_it_is(town: Connection) -> None:
    with town.begin():
        land.add(town, from_box("east", "Eastern side", EAST, ()))
    (one,) = find(town, "shirley high street")
    assert (one.place.name, one.place.points, one.score) == ("Shirley High Street", 4, 1)
    assert (one.place.latitude, one.place.longitude) == pytest.approx((50.9237, -1.4333))
    assert one.place.bounds == pytest.approx((-1.4333, 50.9222, -1.4333, 50.9252))
    assert one.areas == {AREA: "Southampton core"}
    assert one.force == "hampshire"
    (other,) = find(town, "portswood road")
    # Of two areas that overlap, each point counts once.
    assert (other.place.points, set(other.areas)) == (1, {AREA, "east"})
    assert find(town, "bernard")[0].near == ["High Street"]


def test_streets_of_one_name_that_are_far_apart_are_places_apart(town: Connection) -> None:
    centre, other = find(town, "high street")[:2]
    assert (centre.place.points, other.place.points) == (2, 1)
    assert centre.place.latitude == pytest.approx(50.9015)
    assert found(town, "high st", near="50.964,-1.354")[:2] == ["High Street", "High Street"]
    assert find(town, "high st", near="50.964,-1.354")[0].place == other.place


def test_a_street_goes_on_over_the_edge_of_a_box(connection: Connection) -> None:
    hold(connection, "2024-01", [at("The Avenue", 50.91 + step * 0.002, -1.4) for step in range(12)])
    assert len(boxes(connection)) == 2
    (one,) = find(connection, "the avenue")
    assert one.place.points == 12


def test_kinds_and_points_without_a_name_are_no_places(town: Connection) -> None:
    assert found(town, "supermarket") == found(town, "parking area") == []
    assert kept(town) == counted(town)


def test_it_follows_months_that_come_in_and_are_replaced(connection: Connection) -> None:
    for month, crimes in [("2024-01", SHIRLEY[:2]), ("2024-02", TOWN), ("2024-01", TOWN[2:]), ("2024-02", SHIRLEY)]:
        hold(connection, month, [one._replace(month=month) for one in crimes])
        assert kept(connection) == counted(connection)
    grown = boxes(connection)
    with connection.begin():
        land.resize(connection, from_box(AREA, AREA, (50.85, -1.55, 51.0, -1.3), ("hampshire",)))
    assert boxes(connection) == grown


def test_it_follows_areas(town: Connection) -> None:
    with town.begin():
        land.add(town, from_box("east", "East", EAST, ()))
    assert kept(town) == counted(town)
    assert "Portswood Road" in found(town, "portswood", area="east")
    assert found(town, "shirley", area="east") == []
    with town.begin():
        land.resize(town, from_box(AREA, AREA, (50.85, -1.55, 50.92, -1.3), ("hampshire",)))
    assert kept(town) == counted(town)
    assert found(town, "shirley") == []
    with town.begin():
        land.remove(town, "east")
    assert kept(town) == counted(town)
    assert found(town, "portswood") == []
    # No name is kept that is nowhere.
    assert {name for (name,) in rows(town, "SELECT name FROM street_names")} == {name for _, name in kept(town)}


def test_it_follows_the_archive(here: Context, tmp_path: Path) -> None:
    here.settings = here.settings.model_copy(update={"import_folder": tmp_path})
    streets = ["On or near Above Bar Street", "On or near Hospital"]
    lines = [row(50.9 + step * 0.001, street=streets[step % 2], crime_id=f"{step:064x}") for step in range(12)]
    write_zip(tmp_path / "2024-03.zip", {name_of(): lines})
    ingest_archive("2024-03.zip")
    assert kept(here.connection) == counted(here.connection) == {(AREA, "Above Bar Street"): 6}


def test_the_migration_fills_it_from_what_is_held(town: Connection) -> None:
    before = boxes(town)
    with town.begin():
        command.downgrade(schema.config(town), "0026")
    schema.migrate(town)
    assert before
    assert boxes(town) == before


def test_an_area_or_force_may_follow_the_name(town: Connection) -> None:
    for q in (
        "high street, southampton",
        "high street southampton core",
        "high street, hampshire",
        "high st hampshire",
    ):
        assert found(town, q)[:2] == ["High Street", "High Street"], q
    with town.begin():
        land.add(town, from_box("far", "Far away", (53.0, -1.0, 53.1, -0.9), ()))
    assert found(town, "high street, far away") == []


def test_an_area_that_is_none_is_refused_by_name(town: Connection) -> None:
    with pytest.raises(AreaError, match=r"no area soton\. Areas: southampton-core"):
        find(town, "high street", area="soton")


def test_no_name_that_has_half_of_the_grams_is_missed(town: Connection) -> None:
    for typed, meant in [
        *(("shirly", "Shirley High Street"), ("portswod rd", "Portswood Road"), ("hihg street", "High Street")),
        *(("bernrad street", "Bernard Street"), ("portswd road", "Portswood Road"), ("highh", "High Street")),
    ]:
        assert found(town, typed)[:1] == [meant]
