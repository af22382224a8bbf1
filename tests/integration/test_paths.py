"""Ways are scored as PostGIS measures them and as sums by hand have it."""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import h3
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from jobs import database
from jobs.errors import WrongCall
from jobs.grid.intervals import garwood
from jobs.grid.paths import clipping, corridor, polyline
from jobs.grid.paths.geodesy import Floats, lengths_m, metres_per_degree
from jobs.grid.paths.query import PathQuery
from jobs.grid.query import QueryRefused
from jobs.grid.reading import Grid
from tests.gridded import HARM, Place, build, hold, scattered
from worker.settings import Settings

MONTHS = ("2023-12", "2024-01")
# Across Southampton, with a bend, a segment of a metre, and one that is as long as the town.
WAY = np.array(
    [
        (-1.4652, 50.9101),
        (-1.4401, 50.9152),
        (-1.44009, 50.91521),
        (-1.4041, 50.9093),
        (-1.3601, 50.9402),
        (-1.34, 50.9),
    ]
)
# It crosses itself, and so leaves a hole in its corridor.
LOOP = np.array([(-1.40, 50.90), (-1.40, 50.92), (-1.38, 50.92), (-1.38, 50.91), (-1.42, 50.91), (-1.40, 50.90)])


@pytest.fixture
def crimes(connection: Connection) -> list[Place]:
    found = {month: scattered(month, 3000) for month in MONTHS}
    for month, places in found.items():
        hold(connection, month, places)
    build(connection)
    return [one for places in found.values() for one in places]


@pytest.fixture
def grid(settings: Settings, engine: Engine, crimes: list[Place]) -> Grid:
    return Grid(settings, engine)


def asked(line: Floats, **values: Any) -> PathQuery:
    return PathQuery(paths=[{"type": "LineString", "coordinates": line.tolist()}], **values)


def scored(grid: Grid, query: PathQuery) -> Any:
    return json.loads(grid.paths(query))


def by_hand(line: Floats, buffer_m: float) -> list[dict[str, tuple[float, float]]]:
    """Of each segment: {cell: (share of its area, part of the segment)}, one shapely call a cell that may be near."""
    found = []
    near = {cell for point in densified(line) for cell in h3.grid_disk(h3.latlng_to_cell(*point[::-1], 10), 4)}
    for start, end in itertools.pairwise(line):
        shares: dict[str, tuple[float, float]] = {}
        scale = metres_per_degree(np.array([(start[1] + end[1]) / 2]))[0]
        segment = shapely.LineString([start * scale, end * scale])
        rectangle = shapely.buffer(segment, buffer_m, cap_style="flat")
        for cell in near:
            hexagon = shapely.Polygon([np.array((lng, lat)) * scale for lat, lng in h3.cell_to_boundary(cell)])
            if hexagon.intersects(rectangle):
                part = hexagon.intersection(segment).length / segment.length
                shares[cell] = (hexagon.intersection(rectangle).area / hexagon.area, part)
        found.append(shares)
    return found


def densified(line: Floats) -> Iterator[Floats]:
    for start, end in itertools.pairwise(line):
        yield from (start + (end - start) * part for part in np.linspace(0, 1, 200))


def test_a_way_has_what_its_cells_have_by_the_part_in_its_corridor(grid: Grid, crimes: list[Place]) -> None:
    # Short segments: of longer ones pieces have metres of their own, by which the sum differs in the fifth digit.
    line = np.array(list(densified(WAY))[::20])
    line = line[np.concatenate(([True], np.abs(np.diff(line, axis=0)).sum(axis=1) > 1e-4))]
    (way,) = scored(grid, asked(line, buffer_m=60))["paths"]
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in crimes:
        counts[h3.latlng_to_cell(one.lat, one.lng, 10)][one.category] += 1
    total = 0.0
    for segment, shares in zip(way["segments"], by_hand(line, 60), strict=True):
        expected = {cell: share for cell, share in shares.items() if share[0] > 1e-12}
        told = {one["h3"]: one["share"] for one in segment["cells"] if one["share"] > 1e-12}
        assert told == pytest.approx({cell: share for cell, (share, _) in expected.items()}, rel=1e-8, abs=1e-10)
        weighted = sum(share * sum(HARM[c] * n for c, n in counts[cell].items()) for cell, (share, _) in shares.items())
        assert segment["weighted"] == pytest.approx(weighted, rel=1e-9, abs=1e-9)
        inside = {one["h3"]: one["length_m"] / segment["length_m"] for one in segment["cells"]}
        assert inside == pytest.approx({cell: shares[cell][1] for cell in inside}, abs=1e-9)
        total += weighted
    assert way["weighted"] == pytest.approx(total, rel=1e-9)
    km = way["length_m"] / 1000
    assert way["weighted_per_km_month"] == pytest.approx(total / km / len(MONTHS), rel=1e-9)
    assert sum(way["categories"].values()) == pytest.approx(1)
    touched = {cell for shares in by_hand(line, 60) for cell, (share, _) in shares.items() if share > 0}
    whole = sum(sum(counts[cell].values()) for cell in touched)
    part = way["crimes"] / whole
    assert way["interval_95"] == pytest.approx([end * part for end in garwood(whole)], rel=1e-9)
    rates = [one["weighted_per_km_month"] for one in way["segments"]]
    worst = way["worst"]
    assert worst["length_m"] >= 250
    assert way["weighted_per_km_month"] < worst["weighted_per_km_month"] <= max(rates) * (1 + 1e-9)


@pytest.mark.parametrize("line", [WAY, LOOP], ids=["way", "loop"])
@pytest.mark.parametrize("buffer_m", [1.0, 50.0, 500.0])
def test_no_metre_of_a_way_and_none_of_its_corridor_is_left_out(line: Floats, buffer_m: float) -> None:
    found = corridor.of([line], buffer_m, 10)
    inside = np.bincount(found.segment, found.inside_m)
    assert inside == pytest.approx(found.lengths_m, abs=1e-6)
    assert np.bincount(found.segment, found.area_m2) == pytest.approx(2 * buffer_m * found.lengths_m, rel=1e-4)
    crossed = {h3.latlng_to_cell(lat, lng, 10) for lng, lat in densified(line)}
    assert crossed <= {h3.int_to_str(cell) for cell in found.cells.tolist()}


def test_lengths_are_those_of_postgis(postgis: Settings) -> None:
    line = np.concatenate([WAY, LOOP, [(-5.7, 50.1), (-1.4, 55.8), (-1.4, 55.8)]])
    length = "ST_Length(ST_SetSRID(ST_MakeLine(ST_MakePoint(:a, :b), ST_MakePoint(:c, :d)), 4326)::geography)"
    with database.once(postgis) as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS postgis"))
        told = [
            connection.scalar(text(f"SELECT {length}"), dict(zip("abcd", (*start, *end), strict=True)))
            for start, end in itertools.pairwise(line.tolist())
        ]
    assert lengths_m(line[:-1], line[1:]) == pytest.approx(told, abs=1e-3)


# At a pentagon sides of the icosahedron meet: cells of odd resolutions that they cross have more than six corners.
@pytest.mark.parametrize("resolution", [7, 9, 10, 11])
@pytest.mark.parametrize("buffer_m", [5.0, 200.0])
def test_cells_of_other_shapes_leave_nothing_out(resolution: int, buffer_m: float) -> None:
    lat, lng = h3.cell_to_latlng(sorted(h3.get_pentagons(resolution))[3])
    step = 1e-5 * h3.average_hexagon_edge_length(resolution, unit="m")
    angles = np.linspace(0, 2 * np.pi, 7) + 0.1
    line = np.stack([lng + 3 * step * np.cos(angles) / np.cos(np.radians(lat)), lat + 3 * step * np.sin(angles)], -1)
    found = corridor.of([np.concatenate([line, [(lng, lat)]])], buffer_m, resolution)
    corners = [len(h3.cell_to_boundary(h3.int_to_str(cell))) for cell in found.cells.tolist()]
    assert min(corners) == 5 if resolution % 2 == 0 else max(corners) > 6
    assert np.bincount(found.segment, found.inside_m) == pytest.approx(found.lengths_m, abs=1e-6)
    assert np.bincount(found.segment, found.area_m2) == pytest.approx(2 * buffer_m * found.lengths_m, rel=1e-6)


def test_a_way_over_the_antimeridian_goes_the_short_way() -> None:
    found = corridor.of([np.array([(179.98, -16.5), (-179.99, -16.51)])], 100.0, 9)
    assert found.lengths_m == pytest.approx([3390], abs=20)
    assert found.inside_m.sum() == pytest.approx(found.lengths_m[0], abs=1e-6)
    assert found.area_m2.sum() == pytest.approx(200 * found.lengths_m[0], rel=1e-6)


@given(st.integers(0, 10_000), st.integers(4, 10))
def test_what_polygons_share_with_a_strip_is_what_shapely_says(seed: int, corners: int) -> None:
    chance = np.random.default_rng(seed)
    # Around its middle in order: simple, and convex as little as can be.
    angles = (np.arange(corners) + chance.uniform(0, 0.9, (20, corners))) * 2 * np.pi / corners
    away = chance.uniform(0.3, 1.5, (20, corners))
    polygons = np.stack([away * np.cos(angles), away * np.sin(angles)], -1) + chance.uniform(-1, 1, (20, 1, 2))
    # One has a corner on the line, one at the border of the strip, and one does not reach it.
    polygons[:3] -= polygons[:3, :1] * [0, 1]
    polygons[1:3] += [[[0, 0.4]], [[10, 0]]]
    half = chance.uniform(0, 1, 20)
    repeated = np.concatenate([polygons, polygons[:, -1:]], axis=1)
    area, inside = clipping.shared(*repeated.transpose(2, 1, 0), half, 0.4)
    shapes, rectangles = shapely.polygons(polygons), shapely.box(-half, -0.4, half, 0.4)
    assert area == pytest.approx(shapely.area(shapely.intersection(shapes, rectangles)), abs=1e-9)
    lines = shapely.linestrings(np.stack([[-half, half], np.zeros((2, 20))], axis=-1).swapaxes(0, 1))
    assert inside == pytest.approx(shapely.length(shapely.intersection(shapes, lines)), abs=1e-9)


def test_of_two_neighbours_one_has_the_line_between_them() -> None:
    upper = np.array([(-1.0, 0.0), (1.0, 0.0), (1.0, 1.0), (-1.0, 1.0)])
    both = np.stack([upper, upper - [0, 1]])
    area, inside = clipping.shared(*both.transpose(2, 1, 0), np.full(2, 3.0), 0.5)
    assert area.tolist() == [1, 1]
    assert sorted(inside.tolist()) == [0, 2]


@given(st.lists(st.tuples(st.integers(-17_900_000, 17_900_000), st.integers(-8_000_000, 8_000_000)), min_size=1))
def test_an_encoded_polyline_is_decoded(positions: list[tuple[int, int]]) -> None:
    line = np.array(positions)
    assert np.array_equal(np.rint(polyline.decode(encoded(line), 5) * 1e5).astype(int), line)


def encoded(line: Any) -> str:
    """By the definition, a number at a time."""
    said, before = "", (0, 0)
    for lng, lat in line.tolist():
        for step in (lat - before[1], lng - before[0]):
            bits = ~(step << 1) if step < 0 else step << 1
            while bits >= 32:
                said += chr((32 | bits & 31) + 63)
                bits >>= 5
            said += chr(bits + 63)
        before = (lng, lat)
    return said


@pytest.mark.parametrize("wrong", ["", " ", "_p~iF", "_p~iF~ps|U_", "é", "\0\0", "~~~~~~~~~~~~", "_p~iF~ps|U\n"])
def test_what_is_no_polyline_is_refused(wrong: str) -> None:
    with pytest.raises(WrongCall):
        polyline.decode(wrong)


def test_options_choose_the_crimes(grid: Grid) -> None:
    whole = scored(grid, asked(WAY))["paths"][0]
    of_each = [scored(grid, asked(WAY, category=slug))["paths"][0] for slug in HARM]
    assert sum(one["crimes"] for one in of_each) == pytest.approx(whole["crimes"])
    assert sum(one["weighted"] for one in of_each) == pytest.approx(whole["weighted"])
    month = scored(grid, asked(WAY, **{"from": "2024-01", "to": "2024-01"}))
    assert (month["months"], month["from"]) == (["2024-01"], "2024-01")
    assert 0 < month["paths"][0]["crimes"] < whole["crimes"]
    assert scored(grid, asked(WAY))["time_of_day"].startswith("The crimes carry no time of day")


def test_with_recency_older_months_weigh_less(grid: Grid, connection: Connection) -> None:
    hold(connection, "2023-08", scattered("2023-08", 2000))
    build(connection)
    factors = {"2023-08": 0.75, "2023-12": 1, "2024-01": 1}
    of_each = [scored(grid, asked(WAY, **{"from": month, "to": month}))["paths"][0] for month in factors]
    whole = scored(grid, asked(WAY, recency=True))["paths"][0]
    weighed = sum(one["weighted"] * factor for one, factor in zip(of_each, factors.values(), strict=True))
    assert whole["weighted"] == pytest.approx(weighed, rel=1e-9)
    assert whole["crimes"] == pytest.approx(sum(one["crimes"] for one in of_each), rel=1e-9)


def test_what_is_known_of_cells_is_that_of_the_grid_as_it_is(grid: Grid, settings: Settings, engine: Engine) -> None:
    def told(reader: Grid) -> list[str]:
        choices = ({}, {"recency": True}, {"category": "robbery,drugs"}, {"to": MONTHS[0]}, {"scheme": "cambridge"})
        return [reader.paths(asked(WAY, **values)) for values in choices]  # type: ignore[arg-type]

    before = told(grid)
    assert told(grid) == before
    assert len(set(before)) == len(before)
    with engine.connect() as connection:
        # Half of the crimes, and a weight of another grade, which makes no new generation.
        hold(connection, MONTHS[1], scattered(MONTHS[1], 1500, seed=2))
        build(connection)
        connection.execute(text("UPDATE crime_weights SET weight = weight + 1 WHERE category = 'drugs'"))
        connection.commit()
    after = told(grid)
    assert after == told(Grid(settings, engine))
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_where_nothing_is_held_nothing_is_said_to_be_safe(grid: Grid) -> None:
    # Off the coast, and a way that begins on held land and leaves it.
    sea, half = np.array([(-1.0, 50.0), (-1.01, 50.01)]), np.array([(-1.4, 50.92), (-1.4, 51.08)])
    query = PathQuery(paths=[{"type": "LineString", "coordinates": line.tolist()} for line in (sea, half)])
    away, leaving = scored(grid, query)["paths"]
    assert (away["covered"], away["crimes"], away["few_data"], away["categories"]) == (0, 0, True, {})
    assert away["interval_95"][0] == 0 < away["interval_95"][1]
    assert leaving["covered"] == pytest.approx(0.5, abs=0.02)


def test_ways_that_stand_still_have_no_length(grid: Grid) -> None:
    (way,) = scored(grid, asked(np.array([(-1.4, 50.92)] * 3)))["paths"]
    assert (way["length_m"], way["crimes"], way["weighted_per_km_month"]) == (0, 0, 0)
    assert len(way["segments"]) == 2


def test_more_cells_than_an_answer_can_carry_are_refused(grid: Grid) -> None:
    with pytest.raises(QueryRefused, match="must touch at most 20,000 cells"):
        scored(grid, asked(np.array([(-5.0, 50.3), (-1.5, 55.0)]), buffer_m=500))


def test_without_crimes_a_way_has_none(settings: Settings, engine: Engine, connection: Connection) -> None:
    (way,) = scored(Grid(settings, engine), asked(WAY))["paths"]
    assert (way["crimes"], way["covered"]) == (0, 0)
