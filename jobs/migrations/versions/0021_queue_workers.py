"""How many workers of a queue each supervisor is to have, where somebody chose a number.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queue_workers",
        sa.Column("queue", sa.Text(), primary_key=True),
        sa.Column("workers", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("workers > 0", name="workers"),
    )


def downgrade() -> None:
    op.drop_table("queue_workers")
