"""List what the forces supplied, by area and month, judged anew when crimes, land or gaps change."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from jobs import areas
from jobs.areas import Area
from jobs.coverage import counting, gaps
from jobs.coverage.judge import LANDLESS, Count, Series, Verdict, judge
from jobs.coverage.usual import usual
from jobs.months import months_text

_COUNTS = text(
    """
    SELECT force, month, placed, area_coverage.unplaced, area_coverage.is_whole, release, held.is_whole AS is_held
    FROM area_coverage JOIN area_months AS held USING (area, month) WHERE area = :area ORDER BY force, month
    """
)
_JUDGE = text(
    """
    UPDATE area_coverage AS kept SET status = new.status, reason = new.reason, changed_at = clock_timestamp()
    FROM unnest(CAST(:months AS date[]), CAST(:forces AS text[]), CAST(:statuses AS text[]), CAST(:reasons AS text[]))
        AS new (month, force, status, reason)
    WHERE kept.area = :area AND kept.month = new.month AND kept.force = new.force
    AND (kept.status, kept.reason) <> (new.status, new.reason)
    """
)
# Whether a place has a railway is not known: that nothing can be said of its police is not worth saying.
_SAYING = f"NOT (force = '{LANDLESS}' AND status = 'unknown')"
_BETWEEN = text(
    f"""
    SELECT area, month, force, status, reason, placed, unplaced FROM area_coverage
    WHERE month BETWEEN :oldest AND :newest AND {_SAYING}
    ORDER BY month DESC, area, array_position(ARRAY['missing', 'partial', 'unknown', 'complete'], status), force
    """  # noqa: S608 - constants
)
_NOT_COMPLETE = text(
    f"""
    SELECT area, status, force, array_agg(month) AS months FROM area_coverage
    WHERE status <> 'complete' AND {_SAYING} GROUP BY area, status, force ORDER BY area, status, force
    """  # noqa: S608 - constants
)
_NOT_SUPPLIED = text(
    """
    SELECT area, force, status, array_agg(month ORDER BY month DESC) AS months,
           (array_agg(reason ORDER BY month DESC))[1] AS reason
    FROM area_coverage WHERE status IN ('missing', 'partial') GROUP BY area, force, status
    ORDER BY max(month) DESC, area, status, force
    """
)
_PARTLY = Verdict("unknown", "Only a part of the area is ingested for this month")


def refresh(
    connection: Connection,
    changed: Sequence[Area],
    months: Sequence[dt.date],
    placed: Sequence[Row[Any]],
    asked: Collection[str] = (),
) -> None:
    """Count and judge anew what is held of these areas, of which these months changed.

    placed: what `counting.placed` returned of them. asked: forces whose crimes without a place have just come in.
    """
    known = gaps.known(connection)
    of_area: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in placed:
        of_area[row.area].append(row)
    for area in changed:
        counting.count(connection, area, months, of_area[area.slug], asked)
        _judge(connection, area, known)


def judge_again(connection: Connection) -> None:
    """Judge everything anew: a gap has come to be known, or is none any more."""
    known = gaps.known(connection)
    for area in areas.all_areas(connection):
        _judge(connection, area, known)


def _judge(connection: Connection, area: Area, known: Sequence[gaps.Gap]) -> None:
    by_force: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(_COUNTS, {"area": area.slug}):
        by_force[row.force].append(row)
    verdicts = [
        (month, force, verdict.status, verdict.reason)
        for force, rows in by_force.items()
        for month, verdict in _verdicts(force, rows, gaps.of_force(known, force)).items()
    ]
    if verdicts:
        columns = zip(("months", "forces", "statuses", "reasons"), map(list, zip(*verdicts, strict=True)), strict=True)
        connection.execute(_JUDGE, {"area": area.slug, **dict(columns)})


def _verdicts(force: str, rows: Sequence[Row[Any]], known: Sequence[gaps.Gap]) -> dict[dt.date, Verdict]:
    counts = {row.month: Count(row.placed, row.unplaced, row.release) for row in rows if row.is_held}
    series = Series(force, any(row.is_whole for row in rows), counts)
    found = {month: judge(series, month, known, usual(force, month)) for month in counts}
    return {row.month: found.get(row.month, _PARTLY) for row in rows}


def verdicts(
    connection: Connection, oldest: dt.date = dt.date.min, newest: dt.date = dt.date.max
) -> Sequence[Row[Any]]:
    """area, month, force, status, reason, placed, unplaced; the newest month first, the worst first."""
    return connection.execute(_BETWEEN, {"oldest": oldest, "newest": newest}).all()


def not_supplied(connection: Connection) -> Sequence[Row[Any]]:
    """area, force, status (missing or partial), months, reason of the newest; the newest first."""
    return connection.execute(_NOT_SUPPLIED).all()


def summary(connection: Connection) -> dict[str, dict[str, dict[str, str]]]:
    """{area: {verdict: {force: months}}} of what is not known to be complete."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in connection.execute(_NOT_COMPLETE):
        found.setdefault(row.area, {}).setdefault(row.status, {})[row.force] = months_text(row.months)
    return found


def issues(connection: Connection, area: str, month: dt.date) -> list[dict[str, Any]]:
    """What people should know of an area's month: forces that supplied nothing, or not all."""
    return [
        {
            "issue": f"{row.force} is {row.status}: {row.reason}",
            "count": row.placed,
            "example": "",
            "force": row.force,
            "status": row.status,
        }
        for row in verdicts(connection, month, month)
        if row.area == area and row.status in ("missing", "partial")
    ]
