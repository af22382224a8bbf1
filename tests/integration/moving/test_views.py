"""SafeRoute's application reads the same from our views as from its own tables, by the same queries."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from jobs import database, views
from jobs.grid import store as grid_store
from jobs.months import parse_month
from tests.gridded import build, hold
from tests.integration.crimes import change
from tests.integration.moving.conftest import CRIMES, MONTHS, Copy
from tests.integration.moving.saferoute import read
from tests.processes import run_command
from worker.settings import Settings

# What the application asks. Ids and the times of its own writing are left out of what is compared.
QUERIES = {
    "the cells of a month": "SELECT cell_id, ST_AsEWKB(geom)::text, month, crime_count_total, crime_count_weighted, "
    "stats::jsonb FROM safety_cells WHERE month = '2024-02-01' ORDER BY cell_id",
    "the hexagons of cells": "SELECT cell_id, ST_AsGeoJSON(geom) AS geojson FROM safety_cells WHERE cell_id = ANY("
    "SELECT cell_id FROM safety_cells WHERE month = '2024-01-01') ORDER BY 1",
    "cells that a box meets": "SELECT cell_id, crime_count_total FROM safety_cells WHERE ST_Intersects(geom, "
    "ST_MakeEnvelope(-1.42, 50.9, -1.38, 50.93, 4326)) AND month >= '2024-01-01' ORDER BY 1",
    "sums over months": "SELECT count(DISTINCT cell_id), count(*), sum(crime_count_total), avg(crime_count_total)::text"
    ", max(crime_count_total) FROM safety_cells WHERE month >= '2024-01-01'",
    "the crimes of a month with weights": "SELECT category_id, harm_weight_default, ST_Y(c.geom), ST_X(c.geom) "
    "FROM crime_incidents c LEFT JOIN crime_categories cat ON c.category_id = cat.id WHERE c.month = '2024-01-01' "
    "ORDER BY 1, 3, 4",
    "crimes near a place": "SELECT category_id, month, location_desc, force_id FROM crime_incidents WHERE ST_DWithin("
    "geom::geography, ST_MakePoint(-1.4, 50.91)::geography, 1500) ORDER BY 1, 2",
    "categories": "SELECT id, harm_weight_default, is_personal, is_property FROM crime_categories WHERE id = ANY("
    "ARRAY['anti-social-behaviour', 'burglary', 'drugs', 'robbery', 'shoplifting', 'violent-crime']) ORDER BY 1",
    "what was ingested": "SELECT month, status, records_ingested FROM ingestion_runs ORDER BY 1",
    "a person's history": "SELECT id, mode FROM route_history WHERE deleted_at IS NULL ORDER BY 1",
}
COLUMNS = """
    SELECT table_name, column_name, replace(data_type, 'character varying', 'text') FROM information_schema.columns
    WHERE table_schema = :schema AND table_name IN ('safety_cells', 'crime_incidents', 'crime_categories',
    'ingestion_runs') ORDER BY 1, 2
"""


@pytest.fixture(scope="module")
def built_template(copy: Copy, beside_template: str) -> Iterator[str]:
    """The same crimes in our tables, and the grid of them."""
    with copy(beside_template) as settings:
        engine = database.create(settings)
        with engine.connect() as connection:
            for month in MONTHS:
                hold(connection, month, [one for one in CRIMES if one.month == month])
            build(connection)
            with connection.begin():
                grid_store.shape_cells(connection, [parse_month(month) for month in MONTHS])
            forces = "INSERT INTO force_cells (cell, force) SELECT DISTINCT coarse_cell, 'hampshire' FROM points"
            change(connection, forces)
        engine.dispose()
        yield str(make_url(settings.database_url).database)


@pytest.fixture
def another(copy: Copy, built_template: str) -> Iterator[Settings]:
    """Where SafeRoute's connection goes to, too."""
    with copy(built_template) as settings:
        yield settings


@pytest.fixture
def ours(another: Settings) -> Iterator[Connection]:
    engine = database.create(another)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def application(another: Settings, theirs: Connection, ours: Connection) -> Iterator[Connection]:
    """The application's role, which searches the views first. Nothing else of it is changed."""
    change(theirs, "CREATE ROLE application LOGIN")
    change(theirs, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO application")
    views.create(ours, readers=["application"])
    change(theirs, "ALTER ROLE application SET search_path = safegrid_views, public")
    engine = create_engine(another.database_url.replace("postgres@", "application@", 1))
    with engine.connect() as connection:
        yield connection
    engine.dispose()
    change(theirs, "DROP OWNED BY application")
    change(theirs, "DROP ROLE application")


def answers(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {name: read(connection, query) for name, query in QUERIES.items()}


def test_every_query_of_the_application_reads_the_same(theirs: Connection, application: Connection) -> None:
    before, after = answers(theirs), answers(application)
    assert all(before.values())
    assert after == before


def test_the_columns_and_their_types_are_theirs(theirs: Connection, application: Connection) -> None:
    assert read(application, COLUMNS, schema="safegrid_views") == read(theirs, COLUMNS, schema="public")


def test_ids_are_unique_and_the_same_after_a_rebuild(ours: Connection, application: Connection) -> None:
    ids = "SELECT id, cell_id FROM safety_cells ORDER BY 1"
    before = read(application, ids)
    assert len({one for one, _ in before}) == len(before)
    build(ours)
    assert read(application, ids) == before


BOX = "ST_Intersects(geom, ST_MakeEnvelope(-1.401, 50.91, -1.4, 50.911, 4326))"


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (f"crime_incidents WHERE {BOX}", "ix_points_geom"),
        (f"safety_cells WHERE {BOX}", "ix_cell_shapes_shape"),
        ("safety_cells WHERE cell_id = ANY(ARRAY['8a195900499ffff_202401'])", "pk_safety_cells"),
        ("safety_cells WHERE month = '2024-01-01'", "ix_safety_cells_month_h3"),
        ("crime_incidents WHERE month = '2024-01-01' AND category_id = 'drugs'", "crime_incidents_202401"),
    ],
)
def test_a_search_finds_its_index(theirs: Connection, application: Connection, query: str, index: str) -> None:
    with theirs.begin():
        theirs.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL search_path = safegrid_views, public"))
        plan = "\n".join(theirs.scalars(text(f"EXPLAIN SELECT * FROM {query}")))
    assert index in plan
    assert "crime_incidents_202402" not in plan or BOX in query


def test_migrate_leaves_the_views_and_they_can_be_made_anew_and_dropped(
    another: Settings, theirs: Connection, application: Connection
) -> None:
    before = answers(application)
    for arguments in (("migrate",), ("views", "create")):
        assert run_command(another, *arguments).returncode == 0
        assert answers(application) == before
    assert run_command(another, "views", "drop").returncode == 0
    assert answers(application) == answers(theirs), "without views the application reads its own tables again"


def test_nothing_else_in_a_schema_is_replaced_or_dropped(another: Settings) -> None:
    for action in ("create", "drop"):
        done = run_command(another, "views", action, "--schema", "public")
        assert done.returncode != 0
        assert "which is not one of these views" in done.stderr
    done = run_command(another, "views", "create", "--schema", 'x"; DROP TABLE runs')
    assert "must be a PostgreSQL name" in done.stderr


def test_a_role_that_does_not_exist_is_named(another: Settings) -> None:
    done = run_command(another, "views", "create", "--grant", "nobody")
    assert done.returncode != 0
    assert 'role "nobody" does not exist' in done.stderr


def test_without_postgis_the_way_to_it_is_said(settings: Settings) -> None:
    done = run_command(settings, "views", "create")
    assert done.returncode != 0
    assert "had no PostGIS when its tables were made" in done.stderr
