"""Whatever the crimes are: the grid is theirs, in any order, at any resolution, built at once or bit by bit."""

import csv
import io
from typing import Any

import h3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from jobs.context import Context
from jobs.grid import cells, period
from jobs.grid.query import GridQuery
from jobs.grid.rebuild import rebuild_safety_grid
from tests.gridded import CATEGORIES, HARM, Place, counted, hold
from tests.integration.crimes import change, rows
from tests.integration.test_real_months import HAMPSHIRE, SOUTHAMPTON, member

CELLS = (
    "SELECT cell_id, h3_index, h3_resolution, month, crime_count_total, crime_count_weighted, stats FROM safety_cells"
)
MONTHS = ["2023-11", "2023-12", "2024-01"]
REAL = ["2018-10", "2018-11", "2018-12", "2019-01", "2019-02", "2024-01", "2024-02", "2024-03", "2024-04"]

# Few points, so that crimes share cells; some of them a hair's breadth apart.
POINTS = st.builds(lambda step, hair: (50.9 + step * 0.004, -1.4 + hair * 1e-6), st.integers(0, 8), st.integers(0, 3))
MONTH = st.lists(st.tuples(POINTS, st.sampled_from(CATEGORIES)), min_size=1, max_size=25)
GRIDS = st.lists(MONTH, min_size=len(MONTHS), max_size=len(MONTHS))
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def places(month: str, crimes: list[Any]) -> list[Place]:
    return [Place(month, *point, category) for point, category in crimes]


def grid(connection: Connection) -> list[tuple[Any, ...]]:
    return rows(connection, f"{CELLS} ORDER BY cell_id")


def empty(connection: Connection) -> None:
    held = ("crime_incidents", "area_months", "month_grounds", "held_months")
    for table in (*held, "ingestion_runs", "safety_cells", "coarse_cells", "grid_months"):
        change(connection, f"DELETE FROM {table}")


def sums(connection: Connection, resolution: int, **wanted: Any) -> dict[str, tuple[int, float]]:
    """{cell: crimes, weighted} as the grid is read."""
    query = GridQuery(**wanted)
    with connection.begin():
        chosen = period.select(period.held_months(connection), query.first, query.last, query.recency)
        found = cells.read(connection, query, query.scheme or "", chosen, resolution)
    names = map(h3.int_to_str, found.ids.tolist())
    return dict(zip(names, zip(found.counts.tolist(), found.weighted.tolist(), strict=True), strict=True))


@QUICK
@given(GRIDS, st.randoms(use_true_random=False))
def test_order_is_irrelevant_and_changes_bit_by_bit_lead_to_the_same_grid(
    here: Context, months: list[list[Any]], chance: Any
) -> None:
    empty(here.connection)
    held = {month: places(month, crimes) for month, crimes in zip(MONTHS, months, strict=True)}
    for month in MONTHS:
        hold(here.connection, month, held[month])
    rebuild_safety_grid()
    whole = grid(here.connection)
    # Again from nothing, in another order, and by way of other crimes.
    empty(here.connection)
    for month in chance.sample(MONTHS, 3):
        hold(here.connection, month, held[chance.choice(MONTHS)])
        rebuild_safety_grid()
    for month in chance.sample(MONTHS, 3):
        hold(here.connection, month, chance.sample(held[month], len(held[month])))
        rebuild_safety_grid(months=chance.choice([1, 3]))
    rebuild_safety_grid()
    assert grid(here.connection) == whole
    rebuild_safety_grid(force=True)
    assert grid(here.connection) == whole


@QUICK
@given(GRIDS)
def test_totals_are_kept_at_every_resolution(here: Context, months: list[list[Any]]) -> None:
    empty(here.connection)
    crimes = [one for month, found in zip(MONTHS, months, strict=True) for one in places(month, found)]
    for month in MONTHS:
        hold(here.connection, month, [one for one in crimes if one.month == month])
    rebuild_safety_grid()
    for resolution in range(4, 11):
        found = sums(here.connection, resolution)
        assert {cell: count for cell, (count, _) in found.items()} == counted(crimes, resolution)
        assert sum(weighted for _, weighted in found.values()) == pytest.approx(
            sum(HARM[one.category] for one in crimes)
        )


@pytest.fixture(scope="module")
def real() -> dict[str, list[Place]]:
    """Every real month of the first area's box, from the files themselves."""
    south, west, north, east = SOUTHAMPTON
    found: dict[str, list[Place]] = {}
    for month in REAL:
        for row in csv.DictReader(io.StringIO(member(HAMPSHIRE, month, "hampshire"), newline="")):
            name = row["Crime type"]
            slug = (
                "violent-crime" if name.startswith("Violence") else "-".join(name.lower().replace(" and ", " ").split())
            )
            if row["Latitude"]:
                place = Place(month, float(row["Latitude"]), float(row["Longitude"]), slug)
                if south <= place.lat < north and west <= place.lng < east:
                    found.setdefault(month, []).append(place)
    return found


def test_all_real_months_are_counted_and_weighed_as_computed_one_by_one(
    here: Context, real: dict[str, list[Place]]
) -> None:
    for month, crimes in real.items():
        hold(here.connection, month, crimes)
    rebuild_safety_grid(months=1, until="2018-10")
    assert len(rebuild_safety_grid(months=60, until="2019-02")["months_held"]) == 5
    assert len(rebuild_safety_grid(months=4)["months_held"]) == 4
    scales: dict[str, dict[str, float]] = {}
    for scheme, category, weight in rows(here.connection, "SELECT scheme, category, weight FROM crime_weights"):
        scales.setdefault(scheme, {})[category] = weight
    expected: dict[str, dict[str, Any]] = {}
    for crimes in real.values():
        for one in crimes:
            cell = h3.latlng_to_cell(one.lat, one.lng, 10)
            row = expected.setdefault(
                f"{cell}_{one.month.replace('-', '')}", {"total": 0, "weighted": 0.0, "stats": {}}
            )
            row["total"] += 1
            row["weighted"] += scales["saferoute"][one.category]
            row["stats"][one.category] = row["stats"].get(one.category, 0) + 1
    built = grid(here.connection)
    assert len(built) == len(expected) > 10_000
    for cell_id, _, _, _, total, weighted, stats in built:
        assert {"total": total, "weighted": pytest.approx(weighted), "stats": stats} == expected[cell_id]
    every = [one for crimes in real.values() for one in crimes]
    for scheme, scale in scales.items():
        for resolution in (4, 5, 6, 7, 8, 10):
            found = sums(here.connection, resolution, first="2018-01", scheme=scheme)
            assert {cell: count for cell, (count, _) in found.items()} == counted(every, resolution)
            assert sum(weighted for _, weighted in found.values()) == pytest.approx(
                sum(scale[one.category] for one in every)
            )
