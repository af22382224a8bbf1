"""Crimes, the areas they are held for, and how they came in. Months are dates of the 1st."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import BIGINT, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base


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
    """A part of the country whose crimes are held. Areas may touch but never overlap."""

    __tablename__ = "areas"
    slug: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    boundary: Mapped[dict[str, Any]]
    """GeoJSON Polygon, longitude first."""
    is_box: Mapped[bool]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class AreaForce(Base):
    """A police force whose unplaced crimes belong to this area. A force stands in one area at most."""

    __tablename__ = "area_forces"
    force: Mapped[str] = mapped_column(primary_key=True)
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"), index=True)


class IngestionRun(Base):
    """One try to bring in an area's month. The one that is `current` owns the crimes that are held."""

    __tablename__ = "ingestion_runs"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    run_id: Mapped[str | None] = mapped_column(index=True)
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"))
    month: Mapped[dt.date]
    status: Mapped[str]
    current: Mapped[bool]
    records: Mapped[int] = mapped_column(server_default=text("0"))
    unplaced: Mapped[int] = mapped_column(server_default=text("0"))
    set_aside: Mapped[int] = mapped_column(server_default=text("0"))
    categories: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """{category slug: placed crimes}"""
    requests: Mapped[int] = mapped_column(server_default=text("0"))
    h3_resolution: Mapped[int] = mapped_column(SmallInteger)
    fingerprint: Mapped[str] = mapped_column(server_default=text("''"))
    """Hash of the crimes' cells and categories; what the grid of the month is made from."""
    issues: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    """What people should know of this month: [{issue, count, example}]."""
    error: Mapped[str | None]
    border: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """GeoJSON of the border that this month was brought in within, where its area has another one by now."""
    source: Mapped[str]
    release: Mapped[dt.date | None]
    """The source's release that the month is of; none for what came in before this was asked."""
    difference: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Beside what was held before: see `jobs.ingestion.revisions`. None where nothing was."""
    started_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    __table_args__ = (
        Index("uq_ingestion_runs_current", "area", "month", unique=True, postgresql_where=text("current")),
        Index("ix_ingestion_runs_month", "month"),
    )


class CrimeIncident(Base):
    """A crime with a place. Positions are snapped by the source to the nearest of its anonymous points."""

    __tablename__ = "crime_incidents"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"))
    month: Mapped[dt.date]
    category: Mapped[str] = mapped_column(ForeignKey("crime_categories.slug"))
    latitude: Mapped[float]
    longitude: Mapped[float]
    h3_cell: Mapped[int] = mapped_column(BIGINT)
    """H3 index as the 64-bit number; `to_hex` gives its usual text."""
    street_id: Mapped[int | None] = mapped_column(BIGINT)
    street_name: Mapped[str | None]
    api_id: Mapped[int | None] = mapped_column(BIGINT)
    """Unique within one pull, not promised stable between releases."""
    persistent_id: Mapped[str | None]
    location_type: Mapped[str | None]
    outcome: Mapped[str | None]
    outcome_month: Mapped[dt.date | None]
    __table_args__ = (Index("ix_crime_incidents_month_area", "month", "area"),)


class UnplacedCrime(Base):
    """A crime that the source gives no place: counted for its force, outside of the grid."""

    __tablename__ = "unplaced_crimes"
    id: Mapped[int] = mapped_column(BIGINT, primary_key=True)
    area: Mapped[str] = mapped_column(ForeignKey("areas.slug", ondelete="CASCADE"))
    force: Mapped[str]
    month: Mapped[dt.date]
    category: Mapped[str] = mapped_column(ForeignKey("crime_categories.slug"))
    api_id: Mapped[int | None] = mapped_column(BIGINT)
    persistent_id: Mapped[str | None]
    outcome: Mapped[str | None]
    outcome_month: Mapped[dt.date | None]
    __table_args__ = (Index("ix_unplaced_crimes_month_area", "month", "area"),)
