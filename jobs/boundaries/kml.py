"""KML (OGC 07-147r2) as drawings. A document type is refused, so there are no entities and nothing is fetched."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from jobs.boundaries import rings
from jobs.boundaries.drawing import Drawing, labelled
from jobs.boundaries.errors import BorderRefused
from jobs.boundaries.rings import Points

_LANDLESS: Final = ("Point", "LineString", "Track", "Model")


def drawings(data: bytes) -> list[Drawing]:
    """The placemarks of a file. Raises BorderRefused."""
    root = _tree(data)
    if root.tag != "kml":
        raise BorderRefused(f"it is XML, but not KML: its outermost element is <{root.tag:.40}>")
    placemarks = list(root.iter("Placemark"))
    count = len(placemarks)
    return [_drawing(one, f"placemark {n} of {count}" if count > 1 else "") for n, one in enumerate(placemarks, 1)]


def _tree(data: bytes) -> Element:
    """The elements without their namespaces: files have old ones, wrong ones and none."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = lambda name, attributes: builder.start(_local(name), attributes)
    parser.EndElementHandler = lambda name: builder.end(_local(name))
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise BorderRefused(f"it begins as KML but is not valid XML: {error}") from None
    return builder.close()


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_document_type(name: str, *_: Any) -> NoReturn:
    if name.lower() == "html":
        raise BorderRefused("it is a web page (HTML), not a border")
    raise BorderRefused("it declares a document type (<!DOCTYPE), which KML does not allow")


def _drawing(placemark: Element, label: str) -> Drawing:
    try:
        polygons = [[_points(ring) for ring in _rings(polygon)] for polygon in placemark.iter("Polygon")]
    except BorderRefused as error:
        raise BorderRefused(labelled(label, error)) from None
    landless = Counter({kind: n for kind in _LANDLESS if (n := sum(1 for _ in placemark.iter(kind)))})
    return Drawing(label, polygons, _properties(placemark), landless)


def _rings(polygon: Element) -> Iterator[str]:
    """The coordinates of the outer ring, then those of the holes."""
    outer = polygon.findtext("outerBoundaryIs/LinearRing/coordinates")
    if outer is None:
        raise BorderRefused("a Polygon has no outerBoundaryIs with the coordinates of a LinearRing")
    yield outer
    for hole in polygon.findall("innerBoundaryIs/LinearRing/coordinates"):
        yield hole.text or ""


def _points(coordinates: str) -> Points:
    """Points of "longitude,latitude[,altitude] ..."; some files have a space after a comma."""
    tuples = re.sub(r"\s*,\s*", ",", coordinates).split()
    return rings.points([_numbers(one) for one in tuples])


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")[:2]]
    except ValueError:
        raise BorderRefused(f"expected a point, which is longitude,latitude (found {text:.60})") from None


def _properties(placemark: Element) -> dict[str, Any]:
    """What a placemark says of itself: its name, and extended data of both kinds."""
    data = {one.get("name", ""): one.findtext("value") for one in placemark.iter("Data")}
    simple = {one.get("name", ""): one.text for one in placemark.iter("SimpleData")}
    return {"name": placemark.findtext("name"), **data, **simple}
