"""Crimes in PostgreSQL. A month of an area is a snapshot, replaced whole in one transaction."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update

from jobs import areas
from jobs.areas import Area
from jobs.coverage import store as coverage
from jobs.database import copy, lock, make_room
from jobs.errors import JobError
from jobs.events import outbox
from jobs.held import asides, grounds, partitions, points, summaries
from jobs.ingestion import revisions, staging
from jobs.ingestion.staging import Pull, Totals
from jobs.models import crimes as models
from jobs.models.crimes import AreaMonth, CrimeCategory, IngestionRun, UnplacedCrime

# What lies in no area is of a border that is no more.
_SPARE = "CREATE TEMPORARY TABLE spared_points (point_id bigint PRIMARY KEY) ON COMMIT DROP"
_DELETE = text(
    """
    DELETE FROM crime_incidents AS crime WHERE month = :month AND (
        EXISTS (SELECT FROM area_points WHERE area = :area AND point_id = crime.point_id)
        OR NOT EXISTS (SELECT FROM area_points WHERE point_id = crime.point_id)
    ) AND NOT EXISTS (SELECT FROM spared_points WHERE point_id = crime.point_id)
    """
)
_DELETE_UNPLACED = text("DELETE FROM unplaced_crimes WHERE month = :month AND force = ANY(:forces)")
_INSERT_UNPLACED = text(
    """
    INSERT INTO unplaced_crimes (month, force, category, api_id, persistent_id, outcome, outcome_month)
    SELECT :month, force, category, api_id, persistent_id, outcome, outcome_month
    FROM staged_unplaced WHERE pull = :pull ORDER BY id
    """
)


class LandChanged(JobError):
    """An area was resized, removed, or held of a newer release while its crimes were on their way."""

    def __init__(self, area: str) -> None:
        super().__init__(
            f"Area {area} was resized or removed, or a newer release was ingested, while its crimes were on their "
            "way: nothing was changed, try again"
        )


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
        "collapsed",
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
    """Hold what is staged in place of what is held of the area's land; all of it or nothing. Raises LandChanged.

    resolution: of the cells, where nothing is held so far. Returns the columns of the new row of `ingestion_runs`.
    """
    where: dict[str, Any] = {"area": pull.area.slug, "month": pull.month}
    with connection.begin():
        # Whoever changes what is held of this month does so one after the other, and sees what the other wrote.
        lock(connection, f"safegrid:month:{pull.month}")
        areas.keep_still(connection)
        make_room(connection)
        _check_land(connection, pull)
        every = areas.all_areas(connection)
        former = held(connection, **where)
        if former is not None:
            revisions.keep_former(connection, **where)
        _swap(connection, pull)
        used = points.resolution(connection, resolution)
        row = {**_row(connection, pull, totals, former), "h3_resolution": used}
        ingestion_id = connection.scalar(
            insert(IngestionRun)
            .values(**where, **row, run_id=run_id, status="success", started_at=pull.started_at)
            .returning(IngestionRun.id)
        )
        origin = {"release": pull.release, "source": pull.source, "ingestion_id": ingestion_id}
        grounds.replace(connection, pull.month, pull.land.polygon, origin)
        connection.execute(delete(models.DeletedMonth).where(models.DeletedMonth.month == pull.month))
        of_month = summaries.refresh_months(connection, [pull.month], used)[pull.month]
        affected = [area for area in every if _is_affected(area, pull.area)]
        summaries.refresh_areas(connection, affected, [pull.month], pull.land.forces)
        # Where the area has all crimes of the month, they need not be looked at again.
        cells = of_month if of_month.crimes == totals.placed else summaries.cells_of(connection, **where)
        found = {
            "occupied_cells": cells.cells,
            "fingerprint": cells.fingerprint,
            "issues": coverage.issues(connection, **where) + row["issues"],
        }
        connection.execute(update(IngestionRun).where(IngestionRun.id == ingestion_id).values(**found))
        _tell(connection, ingestion_id, {**where, **row})
        staging.drop(connection, pull)
    return {**where, **row, **found}


def _tell(connection: Connection, ingestion_id: int | None, brought: Mapping[str, Any]) -> None:
    """A month that came in for the first time, or that the source has changed since."""
    names = ("area", "month", "records", "unplaced", "release", "source")
    data = {name: brought[name] for name in names} | {"month": brought["month"].isoformat()}
    data["release"] = brought["release"].isoformat() if brought["release"] else None
    changed = brought["difference"]
    if changed is None:
        outbox.note(connection, "month_ingested", ingestion_id, data)
    elif any(changed.values()):
        outbox.note(connection, "month_revised", ingestion_id, {**data, "difference": changed})


def _swap(connection: Connection, pull: Pull) -> None:
    values = {"month": pull.month, "forces": list(pull.land.forces)}
    connection.execute(_DELETE_UNPLACED, values)
    if partitions.is_there(connection, pull.month):
        _delete(connection, pull)
    insert_staged(connection, pull)
    partitions.analyze(connection, pull.month)
    asides.replace(connection, pull.id, pull.land, pull.month)


def _delete(connection: Connection, pull: Pull) -> None:
    """Give up what is held of the land."""
    connection.exec_driver_sql(_SPARE)
    if pull.land is not pull.area:
        copy(connection, "spared_points", ("point_id",), ((one,) for one in points.left_out(connection, pull.land)))
    connection.execute(_DELETE, {"area": pull.area.slug, "month": pull.month})
    connection.exec_driver_sql("DROP TABLE spared_points")


def insert_staged(connection: Connection, pull: Pull) -> None:
    """Hold the crimes that are staged, beside what is held of the month."""
    if partitions.is_there(connection, pull.month):
        # A table named by a number.
        connection.exec_driver_sql(f"INSERT INTO crime_incidents SELECT * FROM {pull.table} ORDER BY point_id")  # noqa: S608
    else:
        partitions.attach(connection, pull.id, pull.month)
    connection.execute(_INSERT_UNPLACED, {"pull": pull.id, "month": pull.month})


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
        "collapsed": totals.collapsed,
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


def _check_land(connection: Connection, pull: Pull) -> None:
    boundary = connection.scalar(select(models.Area.boundary).where(models.Area.slug == pull.area.slug))
    left = grounds.not_newer(connection, pull.area, pull.month, pull.release)
    if boundary != pull.area.border or left is None or not left.polygon.equals(pull.land.polygon):
        raise LandChanged(pull.area.slug)


def record(connection: Connection, tried: Mapping[str, Any]) -> None:
    """Note that a month did not come in; what is held of it stays. `tried`: columns of the row."""
    with connection.begin():
        connection.execute(insert(IngestionRun).values(**tried))
