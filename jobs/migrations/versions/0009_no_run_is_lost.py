"""What a run needs so that nothing is lost around it: follow-ups that are still owed, unknown jobs, heartbeats.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OWED = "attempt > 0 AND NOT followed_up AND state IN ('failed', 'cancelled')"


def upgrade() -> None:
    op.add_column("runs", sa.Column("unknown_since", sa.DateTime(timezone=True), nullable=True))
    # Runs that ended before are owed nothing; those that are asked for from here on are.
    op.add_column("runs", sa.Column("followed_up", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("runs", "followed_up", server_default=sa.false())
    op.execute("UPDATE runs SET followed_up = false WHERE ended_at IS NULL")
    op.create_index("ix_runs_owed", "runs", ["ended_at"], postgresql_where=sa.text(_OWED))
    op.add_column("attempts", sa.Column("beat_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("attempts", "beat_at")
    op.drop_index("ix_runs_owed", "runs")
    op.drop_column("runs", "followed_up")
    op.drop_column("runs", "unknown_since")
