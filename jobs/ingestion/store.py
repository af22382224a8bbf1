"""Crimes in PostgreSQL. A month of an area is a snapshot, replaced whole in one transaction."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update

from jobs import areas
from jobs.areas import Area
from jobs.coverage import store as coverage
from jobs.database import lock, make_room
from jobs.errors import JobError
from jobs.held import asides, grounds, points, summaries
from jobs.ingestion import revisions, staging
from jobs.ingestion.staging import Pull, Totals
from jobs.models import crimes as models
from jobs.models.crimes import AreaMonth, CrimeCategory, IngestionRun, UnplacedCrime

# What lies in no area is of a border that is no more.
_DELETE = text(
    """
    DELETE FROM crime_incidents AS crime WHERE month = :month AND (
        EXISTS (SELECT FROM area_points WHERE area = :area AND point_id = crime.point_id)
        OR NOT EXISTS (SELECT FROM area_points WHERE point_id = crime.point_id)
    )
    """
)
_INSERT = text(
    """
    INSERT INTO crime_incidents
        (month, category, point_id, api_id, persistent_id, location_type, outcome, outcome_month)
    SELECT :month, category, points.id, api_id, persistent_id, location_type, outcome, outcome_month
    FROM staged_crimes JOIN points USING (latitude, longitude, street_name)
    WHERE pull = :pull AND force IS NULL ORDER BY points.id
    """
)
_DELETE_UNPLACED = text("DELETE FROM unplaced_crimes WHERE month = :month AND force = ANY(:forces)")
_INSERT_UNPLACED = text(
    """
    INSERT INTO unplaced_crimes (month, force, category, api_id, persistent_id, outcome, outcome_month)
    SELECT :month, force, category, api_id, persistent_id, outcome, outcome_month
    FROM staged_crimes WHERE pull = :pull AND force IS NOT NULL ORDER BY id
    """
)
_CELLS = text(
    f"""
    SELECT count(DISTINCT h3_cell) AS occupied_cells, {summaries.FINGERPRINT} AS fingerprint
    FROM (
        SELECT h3_cell, category, count(*)::numeric AS n FROM crime_incidents JOIN area_points USING (point_id)
        JOIN points ON points.id = point_id WHERE area = :area AND month = :month GROUP BY 1, 2
    ) AS counted
    """  # noqa: S608 - constants
)


class BorderChanged(JobError):
    """An area was resized or removed while its crimes were on their way."""

    def __init__(self, area: str) -> None:
        super().__init__(f"Area {area} was resized or removed while its crimes came in: nothing was changed, try again")


def categories(connection: Connection) -> frozenset[str]:
    """Slugs of every category that was ever in use."""
    return frozenset(connection.scalars(select(CrimeCategory.slug)))


def releases(connection: Connection, area: str) -> dict[dt.date, dt.date | None]:
    """{month: the release that it is of} for the months that are held of all of an area."""
    rows = connection.execute(
        select(AreaMonth.month, AreaMonth.release).where(AreaMonth.area == area, AreaMonth.is_whole)
    )
    return {row.month: row.release for row in rows}


def partly_held(connection: Connection, area: str) -> list[dt.date]:
    """Months of which a part of an area is missing, such as what its border was moved over; newest first."""
    return list(
        connection.scalars(
            select(AreaMonth.month).where(AreaMonth.area == area, ~AreaMonth.is_whole).order_by(AreaMonth.month.desc())
        )
    )


def brought_in(connection: Connection, run_id: str) -> list[dict[str, Any]]:
    """What the run has brought in so far, month by month: columns of its rows."""
    columns = (
        "area",
        "month",
        "records",
        "unplaced",
        "outside",
        "set_aside",
        "occupied_cells",
        "categories",
        "requests",
        "issues",
        "source",
        "release",
        "difference",
        "is_partial",
    )
    rows = connection.execute(
        select(*(getattr(IngestionRun, name) for name in columns))
        .where(IngestionRun.run_id == run_id, IngestionRun.status == "success")
        .order_by(IngestionRun.id)
    )
    return [dict(row._mapping) for row in rows]


@dataclass(frozen=True)
class Held:
    """What is held of an area's month: crimes by category, and those without a place by force."""

    categories: Mapping[str, int]
    unplaced: Mapping[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.categories.values()) + sum(self.unplaced.values())


def held(connection: Connection, area: str, month: dt.date) -> Held | None:
    """What is held of the month of all of an area; none where a part is missing."""
    key = AreaMonth.area == area, AreaMonth.month == month
    found = connection.scalar(select(AreaMonth.categories).where(*key, AreaMonth.is_whole))
    if found is None:
        return None
    by_force = connection.execute(
        select(UnplacedCrime.force, func.count())
        .join(models.AreaForce, models.AreaForce.force == UnplacedCrime.force)
        .where(models.AreaForce.area == area, UnplacedCrime.month == month)
        .group_by(UnplacedCrime.force)
    )
    return Held(found, {row.force: row[1] for row in by_force})


def replace_month(
    connection: Connection, pull: Pull, totals: Totals, run_id: str | None, resolution: int
) -> dict[str, Any]:
    """Hold what is staged in place of what is held of the area's land; all of it or nothing. Raises BorderChanged.

    resolution: of the cells, where nothing is held so far. Returns the columns of the new row of `ingestion_runs`.
    """
    where: dict[str, Any] = {"area": pull.area.slug, "month": pull.month}
    with connection.begin():
        # Whoever changes what is held of this month does so one after the other, and sees what the other wrote.
        lock(connection, f"safegrid:month:{pull.month}")
        areas.keep_still(connection)
        make_room(connection)
        _check_border(connection, pull.area)
        every = areas.all_areas(connection)
        former = held(connection, **where)
        if former is not None:
            revisions.keep_former(connection, **where)
        points.take_in(connection, pull.id, every, resolution)
        _swap(connection, pull)
        row = _row(connection, pull, totals, former)
        row["h3_resolution"] = points.resolution(connection, resolution)
        ingestion_id = connection.scalar(
            insert(IngestionRun)
            .values(**where, **row, run_id=run_id, status="success", started_at=pull.started_at)
            .returning(IngestionRun.id)
        )
        origin = {"release": pull.release, "source": pull.source, "ingestion_id": ingestion_id}
        grounds.replace(connection, pull.month, pull.area.polygon, origin)
        summaries.refresh_months(connection, [pull.month], row["h3_resolution"])
        affected = [area for area in every if _is_affected(area, pull.area)]
        summaries.refresh_areas(connection, affected, [pull.month], pull.area.forces)
        if not_supplied := coverage.issues(connection, **where):
            row["issues"] = not_supplied + row["issues"]
            of_this = update(IngestionRun).where(IngestionRun.id == ingestion_id)
            connection.execute(of_this.values(issues=row["issues"]))
        staging.drop(connection, pull)
    return {**where, **row}


def _swap(connection: Connection, pull: Pull) -> None:
    values = {"area": pull.area.slug, "month": pull.month, "forces": list(pull.area.forces)}
    connection.execute(_DELETE, values)
    connection.execute(_DELETE_UNPLACED, values)
    insert_staged(connection, pull)
    asides.replace(connection, pull.id, pull.area, pull.month)


def insert_staged(connection: Connection, pull: Pull) -> None:
    """Hold the crimes that are staged, beside what is held. Their points are there."""
    values = {"pull": pull.id, "month": pull.month}
    connection.execute(_INSERT, values)
    connection.execute(_INSERT_UNPLACED, values)


def _row(connection: Connection, pull: Pull, totals: Totals, former: Held | None) -> dict[str, Any]:
    where: dict[str, Any] = {"area": pull.area.slug, "month": pull.month}
    changed = None
    if former is not None:
        changed = revisions.difference(connection, **where, before=former.categories, now=totals.categories)
        changed["unplaced"] = sum(totals.unplaced.values()) - sum(former.unplaced.values())
    return {
        "records": totals.placed,
        "unplaced": sum(totals.unplaced.values()),
        "outside": totals.outside,
        "set_aside": totals.set_aside,
        **connection.execute(_CELLS, where).one()._mapping,
        "categories": totals.categories,
        "requests": totals.requests,
        "issues": totals.issues,
        "is_partial": bool(totals.unknown),
        "source": pull.source,
        "release": pull.release,
        "difference": changed,
    }


def _is_affected(area: Area, changed: Area) -> bool:
    return area.polygon.intersects(changed.polygon) or bool(set(area.forces) & set(changed.forces))


def _check_border(connection: Connection, area: Area) -> None:
    boundary = connection.scalar(select(models.Area.boundary).where(models.Area.slug == area.slug))
    if boundary != area.border:
        raise BorderChanged(area.slug)


def record_failure(connection: Connection, failed: Mapping[str, Any], error: str) -> None:
    """Note that a month could not be brought in; what is held of it stays. `failed`: columns of the row."""
    with connection.begin():
        connection.execute(insert(IngestionRun).values(**failed, status="failed", error=error))
