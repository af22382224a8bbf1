"""Whose land it is, what the forces did not supply, and what follows of each area's months."""

import datetime as dt

from sqlalchemy import CheckConstraint, Date, ForeignKey, func, text
from sqlalchemy.dialects.postgresql import BIGINT
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base

KINDS = ("missing", "partial", "late")
STATUSES = ("complete", "partial", "missing", "unknown")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(map(repr, values))})"


class ForceCell(Base):
    """The force whose land a coarse hexagon is, as the source says of its centre."""

    __tablename__ = "force_cells"
    cell: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    """H3 index of resolution 6 as the 64-bit number; `to_hex` gives its usual text."""
    force: Mapped[str | None] = mapped_column(index=True)
    """None: the sea, or another country's land."""
    is_overruled: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a person said so, whatever the source says."""
    located_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())


class KnownGap(Base):
    """Months that a force did not supply, or not whole, as people found out."""

    __tablename__ = "known_gaps"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    force: Mapped[str] = mapped_column(index=True)
    first_month: Mapped[dt.date]
    last_month: Mapped[dt.date | None]
    """None: no end is known."""
    kind: Mapped[str]
    reason: Mapped[str]
    source: Mapped[str]
    corrected_release: Mapped[dt.date | None] = mapped_column(Date)
    """The release that later supplied the months: what is held as of it, or a later one, has no gap."""
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    __table_args__ = (
        CheckConstraint(_one_of("kind", KINDS), name="kind"),
        CheckConstraint("last_month >= first_month", name="order"),
    )


class AreaCoverage(Base):
    """What a force supplied of an area's month, and by what that is known."""

    __tablename__ = "area_coverage"
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"), primary_key=True)
    month: Mapped[dt.date] = mapped_column(primary_key=True, index=True)
    force: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    reason: Mapped[str]
    placed: Mapped[int]
    """Crimes on its land inside of the area; of the railway police, its crimes inside of the area."""
    unplaced: Mapped[int | None]
    """Its crimes without a place, of all its land; none where they were not asked for."""
    is_whole: Mapped[bool]
    """Whether all of its land lies inside of the area."""
    changed_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    """When the verdict became what it is."""
    __table_args__ = (CheckConstraint(_one_of("status", STATUSES), name="status"),)
