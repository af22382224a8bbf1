"""The safety grid: hexagons in months."""

import datetime as dt
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Index, Integer, SmallInteger, Text, func, text
from sqlalchemy.dialects.postgresql import BIGINT
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base


class SafetyCell(Base):
    """A hexagon in a month with the crimes that fell into it."""

    __tablename__ = "safety_cells"
    cell_id: Mapped[str] = mapped_column(primary_key=True)
    """{h3}_{YYYYMM}"""
    h3_index: Mapped[str]
    h3_resolution: Mapped[int] = mapped_column(SmallInteger)
    month: Mapped[dt.date]
    crime_count_total: Mapped[int]
    crime_count_weighted: Mapped[float]
    """Sum of the default scheme's weights."""
    stats: Mapped[dict[str, Any]]
    """{category slug: crimes}"""
    __table_args__ = (Index("ix_safety_cells_month_h3", "month", "h3_index"),)


class CoarseCell(Base):
    """A hexagon of a coarse resolution in a month: the sums of the cells of `safety_cells` that lie in it."""

    __tablename__ = "coarse_cells"
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    h3_index: Mapped[str] = mapped_column(primary_key=True)
    crime_count_total: Mapped[int]
    crime_count_weighted: Mapped[float]
    """Sum of the default scheme's weights."""
    stats: Mapped[dict[str, Any]]
    """{category slug: crimes}"""
    __table_args__ = (CheckConstraint("h3_index ~ '^8[4-7][0-9a-f]{13}$'", name="coarse"),)


class GridMonth(Base):
    """What the grid of a month was built from."""

    __tablename__ = "grid_months"
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    generation: Mapped[int] = mapped_column(BIGINT)
    h3_resolution: Mapped[int] = mapped_column(SmallInteger)
    cells: Mapped[int]
    crimes: Mapped[int]
    built_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class GridGeneration(Base):
    """A state of the grid that was published, the newest of which is what readers see."""

    __tablename__ = "grid_generations"
    generation: Mapped[int] = mapped_column(BIGINT, primary_key=True, autoincrement=False)
    made_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    restores: Mapped[int | None] = mapped_column(BIGINT)
    """The earlier generation that was published again as this one."""
    areas: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Slugs of the areas that there were."""


class KeptMonth(Base):
    """A month of the grid as earlier generations have it: from `generation` on, and before `until`."""

    __tablename__ = "kept_months"
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    until: Mapped[int] = mapped_column(BIGINT)
    """The generation that replaced it."""
    fingerprint: Mapped[str]
    h3_resolution: Mapped[int] = mapped_column(SmallInteger)
    cells: Mapped[int]
    crimes: Mapped[int]
    built_at: Mapped[dt.datetime]


class KeptCounts(Base):
    """The crimes of a category by cell in a month, as this generation built it: all else of its cells follows.

    A few arrays take a hundredth of the room of the cells.
    """

    __tablename__ = "kept_counts"
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    h3_cells: Mapped[list[int]] = mapped_column(ARRAY(BIGINT))
    counts: Mapped[list[int]] = mapped_column(ARRAY(Integer))
