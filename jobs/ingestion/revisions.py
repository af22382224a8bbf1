"""What a month that came in again has changed: the source revises what it has published.

A crime is the same where its `persistent_id` is. Those without one, such as anti-social behaviour, are told apart by
category and place alone, each as often as it stands there.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

_KEEP = text(
    """
    CREATE TEMPORARY TABLE former ON COMMIT DROP AS
    SELECT persistent_id, category, latitude, longitude, outcome
    FROM crime_incidents JOIN area_points USING (point_id) JOIN points ON points.id = point_id
    WHERE area = :area AND month = :month
    """
)
# An id may stand several times, in Northern Ireland again and again: its crimes are paired in a fixed order.
_NUMBERED = (
    "SELECT persistent_id AS id, category, latitude, longitude, outcome, row_number() OVER "
    "(PARTITION BY persistent_id ORDER BY category, latitude, longitude, outcome) AS n FROM {} "
    "WHERE persistent_id IS NOT NULL"
)
_COUNTED = "SELECT category, latitude, longitude, count(*) AS n FROM {} WHERE persistent_id IS NULL GROUP BY 1, 2, 3"
_DIFFERENCE = text(
    f"""
    WITH present AS (
        SELECT persistent_id, category, latitude, longitude, outcome
        FROM crime_incidents JOIN area_points USING (point_id) JOIN points ON points.id = point_id
        WHERE area = :area AND month = :month
    ),
    named AS (
        SELECT old.id IS NULL AS added, new.id IS NULL AS removed,
            (old.latitude, old.longitude) <> (new.latitude, new.longitude) AS moved,
            old.category <> new.category AS recategorised,
            old.outcome IS DISTINCT FROM new.outcome AS outcome_changed
        FROM ({_NUMBERED.format("former")}) AS old FULL JOIN ({_NUMBERED.format("present")}) AS new USING (id, n)
    ),
    nameless AS (
        SELECT coalesce(new.n, 0) - coalesce(old.n, 0) AS more
        FROM ({_COUNTED.format("former")}) AS old
        FULL JOIN ({_COUNTED.format("present")}) AS new USING (category, latitude, longitude)
    )
    SELECT count(*) FILTER (WHERE added) + (SELECT coalesce(sum(greatest(more, 0)), 0) FROM nameless) AS added,
        count(*) FILTER (WHERE removed) + (SELECT coalesce(sum(greatest(-more, 0)), 0) FROM nameless) AS removed,
        count(*) FILTER (WHERE moved) AS moved,
        count(*) FILTER (WHERE recategorised) AS recategorised,
        count(*) FILTER (WHERE outcome_changed AND NOT added AND NOT removed) AS outcome_changed
    FROM named
    """  # noqa: S608 - constants of ours
)


def keep_former(connection: Connection, area: str, month: dt.date) -> None:
    """Until the end of the transaction, what is held of the month now is there to be compared with."""
    connection.execute(_KEEP, {"area": area, "month": month})


def difference(
    connection: Connection, area: str, month: dt.date, before: Mapping[str, int], now: Mapping[str, int]
) -> dict[str, Any]:
    """{added, removed, moved, recategorised, outcome_changed, categories: {slug: how many more}}, after the swap.

    before, now: placed crimes by category.
    """
    row = connection.execute(_DIFFERENCE, {"area": area, "month": month}).one()
    more = {slug: now.get(slug, 0) - before.get(slug, 0) for slug in sorted({*before, *now})}
    changed = {slug: count for slug, count in more.items() if count}
    return {**{name: int(count) for name, count in row._mapping.items()}, "categories": changed}
