"""A single run can be paused.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("ck_pauses_kind", "pauses")
    op.create_check_constraint("kind", "pauses", "kind IN ('queue', 'cadence', 'run')")


def downgrade() -> None:
    op.execute("DELETE FROM pauses WHERE kind = 'run'")
    op.drop_constraint("ck_pauses_kind", "pauses")
    op.create_check_constraint("kind", "pauses", "kind IN ('queue', 'cadence')")
