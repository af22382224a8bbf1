"""What was told to whom of findings, receivers that refuse, and pings of runs, in place of the alerts of runs.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "finding_messages",
        sa.Column("finding_id", sa.BIGINT(), sa.ForeignKey("findings.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("receiver", sa.Text(), primary_key=True),
        sa.Column("what", sa.Text(), primary_key=True),
        sa.Column("sent_at", TIME, server_default=NOW, nullable=False),
        sa.CheckConstraint("what IN ('open', 'over')", name="what"),
    )
    op.create_table(
        "receivers",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("refused_since", TIME, server_default=NOW, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
    )
    op.create_table(
        "run_pings",
        sa.Column("run_id", sa.Text(), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("event", sa.Text(), primary_key=True),
        sa.Column("sent_at", TIME, server_default=NOW, nullable=False),
        sa.CheckConstraint("event IN ('start', 'success', 'fail')", name="event"),
    )
    op.drop_column("runs", "alerted_at")


def downgrade() -> None:
    op.add_column("runs", sa.Column("alerted_at", TIME))
    op.drop_table("run_pings")
    op.drop_table("receivers")
    op.drop_table("finding_messages")
