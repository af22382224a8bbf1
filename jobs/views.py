"""Views with the tables' names and columns of SafeRoute, so that its web application reads our data unchanged.

They are in a schema of their own, which the application's connections search before `public`. Their columns are those
of its models: it selects all of them. Texts have no longest length: a cast would keep PostgreSQL from their indexes.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from jobs import placement
from jobs.errors import SafegridError, WrongCall

SCHEMA = "safegrid_views"
_POSTGIS = text(
    "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace "
    "WHERE extname = 'postgis' AND to_regclass('cell_shapes') IS NOT NULL"
)
# The application's own flags, category by category.
_PERSONAL = ("possession-of-weapons", "public-order", "robbery", "theft-from-the-person", "violent-crime")
_PROPERTY = (
    "bicycle-theft",
    "burglary",
    "criminal-damage-arson",
    "other-theft",
    "robbery",
    "shoplifting",
    "theft-from-the-person",
    "vehicle-crime",
)
# An expression of the view, so that a search by place finds the index of the points.
_PLACE = "{gis}.ST_SetSRID({gis}.ST_MakePoint(longitude, latitude), 4326)::{gis}.geometry(Point, 4326)"
VIEWS = {
    # The id is made of cell and month: it is the same after a rebuild, and nothing else has it.
    "safety_cells": """
        SELECT hashtextextended(cell_id, 0) AS id, cell_id, shape AS geom, cell.month,
            crime_count_total, crime_count_weighted, stats::json AS stats, built_at AS updated_at
        FROM {ours}.safety_cells AS cell JOIN {ours}.cell_shapes USING (h3_index)
        JOIN {ours}.grid_months AS built ON built.month = cell.month
    """,
    "crime_incidents": """
        SELECT crime.id, crime.api_id::text AS external_id, crime.month,
            crime.category AS category_id, name AS crime_type, NULL::text AS context,
            crime.persistent_id, NULL::text AS lsoa_code,
            coalesce(land.force, '') AS force_id, street_name AS location_desc, {place} AS geom,
            held.changed_at AS created_at, held.changed_at AS ingested_at
        FROM {ours}.crime_incidents AS crime JOIN {ours}.points ON points.id = crime.point_id
        JOIN {ours}.crime_categories AS category ON category.slug = crime.category
        JOIN {ours}.held_months AS held ON held.month = crime.month
        LEFT JOIN {ours}.force_cells AS land ON land.cell = points.coarse_cell
    """,
    "crime_categories": """
        SELECT slug AS id, category.name, weight AS harm_weight_default,
            slug IN {personal} AS is_personal, slug IN {property} AS is_property,
            first_month::timestamptz AS created_at, first_month::timestamptz AS updated_at
        FROM {ours}.crime_categories AS category
        JOIN {ours}.weight_schemes AS scheme ON is_default
        JOIN {ours}.crime_weights AS weighed ON weighed.scheme = scheme.name AND weighed.category = slug
    """,
    "ingestion_runs": """
        SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(id), 12, '0'))::uuid AS id, area AS area_name,
            month, status, started_at, ended_at AS finished_at, error AS error_message,
            records AS records_ingested, requests AS tiles_processed, requests AS tiles_total
        FROM {ours}.ingestion_runs
    """,
}
"""{view: its query}"""


class NoPostGIS(SafegridError):
    """The database has no PostGIS, or had none when its tables were made, and the views have geometries."""

    def __init__(self) -> None:
        super().__init__(
            "The views have geometries, and this database had no PostGIS when its tables were made. Nothing was done: "
            "run `CREATE EXTENSION postgis`, and `safegrid migrate` in a database without the tables of Safegrid"
        )


def create(connection: Connection, schema: str = SCHEMA, readers: Sequence[str] = ()) -> list[str]:
    """Make the views, or make them anew, and let these roles read them, in one transaction. Returns their names.

    Raises NoPostGIS, SchemaOutOfReach, and WrongCall for a schema that has something else of these names.
    """
    with connection.begin():
        gis, ours = connection.scalar(_POSTGIS), placement.current(connection)
        if gis is None:
            raise NoPostGIS
        _refuse_tables(connection, schema)
        place = _PLACE.format(gis=gis)
        names = {"ours": f'"{ours}"', "place": place, "personal": _PERSONAL, "property": _PROPERTY}
        placement.make(connection, schema)
        for name, query in VIEWS.items():
            connection.execute(text(f'CREATE OR REPLACE VIEW "{schema}".{name} AS {query.format(**names)}'))
        connection.execute(text(f"CREATE INDEX IF NOT EXISTS ix_points_geom ON points USING gist (({place}))"))
        for reader in readers:
            connection.execute(text(f'GRANT USAGE ON SCHEMA "{schema}" TO "{reader}"'))
            connection.execute(text(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO "{reader}"'))
    return [f"{schema}.{name}" for name in VIEWS]


def drop(connection: Connection, schema: str = SCHEMA) -> None:
    """Drop the views and their schema, in one transaction. Raises WrongCall where the schema has anything else."""
    with connection.begin():
        _refuse_tables(connection, schema)
        for name in VIEWS:
            connection.execute(text(f'DROP VIEW IF EXISTS "{schema}".{name}'))
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{schema}"'))
        connection.execute(text("DROP INDEX IF EXISTS ix_points_geom"))


def _refuse_tables(connection: Connection, schema: str) -> None:
    """Only what this module made is replaced or dropped."""
    others = text(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = :schema AND relkind <> 'i' AND NOT (relkind = 'v' AND relname = ANY(:views)) LIMIT 1"
    )
    if other := connection.scalar(others, {"schema": schema, "views": list(VIEWS)}):
        raise WrongCall(
            f"Schema {schema} has {other}, which is not one of these views: choose another schema with --schema"
        )
