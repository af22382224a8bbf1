"""Crimes in PostgreSQL. A month of an area is a snapshot, replaced whole in one transaction."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from jobs.areas import Area
from jobs.crimes import fingerprint
from jobs.database import copy, lock
from jobs.errors import JobError
from jobs.ingestion import revisions
from jobs.ingestion.records import Crime
from jobs.models import crimes as models
from jobs.models.crimes import CrimeCategory, CrimeIncident, IngestionRun, UnplacedCrime

INCIDENT_COLUMNS = (
    "area",
    "month",
    "category",
    "latitude",
    "longitude",
    "h3_cell",
    "street_id",
    "street_name",
    "api_id",
    "persistent_id",
    "location_type",
    "outcome",
    "outcome_month",
)
UNPLACED_COLUMNS = (
    "area",
    "month",
    "force",
    "category",
    "api_id",
    "persistent_id",
    "outcome",
    "outcome_month",
)


class BorderChanged(JobError):
    """An area was resized or removed while its crimes were on their way."""

    def __init__(self, area: str) -> None:
        super().__init__(f"Area {area} was resized or removed while its crimes came in: nothing was changed, try again")


@dataclass(frozen=True)
class Snapshot:
    """A month of an area as the source gives it now, checked and ready to be held."""

    area: Area
    month: dt.date
    resolution: int
    source: str
    requests: int
    started_at: dt.datetime
    placed: Sequence[Crime]
    unplaced: Mapping[str, Sequence[Crime]]
    """Crimes without a place by force."""
    set_aside: int = 0
    issues: list[dict[str, Any]] = field(default_factory=list)
    release: dt.date | None = None

    @property
    def unplaced_count(self) -> int:
        """Crimes without a place, of all forces."""
        return sum(map(len, self.unplaced.values()))

    @property
    def fingerprint(self) -> str:
        """Hash of what the grid is made from: the crimes' cells and categories."""
        counts = Counter((crime.h3_cell, crime.category) for crime in self.placed)
        return fingerprint(self.resolution, counts)


def categories(connection: Connection) -> frozenset[str]:
    """Slugs of every category that was ever in use."""
    return frozenset(connection.scalars(select(CrimeCategory.slug)))


def releases(connection: Connection, area: str) -> dict[dt.date, dt.date | None]:
    """{month: the release that it is of} for the months that an area holds within its border."""
    rows = connection.execute(
        select(IngestionRun.month, IngestionRun.release).where(
            IngestionRun.area == area, IngestionRun.current, IngestionRun.border.is_(None)
        )
    )
    return {row.month: row.release for row in rows}


def held_months(connection: Connection, area: str) -> dict[dt.date, int]:
    """{month: placed crimes} of an area, for the months that are held within its border."""
    rows = connection.execute(
        select(IngestionRun.month, IngestionRun.records).where(
            IngestionRun.area == area, IngestionRun.current, IngestionRun.border.is_(None)
        )
    )
    return {row.month: row.records for row in rows}


def brought_in(connection: Connection, run_id: str) -> list[dict[str, Any]]:
    """What the run has brought in so far, month by month: columns of its rows, and the cells that it occupies."""
    cells = (
        select(func.count(CrimeIncident.h3_cell.distinct()))
        .where(CrimeIncident.area == IngestionRun.area, CrimeIncident.month == IngestionRun.month)
        .scalar_subquery()
    )
    columns = (
        "area",
        "month",
        "records",
        "unplaced",
        "set_aside",
        "categories",
        "requests",
        "issues",
        "source",
        "release",
        "difference",
    )
    rows = connection.execute(
        select(*(getattr(IngestionRun, name) for name in columns), cells.label("occupied_cells"))
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
    """What is held of the month within the area's border; none where nothing is."""
    categories = connection.scalar(
        select(IngestionRun.categories).where(
            IngestionRun.area == area, IngestionRun.month == month, IngestionRun.current, IngestionRun.border.is_(None)
        )
    )
    if categories is None:
        return None
    by_force = connection.execute(
        select(UnplacedCrime.force, func.count())
        .where(UnplacedCrime.area == area, UnplacedCrime.month == month)
        .group_by(UnplacedCrime.force)
    )
    return Held(categories, {row.force: row[1] for row in by_force})


def usual_count(connection: Connection, area: str, month: dt.date) -> float | None:
    """Median of the placed crimes of the area's other months; none while fewer than three are held."""
    others = [count for held, count in held_months(connection, area).items() if held != month]
    # The middle of fewer says nothing of what is usual.
    return median(others) if len(others) >= 3 else None


def replace_month(connection: Connection, snapshot: Snapshot, run_id: str | None) -> dict[str, Any] | None:
    """Hold `snapshot` in place of what is held of its area and month; all of it or nothing. Raises BorderChanged.

    Returns the difference to what was held; none where nothing was.
    """
    area, month = snapshot.area.slug, snapshot.month
    with connection.begin():
        # Whoever ingests, re-cells or resizes this month does so one after the other, and sees what the other wrote.
        lock(connection, f"safegrid:month:{area}:{month}")
        _check_border(connection, snapshot.area)
        former = held(connection, area, month)
        if former is not None:
            revisions.keep_former(connection, area, month)
        for table in (CrimeIncident, UnplacedCrime):
            connection.execute(delete(table).where(table.area == area, table.month == month))
        copy(connection, "crime_incidents", INCIDENT_COLUMNS, _incident_rows(snapshot))
        copy(connection, "unplaced_crimes", UNPLACED_COLUMNS, _unplaced_rows(snapshot))
        categories = Counter(crime.category for crime in snapshot.placed)
        changed = None
        if former is not None:
            changed = revisions.difference(connection, area, month, former.categories, categories)
            changed["unplaced"] = snapshot.unplaced_count - sum(former.unplaced.values())
        connection.execute(
            update(IngestionRun)
            .where(IngestionRun.area == area, IngestionRun.month == month, IngestionRun.current)
            .values(current=False)
        )
        connection.execute(
            insert(IngestionRun).values(
                run_id=run_id,
                area=area,
                month=month,
                status="success",
                current=True,
                records=len(snapshot.placed),
                unplaced=snapshot.unplaced_count,
                set_aside=snapshot.set_aside,
                categories=categories,
                requests=snapshot.requests,
                h3_resolution=snapshot.resolution,
                fingerprint=snapshot.fingerprint,
                issues=snapshot.issues,
                source=snapshot.source,
                release=snapshot.release,
                difference=changed,
                started_at=snapshot.started_at,
            )
        )
    return changed


def _check_border(connection: Connection, area: Area) -> None:
    """Until the end of the transaction, the area keeps the border that its crimes were taken within."""
    # FOR SHARE waits for a change that is on its way, and then reads what it wrote.
    border = connection.scalar(
        select(models.Area.boundary).where(models.Area.slug == area.slug).with_for_update(read=True)
    )
    if border != area.border:
        raise BorderChanged(area.slug)


def record_failure(connection: Connection, failed: Mapping[str, Any], error: str) -> None:
    """Note that a month could not be brought in; what is held of it stays. `failed`: columns of the row."""
    with connection.begin():
        connection.execute(insert(IngestionRun).values(**failed, status="failed", current=False, error=error))


def _incident_rows(snapshot: Snapshot) -> Iterable[Sequence[Any]]:
    for crime in snapshot.placed:
        yield (snapshot.area.slug, snapshot.month, *crime)


def _unplaced_rows(snapshot: Snapshot) -> Iterable[Sequence[Any]]:
    for force, crimes in snapshot.unplaced.items():
        for crime in crimes:
            yield (
                snapshot.area.slug,
                snapshot.month,
                force,
                crime.category,
                crime.api_id,
                crime.persistent_id,
                crime.outcome,
                crime.outcome_month,
            )
