"""The audit says of which kind and id an account is, and only grows.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_FUNCTION = """
    CREATE FUNCTION safegrid_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
        RAISE EXCEPTION 'The audit only grows: % is refused. Its owner may delete old entries, as docs/people.md says',
            TG_OP USING ERRCODE = 'insufficient_privilege';
    END $body$
"""
_TRIGGER = """
    CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION safegrid_refuse_change()
"""


def upgrade() -> None:
    op.add_column("audit", sa.Column("kind", sa.Text(), nullable=True))
    op.add_column("audit", sa.Column("account_id", sa.Text(), nullable=True))
    op.execute(_FUNCTION)
    op.execute(_TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_only_grows ON audit")
    op.execute("DROP FUNCTION safegrid_refuse_change()")
    op.drop_column("audit", "account_id")
    op.drop_column("audit", "kind")
