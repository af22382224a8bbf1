"""Generations of the grid, of which the last ones can be published again.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

from jobs.migrations.locks import keep_out_writers

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


# Cells that other hands broke are left out.
_COUNTS = """
    INSERT INTO kept_counts (month, generation, category, h3_cells, counts)
    SELECT month, generation, category, array_agg(('x0' || h3_index)::bit(64)::bigint), array_agg(n::int)
    FROM safety_cells JOIN grid_months USING (month), jsonb_each_text(stats) AS counted (category, n)
    WHERE h3_index ~ '^8[0-9a-f]{14}$' AND n ~ '^[0-9]{1,9}$' GROUP BY 1, 2, 3
"""


def upgrade() -> None:
    keep_out_writers("grid_months", "safety_cells")
    op.create_table(
        "grid_generations",
        sa.Column("generation", sa.BIGINT(), autoincrement=False, primary_key=True),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("restores", sa.BIGINT(), nullable=True),
        sa.Column("areas", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.create_table(
        "kept_months",
        sa.Column("month", sa.Date(), primary_key=True),
        sa.Column("generation", sa.BIGINT(), primary_key=True),
        sa.Column("until", sa.BIGINT(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("h3_resolution", sa.SmallInteger(), nullable=False),
        sa.Column("cells", sa.Integer(), nullable=False),
        sa.Column("crimes", sa.Integer(), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "kept_counts",
        sa.Column("month", sa.Date(), primary_key=True),
        sa.Column("generation", sa.BIGINT(), primary_key=True),
        sa.Column("category", sa.Text(), primary_key=True),
        sa.Column("h3_cells", sa.ARRAY(sa.BIGINT()), nullable=False),
        sa.Column("counts", sa.ARRAY(sa.Integer()), nullable=False),
    )
    # The grid that is there is the first that can come back.
    op.execute(
        "INSERT INTO grid_generations (generation, made_at, areas) "
        "SELECT max(generation), max(built_at), "
        "(SELECT coalesce(array_agg(slug ORDER BY created_at, slug), '{}') FROM areas) "
        "FROM grid_months HAVING count(*) > 0"
    )
    op.execute(_COUNTS)
    op.drop_constraint("ck_pauses_kind", "pauses")
    op.create_check_constraint("kind", "pauses", "kind IN ('queue', 'cadence', 'run', 'grid')")


def downgrade() -> None:
    op.execute("DELETE FROM pauses WHERE kind = 'grid'")
    op.drop_constraint("ck_pauses_kind", "pauses")
    op.create_check_constraint("kind", "pauses", "kind IN ('queue', 'cadence', 'run')")
    # The former version tells grids apart by the numbers of their months.
    op.execute(
        "UPDATE grid_months SET generation = (SELECT max(generation) FROM grid_generations) "
        "WHERE month = (SELECT max(month) FROM grid_months) AND EXISTS (SELECT FROM grid_generations)"
    )
    for table in ("kept_counts", "kept_months", "grid_generations"):
        op.drop_table(table)
