"""Mountains, routes and accidents that route safety scores are made from."""

import datetime as dt

from sqlalchemy import ForeignKey
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
    grade: Mapped[str | None]
    type: Mapped[str]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]


class Accident(Base):
    """A climbing accident of the past; facts only."""

    __tablename__ = "accidents"
    accident_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str]
    date: Mapped[dt.date]
    state: Mapped[str | None]
    latitude: Mapped[float]
    longitude: Mapped[float]
    type: Mapped[str]
    severity: Mapped[str]
    grade: Mapped[str | None]
    mountain_id: Mapped[int | None] = mapped_column(ForeignKey("mountains.mountain_id"), index=True)
    tags: Mapped[str | None]


class AccidentWeather(Base):
    """The daily weather of the week that ended on an accident's day."""

    __tablename__ = "accident_weather"
    accident_id: Mapped[int] = mapped_column(
        ForeignKey("accidents.accident_id", ondelete="CASCADE"), primary_key=True
    )
    date: Mapped[dt.date] = mapped_column(primary_key=True)
    temperature_mean_c: Mapped[float | None]
    temperature_min_c: Mapped[float | None]
    temperature_max_c: Mapped[float | None]
    wind_max_ms: Mapped[float | None]
    precipitation_mm: Mapped[float | None]
    cloud_cover_pct: Mapped[float | None]
