"""Sessions that can be listed and ended, and users with an id: a name may come to be another's.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.drop_constraint(op.f("pk_users"), "users")
    op.execute("ALTER TABLE users ADD COLUMN id BIGSERIAL CONSTRAINT pk_users PRIMARY KEY")
    op.create_unique_constraint(op.f("uq_users_name"), "users", ["name"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BIGINT(), nullable=True),
        sa.Column("operator_mark", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(user_id IS NULL) = (operator_mark IS NOT NULL)", name=op.f("ck_sessions_account")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_sessions_secret_hash")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"])


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_constraint(op.f("uq_users_name"), "users")
    op.drop_column("users", "id")
    op.create_primary_key(op.f("pk_users"), "users", ["name"])
