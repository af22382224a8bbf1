"""Whether the grid stands for the crimes that are held, and the coarse cells for the fine ones: one pass over each."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from jobs.grid import coarse

# Each month by one look into the index.
_MONTHS: Final = """
    WITH RECURSIVE months AS (
        SELECT min(month) AS month FROM {table}
        UNION ALL
        SELECT (SELECT min(month) FROM {table} WHERE month > months.month) FROM months WHERE month IS NOT NULL
    ) SELECT month FROM months WHERE month IS NOT NULL
"""
# Crimes and cells are compared by sums of a mark of 64 bits for the cell of each crime, by category. A sum is the same
# in whatever order they come, and no table of 10 million cells and categories is made.
_HELD = text(
    """
    SELECT month, json_object_agg(category, mark::text)::text AS marks FROM (
        SELECT month, category, sum(mark) AS mark FROM crime_incidents JOIN (
            SELECT id AS point_id, hashtextextended(to_hex(h3_cell), 0) AS mark FROM points
        ) AS marked USING (point_id) GROUP BY 1, 2
    ) AS summed GROUP BY 1
    """
)
# Most cells are like others in all that they count: each kind is looked into once.
_AUDIT = text(
    f"""
    WITH weights AS (
        SELECT jsonb_object_agg(category, weight) AS weights
        FROM crime_weights JOIN weight_schemes ON name = scheme AND is_default
    ), alike AS MATERIALIZED (
        SELECT stats, crime_count_total AS total, crime_count_weighted AS weighted, count(*) AS cells,
               count(*) FILTER (WHERE cell_id <> h3_index || :suffix) AS misnamed,
               sum(hashtextextended(h3_index, 0)) AS mark,
               sum(hashtextextended('87' || substr(h3_index, 3, 7) || 'ffffff', 0)) AS mark_of_7
        FROM safety_cells WHERE month = :month GROUP BY 1, 2, 3
    ), gridded AS (
        SELECT category, sum(n::bigint * mark) AS mark, sum(n::bigint * mark_of_7) AS mark_of_7, min(n::bigint) AS least
        FROM alike, jsonb_each_text(stats) AS counted (category, n) GROUP BY 1
    ), held AS (
        SELECT key AS category, value::numeric AS mark FROM jsonb_each_text(CAST(:held AS jsonb))
    ), coarse AS MATERIALIZED (
        SELECT resolution, hashtextextended(h3_index, 0) AS mark, crime_count_total AS total,
               crime_count_weighted AS weighted, stats,
               hashtextextended(to_hex({coarse.parent("number", "(resolution - 1)")}), 0) AS mark_of_parent
        FROM coarse_cells, LATERAL (
            SELECT substr(h3_index, 2, 1)::int AS resolution, ('x0' || h3_index)::bit(64)::bigint AS number
        ) AS read
        WHERE month = :month
    ), kept AS (
        SELECT resolution, category, sum(n::numeric * mark) AS mark, sum(n::numeric * mark_of_parent) AS mark_of_parent
        FROM coarse, jsonb_each_text(stats) AS counted (category, n) GROUP BY 1, 2
    ), wanted AS (
        SELECT 7 AS resolution, category, mark_of_7 AS mark FROM gridded
        UNION ALL SELECT resolution - 1, category, mark_of_parent FROM kept WHERE resolution > 4
    ), summed AS (
        SELECT cells, sum <> total AS is_wrong, abs(weighed - weighted) > 1e-6 AS is_weighed_wrong
        FROM alike, weights, LATERAL (
            SELECT sum(n::bigint), sum(n::bigint * (weights->>category)::float8) AS weighed
            FROM jsonb_each_text(stats) AS counted (category, n)
        ) AS sums
    )
    SELECT coalesce(sum(cells), 0)::bigint AS cells, coalesce(sum(cells * total), 0)::bigint AS crimes,
           coalesce(max(total), 0) AS most, coalesce(sum(cells) FILTER (WHERE total = 0), 0)::bigint AS without_crime,
           coalesce(sum(misnamed), 0)::bigint AS misnamed,
           (SELECT coalesce(sum(cells), 0)::bigint FROM summed WHERE is_wrong) AS wrong_totals,
           (SELECT coalesce(sum(cells), 0)::bigint FROM summed WHERE is_weighed_wrong) AS wrong_weights,
           EXISTS (
               SELECT FROM gridded FULL JOIN held USING (category)
               WHERE gridded.mark IS DISTINCT FROM held.mark OR least <= 0
           ) AS differs,
           EXISTS (
               SELECT FROM kept FULL JOIN wanted USING (resolution, category)
               WHERE kept.mark IS DISTINCT FROM wanted.mark
           ) OR EXISTS (
               SELECT FROM (SELECT resolution, sum(mark) AS mark FROM kept GROUP BY 1) AS counted FULL JOIN (
                   SELECT resolution, sum(total::numeric * mark) AS mark, sum(weighted) AS weighted
                   FROM coarse GROUP BY 1
               ) AS said USING (resolution)
               WHERE counted.mark IS DISTINCT FROM said.mark
               OR abs(said.weighted - (SELECT sum(cells * weighted) FROM alike)) > 1e-9 * greatest(1, said.weighted)
           ) AS coarse_differs
    FROM alike
    """  # noqa: S608 - constants
)


@dataclass(frozen=True)
class Audit:
    """A month of the grid: what it counts, and how many of its cells are not as they should be."""

    month: dt.date
    cells: int
    crimes: int
    most: int
    """Crimes of the cell that has most."""
    without_crime: int
    misnamed: int
    """Those whose id is not made from their cell and month."""
    wrong_totals: int
    """Those whose total is not the sum of their categories."""
    wrong_weights: int
    differs: bool
    """Whether the cells do not stand for the crimes that are held."""
    coarse_differs: bool
    """Whether the coarse cells are not the sums of the fine ones."""


def months(connection: Connection) -> list[Audit]:
    """Every month that has crimes or cells, newest first."""
    held = {row.month: row.marks for row in connection.execute(_HELD)}
    found = {*held}
    for table in ("safety_cells", "coarse_cells"):
        found.update(connection.scalars(text(_MONTHS.format(table=table))))
    return [_month(connection, month, held.get(month, "{}")) for month in sorted(found, reverse=True)]


def _month(connection: Connection, month: dt.date, marks: str) -> Audit:
    row = connection.execute(_AUDIT, {"month": month, "suffix": f"_{month:%Y%m}", "held": marks}).one()
    return Audit(month, **row._mapping)
