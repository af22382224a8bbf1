"""Points by their cells, which are named by the streets of these.

Revision ID: 0028
Revises: 0027
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_points_h3_cell", "points", ["h3_cell"])


def downgrade() -> None:
    op.drop_index("ix_points_h3_cell", "points")
