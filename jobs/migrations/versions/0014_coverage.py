"""Whose land it is, known gaps, and what the forces supplied of each area's months.

Revision ID: 0014
Revises: 0013
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
AUDIT = "Audit of all street files 2014-01 to 2025-12: 6,374 of 6,480 are there"
RETURNS = "The Home Office's yearly returns of recorded crime"
NOTICE = "The source's notice of the refresh of 2024-02"

# force, first month, last month, kind, reason, source, corrected with the release of
GAPS = [
    ("greater-manchester", "2019-07", None, "missing", "It has supplied nothing since 2019-07", AUDIT, None),
    ("btp", "2015-01", "2015-12", "partial", "The files of 2015 hold 88 % of its recorded crimes", RETURNS, None),
    (
        "btp",
        "2016-01",
        "2016-01",
        "partial",
        "The files of 2016, of which there is this month's alone, hold 6.8 % of its recorded crimes",
        RETURNS,
        None,
    ),
    ("btp", "2016-02", "2016-12", "missing", "There is no file of these months", AUDIT, None),
    ("btp", "2025-02", "2025-12", "missing", "There is no file of these months", AUDIT, None),
    (
        "devon-and-cornwall",
        "2022-11",
        "2022-12",
        "missing",
        "There was no file of these months until they were supplied with the release of 2024-02",
        NOTICE,
        "2024-02",
    ),
    ("city-of-london", "2022-06", "2022-06", "missing", "There is no file of this month", AUDIT, None),
    ("gwent", "2025-09", "2025-12", "missing", "There is no file of these months", AUDIT, None),
    (
        "dyfed-powys",
        "2024-01",
        "2024-04",
        "partial",
        "The files hold 1,187, 300, 164 and 283 crimes, where about 3,200 are usual",
        "Count of the street files",
        None,
    ),
]


def upgrade() -> None:
    op.create_table(
        "force_cells",
        sa.Column("cell", sa.BIGINT(), autoincrement=False, nullable=False),
        sa.Column("force", sa.Text(), nullable=True),
        sa.Column("is_overruled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("located_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("cell", name=op.f("pk_force_cells")),
    )
    op.create_index(op.f("ix_force_cells_force"), "force_cells", ["force"])
    gaps = op.create_table(
        "known_gaps",
        sa.Column("id", sa.BIGINT(), nullable=False),
        sa.Column("force", sa.Text(), nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("last_month", sa.Date(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("corrected_release", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint("kind IN ('missing', 'partial', 'late')", name=op.f("ck_known_gaps_kind")),
        sa.CheckConstraint("last_month >= first_month", name=op.f("ck_known_gaps_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_gaps")),
    )
    op.create_index(op.f("ix_known_gaps_force"), "known_gaps", ["force"])
    op.create_table(
        "area_coverage",
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("force", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed", sa.Integer(), nullable=False),
        sa.Column("unplaced", sa.Integer(), nullable=True),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "status IN ('complete', 'partial', 'missing', 'unknown')", name=op.f("ck_area_coverage_status")
        ),
        sa.ForeignKeyConstraint(["area"], ["areas.slug"], name=op.f("fk_area_coverage_area"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("area", "month", "force", name=op.f("pk_area_coverage")),
    )
    op.create_index(op.f("ix_area_coverage_month"), "area_coverage", ["month"])
    op.create_index(op.f("ix_area_coverage_changed_at"), "area_coverage", ["changed_at"])
    op.bulk_insert(gaps, [_row(*gap) for gap in GAPS])


def _row(*gap: str | None) -> dict[str, object]:
    force, first, last, kind, reason, source, corrected = gap
    return {
        "force": force,
        "first_month": _day(first),
        "last_month": _day(last),
        "kind": kind,
        "reason": reason,
        "source": source,
        "corrected_release": _day(corrected),
    }


def _day(month: str | None) -> dt.date | None:
    return dt.date.fromisoformat(f"{month}-01") if month else None


def downgrade() -> None:
    for table in ("area_coverage", "known_gaps", "force_cells"):
        op.drop_table(table)
