"""Generations of the grid: which are kept, and an earlier one as the published one again."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from jobs.errors import PermanentError, WrongCall
from jobs.grid import store
from jobs.models.grid import GridGeneration, GridMonth, KeptMonth
from jobs.models.runs import Pause

REBUILDS: Final = ("grid", "rebuilds")
"""Kind and name of the pause of rebuilds."""

_KEPT = text(
    """
    WITH versions AS (
        SELECT month, generation AS since, NULL::bigint AS until, cells, crimes FROM grid_months
        UNION ALL SELECT month, generation, until, cells, crimes FROM kept_months
    )
    SELECT listed.generation, made_at, restores, areas, count(month) AS months, min(month) AS oldest,
           max(month) AS newest, coalesce(sum(cells), 0)::bigint AS cells, coalesce(sum(crimes), 0)::bigint AS crimes,
           listed.generation = max(listed.generation) OVER () AS is_published
    FROM grid_generations AS listed
    LEFT JOIN versions ON since <= listed.generation AND (until IS NULL OR until > listed.generation)
    GROUP BY listed.generation ORDER BY listed.generation DESC
    """
)
_OLDEST = text(
    "SELECT min(generation) FROM (SELECT generation FROM grid_generations ORDER BY 1 DESC LIMIT :keep) AS newest"
)
_FORGET_COUNTS = text(
    """
    DELETE FROM kept_counts WHERE (month, generation) NOT IN (
        SELECT month, generation FROM grid_months UNION ALL SELECT month, generation FROM kept_months
    )
    """
)
_UNWEIGHTED = text(
    """
    SELECT DISTINCT category FROM kept_counts JOIN kept_months USING (month, generation)
    WHERE generation <= :generation AND until > :generation AND category NOT IN (
        SELECT category FROM crime_weights JOIN weight_schemes ON name = scheme AND is_default
    ) ORDER BY 1
    """
)


class GenerationRefused(WrongCall, PermanentError):
    """A generation that cannot be published: it is not kept, is published already, or is of another resolution."""


@dataclass(frozen=True)
class Published:
    """An earlier generation that is published again."""

    generation: int
    """Its new number."""
    restored: Sequence[dt.date]
    removed: Sequence[dt.date]


def kept(connection: Connection) -> Sequence[Row[Any]]:
    """The generations that can be published, newest first. Part of the caller's transaction.

    generation, made_at, restores, areas, months, oldest, newest, cells, crimes and is_published of each.
    """
    return connection.execute(_KEPT).all()


def forget(connection: Connection, keep: int) -> None:
    """Keep the newest `keep` generations, the published one among them, and no others. Part of the transaction."""
    oldest = connection.scalar(_OLDEST, {"keep": keep})
    connection.execute(delete(GridGeneration).where(GridGeneration.generation < oldest))
    connection.execute(delete(KeptMonth).where(KeptMonth.until <= oldest))
    connection.execute(_FORGET_COUNTS)


def check(connection: Connection, generation: int, resolution: int) -> None:
    """Raises GenerationRefused where this one cannot be published. Part of the caller's transaction."""
    listed = connection.execute(select(GridGeneration.generation, GridGeneration.restores).order_by("generation")).all()
    if not listed:
        raise GenerationRefused("The grid has no generation yet: run rebuild_safety_grid")
    first, published = listed[0].generation, listed[-1]
    numbers = ", ".join(str(one.generation) for one in listed)
    if generation in (published.generation, published.restores):
        was = f", as {published.generation}" if generation != published.generation else ""
        raise GenerationRefused(f"Generation {generation} is published already{was}")
    if generation < first:
        raise GenerationRefused(
            f"Generation {generation} is no longer kept; choose one of {numbers}. SAFEGRID_GRID_GENERATIONS sets how "
            "many are kept"
        )
    if generation not in {one.generation for one in listed}:
        raise GenerationRefused(f"There is no generation {generation}; choose one of {numbers}")
    for row in _versions(connection, generation):
        if row.h3_resolution != resolution:
            raise GenerationRefused(
                f"Generation {generation} has cells of resolution {row.h3_resolution} and H3_RESOLUTION is {resolution}"
            )
    if unweighted := connection.scalars(_UNWEIGHTED, {"generation": generation}).all():
        raise GenerationRefused(
            f"The default scheme has no weight for {', '.join(unweighted)}, of which generation {generation} has "
            "crimes: add it to crime_weights, or choose another default"
        )


def publish(connection: Connection, generation: int) -> Published:
    """Make the grid what it was as `generation`, under the next number. The caller has checked it, in the same
    transaction and with the grid's lock.
    """
    number = store.next_generation(connection)
    versions = _versions(connection, generation)
    later = connection.scalars(select(GridMonth.month).where(GridMonth.generation > generation)).all()
    removed = sorted({*later} - {row.month for row in versions})
    for month in removed:
        store.drop_month(connection, month, number)
    for row in versions:
        store.restore_month(connection, row, number)
    restored = [row.month for row in versions]
    store.shape_cells(connection, restored)
    store.publish(connection, number, restored, removed, generation)
    return Published(number, restored, removed)


def published_as(connection: Connection, generation: int) -> int | None:
    """The number that `generation` was published under, where that is the newest. Part of the transaction."""
    newest = select(GridGeneration).order_by(GridGeneration.generation.desc()).limit(1).subquery()
    return connection.scalar(select(newest.c.generation).where(newest.c.restores == generation))


def _versions(connection: Connection, generation: int) -> Sequence[Row[Any]]:
    """Months of that generation that the published one has otherwise, or has not."""
    wanted = KeptMonth.generation <= generation, KeptMonth.until > generation
    return connection.execute(select(KeptMonth.__table__).where(*wanted).order_by(KeptMonth.month.desc())).all()


def pause_rebuilds(connection: Connection, who: str) -> None:
    """From the commit on nothing is rebuilt, until somebody resumes it. Part of the caller's transaction."""
    kind, name = REBUILDS
    connection.execute(upsert(Pause).values(kind=kind, name=name, requested_by=who).on_conflict_do_nothing())


def pause(connection: Connection) -> Row[Any] | None:
    """Since when and by whom rebuilds are paused; none where they are not. Part of the transaction."""
    kind, name = REBUILDS
    paused = select(Pause.__table__).where(Pause.kind == kind, Pause.name == name)
    return connection.execute(paused).one_or_none()


def said(paused: Row[Any]) -> str:
    """A pause in words, with what ends it."""
    since = f"{paused.created_at:%Y-%m-%d %H:%M} UTC"
    return f"Rebuilds are paused since {since} by {paused.requested_by}; `safegrid grid resume` resumes them"
