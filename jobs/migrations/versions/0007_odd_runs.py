"""What people look for: runs that did not finish, failures that were told, a month's categories, routes by name.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CATEGORIES = """
    UPDATE ingestion_runs SET categories = counted.categories
    FROM (
        SELECT area, month, jsonb_object_agg(category, n) AS categories
        FROM (SELECT area, month, category, count(*) AS n FROM crime_incidents GROUP BY 1, 2, 3) AS each
        GROUP BY area, month
    ) AS counted
    WHERE current AND ingestion_runs.area = counted.area AND ingestion_runs.month = counted.month
"""
ODD = sa.text("state IN ('failed', 'cancelled', 'skipped')")


def upgrade() -> None:
    op.add_column(
        "ingestion_runs",
        sa.Column("categories", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )
    op.execute(CATEGORIES)
    sought = sa.Computed("lower(name || chr(10) || mountain_name)", persisted=True)
    op.add_column("routes", sa.Column("sought", sa.Text(), sought, nullable=False))
    op.add_column("runs", sa.Column("alerted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_runs_odd", "runs", ["state", "created_at", "id"], postgresql_where=ODD)
    op.create_index("ix_runs_failed", "runs", ["ended_at"], postgresql_where=sa.text("state = 'failed'"))


def downgrade() -> None:
    op.drop_index("ix_runs_failed", "runs")
    op.drop_index("ix_runs_odd", "runs")
    op.drop_column("runs", "alerted_at")
    op.drop_column("routes", "sought")
    op.drop_column("ingestion_runs", "categories")
