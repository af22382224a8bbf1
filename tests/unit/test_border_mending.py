"""Rings are mended where that changes no land, and else refused with the point that is wrong."""

from typing import Any

import pytest
from shapely.geometry import Polygon, box

from jobs.boundaries.errors import BorderRefused
from tests.unit.borders import HOLE, STOKE, Corner, as_file, feature, features, kml, kml_polygon, multi, polygon, read

SQUARE = box(-2, 50, -1, 51)
CORNERS: list[Corner] = [(-2, 50), (-1, 50), (-1, 51), (-2, 51), (-2, 50)]
INSIDE: list[Corner] = [(-1.8, 50.2), (-1.4, 50.2), (-1.4, 50.6), (-1.8, 50.6), (-1.8, 50.2)]


def shifted(ring: list[Corner], lng: float = 0, lat: float = 0) -> list[Corner]:
    return [(x + lng, y + lat) for x, y in ring]


@pytest.mark.parametrize(
    "ring",
    [
        CORNERS[::-1],
        [corner for corner in CORNERS for _ in range(3)],
        [*CORNERS, CORNERS[0], CORNERS[0]],
    ],
)
def test_turn_and_repeated_points_are_no_fault(ring: list[Corner]) -> None:
    found = read(as_file(polygon(ring)))
    assert found.land.equals(SQUARE)
    assert found.notes == ()


def test_a_ring_that_is_open_is_closed_and_said() -> None:
    found = read(as_file(polygon(CORNERS[:-1], INSIDE[:-1])))
    assert found.land == Polygon(CORNERS, [INSIDE])
    assert found.notes == ("closed 2 rings whose last point was not the first",)
    assert read(kml(kml_polygon(CORNERS[:-1]))).notes == ("closed 1 ring whose last point was not the first",)


# A path of no width out of the square and back, and a loop of 1 m2 at its corner.
SPIKE: list[Corner] = [(-2, 50), (-1, 50), (-1, 51), (-1.5, 51), (-1.5, 51.5), (-1.5, 51), (-2, 51), (-2, 50)]
LOOP: list[Corner] = [(-2, 50), (-1, 50), (-1, 51.00001), (-1.00001, 51), (-1, 51), (-2, 51), (-2, 50)]
# Two triangles that meet in a point, in one ring.
TOUCHING: list[Corner] = [(-2, 50), (-1, 50), (-1, 51), (-1.5, 50), (-2, 51), (-2, 50)]


@pytest.mark.parametrize(
    ("document", "land", "words"),
    [
        (polygon(SPIKE), SQUARE, "longitude -1.5, latitude 51"),
        (polygon(LOOP), SQUARE, "its border crosses or overlaps itself at longitude -1"),
        (polygon(TOUCHING), Polygon(TOUCHING).buffer(0), "its border touches itself at longitude -1.5, latitude 50"),
        (multi([CORNERS], [shifted(CORNERS, lng=1)]), box(-2, 50, 0, 51), "overlaps itself at longitude -1"),
    ],
)
def test_what_holds_no_land_is_mended_and_said(document: Any, land: Any, words: str) -> None:
    found = read(as_file(document))
    assert found.land.is_valid
    assert found.land.symmetric_difference(land).area < 1e-9
    (note,) = found.notes
    assert note.startswith("repaired without a change of the area: ")
    assert words in note


BOW: list[Corner] = [(-2, 50), (-1, 51), (-1, 50), (-2, 51), (-2, 50)]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (polygon(BOW), "its border crosses or overlaps itself at longitude -1.5, latitude 50.5"),
        (polygon(CORNERS * 2), "its border crosses or overlaps itself at longitude -"),
        (
            polygon(CORNERS, shifted(INSIDE, lng=3)),
            "a hole lies outside its polygon at longitude 1.2, latitude 50.2",
        ),
        (
            polygon(CORNERS, shifted(INSIDE, lng=0.6)),
            "its border crosses or overlaps itself at longitude -1, latitude 50",
        ),
        (
            polygon(CORNERS, INSIDE, [(-1.7, 50.3), (-1.5, 50.3), (-1.5, 50.5)]),
            "a hole lies in a hole at longitude -1.7",
        ),
        (
            multi([CORNERS], [INSIDE]),
            r"a part lies inside another (is it meant as a hole?) at longitude -1.8, latitude 50.2",
        ),
        (multi([CORNERS], [shifted(CORNERS, lng=0.5)]), "overlaps itself at longitude -1"),
        (
            multi([SPIKE], [shifted(BOW, lng=3)]),
            "its border crosses or overlaps itself at longitude 1.5, latitude 50.5",
        ),
        (polygon([(-2, 50), (-1, 50), (-1.5, 50)]), "it has no area: "),
        (
            polygon(CORNERS, [(-1.5, 50.5), (-1.4, 50.5)]),
            "a ring at longitude -1.5, latitude 50.5 has fewer than three",
        ),
        (polygon([(-2, 50)] * 5), "a ring at longitude -2, latitude 50 has fewer than three different points"),
        (polygon([]), "a ring has fewer than three different points"),
        (features(feature(polygon(STOKE, HOLE)), feature(polygon(BOW))), "feature 2 of 2: its border crosses"),
    ],
)
def test_what_may_be_meant_otherwise_is_refused_with_its_place(document: Any, words: str) -> None:
    with pytest.raises(BorderRefused) as refused:
        read(as_file(document))
    assert words in str(refused.value)


def swap(ring: list[Corner]) -> list[Corner]:
    return [(lat, lng) for lng, lat in ring]


@pytest.mark.parametrize(
    "data",
    [
        as_file(polygon(swap(STOKE), swap(HOLE))),
        as_file(multi([swap(STOKE)], [swap(BOW)])),
        as_file(features(feature(polygon(swap(STOKE))), feature(polygon(swap(BOW))))),
        kml(kml_polygon(swap(STOKE))),
    ],
)
def test_swapped_coordinates_are_recognised_before_other_faults(data: bytes) -> None:
    with pytest.raises(BorderRefused) as refused:
        read(data)
    assert "look swapped: its first point is 53, -2.2. Longitude comes first, -2.2, 53:" in str(refused.value)


def test_one_point_elsewhere_is_no_swap() -> None:
    # From the coast of Somalia to the north of Norway: nobody's area, but no swap.
    assert read(as_file(polygon([(50.0, -1.0), (51.0, -1.0), (51.0, 70.0)]))).land.is_valid
