"""Borders are read from the kinds of file that people have of them."""

from typing import Any

import pytest
from shapely.geometry import MultiPolygon, Polygon, shape

from jobs.boundaries.area import from_geojson, from_land
from jobs.boundaries.drawing import slug_of
from jobs.boundaries.errors import AreaError, BorderRefused
from tests.unit.borders import (
    HOLE,
    ISLAND,
    STOKE,
    as_file,
    collection,
    feature,
    features,
    kml,
    kml_polygon,
    multi,
    polygon,
    read,
    read_each,
)

HOLED = Polygon(STOKE, [HOLE])
BOTH = MultiPolygon([HOLED, Polygon(ISLAND)])
POINT = {"type": "Point", "coordinates": [-2.1, 53.05]}
LINE = {"type": "LineString", "coordinates": [[-2.1, 53.05], [-2, 53]]}
HIGH = [[(*corner, 120.5) for corner in ring] for ring in (STOKE, HOLE)]


@pytest.mark.parametrize(
    ("document", "land"),
    [
        (polygon(STOKE, HOLE), HOLED),
        ({"type": "Polygon", "coordinates": HIGH}, HOLED),
        (multi([STOKE, HOLE]), HOLED),
        (multi([STOKE, HOLE], [ISLAND]), BOTH),
        (feature(polygon(STOKE, HOLE)), HOLED),
        (feature(multi([STOKE, HOLE], [ISLAND]), name="Both"), BOTH),
        (features(feature(polygon(STOKE, HOLE))), HOLED),
        (features(feature(polygon(STOKE, HOLE)), feature(polygon(ISLAND))), BOTH),
        (features(feature(multi([STOKE, HOLE])), feature(None), feature(collection(polygon(ISLAND)))), BOTH),
        (collection(polygon(STOKE, HOLE), polygon(ISLAND)), BOTH),
        (collection(POINT, collection(multi([STOKE, HOLE], [ISLAND])), LINE), BOTH),
    ],
)
def test_every_kind_of_geojson_is_read(document: Any, land: Any) -> None:
    found = read(as_file(document)).land
    assert found.normalize() == land.normalize()
    assert not found.has_z


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_may_have_a_byte_order_mark(encoding: str) -> None:
    data = as_file(feature(polygon(STOKE), name="Ynys M\u00f4n"), encoding)
    assert read(data).land == Polygon(STOKE)
    assert list(read_each(data, "name")) == ["ynys-mon"]
    placemark = (
        kml(f"<name>Ynys M\u00f4n</name>{kml_polygon(STOKE)}").decode().replace("UTF-8", encoding.removesuffix("-sig"))
    )
    assert list(read_each(placemark.encode(encoding), "name")) == ["ynys-mon"]


@pytest.mark.parametrize(
    "head",
    [
        '<kml xmlns="http://www.opengis.net/kml/2.2">',
        '<kml xmlns="http://earth.google.com/kml/2.1">',
        "<kml>",
        '<kml:kml xmlns:kml="http://www.opengis.net/kml/2.2">',
    ],
)
def test_kml_is_read_whatever_its_namespace(head: str) -> None:
    data = kml(kml_polygon(STOKE, HOLE), head=head)
    if ":kml" in head:
        data = (
            data.replace(b"</", b"</kml:").replace(b"<P", b"<kml:P").replace(b"<D", b"<kml:D").replace(b"<F", b"<kml:F")
        )
        for name in (b"outer", b"inner", b"Linear", b"coordinates"):
            data = data.replace(b"<" + name, b"<kml:" + name)
    assert read(data).land == HOLED


@pytest.mark.parametrize(
    "placemarks",
    [
        [f"<MultiGeometry>{kml_polygon(STOKE, HOLE)}{kml_polygon(ISLAND)}</MultiGeometry>"],
        [kml_polygon(STOKE, HOLE, height=""), kml_polygon(ISLAND)],
        [
            f"<MultiGeometry><MultiGeometry>{kml_polygon(STOKE, HOLE)}</MultiGeometry></MultiGeometry>",
            kml_polygon(ISLAND),
        ],
    ],
)
def test_the_parts_of_a_kml_are_one_area(placemarks: list[str]) -> None:
    assert read(kml(*placemarks)).land.normalize() == BOTH.normalize()


def test_a_kml_may_have_a_space_after_a_comma() -> None:
    assert read(kml(kml_polygon(STOKE).replace(",53", ", 53"))).land == Polygon(STOKE)


def test_points_and_lines_are_passed_over_and_said() -> None:
    found = read(as_file(features(feature(polygon(STOKE)), feature(POINT), feature(POINT), feature(collection(LINE)))))
    assert found.land == Polygon(STOKE)
    assert found.notes == ("ignored, because they have no area: 2 Point, 1 LineString",)
    label = "<name>Stoke</name><Point><coordinates>-2.1,53.05</coordinates></Point>"
    assert read(kml(kml_polygon(STOKE), label)).notes == ("ignored, because they have no area: 1 Point",)


def test_features_that_touch_or_overlap_become_one_land() -> None:
    beside = [(lng + 0.2, lat) for lng, lat in STOKE]
    across = [(lng + 0.1, lat) for lng, lat in STOKE]
    wide = Polygon([(-2.2, 53.0), (-1.8, 53.0), (-1.8, 53.1), (-2.2, 53.1)])
    found = read(as_file(features(*(feature(polygon(ring)) for ring in (STOKE, beside, across)))))
    assert found.land.equals(wide)
    assert found.notes == ()


NAMED = features(
    feature(polygon(STOKE), LAD24NM="Stoke-on-Trent", code=1),
    feature(polygon(ISLAND), LAD24NM="King's Lynn & West Norfolk", code=2),
    feature(polygon([(lng + 0.2, lat) for lng, lat in STOKE]), LAD24NM="Stoke-on-Trent", code=3),
)


def test_features_are_named_by_a_property_and_those_of_one_name_are_one_area() -> None:
    found = read_each(as_file(NAMED), "LAD24NM")
    assert {slug: name for slug, (name, _) in found.items()} == {
        "stoke-on-trent": "Stoke-on-Trent",
        "kings-lynn-west-norfolk": "King's Lynn & West Norfolk",
    }
    assert found["stoke-on-trent"][1].land.bounds == pytest.approx((-2.2, 53.0, -1.8, 53.1))
    assert list(read_each(as_file(NAMED), "code")) == ["1", "2", "3"]


def test_placemarks_are_named_by_name_and_by_both_kinds_of_extended_data() -> None:
    data = '<ExtendedData><Data name="ward"><value>Old Town</value></Data></ExtendedData>'
    simple = '<ExtendedData><SchemaData><SimpleData name="ward">New Town</SimpleData></SchemaData></ExtendedData>'
    one = f"<name>AN001</name>{data}{kml_polygon(STOKE)}"
    other = f"<name>AN002</name>{simple}{kml_polygon(ISLAND)}"
    assert list(read_each(kml(one, other), "name")) == ["an001", "an002"]
    assert list(read_each(kml(one, other), "ward")) == ["old-town", "new-town"]


@pytest.mark.parametrize(
    ("document", "name_property", "words"),
    [
        (
            NAMED,
            "name",
            "feature 1 of 3: its property name has no name (found nothing). Its properties: LAD24NM, code",
        ),
        (feature(polygon(STOKE)), "name", "Its properties: none"),
        (feature(polygon(STOKE), name="  "), "name", r'has no name (found "  ")'),
        (feature(polygon(STOKE), name=["a"]), "name", 'has no name (found ["a"])'),
        (
            features(feature(polygon(STOKE), name="Old Town"), feature(polygon(ISLAND), name="Old-Town")),
            "name",
            "Old Town and Old-Town would both become the area old-town",
        ),
    ],
)
def test_features_that_a_property_does_not_name_are_refused(document: Any, name_property: str, words: str) -> None:
    with pytest.raises(BorderRefused) as refused:
        read_each(as_file(document), name_property)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Bristol, City of", "bristol-city-of"),
        ("Ynys M\u00f4n", "ynys-mon"),
        ("St. Edmundsbury", "st-edmundsbury"),
        ("King\u2019s Lynn", "kings-lynn"),
        ("  ", ""),
    ],
)
def test_a_slug_is_made_of_a_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_an_area_of_several_parts_is_kept_as_geojson() -> None:
    area = from_geojson("both", "Both", multi([STOKE, HOLE], [ISLAND]), ())
    assert area.border["type"] == "MultiPolygon"
    assert shape(area.border) == area.polygon == BOTH
    assert area.bounds == (50.8, -2.2, 53.1, -1.1)
    assert from_geojson("one", "One", multi([STOKE]), ()).border["type"] == "Polygon"


def test_land_of_a_file_is_no_box() -> None:
    assert not from_land("stoke", "Stoke", read(kml(kml_polygon(STOKE))).land, ("staffordshire",)).is_box
    with pytest.raises(AreaError, match="Stoke is not a slug"):
        from_land("Stoke", "Stoke", read(kml(kml_polygon(STOKE))).land, ())
