"""A database as SafeRoute has it: its tables and columns, PostGIS, and rows of its own making."""

import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import h3
from sqlalchemy import Connection, text

from tests.gridded import Place

TABLES = """
    CREATE EXTENSION postgis;
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('0001');
    CREATE TABLE users (id uuid PRIMARY KEY, email varchar(255) UNIQUE NOT NULL);
    CREATE TABLE crime_categories (
        id varchar(100) PRIMARY KEY, name varchar(200) NOT NULL, harm_weight_default float NOT NULL,
        is_personal boolean NOT NULL, is_property boolean NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE crime_incidents (
        id bigserial PRIMARY KEY, external_id varchar(200), month date NOT NULL,
        category_id varchar(100) NOT NULL REFERENCES crime_categories (id), crime_type varchar(200) NOT NULL,
        context text, persistent_id varchar(200), lsoa_code varchar(100), force_id varchar(100) NOT NULL,
        location_desc text NOT NULL, geom geometry(Point, 4326) NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(), ingested_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ix_crime_incidents_month ON crime_incidents (month);
    CREATE INDEX ix_crime_incidents_geom ON crime_incidents USING gist (geom);
    CREATE TABLE safety_cells (
        id bigserial PRIMARY KEY, cell_id varchar(200) UNIQUE NOT NULL, geom geometry(Polygon, 4326) NOT NULL,
        month date NOT NULL, crime_count_total integer NOT NULL, crime_count_weighted float NOT NULL,
        stats json NOT NULL, updated_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ix_safety_cells_month ON safety_cells (month);
    CREATE INDEX ix_safety_cells_geom ON safety_cells USING gist (geom);
    CREATE TABLE ingestion_runs (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), area_name varchar(100) NOT NULL, month date NOT NULL,
        status varchar(50) NOT NULL, started_at timestamptz NOT NULL, finished_at timestamptz, error_message text,
        records_ingested integer NOT NULL, tiles_processed integer NOT NULL, tiles_total integer NOT NULL
    );
    CREATE TABLE route_history (
        id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES users (id), created_at timestamptz NOT NULL,
        origin_lat float, origin_lng float, destination_lat float, destination_lng float, mode varchar(20),
        safety_score float, request_meta json, route_geom geometry(LineString, 4326), deleted_at timestamptz
    );
"""
# Weight, whether it is against a person, whether it is against property.
CATEGORIES = {
    "anti-social-behaviour": (0.5, False, False),
    "burglary": (2.0, False, True),
    "drugs": (1.0, False, False),
    "robbery": (4.0, True, True),
    "shoplifting": (0.5, False, True),
    "violent-crime": (3.5, True, False),
}
USER = UUID(int=7)
AGES_DAYS = (1, 30, 89, 91, 120, 400)


def fill(connection: Connection, crimes: Iterable[Place]) -> None:
    """Make the tables; hold these crimes, their cells, and history of every age, a part of it soft-deleted."""
    with connection.begin():
        connection.execute(text(TABLES))
        for slug, (weight, is_personal, is_property) in CATEGORIES.items():
            connection.execute(
                text("INSERT INTO crime_categories VALUES (:slug, :slug, :weight, :is_personal, :is_property)"),
                {"slug": slug, "weight": weight, "is_personal": is_personal, "is_property": is_property},
            )
        _hold(connection, crimes := list(crimes))
        _build(connection, crimes)
        _travel(connection)


def _hold(connection: Connection, crimes: list[Place]) -> None:
    rows = [
        {"month": f"{one.month}-01", "category": one.category, "lat": one.lat, "lng": one.lng, "street": one.street}
        for one in crimes
    ]
    connection.execute(
        text(
            "INSERT INTO crime_incidents (month, category_id, crime_type, force_id, location_desc, geom) VALUES "
            "(:month, :category, :category, 'hampshire', :street, ST_SetSRID(ST_MakePoint(:lng, :lat), 4326))"
        ),
        rows,
    )
    for month in {one.month for one in crimes}:
        connection.execute(
            text(
                "INSERT INTO ingestion_runs (area_name, month, status, started_at, finished_at, records_ingested, "
                "tiles_processed, tiles_total) VALUES ('southampton', :month, 'success', now(), now(), :n, 9, 9)"
            ),
            {"month": f"{month}-01", "n": sum(one.month == month for one in crimes)},
        )


def _build(connection: Connection, crimes: list[Place]) -> None:
    cells: dict[tuple[str, str], Counter[str]] = {}
    for one in crimes:
        cells.setdefault((one.month, h3.latlng_to_cell(one.lat, one.lng, 10)), Counter())[one.category] += 1
    for (month, cell), counts in cells.items():
        ring = [f"{lng} {lat}" for lat, lng in h3.cell_to_boundary(cell)]
        connection.execute(
            text(
                "INSERT INTO safety_cells (cell_id, geom, month, crime_count_total, crime_count_weighted, stats) VALUES"
                " (:cell, ST_GeomFromText(:shape, 4326), :month, :n, :weighted, CAST(:stats AS json))"
            ),
            {
                "cell": f"{cell}_{month.replace('-', '')}",
                "shape": f"POLYGON(({', '.join([*ring, ring[0]])}))",
                "month": f"{month}-01",
                "n": counts.total(),
                "weighted": sum(CATEGORIES[slug][0] * n for slug, n in counts.items()),
                "stats": json.dumps(counts),
            },
        )


def _travel(connection: Connection) -> None:
    """Ten routes of every age; of the oldest, half were soft-deleted long ago and half a week ago."""
    chance = random.Random(1)
    connection.execute(text("INSERT INTO users VALUES (:id, 'somebody@example.org')"), {"id": USER})
    now = dt.datetime.now(dt.UTC)
    for age in AGES_DAYS:
        for number in range(10):
            connection.execute(
                text(
                    "INSERT INTO route_history (id, user_id, created_at, mode, request_meta, route_geom, deleted_at) "
                    "VALUES (:id, :user, :created, 'walk', '{}', ST_GeomFromText(:line, 4326), :deleted)"
                ),
                {
                    "id": UUID(int=chance.getrandbits(128), version=4),
                    "user": USER,
                    "created": now - dt.timedelta(days=age),
                    "line": f"LINESTRING(-1.4 50.9, {-1.4 + number / 1000} 50.91)",
                    "deleted": now - dt.timedelta(days=390 if number < 5 else 7) if age == 400 else None,
                },
            )


def read(connection: Connection, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """What the application reads, in a transaction of its own."""
    with connection.begin():
        return [tuple(row) for row in connection.execute(text(query), values)]
