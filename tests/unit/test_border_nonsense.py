"""What is no border is refused in one clear line, whatever it is, and soon."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.boundaries import drawing, files
from jobs.boundaries.errors import BorderRefused
from tests.unit.borders import (
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
    zipped,
)

ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<kml><Placemark><name>&b;</name></Placemark></kml>"
)
EXTERNAL = b'<!DOCTYPE kml SYSTEM "http://127.0.0.1:9/kml.dtd"><kml/>'


def nested(deep: int, inner: Any) -> Any:
    return collection(nested(deep - 1, inner)) if deep else inner


def written(coordinates: str) -> bytes:
    return f'{{"type": "Polygon", "coordinates": {coordinates}}}'.encode()


NONSENSE: list[tuple[str, bytes, str]] = [
    ("empty", b"", "it is empty"),
    ("blank", b" \n\t", "it has no text"),
    ("nuls", bytes(1000), "it has no text"),
    ("nul-within", b'{"type": "Poly\0gon"}', "it is neither GeoJSON nor KML: Invalid control character"),
    ("zip", zipped(kml(kml_polygon(STOKE))), "it is a zip archive (KMZ is one, too): unpack it first"),
    ("html", b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "it is a web page (HTML)"),
    ("html-without-type", b"<html><body>Sign in</body></html>", "not KML: its outermost element is <html>"),
    ("gpx", b'<?xml version="1.0"?><gpx/>', "not KML: its outermost element is <gpx>"),
    ("xml-cut-off", kml(kml_polygon(STOKE))[:-20], "is not valid XML: "),
    ("xml-encoding", b'<?xml version="1.0" encoding="nonsense"?><kml/>', "is not valid XML: unknown encoding"),
    ("entities", ENTITIES, "it declares a document type (<!DOCTYPE)"),
    ("external", EXTERNAL, "it declares a document type (<!DOCTYPE)"),
    ("kml-empty", b"<kml/>", "there is no Polygon in it"),
    ("kml-deep", b"<kml>" + b"<Folder>" * 100_000, "is not valid XML: "),
    ("kml-path", kml("<LineString/>", "<Point/><Point/>"), "no Polygon in it, only 1 LineString, 2 Point"),
    ("kml-no-outer", kml("<Polygon/>"), "a Polygon has no outerBoundaryIs"),
    ("kml-words", kml(kml_polygon(STOKE).replace("53.1", "north")), "longitude,latitude (found -2.0,north,12.5)"),
    ("kml-alone", kml(kml_polygon(STOKE).replace(",53.1,12.5", "")), "[longitude, latitude] (found [-2.0])"),
    ("kml-nan", kml(kml_polygon(STOKE).replace("53.1", "nan")), "the point -2, nan is not on Earth"),
    ("kml-bare", kml(kml_polygon([])), "a ring has fewer than three different points"),
    ("csv", b"lat,lng\n53,-2\n", "it is neither GeoJSON nor KML: Expecting value: line 1 column 1"),
    ("binary", bytes(range(128, 256)), "it is neither GeoJSON nor KML: "),
    ("cut-off", as_file(polygon(STOKE))[:-9], "it is neither GeoJSON nor KML: "),
    ("deep", b"[" * 1_000_000, "nested too deep"),
    ("a-text", b'"Polygon"', "(found str)"),
    ("a-list", b"[]", "(found list)"),
    ("null", b"null", "there is no Polygon in it"),
    ("topojson", as_file({"type": "Topology", "arcs": []}), "FeatureCollection (found Topology)"),
    ("typeless", as_file({"rings": [STOKE]}), "(found None)"),
    ("no-features", as_file({"type": "FeatureCollection"}), "no list of features"),
    ("features-empty", as_file(features()), "there is no Polygon in it"),
    ("features-of-none", as_file(features(feature(polygon(STOKE)), polygon(STOKE))), "feature 2 of 2 is not a Feature"),
    ("feature-of-none", as_file(features(feature({"type": "Circle"}))), "feature 1 of 1: expected a GeoJSON Polygon"),
    ("no-coordinates", as_file({"type": "Polygon"}), "its Polygon has no list of coordinates"),
    ("no-geometries", as_file({"type": "GeometryCollection"}), "no list of geometries"),
    ("empty-polygon", as_file(polygon()), "there is no Polygon in it"),
    ("empty-multi", as_file(multi()), "there is no Polygon in it"),
    ("flat", written("[[-2, 53], [-2, 54]]"), "expected a point, which is [longitude, latitude] (found -2)"),
    ("too-flat", written("[-2, 53]"), "expected a ring, which is a list of points (found -2)"),
    (
        "multi-flat",
        as_file({"type": "MultiPolygon", "coordinates": [5]}),
        "a polygon, which is a list of rings (found 5)",
    ),
    ("texts", written('[[["-2", "53"]]]'), "(found ['-2', '53'])"),
    ("booleans", written("[[[true, false]]]"), "(found [True, False])"),
    ("nothing", written("[[[null, 53]]]"), "(found [None, 53])"),
    ("nan", written("[[[NaN, 53]]]"), "it has NaN where a number is expected"),
    ("infinity", written("[[[-Infinity, 53]]]"), "it has -Infinity where a number is expected"),
    ("huge", written("[[[1e999, 53]]]"), "the point inf, 53 is not on Earth"),
    ("long", written(f"[[[{10**400}, 53]]]"), "a coordinate has hundreds of digits"),
    ("longer", written(f"[[[{'9' * 5000}, 53]]]"), "it is neither GeoJSON nor KML: "),
    ("metres", written("[[[442000, 112000], [443000, 112000], [443000, 113000]]]"), "as WGS 84 (EPSG:4326)"),
    ("collections", as_file(nested(10, polygon(STOKE))), "its collections are nested more than 5 deep"),
]


@pytest.mark.parametrize(("data", "words"), [case[1:] for case in NONSENSE], ids=[case[0] for case in NONSENSE])
def test_a_file_that_is_no_border_is_refused_in_one_line(data: bytes, words: str) -> None:
    with pytest.raises(BorderRefused) as refused:
        read(data)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


def complaint(data: bytes) -> str:
    """What is wrong with a file; nothing where its land is valid."""
    try:
        return "" if read(data).land.is_valid else "not\nvalid"
    except BorderRefused as error:
        return str(error)


def is_read_or_refused(data: bytes) -> None:
    assert "\n" not in complaint(data)


# Few numbers, so that points meet, lines cross and rings close.
numbers = st.sampled_from([-2, -1, 0, 1, 50, 51, 1e-12, 91, 10**400]) | st.floats()
points = st.lists(numbers | st.none(), max_size=3)
rings = st.lists(points | numbers, max_size=7)
coordinates = st.lists(st.lists(rings, max_size=3) | rings, max_size=3)
names = st.sampled_from(["Polygon", "MultiPolygon", "Point", "GeometryCollection", "Feature", "FeatureCollection", "x"])
documents = st.recursive(
    st.fixed_dictionaries({"type": names}, optional={"coordinates": coordinates}) | rings,
    lambda inner: st.fixed_dictionaries(
        {"type": names}, optional={"geometry": inner, "geometries": st.lists(inner), "features": st.lists(inner)}
    ),
    max_leaves=4,
)


@given(documents)
def test_whatever_is_json_is_read_or_refused(document: Any) -> None:
    is_read_or_refused(as_file(document))


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=3, max_size=9))
def test_whatever_rings_are_drawn_is_read_or_refused(corners: Any) -> None:
    is_read_or_refused(as_file(polygon(corners)))
    is_read_or_refused(as_file(multi([corners], [[(x + 1, y) for x, y in corners]])))


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"<kml>{text}</kml>".encode()))
def test_whatever_is_a_file_is_read_or_refused(data: bytes) -> None:
    is_read_or_refused(data)


def test_more_points_than_a_border_may_have_are_refused() -> None:
    turn = np.linspace(0, 2 * np.pi, drawing.MOST_POINTS, endpoint=False)
    ring = np.round(np.column_stack((-2 + np.cos(turn), 53 + np.sin(turn))), 9).tolist()
    assert read(as_file(polygon([*ring[:-1], ring[0]]))).land.is_valid
    with pytest.raises(BorderRefused, match="its border has 100001 points, more than 100000"):
        read(as_file(polygon([*ring, ring[0]])))


def test_points_are_counted_for_each_area_alone_and_for_the_union() -> None:
    turn = np.linspace(0, 2 * np.pi, 40_000, endpoint=False)
    round_ = np.column_stack((np.cos(turn), np.sin(turn))) / 10
    far = [feature(polygon((round_ + np.array([lng, 53])).tolist()), name=f"n{lng}") for lng in (-3, -2, -1)]
    assert len(drawing.named(files.drawings(as_file(features(*far))), "name")) == 3
    with pytest.raises(BorderRefused, match="its border has 120003 points"):
        read(as_file(features(*far)))


def test_a_file_that_is_too_large_is_not_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_MB", 1)
    path = tmp_path / "large.geojson"
    path.write_bytes(json.dumps(polygon(STOKE)).encode() + b" " * 2**20)
    with pytest.raises(BorderRefused, match=f"^{path}: it is larger than 1 MB"):
        files.drawings_of(path)
