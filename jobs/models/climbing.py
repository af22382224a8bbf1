"""Mountains, routes and accidents that route safety scores are made from, and the usual weather of their places.

Ids are those of the files they are loaded from. No two mountains or routes are merged, not even where names agree.
"""

import datetime as dt

from sqlalchemy import Computed, Double, ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from jobs.models.base import Base


class Mountain(Base):
    """A mountain or crag that accidents and routes are linked to."""

    __tablename__ = "mountains"
    mountain_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    elevation_m: Mapped[float | None]
    type: Mapped[str | None]
    range: Mapped[str | None]
    state: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    accident_count: Mapped[int]


class Route(Base):
    """A climbing route."""

    __tablename__ = "routes"
    route_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    mountain_id: Mapped[int | None] = mapped_column(ForeignKey("mountains.mountain_id"), index=True)
    mountain_name: Mapped[str]
    grade: Mapped[str | None]
    grade_yds: Mapped[str | None]
    length_ft: Mapped[float | None]
    pitches: Mapped[float | None]
    type: Mapped[str]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    accident_count: Mapped[int]
    sought: Mapped[str] = mapped_column(Computed("lower(name || chr(10) || mountain_name)", persisted=True))
    """What a search looks through."""


class Accident(Base):
    """A climbing accident of the past; facts only."""

    __tablename__ = "accidents"
    accident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str]
    source_id: Mapped[str]
    date: Mapped[dt.date]
    state: Mapped[str | None]
    latitude: Mapped[float]
    longitude: Mapped[float]
    accident_type: Mapped[str]
    activity: Mapped[str]
    injury_severity: Mapped[str]
    mountain_id: Mapped[int | None] = mapped_column(ForeignKey("mountains.mountain_id"), index=True)
    route_id: Mapped[int | None] = mapped_column(ForeignKey("routes.route_id"), index=True)
    tags: Mapped[str | None]


class AccidentWeather(Base):
    """The daily weather of the week that ended on an accident's day."""

    __tablename__ = "accident_weather"
    accident_id: Mapped[int] = mapped_column(ForeignKey("accidents.accident_id", ondelete="CASCADE"), primary_key=True)
    date: Mapped[dt.date] = mapped_column(primary_key=True)
    weather_id: Mapped[int]
    temperature_mean_c: Mapped[float | None]
    temperature_min_c: Mapped[float | None]
    temperature_max_c: Mapped[float | None]
    wind_mean_ms: Mapped[float | None]
    wind_max_ms: Mapped[float | None]
    precipitation_mm: Mapped[float | None]
    cloud_cover_pct: Mapped[float | None]


class PlaceClimate(Base):
    """What the weather of a place usually is: `jobs.scores.weather.climatology.MonthlyHistory` of five years of days.

    The arrays hold 12 months of 4 factors each, January's first.
    """

    __tablename__ = "place_climates"
    place: Mapped[str] = mapped_column(primary_key=True)
    """Latitude and longitude in degrees with two decimals, such as `46.85,-121.76`."""
    day_counts: Mapped[list[float]] = mapped_column(ARRAY(Double))
    means: Mapped[list[float]] = mapped_column(ARRAY(Double))
    deviations: Mapped[list[float]] = mapped_column(ARRAY(Double))
    first_day: Mapped[dt.date]
    last_day: Mapped[dt.date]
    fetched_at: Mapped[dt.datetime]
