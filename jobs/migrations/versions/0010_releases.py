"""Of which release of the source a month is.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ingestion_runs", sa.Column("release", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("ingestion_runs", "release")
