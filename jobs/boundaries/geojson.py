"""GeoJSON (RFC 7946) as drawings."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from jobs.boundaries import rings
from jobs.boundaries.drawing import Drawing, labelled
from jobs.boundaries.errors import BorderRefused
from jobs.boundaries.rings import Points

_LANDLESS: Final = ("Point", "MultiPoint", "LineString", "MultiLineString")
# RFC 7946 advises against any.
_DEEPEST: Final = 5
Polygons = list[list[Points]]


def drawings(document: Any) -> list[Drawing]:
    """The features of a document; one where it is a geometry. Raises BorderRefused."""
    kind = _kind(document)
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list):
            raise BorderRefused("its FeatureCollection has no list of features")
        return [_feature(feature, f"feature {n} of {len(features)}") for n, feature in enumerate(features, 1)]
    return [_feature(document, "")] if kind == "Feature" else [_drawing(document, {}, "")]


def _kind(value: Any) -> str:
    return str(value.get("type")) if isinstance(value, dict) else type(value).__name__


def _feature(feature: Any, label: str) -> Drawing:
    if (kind := _kind(feature)) != "Feature":
        raise BorderRefused(f"{label} is not a Feature (found {kind:.60})")
    properties = feature.get("properties")
    return _drawing(feature.get("geometry"), properties if isinstance(properties, dict) else {}, label)


def _drawing(geometry: Any, properties: dict[str, Any], label: str) -> Drawing:
    found: Polygons = []
    landless: Counter[str] = Counter()
    try:
        _collect(geometry, found, landless, 0)
    except BorderRefused as error:
        raise BorderRefused(labelled(label, error)) from None
    return Drawing(label, found, properties, landless)


def _collect(geometry: Any, found: Polygons, landless: Counter[str], depth: int) -> None:
    if geometry is None:
        landless["Feature without a geometry"] += 1
        return
    kind = _kind(geometry)
    if kind not in ("Polygon", "MultiPolygon", "GeometryCollection", *_LANDLESS):
        raise BorderRefused(
            "expected a GeoJSON Polygon, MultiPolygon, GeometryCollection, Feature or FeatureCollection "
            f"(found {kind:.60})"
        )
    if depth > _DEEPEST:
        raise BorderRefused(f"its collections are nested more than {_DEEPEST} deep")
    if kind in _LANDLESS:
        landless[kind] += 1
    elif kind == "GeometryCollection":
        for part in _list(geometry, "geometries"):
            _collect(part, found, landless, depth + 1)
    elif kind == "Polygon":
        found += _polygons([_list(geometry, "coordinates")])
    else:
        found += _polygons(_list(geometry, "coordinates"))


def _list(geometry: dict[str, Any], member: str) -> Sequence[Any]:
    if not isinstance(value := geometry.get(member), list | tuple):
        raise BorderRefused(f"its {geometry['type']} has no list of {member}")
    return value


def _polygons(coordinates: Sequence[Any]) -> Polygons:
    for polygon in coordinates:
        if not isinstance(polygon, list | tuple):
            raise BorderRefused(f"expected a polygon, which is a list of rings (found {polygon!r:.40})")
    # One without rings is empty.
    return [[rings.points(ring) for ring in polygon] for polygon in coordinates if polygon]
