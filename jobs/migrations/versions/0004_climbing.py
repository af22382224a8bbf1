"""The columns of the climbing data's files, and the usual weather of places.

Revision ID: 0004
Revises: 0003
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Rows that are there already get the default; from then on the loader always gives a value.
REQUIRED: tuple[tuple[str, str, Any, str], ...] = (
    ("routes", "mountain_name", sa.Text(), "''"),
    ("routes", "accident_count", sa.Integer(), "0"),
    ("accidents", "source_id", sa.Text(), "''"),
    ("accidents", "activity", sa.Text(), "''"),
    ("accident_weather", "weather_id", sa.Integer(), "0"),
)
OPTIONAL: tuple[tuple[str, str, Any], ...] = (
    ("routes", "grade_yds", sa.Text()),
    ("routes", "length_ft", sa.Double()),
    ("routes", "pitches", sa.Double()),
    ("accidents", "route_id", sa.Integer()),
    ("accident_weather", "wind_mean_ms", sa.Double()),
)


def upgrade() -> None:
    for table, column, type_, default in REQUIRED:
        op.add_column(table, sa.Column(column, type_, server_default=sa.text(default), nullable=False))
        op.alter_column(table, column, server_default=None)
    for table, column, type_ in OPTIONAL:
        op.add_column(table, sa.Column(column, type_, nullable=True))
    op.alter_column("accidents", "type", new_column_name="accident_type")
    op.alter_column("accidents", "severity", new_column_name="injury_severity")
    op.drop_column("accidents", "grade")
    op.create_index(op.f("ix_accidents_route_id"), "accidents", ["route_id"])
    op.create_foreign_key(op.f("fk_accidents_route_id"), "accidents", "routes", ["route_id"], ["route_id"])
    op.create_table(
        "place_climates",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("day_counts", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("means", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("deviations", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_place_climates")),
    )


def downgrade() -> None:
    op.drop_table("place_climates")
    op.drop_constraint(op.f("fk_accidents_route_id"), "accidents", type_="foreignkey")
    op.drop_index(op.f("ix_accidents_route_id"), "accidents")
    op.add_column("accidents", sa.Column("grade", sa.Text(), nullable=True))
    op.alter_column("accidents", "injury_severity", new_column_name="severity")
    op.alter_column("accidents", "accident_type", new_column_name="type")
    for table, column, *_ in (*OPTIONAL, *REQUIRED):
        op.drop_column(table, column)
