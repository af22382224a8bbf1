"""A category that the source began to use: once it has weights, its crimes that were set aside come in."""

import datetime as dt
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from jobs import areas
from jobs.areas import Area
from jobs.errors import WrongCall
from jobs.held import asides, points, summaries
from jobs.ingestion import staging, store
from jobs.ingestion.records import Crime, crime_from
from jobs.models.crimes import AreaMonth, CrimeCategory, CrimeWeight, IngestionRun, SetAside, WeightScheme

_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SOURCE: Final = "set aside"


class CategoryRefused(WrongCall):
    """A category that cannot be added."""


@dataclass(frozen=True)
class Readmitted:
    """Crimes that were set aside and are held now."""

    crimes: int
    months: list[dt.date]


def add(connection: Connection, slug: str, name: str, weights: Mapping[str, float], resolution: int) -> Readmitted:
    """Add a category, and hold its crimes that were set aside. Part of the caller's transaction.

    weights: {scheme: harm of one crime}, of every scheme. Raises CategoryRefused.
    """
    areas.lock(connection)
    _check(connection, slug, name, weights)
    waiting = asides.waiting_for(connection, slug)
    first = waiting[0].month if waiting else dt.datetime.now(dt.UTC).date().replace(day=1)
    connection.execute(insert(CrimeCategory).values(slug=slug, name=name, first_month=first))
    rows = [
        {"scheme": scheme, "category": slug, "weight": weight, "source": "added by hand"}
        for scheme, weight in weights.items()
    ]
    connection.execute(insert(CrimeWeight), rows)
    for (month, area), records in itertools.groupby(waiting, lambda row: (row.month, row.area)):
        _readmit(connection, areas.find(connection, area), month, list(records), resolution)
    connection.execute(delete(SetAside).where(SetAside.category == slug))
    months = sorted({row.month for row in waiting}, reverse=True)
    summaries.refresh_months(connection, months, points.resolution(connection, resolution))
    summaries.refresh_areas(connection, areas.all_areas(connection), months)
    _note_whole(connection, months)
    return Readmitted(len(waiting), months)


def _check(connection: Connection, slug: str, name: str, weights: Mapping[str, float]) -> None:
    if not _SLUG.fullmatch(slug):
        raise CategoryRefused(f"{slug} is not a slug (lower-case words joined by hyphens)")
    if not name.strip():
        raise CategoryRefused(f"Category {slug} needs a name")
    if connection.scalar(select(CrimeCategory.slug).where(CrimeCategory.slug == slug)):
        raise CategoryRefused(f"The category {slug} exists already")
    schemes = set(connection.scalars(select(WeightScheme.name)))
    if unknown := sorted(weights.keys() - schemes):
        raise CategoryRefused(f"There is no scheme {', '.join(unknown)}. Schemes: {', '.join(sorted(schemes))}")
    if missing := sorted(schemes - weights.keys()):
        raise CategoryRefused(f"Category {slug} needs a weight in every scheme. Missing: {', '.join(missing)}")
    if wrong := [scheme for scheme, weight in weights.items() if not 0 <= weight < float("inf")]:
        raise CategoryRefused(f"The weight of {slug} in {', '.join(wrong)} must be a number of 0 or more")


def _readmit(connection: Connection, area: Area, month: dt.date, rows: Sequence[Any], resolution: int) -> None:
    pull = staging.begin_anew(connection, area, area, month, _SOURCE)
    by_force: dict[str | None, list[Crime]] = {}
    for row in rows:
        by_force.setdefault(row.force, []).append(crime_from(row.record))
    for force, crimes in by_force.items():
        staging.write(connection, pull, crimes, resolution, force)
    store.insert_staged(connection, pull)
    staging.drop(connection, pull)


def _note_whole(connection: Connection, months: Sequence[dt.date]) -> None:
    """Months that lack no category any more are partial no more."""
    lacking = select(SetAside.month).where(SetAside.category.is_not(None))
    current = select(AreaMonth.ingestion_id)
    connection.execute(
        update(IngestionRun)
        .where(IngestionRun.month.in_(months), IngestionRun.month.not_in(lacking), IngestionRun.id.in_(current))
        .values(is_partial=False)
    )
