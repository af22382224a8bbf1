"""Each month's crimes have a table of their own, a part of crime_incidents; staged crimes refer to points.

What is staged is dropped: it is asked for again.

Revision ID: 0019
Revises: 0018
"""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from jobs.migrations.locks import keep_out_writers, shut, swap

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# All that needs the owner of crime_incidents: the workers' role may own nothing. They take numbers and months, and so
# can name no other table.
FUNCTIONS = {
    "safegrid_stage_month(pull bigint, month date)": """
        EXECUTE format('CREATE TABLE %I (LIKE crime_incidents INCLUDING DEFAULTS, '
                       'CONSTRAINT of_month CHECK (month = %L::date))', 'incoming_' || pull, month);
    """,
    "safegrid_attach_month(pull bigint, month date)": """
        -- The indexes of a national month are sorted in memory.
        PERFORM set_config('maintenance_work_mem', '128MB', true);
        EXECUTE format('ALTER TABLE %I RENAME TO %I', 'incoming_' || pull, part);
        -- The constraint spares PostgreSQL a look at every row.
        EXECUTE format('ALTER TABLE crime_incidents ATTACH PARTITION %I FOR VALUES IN (%L)', part, month);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT of_month', part);
    """,
    "safegrid_analyze_month(pull bigint, month date)": "EXECUTE format('ANALYZE %I', part);",
    "safegrid_drop_month(pull bigint, month date)": "EXECUTE format('DROP TABLE IF EXISTS %I', part);",
    "safegrid_drop_staged(pull bigint, month date)": "EXECUTE format('DROP TABLE IF EXISTS %I', 'incoming_' || pull);",
}
STAGED = ("staged_pulls", "staged_answers", "staged_asides")
_VIEW = (
    "CREATE VIEW placed_crimes AS SELECT crime_incidents.id, month, category, latitude, longitude, h3_cell, "
    "coarse_cell, street_id, street_name, point_id, api_id, persistent_id, location_type, outcome, outcome_month "
    "FROM crime_incidents JOIN points ON points.id = point_id"
)


def upgrade() -> None:
    keep_out_writers("areas", "ingestion_runs", "crime_incidents")
    op.execute("CREATE TABLE crimes (LIKE crime_incidents INCLUDING DEFAULTS) PARTITION BY LIST (month)")
    for month in _months():
        part = f"crime_incidents_{month:%Y%m}"
        op.execute(f"CREATE TABLE {part} PARTITION OF crimes FOR VALUES IN ('{month}')")
        op.execute(f"INSERT INTO {part} SELECT * FROM crime_incidents WHERE month = '{month}' ORDER BY point_id")
    op.create_primary_key("pk_crimes", "crimes", ["month", "id"])
    op.create_index("ix_crimes_point_id", "crimes", ["point_id"])
    op.execute("ANALYZE crimes")
    op.execute("ALTER SEQUENCE crime_incidents_id_seq OWNED BY crimes.id")
    swap(_take_over)
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    for signature, body in FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {signature} RETURNS void LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = {schema}, pg_temp AS $body$ "
            f"DECLARE part text := 'crime_incidents_' || to_char(month, 'YYYYMM'); BEGIN {body} END $body$"
        )


def _take_over() -> None:
    # The view first, as whoever reads has it first.
    op.execute("DROP VIEW placed_crimes")
    shut("crime_incidents", "ingestion_runs", "staged_crimes", *STAGED)
    _take_over_names(point_index="point_id")
    # Counted in one place, whatever brought them in.
    for table in ("ingestion_runs", "staged_answers"):
        op.add_column(table, sa.Column("collapsed", sa.Integer(), server_default=sa.text("0"), nullable=False))
    _stage_points()


def _months() -> Sequence[dt.date]:
    return op.get_bind().scalars(sa.text("SELECT DISTINCT month FROM crime_incidents ORDER BY month")).all()


def _take_over_names(point_index: str) -> None:
    op.drop_table("crime_incidents")
    op.execute("ALTER TABLE crimes RENAME TO crime_incidents")
    op.execute("ALTER TABLE crime_incidents RENAME CONSTRAINT pk_crimes TO pk_crime_incidents")
    op.execute(f"ALTER INDEX ix_crimes_{point_index} RENAME TO ix_crime_incidents_{point_index}")
    op.execute(_VIEW)


def _stage_points() -> None:
    op.drop_table("staged_crimes")
    op.execute(f"TRUNCATE {', '.join(STAGED)}")
    for name in STAGED:
        op.execute(f"ALTER TABLE {name} SET LOGGED")
    op.create_table(
        "staged_unplaced",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("pull", sa.BIGINT(), nullable=False),
        sa.Column("force", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("api_id", sa.BIGINT(), nullable=True),
        sa.Column("persistent_id", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_month", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["pull"], ["staged_pulls.id"], name=op.f("fk_staged_unplaced_pull"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged_unplaced")),
    )
    op.create_index(op.f("ix_staged_unplaced_pull"), "staged_unplaced", ["pull"])


def downgrade() -> None:
    keep_out_writers("areas", "ingestion_runs", "crime_incidents")
    op.execute("CREATE TABLE crimes (LIKE crime_incidents INCLUDING DEFAULTS)")
    op.execute("INSERT INTO crimes SELECT * FROM crime_incidents ORDER BY month, point_id")
    op.create_primary_key("pk_crimes", "crimes", ["id"])
    op.create_index("ix_crimes_month_point", "crimes", ["month", "point_id"])
    op.execute("ANALYZE crimes")
    op.execute("ALTER SEQUENCE crime_incidents_id_seq OWNED BY crimes.id")
    swap(_give_back)


def _give_back() -> None:
    op.execute("DROP VIEW placed_crimes")
    shut("crime_incidents", "ingestion_runs", "staged_unplaced", *STAGED)
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature.split('(')[0]}")
    op.drop_table("staged_unplaced")
    op.execute(f"TRUNCATE {', '.join(STAGED)}")
    for name in reversed(STAGED):
        op.execute(f"ALTER TABLE {name} SET UNLOGGED")
    _drop_loose()
    for table in ("ingestion_runs", "staged_answers"):
        op.drop_column(table, "collapsed")
    _restore_staged_crimes()
    _take_over_names(point_index="month_point")


def _drop_loose() -> None:
    loose = sa.text(
        r"SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'incoming\_%'"
    )
    for name in op.get_bind().scalars(loose).all():
        op.execute(f"DROP TABLE {name}")


def _restore_staged_crimes() -> None:
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
