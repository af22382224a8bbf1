"""What was not supplied of the months that somebody reads: beside numbers, and as land on a map."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import h3.api.basic_int as h3
from sqlalchemy import Connection, Row, text

from jobs import areas
from jobs.coverage import cells
from jobs.coverage.judge import LANDLESS
from jobs.months import month_text

_LACKING = text(
    """
    SELECT force, status, array_agg(DISTINCT month ORDER BY month) AS months, array_agg(DISTINCT area) AS areas
    FROM area_coverage
    WHERE month = ANY(:months) AND status IN ('missing', 'partial') AND (CAST(:area AS text) IS NULL OR area = :area)
    GROUP BY force, status ORDER BY array_position(ARRAY['missing', 'partial'], status), force
    """
)
_LAND = text("SELECT cell FROM force_cells WHERE force = :force AND cell = ANY(:cells)")

DID = {"missing": "did not supply", "partial": "supplied only a part of"}
"""What a force did of a month, in words, by status."""
NotSupplied = dict[str, Any]
"""force, status (missing or partial), months as YYYY-MM"""


def lacking(connection: Connection, months: Sequence[dt.date], area: str | None = None) -> list[NotSupplied]:
    """What forces did not supply of these months, or not whole, in an area or anywhere; missing ones first."""
    return [_said(row) for row in connection.execute(_LACKING, {"months": list(months), "area": area})]


def _said(row: Row[Any]) -> NotSupplied:
    return {"force": row.force, "status": row.status, "months": [month_text(month) for month in row.months]}


def lacking_at(connection: Connection, months: Sequence[dt.date], cell: int) -> list[NotSupplied]:
    """The same of the force whose land a cell is, and of the railway police; of all where the cell is too coarse."""
    found = lacking(connection, months)
    if not found or h3.get_resolution(cell) < cells.RESOLUTION:
        return found
    (force,) = cells.located(connection, [h3.cell_to_parent(cell, cells.RESOLUTION)]).values() or (None,)
    return [one for one in found if force is None or one["force"] in (force, LANDLESS)]


def land(connection: Connection, months: Sequence[dt.date]) -> dict[str, Any]:
    """GeoJSON of the areas' land whose force supplied nothing of some of these months, or not all."""
    of_area = {area.slug: cells.inside(area) for area in areas.all_areas(connection)}
    features = []
    for row in connection.execute(_LACKING, {"months": list(months), "area": None}).all():
        own = sorted(set().union(*(of_area[area] for area in row.areas)))
        found = list(connection.scalars(_LAND, {"force": row.force, "cells": own}))
        if found:
            features.append({"type": "Feature", "geometry": h3.cells_to_geo(found), "properties": _said(row)})
    return {"type": "FeatureCollection", "features": features}
