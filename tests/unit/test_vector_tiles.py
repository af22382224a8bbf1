"""Vector tiles, read with another program's decoder."""

import itertools
from importlib.util import find_spec
from typing import Any

import h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.grid import mvt, tiles
from jobs.grid.cells import Cells, Sums
from jobs.grid.tiles import Tile
from tests.conftest import needs

Z12 = Tile(12, 2032, 1372)


def decode(tile: bytes) -> dict[str, Any]:
    """{layer: {extent, version, features}}, y down."""
    needs("the package mapbox-vector-tile", find_spec("mapbox_vector_tile") is not None)
    import mapbox_vector_tile

    found: dict[str, Any] = mapbox_vector_tile.decode(tile, default_options={"y_coord_down": True})
    return found


def cells_around(tile: Tile, rings: int = 2) -> Cells:
    """Cells around the middle of the tile; each has its place in the row as its number of crimes."""
    middle = tile.region.shape.centroid
    names = sorted(h3.grid_disk(h3.latlng_to_cell(middle.y, middle.x, tile.resolution), rings))
    ids = np.array([h3.str_to_int(name) for name in names])
    counts = np.arange(1, len(ids) + 1)
    return Cells.shown(Sums(ids, counts, counts // 2, counts * 1.5), tile.region)


@pytest.mark.parametrize("tile", [Z12, Tile(9, 254, 171), Tile(16, 32512, 21967), Tile(6, 31, 21)])
def test_cells_come_out_as_they_went_in(tile: Tile) -> None:
    cells = cells_around(tile)
    layer = decode(tiles.encode(tile, cells))["cells"]
    assert (layer["extent"], layer["version"]) == (4096, 2)
    found = {feature["properties"]["h3"]: feature for feature in layer["features"]}
    assert found.keys() == set(cells.names)
    columns = zip(cells.names, cells.counts, cells.densities, cells.smoothed, cells.few_data, strict=True)
    for name, count, density, smoothed, few in columns:
        assert found[name]["properties"] == {
            "h3": name,
            "crimes": count,
            "asb": count // 2,
            "weighted": count * 1.5,
            "density_per_km2": round(density, 4),
            "smoothed_per_km2": round(smoothed, 4),
            "covered": 1.0,
            "few_data": bool(few),
        }
        assert type(found[name]["properties"]["crimes"]) is int
        assert type(found[name]["properties"]["few_data"]) is bool


def test_hexagons_stand_where_the_map_has_them() -> None:
    cells = cells_around(Z12)
    features = decode(tiles.encode(Z12, cells))["cells"]["features"]
    edge = shapely.box(-64, -64, 4160, 4160)
    for feature, degrees in zip(features, cells.outlines, strict=True):
        drawn = shapely.Polygon(feature["geometry"]["coordinates"][0])
        expected = shapely.intersection(shapely.transform(degrees, Z12.project), edge)
        assert drawn.is_valid
        assert edge.contains(drawn)
        assert shapely.hausdorff_distance(drawn, expected) < 1
        # Clockwise on the screen, where y goes down: the area by the surveyor's formula is positive.
        ring = feature["geometry"]["coordinates"][0]
        assert sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in itertools.pairwise(ring)) > 0


def test_a_tile_covers_its_place_on_the_map() -> None:
    west, south, east, north = Z12.region.shape.bounds
    assert Z12.project(np.array([[west, north], [east, south]])) == pytest.approx(np.array([[0, 0], [4096, 4096]]))
    assert Tile(0, 0, 0).region.shape.bounds == pytest.approx((-180, -85.0511288, 180, 85.0511288))
    # The tile of Southampton's centre, by the map's own rule.
    assert west < -1.404 < east
    assert south < 50.905 < north


def test_a_tile_without_cells_has_no_bytes() -> None:
    assert tiles.encode(Z12, Cells.shown(Sums(*(np.zeros(0, kind) for kind in (int, int, int, float))), None)) == b""


def test_what_is_too_small_to_be_drawn_is_left_out() -> None:
    cells = cells_around(Z12)
    assert len(decode(tiles.encode(Tile(0, 0, 0), cells))["cells"]["features"]) < len(cells) / 2


RINGS = st.lists(
    st.tuples(st.integers(-5000, 5000), st.integers(-5000, 5000)), min_size=3, max_size=8, unique=True
).filter(
    lambda ring: len({x for x, _ in ring}) > 1 and shapely.Polygon(ring).is_valid and shapely.Polygon(ring).area > 1
)
VALUES = st.one_of(
    st.text(max_size=20),
    st.booleans(),
    st.integers(-(2**31), 2**31),
    st.floats(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(RINGS, st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4)), min_size=1, max_size=4
    )
)
def test_any_polygon_and_any_value_can_be_read_back(
    features: list[tuple[list[mvt.Point], dict[str, mvt.Value]]],
) -> None:
    clockwise = [
        (ring[::-1] if shapely.LinearRing(ring).is_ccw is False else ring, values) for ring, values in features
    ]
    decoded = decode(mvt.layer("things", clockwise))["things"]["features"]
    for feature, (ring, values) in zip(decoded, clockwise, strict=True):
        assert feature["properties"] == values
        assert [type(value) for value in feature["properties"].values()] == [type(value) for value in values.values()]
        assert [tuple(corner) for corner in feature["geometry"]["coordinates"][0][:-1]] == ring
