"""Crimes are held once, by month and place; areas are filters, and may overlap.

Nothing is lost and nothing counted twice: a crime keeps its month, category and place, and gives up its area. Readers
are shut out only at the end, when the new tables take the names of the old ones.

Revision ID: 0012
Revises: 0011
"""

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any

import h3.api.basic_int as h3
import numpy as np
import sqlalchemy as sa
from alembic import op
from shapely.geometry import shape
from sqlalchemy.dialects import postgresql

from jobs.areas import Area
from jobs.errors import SafegridError
from jobs.migrations.locks import keep_out_writers, swap

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COARSE = 6
JSONB = postgresql.JSONB(astext_type=sa.Text())
NOW = sa.text("now()")


def upgrade() -> None:
    keep_out_writers("areas", "ingestion_runs", "crime_incidents", "unplaced_crimes")
    _create_tables()
    _fill_points()
    _copy_crimes()
    _fill_grounds()
    _fill_summaries()
    swap(_take_over_names)
    _create_staging()


def _create_tables() -> None:
    op.create_table(
        "points",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("street_name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("street_id", sa.BIGINT(), nullable=True),
        sa.Column("h3_cell", sa.BIGINT(), nullable=False),
        sa.Column("coarse_cell", sa.BIGINT(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points")),
    )
    op.create_index("uq_points_place", "points", ["latitude", "longitude", "street_name"], unique=True)
    op.create_table(
        "area_points",
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("point_id", sa.BIGINT(), nullable=False),
        sa.ForeignKeyConstraint(["area"], ["areas.slug"], name=op.f("fk_area_points_area"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("area", "point_id", name=op.f("pk_area_points")),
    )
    op.create_index(op.f("ix_area_points_point_id"), "area_points", ["point_id"])
    op.create_table(
        "month_grounds",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("boundary", JSONB, nullable=False),
        sa.Column("release", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ingestion_id", sa.BIGINT(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["ingestion_id"], ["ingestion_runs.id"], name=op.f("fk_month_grounds_ingestion_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_grounds")),
    )
    op.create_index(op.f("ix_month_grounds_month"), "month_grounds", ["month"])
    op.create_index(op.f("ix_month_grounds_ingestion_id"), "month_grounds", ["ingestion_id"])
    op.create_table(
        "area_months",
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("unplaced", sa.Integer(), nullable=False),
        sa.Column("categories", JSONB, nullable=False),
        sa.Column("release", sa.Date(), nullable=True),
        sa.Column("ingestion_id", sa.BIGINT(), nullable=True),
        sa.ForeignKeyConstraint(["area"], ["areas.slug"], name=op.f("fk_area_months_area"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["ingestion_id"], ["ingestion_runs.id"], name=op.f("fk_area_months_ingestion_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("area", "month", name=op.f("pk_area_months")),
    )
    op.create_index(op.f("ix_area_months_month"), "area_months", ["month"])
    op.create_index(op.f("ix_area_months_ingestion_id"), "area_months", ["ingestion_id"])
    op.create_table(
        "held_months",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("h3_resolution", sa.SmallInteger(), nullable=False),
        sa.Column("crimes", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_held_months")),
    )


def _fill_points() -> None:
    connection = op.get_bind()
    resolution = connection.scalar(
        sa.text("SELECT h3_resolution FROM ingestion_runs WHERE current ORDER BY ended_at DESC LIMIT 1")
    )
    op.execute(
        "INSERT INTO points (latitude, longitude, street_name, street_id, h3_cell, coarse_cell) "
        "SELECT latitude, longitude, coalesce(street_name, ''), min(street_id), 0, 0 "
        "FROM crime_incidents GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    points = connection.execute(sa.text("SELECT id, latitude, longitude FROM points ORDER BY id")).all()
    op.execute("CREATE TEMPORARY TABLE celled (id bigint, fine bigint, coarse bigint) ON COMMIT DROP")
    cells = (
        (point, h3.latlng_to_cell(lat, lng, resolution), h3.latlng_to_cell(lat, lng, COARSE))
        for point, lat, lng in points
    )
    _copy("celled", ("id", "fine", "coarse"), cells)
    op.execute("ANALYZE celled")
    op.execute("UPDATE points SET h3_cell = fine, coarse_cell = coarse FROM celled WHERE points.id = celled.id")
    places = np.array([(lat, lng) for _, lat, lng in points], dtype=float).reshape(-1, 2)
    for row in connection.execute(sa.text("SELECT slug, name, boundary, is_box FROM areas")).all():
        area = Area(row.slug, row.name, shape(row.boundary), row.is_box, ())
        inside = np.flatnonzero(area.contains(places[:, 0], places[:, 1]))
        _copy("area_points", ("area", "point_id"), ((row.slug, points[place][0]) for place in inside.tolist()))


def _copy_crimes() -> None:
    # Its indexes come after its rows.
    op.execute(
        "CREATE TABLE crimes (id bigserial, month date NOT NULL, category text NOT NULL, point_id bigint NOT NULL, "
        "api_id bigint, persistent_id text, location_type text, outcome text, outcome_month date)"
    )
    op.execute(
        "INSERT INTO crimes SELECT held.id, month, category, points.id, api_id, persistent_id, location_type, outcome, "
        "outcome_month FROM crime_incidents AS held JOIN points ON points.latitude = held.latitude "
        "AND points.longitude = held.longitude AND points.street_name = coalesce(held.street_name, '') "
        "ORDER BY month, held.id"
    )
    op.create_primary_key("pk_crimes", "crimes", ["id"])
    op.create_index("ix_crimes_month_point", "crimes", ["month", "point_id"])


def _fill_grounds() -> None:
    op.execute(
        "INSERT INTO month_grounds (month, boundary, release, source, ingestion_id, ended_at) "
        "SELECT month, coalesce(border, boundary), release, source, id, ended_at "
        "FROM ingestion_runs JOIN areas ON slug = area WHERE current ORDER BY month, id"
    )


def _fill_summaries() -> None:
    op.execute(
        """
        INSERT INTO area_months (area, month, is_whole, records, unplaced, categories, release, ingestion_id)
        SELECT area, month, border IS NULL, coalesce(n, 0), unplaced, coalesce(counted.categories, '{}'), release, id
        FROM ingestion_runs LEFT JOIN (
            SELECT area, month, sum(n) AS n, jsonb_object_agg(category, n) AS categories
            FROM (
                SELECT area, month, category, count(*) AS n FROM crimes JOIN area_points USING (point_id)
                GROUP BY 1, 2, 3
            ) AS each GROUP BY 1, 2
        ) AS counted USING (area, month) WHERE current
        """
    )
    op.execute(
        """
        INSERT INTO held_months (month, fingerprint, h3_resolution, crimes, changed_at)
        SELECT month, md5(coalesce(sum(n * hashint8extended(h3_cell, hashtextextended(category, 0))), 0)::text),
               max(resolution), coalesce(sum(n), 0), max(ended_at)
        FROM (
            SELECT month, max(h3_resolution) AS resolution, max(ended_at) AS ended_at
            FROM ingestion_runs WHERE current GROUP BY 1
        ) AS held LEFT JOIN (
            SELECT month, h3_cell, category, count(*)::numeric AS n FROM crimes JOIN points ON points.id = point_id
            GROUP BY 1, 2, 3
        ) AS counted USING (month) GROUP BY month
        """
    )
    # What was built from the months as they are is not built again.
    op.execute(
        """
        UPDATE grid_months SET fingerprint = held_months.fingerprint
        FROM held_months JOIN (
            SELECT month, encode(sha256(string_agg(fingerprint, '' ORDER BY area)::bytea), 'hex') AS former
            FROM ingestion_runs WHERE current GROUP BY 1
        ) AS states USING (month)
        WHERE grid_months.month = held_months.month AND grid_months.fingerprint = former
        """
    )


def _take_over_names() -> None:
    op.drop_table("crime_incidents")
    op.execute("ALTER TABLE crimes RENAME TO crime_incidents")
    op.execute("ALTER TABLE crime_incidents RENAME CONSTRAINT pk_crimes TO pk_crime_incidents")
    op.execute("ALTER INDEX ix_crimes_month_point RENAME TO ix_crime_incidents_month_point")
    op.execute("ALTER SEQUENCE crimes_id_seq RENAME TO crime_incidents_id_seq")
    op.execute("SELECT setval('crime_incidents_id_seq', coalesce(max(id), 1)) FROM crime_incidents")
    op.execute(
        "CREATE VIEW placed_crimes AS SELECT crime_incidents.id, month, category, latitude, longitude, h3_cell, "
        "coarse_cell, street_id, street_name, point_id, api_id, persistent_id, location_type, outcome, outcome_month "
        "FROM crime_incidents JOIN points ON points.id = point_id"
    )
    op.drop_index("ix_unplaced_crimes_month_area", "unplaced_crimes")
    op.drop_column("unplaced_crimes", "area")
    op.create_index("ix_unplaced_crimes_month_force", "unplaced_crimes", ["month", "force"])
    op.drop_constraint("pk_area_forces", "area_forces")
    op.drop_index("ix_area_forces_area", "area_forces")
    op.create_primary_key("pk_area_forces", "area_forces", ["area", "force"])
    op.create_index("ix_area_forces_force", "area_forces", ["force"])
    for name in ("outside", "occupied_cells"):
        op.add_column("ingestion_runs", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.drop_index("uq_ingestion_runs_current", "ingestion_runs")
    op.create_index("ix_ingestion_runs_area", "ingestion_runs", ["area", "month"])
    for name in ("current", "border"):
        op.drop_column("ingestion_runs", name)


def _create_staging() -> None:
    op.create_table(
        "staged_pulls",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("boundary", JSONB, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("release", sa.Date(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requests", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["area"], ["areas.slug"], name=op.f("fk_staged_pulls_area"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged_pulls")),
        prefixes=["UNLOGGED"],
    )
    op.create_index("uq_staged_pulls_area_month", "staged_pulls", ["area", "month", "source"], unique=True)
    op.create_table(
        "staged_answers",
        sa.Column("pull", sa.BIGINT(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_split", sa.Boolean(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("outside", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("set_aside", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("issues", JSONB, server_default=sa.text("'[]'"), nullable=False),
        sa.ForeignKeyConstraint(["pull"], ["staged_pulls.id"], name=op.f("fk_staged_answers_pull"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pull", "name", name=op.f("pk_staged_answers")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "staged_crimes",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("pull", sa.BIGINT(), nullable=False),
        sa.Column("force", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("street_name", sa.Text(), nullable=False),
        sa.Column("street_id", sa.BIGINT(), nullable=True),
        sa.Column("api_id", sa.BIGINT(), nullable=True),
        sa.Column("persistent_id", sa.Text(), nullable=True),
        sa.Column("location_type", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_month", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["pull"], ["staged_pulls.id"], name=op.f("fk_staged_crimes_pull"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged_crimes")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_staged_crimes_pull"), "staged_crimes", ["pull"])


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Numbers and slugs, which need no escapes."""
    lines = StringIO("".join("\t".join(map(str, row)) + "\n" for row in rows))
    driver: Any = op.get_bind().connection
    with driver.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", lines)


_OVERLAPS = (
    "SELECT EXISTS (SELECT FROM crime_incidents JOIN area_points USING (point_id) GROUP BY crime_incidents.id "
    "HAVING count(*) > 1)"
)


def downgrade() -> None:
    if op.get_bind().scalar(sa.text(_OVERLAPS)):
        raise SafegridError("Areas overlap, which the former tables cannot hold: remove areas until none does")
    for name in ("staged_crimes", "staged_answers", "staged_pulls"):
        op.drop_table(name)
    _restore_columns()
    _restore_crimes()
    for name in ("held_months", "area_months", "month_grounds", "area_points", "points"):
        op.drop_table(name)


def _restore_columns() -> None:
    op.add_column("ingestion_runs", sa.Column("border", postgresql.JSONB(none_as_null=True), nullable=True))
    op.add_column("ingestion_runs", sa.Column("current", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        "UPDATE ingestion_runs SET current = true FROM area_months WHERE ingestion_id = ingestion_runs.id AND "
        "ingestion_runs.area = area_months.area AND ingestion_runs.month = area_months.month"
    )
    op.alter_column("ingestion_runs", "current", server_default=None)
    op.drop_index("ix_ingestion_runs_area", "ingestion_runs")
    op.create_index(
        "uq_ingestion_runs_current",
        "ingestion_runs",
        ["area", "month"],
        unique=True,
        postgresql_where=sa.text("current"),
    )
    for name in ("outside", "occupied_cells"):
        op.drop_column("ingestion_runs", name)
    op.drop_constraint("pk_area_forces", "area_forces")
    op.drop_index("ix_area_forces_force", "area_forces")
    # A force stood in one area.
    op.execute(
        "DELETE FROM area_forces AS one USING area_forces AS other WHERE one.force = other.force "
        "AND one.area > other.area"
    )
    op.create_primary_key("pk_area_forces", "area_forces", ["force"])
    op.create_index("ix_area_forces_area", "area_forces", ["area"])
    op.drop_index("ix_unplaced_crimes_month_force", "unplaced_crimes")
    op.add_column("unplaced_crimes", sa.Column("area", sa.Text(), nullable=True))
    op.execute(
        "UPDATE unplaced_crimes SET area = area_forces.area FROM area_forces "
        "WHERE area_forces.force = unplaced_crimes.force"
    )
    op.execute("DELETE FROM unplaced_crimes WHERE area IS NULL")
    op.alter_column("unplaced_crimes", "area", nullable=False)
    op.create_foreign_key("fk_unplaced_crimes_area", "unplaced_crimes", "areas", ["area"], ["slug"], ondelete="CASCADE")
    op.create_index("ix_unplaced_crimes_month_area", "unplaced_crimes", ["month", "area"])


def _restore_crimes() -> None:
    op.execute("DROP VIEW placed_crimes")
    op.execute(
        "ALTER TABLE crime_incidents ADD area text, ADD latitude float8, ADD longitude float8, ADD h3_cell bigint, "
        "ADD street_id bigint, ADD street_name text"
    )
    op.execute(
        "UPDATE crime_incidents SET area = area_points.area, latitude = points.latitude, longitude = points.longitude, "
        "h3_cell = points.h3_cell, street_id = points.street_id, street_name = nullif(points.street_name, '') "
        "FROM points JOIN area_points ON point_id = points.id WHERE points.id = crime_incidents.point_id"
    )
    op.execute("DELETE FROM crime_incidents WHERE area IS NULL")
    for name in ("area", "latitude", "longitude", "h3_cell"):
        op.alter_column("crime_incidents", name, nullable=False)
    op.drop_column("crime_incidents", "point_id")
    op.create_foreign_key("fk_crime_incidents_area", "crime_incidents", "areas", ["area"], ["slug"], ondelete="CASCADE")
    op.create_foreign_key("fk_crime_incidents_category", "crime_incidents", "crime_categories", ["category"], ["slug"])
    op.create_index("ix_crime_incidents_month_area", "crime_incidents", ["month", "area"])
