"""Records that were set aside are kept, and crimes of a category that was not known come in once it is.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _record() -> list[sa.Column[object]]:
    return [
        sa.Column("force", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
    ]


def upgrade() -> None:
    op.add_column("ingestion_runs", sa.Column("is_partial", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "staged_asides",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("pull", sa.BIGINT(), nullable=False),
        *_record(),
        sa.ForeignKeyConstraint(["pull"], ["staged_pulls.id"], name=op.f("fk_staged_asides_pull"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged_asides")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_staged_asides_pull"), "staged_asides", ["pull"])
    op.create_table(
        "set_aside_records",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        *_record(),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["area"], ["areas.slug"], name=op.f("fk_set_aside_records_area"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_aside_records")),
    )
    for column in ("month", "area", "category"):
        op.create_index(op.f(f"ix_set_aside_records_{column}"), "set_aside_records", [column])


def downgrade() -> None:
    op.drop_table("set_aside_records")
    op.drop_table("staged_asides")
    op.drop_column("ingestion_runs", "is_partial")
