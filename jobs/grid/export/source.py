"""Cells and months as they are exported: streamed from PostgreSQL in the order of the cells.

A cell's months follow each other, so that what is computed once for a cell is kept no longer than a batch.
"""

import datetime as dt
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import h3.api.basic_int as h3
import numpy as np
import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from jobs import crimes
from jobs.grid.export.about import About
from jobs.grid.query import ExportQuery
from jobs.grid.region import Ints, ranges

COLUMNS: Final = (
    "cell_id",
    "h3_index",
    "h3_resolution",
    "month",
    "crime_count_total",
    "crime_count_weighted",
    "stats",
)
"""Of a record, in every format."""
Parts = Generator[bytes, None, None]
"""A file as it is made."""
TYPED: Final = "cell_id, crime_count_total, crime_count_weighted, stats::text"
AS_TEXT: Final = "cell_id, crime_count_total::text, crime_count_weighted::text, stats::text"
Batch = list[Any]
"""Rows of tuples; the first of each begins with the cell_id."""
# A cell_id is the text of the cell, `_`, and the month as YYYYMM.
H3: Final = slice(0, 15)
MONTH: Final = slice(16, 22)
# Records in memory at a time.
BATCH: Final = 10_000
# Some 36 km2: few enough in a country, and few cells of others beside an area's own.
_COARSE: Final = 6

_STORED: Final = "SELECT {columns} FROM safety_cells WHERE month BETWEEN %(first)s AND %(last)s ORDER BY cell_id"
# OFFSET 0 keeps PostgreSQL from joining in another order: each range is one look into the primary key.
_STORED_IN_RANGES: Final = """
    SELECT {columns} FROM unnest(%(lows)s, %(highs)s) AS part (low, high)
    CROSS JOIN LATERAL (
        SELECT * FROM safety_cells
        WHERE cell_id BETWEEN low AND high || '_9999' AND month = ANY(%(months)s) ORDER BY cell_id OFFSET 0
    ) AS cells
"""
_COUNTED: Final = """
    SELECT {columns} FROM (
        SELECT to_hex(h3_cell) || to_char(month, '_YYYYMM') AS cell_id, to_hex(h3_cell) AS h3_index,
               h3_cell >> 52 & 15 AS h3_resolution, month, sum(n)::int AS crime_count_total,
               sum(n * weight) AS crime_count_weighted, jsonb_object_agg(category, n) AS stats
        FROM (
            SELECT month, h3_cell, category, count(*) AS n
            FROM crime_incidents JOIN points ON points.id = point_id
            WHERE month = ANY(%(months)s) AND {which} GROUP BY 1, 2, 3
        ) AS counted
        JOIN crime_weights USING (category) JOIN weight_schemes ON name = scheme AND is_default
        GROUP BY month, h3_cell ORDER BY h3_cell, month
    ) AS cells
"""
_OF_AREA: Final = "point_id IN (SELECT point_id FROM area_points WHERE area = %(area)s)"
_OF_POINTS: Final = "point_id = ANY(%(points)s)"
_CELLS = text(
    """
    SELECT h3_cell, bool_and(point_id IS NOT NULL) AS is_whole
    FROM points LEFT JOIN area_points ON point_id = points.id AND area = :area
    GROUP BY 1 HAVING count(point_id) > 0 ORDER BY 1
    """
)
_POINTS = text(
    "SELECT point_id FROM area_points JOIN points ON id = point_id WHERE area = :area AND h3_cell = ANY(:cells)"
)


@dataclass
class Source:
    """What is exported, for one transaction; counts what was read."""

    connection: Connection
    about: About
    query: ExportQuery
    count: int = 0

    def batches(self, columns: str = TYPED, size: int = 0) -> Generator[Batch, None, None]:
        """The records. With an area, of its own crimes: a cell that its border cuts counts those inside.

        columns: SQL of COLUMNS, the first of which begins with the cell_id.
        """
        months, area = self.about.period.months, self.about.area
        if not months:
            return
        read = partial(self._stream, columns, size or BATCH)
        parts = self._of_area(read, area) if area else read(_STORED, first=months[0], last=months[-1])
        for rows in parts:
            self.count += len(rows)
            yield rows

    def _of_area(self, read: Callable[..., Iterator[Batch]], area: str) -> Iterator[Batch]:
        """Cells with all of their points inside as the grid has them; the others are counted anew, as few as they are.

        Months that changed since the grid was built too: the grid's own readers count an area's crimes as they are.
        """
        months, outdated = self._months()
        found = self.connection.execute(_CELLS, {"area": area}, execution_options={"stream_results": True})
        cells = np.fromiter(map(tuple, found), np.dtype("i8, ?"))
        whole, cut = cells["f0"][cells["f1"]], cells["f0"][~cells["f1"]]
        if outdated:
            yield from read(_COUNTED, which=_OF_AREA, months=outdated, area=area)
        if months and len(cut):
            points = list(self.connection.scalars(_POINTS, {"area": area, "cells": cut.tolist()}))
            yield from read(_COUNTED, which=_OF_POINTS, months=months, points=points)
        if months and len(whole):
            parts = ranges(_parents(whole), [h3.get_resolution(int(whole[0]))])
            lows, highs = map(list, zip(*parts, strict=True))
            for rows in read(_STORED_IN_RANGES, months=months, lows=lows, highs=highs):
                yield _among(whole, rows)

    def _months(self) -> tuple[list[dt.date], list[dt.date]]:
        """Months whose grid is of the crimes that are held, and the others."""
        months = self.about.period.months
        built = crimes.built_fingerprints(self.connection)
        states = crimes.month_states(self.connection, months[0], months[-1])
        same = {state.month for state in states if built.get(state.month) == state.fingerprint}
        return [month for month in months if month in same], [month for month in months if month not in same]

    def _stream(self, columns: str, size: int, statement: str, which: str = "", **values: Any) -> Iterator[Batch]:
        """By a cursor of the server, and as the driver has the rows: to wrap them costs as much as to read them."""
        with _cursor(self.connection) as cursor, ThreadPoolExecutor(1) as ahead:
            try:
                cursor.execute(statement.format(columns=columns, which=which), values)
                coming = ahead.submit(cursor.fetchmany, size)
                while rows := coming.result():
                    # PostgreSQL is at work on the next batch while this one is written.
                    coming = ahead.submit(cursor.fetchmany, size)
                    yield rows
            except psycopg2.Error as error:
                raise DBAPIError.instance(statement, None, error, psycopg2.Error) from error


@contextmanager
def _cursor(connection: Connection) -> Iterator[Any]:
    driver: Any = connection.connection
    cursor = driver.cursor("safegrid_export")
    try:
        yield cursor
    finally:
        # Whoever gives up reading may have ended the transaction, and the cursor with it.
        with suppress(psycopg2.Error):
            cursor.close()


def _parents(cells: Ints) -> list[int]:
    """The cells of the coarse resolution that these, of one resolution, lie in."""
    finer = h3.get_resolution(int(cells[0]))
    return sorted({h3.cell_to_parent(cell, min(_COARSE, finer)) for cell in cells.tolist()})


def _among(cells: Ints, rows: Batch) -> Batch:
    """Rows of these cells, which stand in the order of their numbers."""
    names = list(dict.fromkeys([row[0][H3] for row in rows]))
    numbers = np.array([int(name, 16) for name in names], np.int64)
    places = np.minimum(np.searchsorted(cells, numbers), len(cells) - 1)
    kept = {name for name, is_in in zip(names, cells[places] == numbers, strict=True) if is_in}
    return rows if len(kept) == len(names) else [row for row in rows if row[0][H3] in kept]
