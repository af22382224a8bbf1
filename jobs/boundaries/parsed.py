"""Borders as they are stored: parsed once, as one of the whole country takes longer to parse than to use."""

from functools import lru_cache

import shapely
from shapely.geometry.base import BaseGeometry


@lru_cache(maxsize=64)
def parsed(document: str) -> BaseGeometry:
    """The shape of a GeoJSON geometry. Raises shapely's GEOSException."""
    return shapely.from_geojson(document)
