"""Coarse cells, kept beside the fine ones that they sum.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# A parent's bits: its resolution, and every digit below it unused.
FILL = """
    INSERT INTO coarse_cells (month, h3_index, crime_count_total, crime_count_weighted, stats)
    SELECT month, to_hex(cell), sum(n), sum(n * coalesce(weight, 0)), jsonb_object_agg(category, n)
    FROM (
        SELECT month, category, sum(n) AS n,
               (cell & ~(15::bigint << 52)) | ({resolution}::bigint << 52) | ((1::bigint << {unused}) - 1) AS cell
        FROM (
            SELECT month, ('x0' || h3_index)::bit(64)::bigint AS cell, key AS category, value::bigint AS n
            FROM {source}, jsonb_each_text(stats) WHERE h3_index ~ '^8[{finer}][0-9a-f]{{13}}$'
        ) AS finer GROUP BY 1, 2, 4
    ) AS counted
    LEFT JOIN (
        SELECT category, weight FROM crime_weights JOIN weight_schemes ON name = scheme AND is_default
    ) AS weights USING (category)
    GROUP BY 1, 2
"""
# Each resolution from the one before.
SOURCES = ((7, "safety_cells", "7-9a-f"), (6, "coarse_cells", "7"), (5, "coarse_cells", "6"), (4, "coarse_cells", "5"))


def upgrade() -> None:
    op.create_table(
        "coarse_cells",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("h3_index", sa.Text(), nullable=False),
        sa.Column("crime_count_total", sa.Integer(), nullable=False),
        sa.Column("crime_count_weighted", sa.Double(), nullable=False),
        sa.Column("stats", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("month", "h3_index"),
        sa.CheckConstraint("h3_index ~ '^8[4-7][0-9a-f]{13}$'", name="coarse"),
    )
    for resolution, source, finer in SOURCES:
        unused = 3 * (15 - resolution)
        op.execute(FILL.format(resolution=resolution, unused=unused, source=source, finer=finer))


def downgrade() -> None:
    op.drop_table("coarse_cells")
