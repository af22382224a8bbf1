"""What people must learn of: indexes of the runs that did not finish, and which failures were told.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ODD = sa.text("state IN ('failed', 'cancelled', 'skipped')")


def upgrade() -> None:
    op.add_column("runs", sa.Column("alerted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_runs_odd", "runs", ["state", "created_at", "id"], postgresql_where=ODD)
    op.create_index("ix_runs_failed", "runs", ["ended_at"], postgresql_where=sa.text("state = 'failed'"))


def downgrade() -> None:
    op.drop_index("ix_runs_failed", "runs")
    op.drop_index("ix_runs_odd", "runs")
    op.drop_column("runs", "alerted_at")
