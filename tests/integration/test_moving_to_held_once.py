"""A filled database of the former tables moves over without losing or doubling a crime."""

import datetime as dt
import json
from typing import Any

import h3.api.basic_int as h3
import pytest
from alembic import command
from sqlalchemy import Connection, text

from jobs import areas, schema
from jobs.areas import from_box
from jobs.context import Context
from jobs.errors import SafegridError
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.run import ingest_month_on_demand
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import BY_AREA, crime, rows, served, value

CORE = from_box("southampton-core", "Southampton core", (50.85, -1.55, 51.0, -1.3), ("hampshire",))
NORTH = from_box("north", "North", (51.0, -1.55, 51.1, -1.3), ("dorset",))
# On the border that the areas share; where one street has two names; the same place twice.
POINTS = {
    "southampton-core": [(50.91, -1.4, "High Street"), (50.91, -1.4, "High Street"), (50.91, -1.4, "Low Street")],
    "north": [(51.0, -1.4, None), (51.05, -1.5, "Mill Lane")],
}
MONTHS = [dt.date(2023, 12, 1), dt.date(2024, 1, 1)]
PLACED = (
    "SELECT month, category, latitude, longitude, to_hex(h3_cell), coalesce(street_name, ''), api_id, persistent_id "
    "FROM {} ORDER BY api_id"
)
_MONTH = text(
    """
    INSERT INTO ingestion_runs (area, month, status, current, records, unplaced, categories, h3_resolution, fingerprint,
                                source, release, border, started_at)
    VALUES (:area, :month, 'success', true, :records, 1, :categories, 10, :area || :month, 'a source', '2024-03-01',
            CAST(:border AS jsonb), now())
    """
)
_CRIME = text(
    """
    INSERT INTO crime_incidents
        (area, month, category, latitude, longitude, h3_cell, street_name, api_id, persistent_id)
    VALUES (:area, :month, 'burglary', :lat, :lng, :cell, :street, :id, md5(CAST(:id AS text)))
    """
)
_UNPLACED = text("INSERT INTO unplaced_crimes (area, force, month, category) VALUES (:area, :force, :month, 'drugs')")


@pytest.fixture
def former(here: Context) -> Connection:
    """The tables as they were, with two areas that touch and two months."""
    connection = here.connection
    with connection.begin():
        land.add(connection, NORTH)
    with connection.begin():
        command.downgrade(schema.config(connection), "0011")
    with connection.begin():
        fill(connection)
    return connection


def fill(connection: Connection, border: dict[str, Any] | None = None) -> None:
    number = 0
    for month in MONTHS:
        for area, points in POINTS.items():
            values = {"area": area, "month": month}
            counted = {"records": len(points), "categories": json.dumps({"burglary": len(points)})}
            is_former = border is not None and area == "north" and month == MONTHS[0]
            connection.execute(_MONTH, {**values, **counted, "border": json.dumps(border) if is_former else None})
            connection.execute(_UNPLACED, {**values, "force": {"north": "dorset"}.get(area, "hampshire")})
            for lat, lng, street in points:
                number += 1
                place = {"lat": lat, "lng": lng, "cell": h3.latlng_to_cell(lat, lng, 10), "street": street}
                connection.execute(_CRIME, {**values, **place, "id": number})
    connection.execute(
        text(
            "INSERT INTO grid_months (month, fingerprint, generation, h3_resolution, cells, crimes) SELECT month, "
            "encode(sha256(string_agg(fingerprint, '' ORDER BY area)::bytea), 'hex'), 1, 10, 3, 5 FROM ingestion_runs "
            "WHERE month = '2024-01-01' GROUP BY 1"
        )
    )


def test_every_crime_is_there_once_with_its_place(former: Connection) -> None:
    before = rows(former, PLACED.format("crime_incidents"))
    schema.migrate(former)
    assert rows(former, PLACED.format("placed_crimes")) == before
    assert len(before) == 10
    assert value(former, "SELECT count(*) FROM points") == 4
    assert rows(former, BY_AREA) == [("north", 4), ("southampton-core", 6)]
    query = "SELECT force, count(*) FROM unplaced_crimes GROUP BY 1 ORDER BY 1"
    assert rows(former, query) == [("dorset", 2), ("hampshire", 2)]
    query = "SELECT area, is_whole, records, unplaced, categories, release FROM area_months WHERE month = '2024-01-01'"
    release = dt.date(2024, 3, 1)
    assert sorted(rows(former, query)) == [
        ("north", True, 2, 1, {"burglary": 2}, release),
        ("southampton-core", True, 3, 1, {"burglary": 3}, release),
    ]


def test_a_grid_that_was_up_to_date_still_is(former: Connection, here: Context) -> None:
    schema.migrate(former)
    # The other month had none.
    assert rebuild_safety_grid()["months_rebuilt"] == ["2023-12-01"]


def test_areas_that_overlap_are_drawn_over_what_was_moved(former: Connection, here: Context) -> None:
    schema.migrate(former)
    with former.begin():
        land.add(former, from_box("both", "Both", (50.9, -1.45, 51.02, -1.35), ()))
        land.add(former, from_box("touching", "Touching", (50.85, -1.3, 51.0, -1.2), ()))
    assert rows(former, BY_AREA) == [("both", 8), ("north", 4), ("southampton-core", 6)]
    months = [crime(f"{month:%Y-%m}", lat, lng) for month in MONTHS for lat, lng, _ in POINTS["north"]]
    with served(here, months, published=["2023-12", "2024-01", "2024-03"]):
        ingest_month_on_demand(2024, 1, area="both", accept_smaller=True)
    assert rows(former, BY_AREA) == [("both", 5), ("north", 4), ("southampton-core", 3)]
    with former.begin():
        assert land.alone(former, "both") == 0
        land.remove(former, "both")
    assert value(former, "SELECT count(*) FROM crime_incidents") == 7


def test_months_within_a_former_border_keep_their_crimes_until_they_come_in(here: Context) -> None:
    connection = here.connection
    with connection.begin():
        land.add(connection, NORTH)
    with connection.begin():
        command.downgrade(schema.config(connection), "0011")
    with connection.begin():
        # It reached to the south once.
        fill(connection, areas.from_box("north", "", (51.0, -1.6, 51.1, -1.3), ()).border)
        connection.execute(
            text(
                "UPDATE crime_incidents SET longitude = -1.57 WHERE month = '2023-12-01' AND latitude = 51.05 "
                "AND area = 'north'"
            )
        )
    schema.migrate(connection)
    assert value(connection, "SELECT count(*) FROM crime_incidents") == 10
    assert rows(connection, BY_AREA) == [("north", 3), ("southampton-core", 6)]
    with served(here, [crime("2023-12", 51.05, -1.5)], published=["2023-12", "2024-03"]):
        ingest_month_on_demand(2023, 12, area="north", accept_smaller=True)
    assert rows(connection, "SELECT count(*) FROM placed_crimes WHERE longitude = -1.57") == [(0,)]


def test_an_empty_database_moves_too(here: Context) -> None:
    with here.connection.begin():
        command.downgrade(schema.config(here.connection), "0011")
    schema.migrate(here.connection)
    with served(here, [crime()]):
        ingest_month_on_demand(2024, 1)
        rebuild_safety_grid()
        assert validate_h3_grid_health()["health_status"] == "healthy"


def test_there_is_a_way_back_while_no_areas_overlap(former: Connection) -> None:
    before = rows(former, PLACED.format("crime_incidents"))
    schema.migrate(former)
    with former.begin():
        land.add(former, from_box("both", "Both", (50.9, -1.45, 51.02, -1.35), ()))
    with pytest.raises(SafegridError, match="Areas overlap"), former.begin():
        command.downgrade(schema.config(former), "0011")
    with former.begin():
        land.remove(former, "both")
    with former.begin():
        command.downgrade(schema.config(former), "0011")
    assert rows(former, PLACED.format("crime_incidents")) == before
    schema.migrate(former)
    assert rows(former, PLACED.format("placed_crimes")) == before
