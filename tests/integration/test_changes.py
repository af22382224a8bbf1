"""Two periods compared: counts as they were put in, chances in whole numbers, and only what is held and supplied."""

import datetime as dt
import gzip
import json
import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import h3
import mapbox_vector_tile
import pytest
from sqlalchemy import Connection, text

from jobs import database
from jobs.grid import store
from jobs.grid.changes.query import ChangeQuery, ChangesQuery, ChangeTileQuery
from jobs.grid.query import QueryRefused
from jobs.grid.reading import Grid
from jobs.grid.tiles import Tile
from jobs.months import parse_month
from tests.browser import town
from worker.settings import Settings

# {latitude, longitude: crimes of May 2023, of May 2024}
PLACES = {(50.905, -1.404): (4, 20), (50.911, -1.44): (9, 6), (50.93, -1.38): (0, 1), (50.88, -1.5): (3, 0)}
RISEN, FALLEN, NEW, GONE = (h3.cell_to_parent(h3.latlng_to_cell(*place, 10), 9) for place in PLACES)
A_YEAR = ChangesQuery(compare=12, first=parse_month("2024-05"))


@pytest.fixture
def grid(settings: Settings, connection: Connection) -> Iterator[Grid]:
    """Of May of two years, and of a June that has no other."""
    with connection.begin():
        for month, counts in (("2023-05", 0), ("2024-05", 1), ("2024-06", 1)):
            cells = {h3.latlng_to_cell(*place, 10): crimes[counts] for place, crimes in PLACES.items()}
            put = {cell: Counter({"drugs": 1, "burglary": n - 1}) for cell, n in cells.items() if n}
            town.put(connection, parse_month(month), put)
    engine = database.create(settings)
    yield Grid(settings, engine)
    engine.dispose()


def unpacked(packed: bytes | None) -> Any:
    return json.loads(gzip.decompress(packed or b""))


def changes(grid: Grid, query: ChangesQuery = A_YEAR) -> dict[str, dict[str, Any]]:
    """{cell: properties}"""
    return {one["id"]: one["properties"] for one in unpacked(grid.past.changes(query).packed)["features"]}


def chance(now: int, before: int) -> float:
    """Of a change as large to either side: of equally many days each crime is of either period by a coin."""
    of, most = now + before, max(now, before)
    tail = Fraction(sum(math.comb(of, n) for n in range(most, of + 1)), 2**of)
    return float(min(Fraction(1), 2 * tail))


def test_each_cell_has_both_counts_and_the_chance_that_whole_numbers_give(grid: Grid) -> None:
    found = changes(grid)
    assert set(found) == {RISEN, FALLEN, NEW, GONE}
    for cell, (before, now) in zip((RISEN, FALLEN, NEW, GONE), PLACES.values(), strict=True):
        one = found[cell]
        assert (one["crimes"], one["crimes_before"], one["comparable"]) == (now, before, True)
        assert one["ratio"] == (pytest.approx(now / before, abs=1e-4) if before else None)
        assert one["p_value"] == pytest.approx(chance(now, before), rel=1e-9)
        assert one["within_chance"] is (chance(now, before) >= 0.01)
    assert [cell for cell, one in found.items() if not one["within_chance"]] == [RISEN]


def test_a_month_without_its_other_is_left_out_and_named(grid: Grid) -> None:
    document = unpacked(grid.past.changes(ChangesQuery(compare=12)).packed)
    assert document["months"] == ["2024-05"]
    assert document["months_before"] == ["2023-05"]
    assert document["months_not_compared"] == [f"2023-{month:02}" for month in range(7, 13)] + [
        f"2024-{month:02}" for month in (1, 2, 3, 4, 6)
    ]
    assert {one["properties"]["crimes"] for one in document["features"]} == {20, 6, 1, 0}
    nothing = unpacked(grid.past.changes(ChangesQuery(compare=7)).packed)
    assert (nothing["features"], nothing["months"]) == ([], [])


def test_a_tile_a_region_and_a_cell_say_the_same(grid: Grid) -> None:
    whole = changes(grid)
    place = town.tile_of(RISEN, 12)
    packed = grid.past.change_tile(Tile(*place), ChangeTileQuery(compare=12, first=A_YEAR.first, resolution=9)).packed
    tile = mapbox_vector_tile.decode(gzip.decompress(packed or b""))["cells"]["features"]
    assert RISEN in {one["properties"]["h3"] for one in tile}
    for one in tile:
        known = {name: value for name, value in whole[one["properties"]["h3"]].items() if value is not None}
        assert one["properties"] == known
    query = ChangeQuery(compare=12, first=A_YEAR.first)
    cell = unpacked(grid.past.change(GONE, query).packed)
    assert {name: cell[name] for name in whole[GONE]} == whole[GONE]
    empty = h3.latlng_to_cell(50.86, -1.31, 9)
    assert unpacked(grid.past.change(empty, query).packed)["crimes_before"] == 0
    lat, lng = h3.cell_to_latlng(FALLEN)
    near = {**A_YEAR.model_dump(exclude_none=True), "bbox": f"{lat},{lng},{lat + 1e-4},{lng + 1e-4}"}
    assert set(changes(grid, ChangesQuery(**near))) == {FALLEN}
    assert changes(grid, A_YEAR.model_copy(update={"category": ("drugs",)}))[RISEN]["crimes"] == 1
    coarse = changes(grid, A_YEAR.model_copy(update={"resolution": 5}))
    assert sum(one["crimes"] for one in coarse.values()) == 27
    with pytest.raises(QueryRefused, match="resolution: must be from 4 to 10"):
        changes(grid, A_YEAR.model_copy(update={"resolution": 11}))


def test_cells_are_compared_only_where_both_periods_were_held_and_supplied(grid: Grid, connection: Connection) -> None:
    half = "[[[[-3,50],[-1.42,50],[-1.42,52],[-3,52],[-3,50]]]]"
    with connection.begin():
        connection.execute(
            text("UPDATE month_grounds SET boundary = jsonb_set(boundary, '{coordinates}', CAST(:half AS jsonb)) "
                 "WHERE month = '2023-05-01'"),
            {"half": half},
        )  # fmt: skip
    assert {cell for cell, one in changes(grid).items() if one["comparable"]} == {FALLEN, GONE}
    own = h3.str_to_int(h3.cell_to_parent(GONE, 6))
    with connection.begin():
        connection.execute(
            text("INSERT INTO force_cells (cell, force) VALUES (:own, 'dorset') "
                 "ON CONFLICT (cell) DO UPDATE SET force = excluded.force"),
            {"own": own},
        )  # fmt: skip
        connection.execute(
            text("INSERT INTO area_coverage (area, month, force, status, reason, placed, is_whole) VALUES "
                 "('southampton-core', :month, 'dorset', 'partial', 'Half of a file', 0, false)"),
            {"month": dt.date(2024, 5, 1)},
        )  # fmt: skip
    found = changes(grid)
    of_dorset = {cell for cell in found if h3.cell_to_parent(cell, 6) == h3.cell_to_parent(GONE, 6)}
    assert {cell for cell, one in found.items() if one["comparable"]} == {FALLEN, GONE} - of_dorset
    coarse = changes(grid, A_YEAR.model_copy(update={"resolution": 5}))
    assert not coarse[h3.cell_to_parent(GONE, 5)]["comparable"]
    # Where nobody has asked whose land it is, it may be theirs.
    with connection.begin():
        connection.execute(text("DELETE FROM force_cells"))
        store.publish(connection, store.next_generation(connection))
    assert not any(one["comparable"] for one in changes(grid).values())
