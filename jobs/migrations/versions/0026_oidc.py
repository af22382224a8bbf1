"""Users whom a provider knows (OpenID Connect), by its name for them.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("issuer", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("subject", sa.Text(), nullable=True))
    op.alter_column("users", "password_hash", nullable=True)
    op.create_unique_constraint(op.f("uq_users_issuer"), "users", ["issuer", "subject"])
    op.create_check_constraint(
        op.f("ck_users_known_by"),
        "users",
        "num_nonnulls(issuer, subject) = CASE WHEN password_hash IS NULL THEN 2 ELSE 0 END",
    )


def downgrade() -> None:
    op.execute("DELETE FROM users WHERE password_hash IS NULL")
    # With the columns go their constraints.
    op.drop_column("users", "subject")
    op.drop_column("users", "issuer")
    op.alter_column("users", "password_hash", nullable=False)
