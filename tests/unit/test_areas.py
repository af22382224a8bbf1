"""What lies in an area: borders are half-open, so that areas which touch share no point and lose none."""

import itertools
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely.geometry import Polygon, mapping

from jobs.areas import Area, AreaError, from_box, from_geojson
from jobs.settings import Box

SOUTH, WEST, NORTH, EAST = BOX = (50.0, -2.0, 51.0, -1.0)


def box(sides: Box = BOX) -> Area:
    return from_box("some-box", "Some box", sides, ())


def polygon(*corners: tuple[float, float], holes: list[list[tuple[float, float]]] | None = None) -> Area:
    """An area from corners with longitude first."""
    return from_geojson("some-polygon", "Some polygon", mapping(Polygon(corners, holes)), ())


def holds(area: Area, *points: tuple[float, float]) -> list[bool]:
    """Of points with latitude first."""
    lat, lng = np.array(points).T
    return list(area.contains(lat, lng))


def test_a_box_holds_its_south_and_west_sides_only() -> None:
    assert holds(box(), (50.5, -1.5), (SOUTH, -1.5), (50.5, WEST), (SOUTH, WEST)) == [True] * 4
    assert holds(box(), (NORTH, -1.5), (50.5, EAST), (NORTH, EAST), (SOUTH, EAST), (NORTH, WEST)) == [False] * 5


def test_no_points_are_no_points() -> None:
    assert box().contains(np.array([]), np.array([])).shape == (0,)


def test_a_hole_is_outside_and_what_fills_it_takes_the_border_once() -> None:
    ring = [(-1.8, 50.2), (-1.8, 50.6), (-1.4, 50.6), (-1.4, 50.2)]
    holed = polygon((-2, 50), (-2, 51), (-1, 51), (-1, 50), holes=[ring])
    filling = polygon(*ring)
    border = [(50.2, -1.8), (50.6, -1.8), (50.6, -1.4), (50.2, -1.4), (50.2, -1.6), (50.6, -1.6), (50.4, -1.8)]
    assert holds(holed, (50.4, -1.6), (50.1, -1.6), (50.9, -1.1)) == [False, True, True]
    assert [a + b for a, b in zip(holds(holed, *border), holds(filling, *border), strict=True)] == [1] * len(border)


def test_an_edge_that_is_almost_level_is_no_fault() -> None:
    assert holds(polygon((0.016, 0), (0, 0.25), (0, 2.225e-311)), (0.45, 0), (0.1, 0.001)) == [False, True]


# Degrees of one part in 64, so that corners, borders and points often meet exactly; and any others.
degrees = st.integers(0, 64).map(lambda part: part / 64) | st.floats(0, 1)
points = st.tuples(degrees, degrees)
shares = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 0.9, 1.0]) | st.floats(0, 1)


@given(points, points, points, points, points, shares)
def test_a_point_near_the_side_that_two_areas_share_is_in_exactly_one(
    a: Any, b: Any, c: Any, d: Any, anywhere: Any, share: float
) -> None:
    side = (b[0] - a[0], b[1] - a[1])
    turn_c, turn_d = (side[0] * (p[1] - a[1]) - side[1] * (p[0] - a[0]) for p in (c, d))
    assume(abs(turn_c) > 1e-3 and abs(turn_d) > 1e-3)
    if turn_c * turn_d > 0:
        d = (a[0] + b[0] - d[0], a[1] + b[1] - d[1])
    # The second goes along the shared side the other way round.
    first, second = polygon(a, b, c), polygon(b, a, d)
    together = shapely.union(first.polygon, second.polygon).buffer(-1e-9)
    on_the_side = (a[0] + share * side[0], a[1] + share * side[1])
    for lng, lat in (anywhere, on_the_side, a, b):
        (one,), (other,) = holds(first, (lat, lng)), holds(second, (lat, lng))
        assert not (one and other)
        if together.contains(shapely.Point(lng, lat)):
            assert one or other


@given(
    st.lists(st.integers(1, 63), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(1, 63), min_size=1, max_size=4, unique=True),
    points,
)
def test_boxes_side_by_side_leave_no_gap_and_no_overlap(lats: list[int], lngs: list[int], point: Any) -> None:
    norths, easts = ([0.0, *(part / 64 for part in sorted(parts)), 1.0] for parts in (lats, lngs))
    boxes = [
        box((south, west, north, east))
        for south, north in itertools.pairwise(norths)
        for west, east in itertools.pairwise(easts)
    ]
    expected = point[0] < 1 and point[1] < 1
    assert sum(holds(one, point)[0] for one in boxes) == expected


@st.composite
def mosaics(draw: st.DrawFn) -> tuple[list[Area], list[tuple[float, float]]]:
    """The unit square as areas of several parts each, cut along sides that slant; and the corners of the parts."""
    across, up = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    shift = st.floats(-0.2, 0.2)

    def corner(x: int, y: int) -> tuple[float, float]:
        moved_x, moved_y = (draw(shift) if 0 < at < count else 0 for at, count in ((x, across), (y, up)))
        return (x + moved_x) / across, (y + moved_y) / up

    corners = {(x, y): corner(x, y) for x in range(across + 1) for y in range(up + 1)}
    parts: dict[int, list[Any]] = {}
    for x, y in itertools.product(range(across), range(up)):
        ring = [corners[at] for at in ((x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1), (x, y))]
        parts.setdefault(draw(st.integers(0, 3)), []).append([ring])
    documents = [{"type": "MultiPolygon", "coordinates": some} for some in parts.values()]
    return [from_geojson("some", "Some", one, ()) for one in documents], list(corners.values())


@given(mosaics(), points, st.data())
def test_a_point_is_in_exactly_one_of_areas_whose_parts_touch(mosaic: Any, anywhere: Any, data: st.DataObject) -> None:
    areas, corners = mosaic
    (x1, y1), (x2, y2) = data.draw(st.tuples(*[st.sampled_from(corners)] * 2))
    share = data.draw(shares)
    between = (x1 + share * (x2 - x1), y1 + share * (y2 - y1))
    for lng, lat in (anywhere, between, *corners):
        expected = 0 <= lat < 1 and 0 <= lng < 1
        assert sum(holds(area, (lat, lng))[0] for area in areas) == expected


@given(mosaics(), st.lists(points, max_size=20))
def test_points_are_told_apart_all_at_once_as_one_by_one(mosaic: Any, some: list[tuple[float, float]]) -> None:
    for area in mosaic[0]:
        lat, lng = np.array(some, dtype=float).reshape(-1, 2).T
        assert list(area.contains(lat, lng)) == [holds(area, point)[0] for point in some]


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ((-1.55, 50.85, -1.3, 51.0), "look swapped: latitude comes first"),
        ((51.0, -1.5, 50.0, -1.3), "the smaller first"),
        ((50.0, -1.5, 91.0, -1.3), "latitudes go from -90 to 90"),
    ],
)
def test_a_box_that_is_none_is_refused(sides: Box, words: str) -> None:
    with pytest.raises(AreaError, match=f"Area some-box: .*{words}"):
        box(sides)


@given(points)
def test_a_box_is_the_polygon_of_its_corners(point: Any) -> None:
    sides = (0.25, 0.25, 0.75, 0.75)
    south, west, north, east = sides
    corners = [(east, north), (west, north), (west, south), (east, south)]
    assert holds(box(sides), point) == holds(polygon(*corners), point)


def test_a_feature_is_read_as_its_polygon() -> None:
    area = box()
    feature = {"type": "Feature", "properties": {}, "geometry": mapping(area.polygon)}
    assert from_geojson("some-box", "Some box", feature, ()).bounds == area.bounds == BOX


def test_a_force_that_is_named_twice_counts_once() -> None:
    assert from_box("some-box", "Some box", BOX, ("hampshire", "dorset", "hampshire")).forces == ("hampshire", "dorset")


RING = [[-2, 50], [-2, 51], [-1, 51], [-2, 50]]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"type": "Point", "coordinates": [0, 0]}, "there is no Polygon in it, only 1 Point"),
        ([RING], r"expected a GeoJSON Polygon, .* \(found list\)"),
        ({"type": "Polygon", "coordinates": [RING[:2]]}, "has fewer than three different points"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [0, 91], [1, 91], [0, 0]]]}, "latitudes from -90 to 90"),
    ],
)
def test_a_border_that_is_none_is_refused_with_the_reason(document: Any, words: str) -> None:
    with pytest.raises(AreaError, match=f"Area test: .*{words}"):
        from_geojson("test", "Test", document, ())


@pytest.mark.parametrize("slug", ["", "Southampton", "two words", "-x", "x--y", "x_y"])
def test_names_of_areas_and_forces_are_slugs(slug: str) -> None:
    with pytest.raises(AreaError, match="is not a slug"):
        from_box(slug, "Test", BOX, ())
    with pytest.raises(AreaError, match="is not a slug"):
        from_box("test", "Test", BOX, (slug,))
