"""Places by name, filled from the points that are held.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from jobs.gazetteer import upkeep
from jobs.migrations.locks import keep_out_writers

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_FUNCTION = """
    CREATE OR REPLACE FUNCTION safegrid_analyze_month(pull bigint, month date) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = {schema}, pg_temp AS $body$ BEGIN
        EXECUTE format('ANALYZE %I', 'crime_incidents_' || to_char(month, 'YYYYMM'));
        IF EXISTS (
            SELECT FROM pg_stat_all_tables AS seen JOIN pg_class ON pg_class.oid = seen.relid
            WHERE seen.relid IN ('points'::regclass, 'area_points'::regclass)
            AND seen.n_mod_since_analyze > 1000 + 0.1 * greatest(pg_class.reltuples, 0)
        ) THEN
            ANALYZE {tables};
        END IF;
    END $body$
"""


def upgrade() -> None:
    # Points that came while it is filled would be missing for good.
    keep_out_writers("areas", "points")
    op.create_table(
        "street_names",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("source_name", sa.Text(), nullable=False, unique=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("grams", ARRAY(sa.Text()), nullable=False),
    )
    op.create_table(
        "street_parts",
        sa.Column("area", sa.Text(), sa.ForeignKey("areas.slug", ondelete="CASCADE"), nullable=False),
        sa.Column("name_id", sa.BigInteger(), nullable=False),
        sa.Column("box_row", sa.SmallInteger(), nullable=False),
        sa.Column("box_column", sa.SmallInteger(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("latitude_sum", "longitude_sum", "south", "west", "north", "east")
        ),
        sa.PrimaryKeyConstraint("area", "name_id", "box_row", "box_column"),
    )
    _fill()
    op.create_index("ix_street_names_key", "street_names", ["key"], postgresql_ops={"key": "text_pattern_ops"})
    op.create_index("ix_street_names_grams", "street_names", ["grams"], postgresql_using="gin")
    op.create_index("ix_street_parts_name_id", "street_parts", ["name_id"])
    op.create_index("ix_street_parts_box", "street_parts", ["box_row", "box_column"])
    _replace("points, area_points, street_names, street_parts")


def _fill() -> None:
    connection = op.get_bind()
    for area in connection.scalars(sa.text("SELECT slug FROM areas ORDER BY 1")).all():
        upkeep.refill(connection, area)
    op.execute("ANALYZE street_names, street_parts")


def downgrade() -> None:
    _replace("points, area_points")
    op.drop_table("street_parts")
    op.drop_table("street_names")


def _replace(tables: str) -> None:
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.execute(_FUNCTION.format(schema=schema, tables=tables))
