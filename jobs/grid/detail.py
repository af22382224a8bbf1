"""One cell in full: its numbers, its months and categories, and its neighbours."""

from collections.abc import Sequence
from typing import Any

import h3.api.basic_int as h3

from jobs.grid import cells, geojson
from jobs.grid.cells import Sums
from jobs.grid.intervals import MOST, garwood


def of(number: int, rows: Sequence[Any], around: Sums, covered: float) -> dict[str, Any]:
    """The cell as JSON. `rows`: month, category, n, weighted of it; `around`: sums of it and of its neighbours;
    `covered`: the share of it whose crimes are held.
    """
    sums = dict(
        zip(around.ids.tolist(), zip(around.counts.tolist(), around.weighted.tolist(), strict=True), strict=True)
    )
    disk = h3.grid_disk(number, 1)
    crimes, weighted = sums[number]
    area_km2 = h3.cell_area(number)
    lat, lng = h3.cell_to_latlng(number)
    return {
        "h3": h3.int_to_str(number),
        "resolution": h3.get_resolution(number),
        # Six decimals of a degree are a tenth of a metre; four of a weight are more than any scheme has.
        "latitude": round(lat, 6),
        "longitude": round(lng, 6),
        "area_km2": round(area_km2, 6),
        "crimes": crimes,
        "asb": sum(int(row.n) for row in rows if row.category == cells.ASB),
        "interval_95": [round(end, 6) for end in garwood(crimes)] if crimes <= MOST else None,
        "covered": round(covered, 4),
        "weighted": round(weighted, 4),
        "density_per_km2": round(weighted / area_km2, 4),
        "smoothed_per_km2": round(sum(near for _, near in sums.values()) / (len(disk) * area_km2), 4),
        "few_data": crimes < cells.FEW,
        "by_category": _totals(rows),
        "by_month": _months(rows),
        "neighbours": [_neighbour(one, *sums.get(one, (0, 0.0))) for one in sorted(set(disk) - {number})],
        **geojson.ABOUT,
    }


def _neighbour(number: int, crimes: int, weighted: float) -> dict[str, Any]:
    return {"h3": h3.int_to_str(number), "crimes": crimes, "weighted": round(weighted, 4)}


def _totals(rows: Any) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row.category] = totals.get(row.category, 0) + int(row.n)
    return dict(sorted(totals.items(), key=lambda total: (-total[1], total[0])))


def _months(rows: Any) -> list[dict[str, Any]]:
    months: dict[str, dict[str, Any]] = {}
    for row in rows:
        month = months.setdefault(
            row.month.isoformat(), {"month": row.month.isoformat(), "crimes": 0, "weighted": 0.0, "categories": {}}
        )
        month["crimes"] += int(row.n)
        month["weighted"] = round(month["weighted"] + row.weighted, 4)
        month["categories"][row.category] = int(row.n)
    return list(months.values())
