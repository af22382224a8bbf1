"""Crimes, the areas that they lie in, and how they came in. Months are dates of the 1st."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Sequence, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import BIGINT, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base

_NEXT_CRIME = text("nextval('crime_incidents_id_seq'::regclass)")


class CrimeCategory(Base):
    """A category of the police service, with the months in which it was in use."""

    __tablename__ = "crime_categories"
    slug: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    first_month: Mapped[dt.date]
    last_month: Mapped[dt.date | None]


class WeightScheme(Base):
    """A published or hand-made scale of harm. One is the default, whose weights the grid stores."""

    __tablename__ = "weight_schemes"
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str]
    unit: Mapped[str]
    source: Mapped[str]
    is_default: Mapped[bool]
    __table_args__ = (
        Index("uq_weight_schemes_default", "is_default", unique=True, postgresql_where=text("is_default")),
    )


class CrimeWeight(Base):
    """Harm of one crime of a category on a scheme's scale."""

    __tablename__ = "crime_weights"
    scheme: Mapped[str] = mapped_column(ForeignKey("weight_schemes.name", ondelete="CASCADE"), primary_key=True)
    category: Mapped[str] = mapped_column(ForeignKey("crime_categories.slug"), primary_key=True)
    weight: Mapped[float]
    source: Mapped[str]
    __table_args__ = (CheckConstraint("weight >= 0", name="not_negative"),)


class Area(Base):
    """A part of the country whose crimes are held. Areas are filters: they may overlap and lie inside each other."""

    __tablename__ = "areas"
    slug: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    boundary: Mapped[dict[str, Any]]
    """GeoJSON Polygon or MultiPolygon, longitude first."""
    is_box: Mapped[bool]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class AreaForce(Base):
    """A police force whose unplaced crimes are counted for this area, and for others that name it."""

    __tablename__ = "area_forces"
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"), primary_key=True)
    force: Mapped[str] = mapped_column(primary_key=True, index=True)


class Point(Base):
    """One of the anonymous points that the source snaps crimes to. They are few; crimes refer to them."""

    __tablename__ = "points"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    latitude: Mapped[float]
    longitude: Mapped[float]
    street_name: Mapped[str] = mapped_column(server_default=text("''"))
    street_id: Mapped[int | None] = mapped_column(BIGINT)
    h3_cell: Mapped[int] = mapped_column(BIGINT, index=True)
    """H3 index as the 64-bit number; `to_hex` gives its usual text. All points are of one resolution."""
    coarse_cell: Mapped[int] = mapped_column(BIGINT)
    """The cell of resolution 6, by which the force of the land is known."""
    __table_args__ = (Index("uq_points_place", "latitude", "longitude", "street_name", unique=True),)


class AreaPoint(Base):
    """A point that lies inside an area."""

    __tablename__ = "area_points"
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"), primary_key=True)
    point_id: Mapped[int] = mapped_column(BIGINT, primary_key=True, index=True)


class CrimeIncident(Base):
    """A crime with a place, held once whatever areas it lies in. `placed_crimes` is it with its point.

    Without foreign keys, which would take longer than all else: points are looked up and categories checked when the
    rows are read.
    """

    __tablename__ = "crime_incidents"
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(
        BIGINT, Sequence("crime_incidents_id_seq"), primary_key=True, server_default=_NEXT_CRIME
    )
    category: Mapped[str]
    point_id: Mapped[int] = mapped_column(BIGINT, index=True)
    api_id: Mapped[int | None] = mapped_column(BIGINT)
    """Unique within one pull, not promised stable between releases."""
    persistent_id: Mapped[str | None]
    location_type: Mapped[str | None]
    outcome: Mapped[str | None]
    outcome_month: Mapped[dt.date | None]
    __table_args__ = ({"postgresql_partition_by": "LIST (month)"},)


class UnplacedCrime(Base):
    """A crime that the source gives no place: counted for its force, outside of the grid."""

    __tablename__ = "unplaced_crimes"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    force: Mapped[str]
    month: Mapped[dt.date]
    category: Mapped[str] = mapped_column(ForeignKey("crime_categories.slug"))
    api_id: Mapped[int | None] = mapped_column(BIGINT)
    persistent_id: Mapped[str | None]
    outcome: Mapped[str | None]
    outcome_month: Mapped[dt.date | None]
    __table_args__ = (Index("ix_unplaced_crimes_month_force", "month", "force"),)


class IngestionRun(Base):
    """One try to ingest an area's month."""

    __tablename__ = "ingestion_runs"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    run_id: Mapped[str | None] = mapped_column(index=True)
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"))
    month: Mapped[dt.date]
    status: Mapped[str]
    records: Mapped[int] = mapped_column(server_default=text("0"))
    unplaced: Mapped[int] = mapped_column(server_default=text("0"))
    outside: Mapped[int] = mapped_column(server_default=text("0"))
    """Records that the source returned beside those of the area: its requests are boxes."""
    set_aside: Mapped[int] = mapped_column(server_default=text("0"))
    collapsed: Mapped[int] = mapped_column(server_default=text("0"))
    """Records that say of a crime what another said already, but perhaps for its outcome."""
    occupied_cells: Mapped[int] = mapped_column(server_default=text("0"))
    categories: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """{category slug: placed crimes}"""
    requests: Mapped[int] = mapped_column(server_default=text("0"))
    h3_resolution: Mapped[int] = mapped_column(SmallInteger)
    fingerprint: Mapped[str] = mapped_column(server_default=text("''"))
    """Hash of the cells and categories of its crimes, by which earlier versions are told apart."""
    issues: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    """What people should know of this month: [{issue, count, example}]."""
    error: Mapped[str | None]
    source: Mapped[str]
    release: Mapped[dt.date | None]
    """The source's release that the month is of; none for what came in before this was asked."""
    difference: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Beside what was held before: see `jobs.ingestion.revisions`. None where nothing was."""
    is_partial: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether crimes of a category that was not known were set aside."""
    started_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    __table_args__ = (
        Index("ix_ingestion_runs_month", "month"),
        Index("ix_ingestion_runs_area", "area", "month"),
    )


class MonthGround(Base):
    """Land whose crimes of a month are held, and of which release. The grounds of a month do not overlap."""

    __tablename__ = "month_grounds"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    month: Mapped[dt.date] = mapped_column(index=True)
    boundary: Mapped[dict[str, Any]]
    """GeoJSON MultiPolygon, longitude first."""
    release: Mapped[dt.date | None]
    source: Mapped[str]
    ingestion_id: Mapped[int | None] = mapped_column(
        BIGINT, ForeignKey("ingestion_runs.id", ondelete="SET NULL"), index=True
    )
    ended_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class AreaMonth(Base):
    """What is held of an area's month now, whatever brought it in."""

    __tablename__ = "area_months"
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"), primary_key=True)
    month: Mapped[dt.date] = mapped_column(primary_key=True, index=True)
    is_whole: Mapped[bool]
    """Whether the month is ingested for all of the area."""
    records: Mapped[int]
    unplaced: Mapped[int]
    categories: Mapped[dict[str, Any]]
    """{category slug: placed crimes}"""
    release: Mapped[dt.date | None]
    """The oldest release that a part of the area is of; none where that is not known."""
    ingestion_id: Mapped[int | None] = mapped_column(
        BIGINT, ForeignKey("ingestion_runs.id", ondelete="SET NULL"), index=True
    )
    """The newest ingestion that brought in a part of it."""


class HeldMonth(Base):
    """What the grid of a month is made from."""

    __tablename__ = "held_months"
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    """Hash of the crimes' cells and categories, whatever order they came in."""
    h3_resolution: Mapped[int] = mapped_column(SmallInteger)
    crimes: Mapped[int]
    changed_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class DeletedMonth(Base):
    """A month whose crimes were deleted, as they were older than those that are kept."""

    __tablename__ = "deleted_months"
    month: Mapped[dt.date] = mapped_column(primary_key=True)
    crimes: Mapped[int]
    unplaced: Mapped[int]
    deleted_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class StagedPull(Base):
    """A month on its way in. Its placed crimes are in a table of its own, `incoming_` with its id."""

    __tablename__ = "staged_pulls"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"))
    month: Mapped[dt.date]
    boundary: Mapped[dict[str, Any]]
    """The area's when the pull began."""
    source: Mapped[str]
    release: Mapped[dt.date | None]
    started_at: Mapped[dt.datetime]
    requests: Mapped[int] = mapped_column(server_default=text("0"))
    """Those that were for the release."""
    __table_args__ = (Index("uq_staged_pulls_area_month", "area", "month", "source", unique=True),)


class StagedAnswer(Base):
    """An answer of the source that is staged: a tile, or a force's crimes without a place."""

    __tablename__ = "staged_answers"
    pull: Mapped[int] = mapped_column(ForeignKey("staged_pulls.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    is_split: Mapped[bool]
    """Whether the tile holds too many crimes for one answer; its quadrants are asked for."""
    requests: Mapped[int]
    read: Mapped[int] = mapped_column(server_default=text("0"))
    outside: Mapped[int] = mapped_column(server_default=text("0"))
    set_aside: Mapped[int] = mapped_column(server_default=text("0"))
    collapsed: Mapped[int] = mapped_column(server_default=text("0"))
    issues: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))


class StagedUnplaced(Base):
    """A crime without a place that is staged. Those with one are in a table of the pull's own."""

    __tablename__ = "staged_unplaced"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    pull: Mapped[int] = mapped_column(ForeignKey("staged_pulls.id", ondelete="CASCADE"), index=True)
    force: Mapped[str]
    category: Mapped[str]
    api_id: Mapped[int | None] = mapped_column(BIGINT)
    persistent_id: Mapped[str | None]
    outcome: Mapped[str | None]
    outcome_month: Mapped[dt.date | None]


class StagedAside(Base):
    """A record of an answer that is staged and was set aside."""

    __tablename__ = "staged_asides"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    pull: Mapped[int] = mapped_column(ForeignKey("staged_pulls.id", ondelete="CASCADE"), index=True)
    force: Mapped[str | None]
    reason: Mapped[str]
    record: Mapped[str]
    category: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]


class SetAside(Base):
    """A record of the source that is no crime here, with the reason, as long as what it came with is held."""

    __tablename__ = "set_aside_records"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    month: Mapped[dt.date] = mapped_column(index=True)
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"), index=True)
    """That it came in for."""
    force: Mapped[str | None]
    """Of a record without a place."""
    reason: Mapped[str]
    record: Mapped[str]
    """JSON as the source wrote it."""
    category: Mapped[str | None] = mapped_column(index=True)
    """Of a record that is a crime as soon as its category is known."""
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
