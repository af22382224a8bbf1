"""Findings, what looks for them, and failed runs that somebody has acknowledged.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "findings",
        sa.Column("id", sa.BIGINT(), primary_key=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("since", TIME, server_default=NOW, nullable=False),
        sa.Column("last_seen", TIME, server_default=NOW, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("link", sa.Text()),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("acknowledged_until", TIME),
        sa.Column("resolved_at", TIME),
        sa.Column("resolved_by", sa.Text()),
        sa.CheckConstraint("severity IN ('critical', 'warning', 'notice')", name="severity"),
        sa.CheckConstraint("(resolved_at IS NULL) = (resolved_by IS NULL)", name="resolved"),
    )
    is_open = sa.text("resolved_at IS NULL")
    op.create_index("uq_findings_open", "findings", ["kind", "subject"], unique=True, postgresql_where=is_open)
    op.create_index("ix_findings_resolved", "findings", ["resolved_at"])
    op.create_table(
        "finding_looks",
        sa.Column("rule", sa.Text(), primary_key=True),
        sa.Column("every_s", sa.Float(), nullable=False),
        sa.Column("claimed_at", TIME, nullable=False),
        sa.Column("looked_at", TIME),
        sa.Column("facts", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )
    op.create_table(
        "pulses",
        sa.Column("part", sa.Text(), primary_key=True),
        sa.Column("host", sa.Text(), primary_key=True),
        sa.Column("pid", sa.Integer(), primary_key=True),
        sa.Column("beat_at", TIME, nullable=False),
        sa.Column("skew_s", sa.Float(), nullable=False),
    )
    op.add_column("runs", sa.Column("acknowledged_by", sa.Text()))
    # By a hash, as parameters may be longer than an entry of an index.
    columns = [sa.text("job"), sa.text("jsonb_hash(parameters)"), sa.text("ended_at")]
    op.create_index("ix_runs_finished", "runs", columns, postgresql_where=sa.text("state = 'finished'"))


def downgrade() -> None:
    op.drop_index("ix_runs_finished", "runs")
    op.drop_column("runs", "acknowledged_by")
    op.drop_table("pulses")
    op.drop_table("finding_looks")
    op.drop_table("findings")
