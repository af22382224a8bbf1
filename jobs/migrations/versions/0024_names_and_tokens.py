"""Names of users are compared without their case and form; tokens have an owner and an end.

Revision ID: 0024
Revises: 0023
"""

import unicodedata
from collections import defaultdict

import sqlalchemy as sa
from alembic import op

from jobs.errors import SafegridError

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("comparable", sa.Text(), nullable=True))
    _fill()
    op.alter_column("users", "comparable", nullable=False)
    op.create_unique_constraint(op.f("uq_users_comparable"), "users", ["comparable"])
    op.drop_constraint(op.f("uq_users_name"), "users")
    op.add_column("api_tokens", sa.Column("owner_id", sa.BIGINT(), nullable=True))
    op.add_column("api_tokens", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_api_tokens_owner_id"), "api_tokens", "users", ["owner_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(op.f("ix_api_tokens_owner_id"), "api_tokens", ["owner_id"])
    # Whoever had that name before them is not them.
    op.execute(
        "UPDATE api_tokens SET owner_id = users.id FROM users "
        "WHERE users.name = api_tokens.created_by AND users.created_at <= api_tokens.created_at"
    )


def downgrade() -> None:
    op.drop_column("api_tokens", "expires_at")
    op.drop_column("api_tokens", "owner_id")
    op.create_unique_constraint(op.f("uq_users_name"), "users", ["name"])
    op.drop_column("users", "comparable")


def _fill() -> None:
    users = sa.table("users", sa.column("name"), sa.column("comparable"))
    alike = defaultdict(list)
    for name in op.get_bind().scalars(sa.select(users.c.name).order_by(users.c.name)).all():
        alike[_comparable(name)].append(name)
    if twins := [names for names in alike.values() if len(names) > 1]:
        told = "; ".join(" and ".join(names) for names in twins)
        raise SafegridError(
            f"Names of users differ in their case or form only, and are one name from now on: {told}. Remove all but "
            "one of each, as by DELETE FROM users WHERE name = '...', and migrate again; no user was changed"
        )
    for form, (name,) in alike.items():
        op.execute(users.update().where(users.c.name == name).values(comparable=form))


def _comparable(name: str) -> str:
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", name).casefold())
    return unicodedata.normalize("NFKC", once.casefold()).strip()
