"""Hexagons for PostGIS, where it is there; and a grid all the same where it is not."""

import h3
import pytest

from jobs import cache, context, database, schema
from jobs.context import Context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.held import land
from jobs.ingestion.run import ingest_latest_crime_data
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import crime, rows, scattered, served, value
from worker.settings import Settings

MONTHS = ("2023-12", "2024-01")


def test_every_distinct_cell_has_its_hexagon_once(postgis: Settings) -> None:
    engine = database.create(postgis)
    store = cache.connect(postgis)
    with engine.connect() as connection, store, context.use(Context(postgis, connection, store)) as here:
        schema.migrate(connection)
        schema.check(connection)
        with connection.begin():
            land.ensure_default(connection, postgis)
        with served(here, [crime for month in MONTHS for crime in scattered(month)]):
            ingest_latest_crime_data()
            rebuild_safety_grid(months=1)
            rebuild_safety_grid()
            assert validate_h3_grid_health()["health_status"] == "healthy"
        query = (
            "SELECT h3_index, ST_SRID(shape), ST_NPoints(shape), ST_IsValid(shape), ST_Area(shape::geography), "
            "ST_X(ST_Centroid(shape)), ST_Y(ST_Centroid(shape)) FROM cell_shapes ORDER BY 1"
        )
        shapes = rows(connection, query)
        assert [row[0] for row in shapes] == [
            row[0] for row in rows(connection, "SELECT DISTINCT h3_index FROM safety_cells ORDER BY 1")
        ]
        for cell, srid, corners, valid, area_m2, lng, lat in shapes:
            assert (srid, corners, valid) == (4326, 7, True)
            # PostGIS measures on the ellipsoid, H3 on the sphere.
            assert area_m2 == pytest.approx(h3.cell_area(cell, unit="m^2"), rel=0.01)
            assert (lat, lng) == pytest.approx(h3.cell_to_latlng(cell), abs=1e-6)
        inside = "SELECT h3_index FROM cell_shapes WHERE ST_Contains(shape, ST_SetSRID(ST_Point(:lng, :lat), 4326))"
        found = rows(connection, "SELECT DISTINCT latitude, longitude FROM placed_crimes LIMIT 5")
        for lat, lng in found:
            assert value(connection, inside, lat=lat, lng=lng) == h3.latlng_to_cell(lat, lng, 10)
    engine.dispose()


def test_a_server_without_postgis_has_no_shapes_and_a_grid(here: Context) -> None:
    assert value(here.connection, "SELECT to_regclass('cell_shapes')") is None
    with served(here, [crime()]):
        ingest_latest_crime_data()
    assert rebuild_safety_grid()["cells_created"] == 1
