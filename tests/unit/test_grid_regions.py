"""Which cells a part of the map touches, and in which ranges of numbers they are found."""

import itertools

import h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.grid.ground import Ground
from jobs.grid.region import Region, outlines, ranges

SIDES = st.floats(0.0001, 0.2)


def boxes(size: st.SearchStrategy[float] = SIDES) -> st.SearchStrategy[Region]:
    return st.builds(
        lambda lat, lng, high, wide: Region(shapely.box(lng, lat, lng + wide, lat + high)),
        st.floats(49.9, 55.8),
        st.floats(-6.0, 1.8),
        size,
        size,
    )


def is_in(cell: str, parts: list[tuple[str, str]]) -> bool:
    return any(low <= cell <= high for low, high in parts)


@settings(max_examples=60, deadline=None)
@given(boxes(), st.integers(7, 10), st.randoms(use_true_random=False))
def test_every_cell_that_touches_and_its_neighbours_are_in_the_ranges(
    region: Region, resolution: int, chance: object
) -> None:
    parts = ranges(region.covering(resolution), (10,))
    west, south, east, north = region.shape.bounds
    # Points of the border, and inside of it: the cells there touch the region.
    corners = [(south, west), (south, east), (north, west), (north, east), ((south + north) / 2, (west + east) / 2)]
    points = corners + [
        (chance.uniform(south, north), chance.choice((west, east, chance.uniform(west, east))))
        for _ in range(20)  # type: ignore[attr-defined]
    ]
    for lat, lng in points:
        for cell in h3.grid_disk(h3.latlng_to_cell(lat, lng, resolution), 1):
            children = [h3.cell_to_center_child(cell, 10), *list(h3.cell_to_children(cell, min(10, resolution + 1)))]
            for child in children:
                assert is_in(h3.cell_to_center_child(child, 10), parts)


@settings(max_examples=40, deadline=None)
@given(st.floats(-80, 80), st.floats(-180, 180), st.integers(0, 10), st.integers(0, 5))
def test_ranges_hold_the_descendants_and_no_others(lat: float, lng: float, resolution: int, deeper: int) -> None:
    cell = h3.latlng_to_cell(lat, lng, resolution)
    finer = resolution + deeper
    ((low, high),) = ranges([h3.str_to_int(cell)], (finer,))
    here = h3.latlng_to_cell(lat, lng, finer)
    for other in h3.grid_disk(here, 2):
        assert (low <= other <= high) == (h3.cell_to_parent(other, resolution) == cell)


def test_ranges_are_few_and_do_not_overlap() -> None:
    for size in (0.001, 0.05, 0.5, 3.0):
        for resolution in (7, 10):
            covering = Region(shapely.box(-2, 51, -2 + size, 51 + size)).covering(resolution)
            parts = sorted(ranges(covering, (10,)))
            assert 0 < len(parts) < 150
            assert all(before[1] < after[0] for before, after in itertools.pairwise(parts))


def test_the_whole_world_is_not_narrowed() -> None:
    assert Region(shapely.box(-180, -85, 180, 85)).covering(9) == []


@pytest.mark.parametrize("resolution", [4, 7, 9])
def test_a_quarter_of_the_world_is_not_taken_for_the_other_side(resolution: int) -> None:
    covering = Region(shapely.box(-90, 0, 0, 66.5)).covering(resolution)
    assert not covering or is_in(h3.latlng_to_cell(51.5, -0.1, 10), ranges(covering, (10,)))


def test_outlines_are_the_hexagons_counterclockwise() -> None:
    cells = [h3.str_to_int(cell) for cell in h3.grid_disk(h3.latlng_to_cell(50.9, -1.4, 9), 3)]
    shapes = outlines(cells)
    assert shapely.is_valid(shapes).all()
    assert shapely.is_ccw(shapely.get_exterior_ring(shapes)).all()
    # They tile the plane: together they are as large as each of them added up.
    assert np.isclose(shapely.union_all(shapes).area, shapely.area(shapes).sum(), rtol=1e-9)


def test_without_cells_there_are_no_outlines() -> None:
    assert outlines([]).shape == (0,)


def test_a_pentagon_has_the_outline_of_five_corners() -> None:
    cell = sorted(h3.get_pentagons(4))[0]
    middle = h3.str_to_int(cell)
    (shape,) = outlines([middle])
    assert shape.equals(shapely.Polygon([(lng, lat) for lat, lng in h3.cell_to_boundary(cell)]))
    mixed = outlines([middle, *map(h3.str_to_int, h3.grid_ring(cell, 1))])
    assert np.isclose(shapely.union_all(mixed).area, shapely.area(mixed).sum(), rtol=1e-9)


def test_touching_is_by_the_hexagon_and_not_by_its_centre() -> None:
    cell = h3.latlng_to_cell(50.9, -1.4, 9)
    shapes = outlines([h3.str_to_int(cell)])
    west, south, east, north = shapes[0].bounds
    corner = Region(shapely.box(west, south, west + (east - west) / 4, north))
    assert corner.touches(shapes).tolist() == [True]
    assert Region(shapely.box(east + 1e-6, south, east + 1, north)).touches(shapes).tolist() == [False]


@settings(max_examples=40, deadline=None)
@given(st.integers(4, 9), st.integers(0, 1_000), st.booleans())
def test_the_share_of_a_cell_is_that_of_one_plain_overlay(resolution: int, seed: int, has_hole: bool) -> None:
    """Also where the border is ragged, has several parts or a hole, and misses the cell."""
    chance = np.random.default_rng(seed)
    middle = h3.latlng_to_cell(*chance.uniform((50, -6), (55, 1)), resolution)
    shapes = outlines(sorted(h3.str_to_int(cell) for cell in h3.grid_disk(middle, 3)))
    centre = shapely.centroid(shapes[len(shapes) // 2])
    wide = np.sqrt(shapely.area(shapes).sum()) * chance.uniform(0.1, 1)
    angles = np.sort(chance.uniform(0, 2 * np.pi, 400))
    reach = wide * chance.uniform(0.4, 1, 400)
    ring = np.stack([centre.x + reach * np.cos(angles), centre.y + reach * np.sin(angles)], axis=1)
    land = shapely.make_valid(shapely.polygons(ring))
    land = land.difference(centre.buffer(wide / 5)) if has_hole else land.union(shapes[0])
    expected = shapely.area(shapely.intersection(land, shapes)) / shapely.area(shapes)
    assert np.allclose(Ground(land).shares(shapes), expected, atol=1e-9)
