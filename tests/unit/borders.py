"""Borders as files have them, for tests."""

import json
import zipfile
from io import BytesIO
from typing import Any

from jobs.boundaries.drawing import Border, named, united
from jobs.boundaries.files import drawings

Corner = tuple[float, float]
"""Longitude, latitude."""
Rings = list[list[Corner]]

STOKE: list[Corner] = [(-2.2, 53.0), (-2.0, 53.0), (-2.0, 53.1), (-2.2, 53.1), (-2.2, 53.0)]
HOLE: list[Corner] = [(-2.15, 53.02), (-2.15, 53.08), (-2.05, 53.08), (-2.05, 53.02), (-2.15, 53.02)]
ISLAND: list[Corner] = [(-1.2, 50.8), (-1.1, 50.8), (-1.1, 50.85), (-1.2, 50.85), (-1.2, 50.8)]


def polygon(*rings: list[Corner]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": rings}


def multi(*polygons: Rings) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": polygons}


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def features(*found: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": found}


def collection(*geometries: dict[str, Any]) -> dict[str, Any]:
    return {"type": "GeometryCollection", "geometries": geometries}


def as_file(document: Any, encoding: str = "utf-8") -> bytes:
    return json.dumps(document).encode(encoding)


def kml(*placemarks: str, head: str = '<kml xmlns="http://www.opengis.net/kml/2.2">') -> bytes:
    inside = "".join(f"<Placemark>{one}</Placemark>" for one in placemarks)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}<Document><Folder>{inside}</Folder></Document></kml>'.encode()
    )


def kml_polygon(outer: list[Corner], *holes: list[Corner], height: str = ",12.5") -> str:
    return f"<Polygon>{_side('outer', outer, height)}{''.join(_side('inner', one, height) for one in holes)}</Polygon>"


def _side(which: str, ring: list[Corner], height: str) -> str:
    text = "\n ".join(f"{lng},{lat}{height}" for lng, lat in ring)
    name = f"{which}BoundaryIs"
    return f"<{name}><LinearRing><coordinates>\n {text}\n</coordinates></LinearRing></{name}>"


def read(data: bytes) -> Border:
    return united(drawings(data))


def read_each(data: bytes, name_property: str) -> dict[str, tuple[str, Border]]:
    return {slug: (name, united(some)) for slug, (name, some) in named(drawings(data), name_property).items()}


def zipped(data: bytes) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("doc.kml", data)
    return packed.getvalue()
