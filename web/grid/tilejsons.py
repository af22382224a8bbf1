"""The grid's tiles as map libraries look for them: https://github.com/mapbox/tilejson-spec/tree/master/3.0.0"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import url_for

from jobs.grid.geojson import ATTRIBUTION, LICENCE_URL
from jobs.grid.query import TileQuery
from jobs.grid.tiles import FIELDS, LAYER, SHARPEST


def of(wanted: TileQuery, bounds: list[float] | None, given: Mapping[str, str]) -> dict[str, Any]:
    """TileJSON of the tiles with the parameters that were `given`. bounds: west, south, east, north."""
    # The router would write the braces as others.
    one = url_for("grid_api.tile", z=0, x=0, y=0, _external=True)
    address = one.removesuffix("0/0/0.mvt") + "{z}/{x}/{y}.mvt"
    months = f"{wanted.first or ''} to {wanted.last or ''}" if wanted.first or wanted.last else "the last twelve months"
    return {
        "tilejson": "3.0.0",
        "name": "Safegrid",
        "description": f"Crimes in hexagons of H3, {months}",
        "scheme": "xyz",
        "tiles": [f"{address}?{urlencode(given)}" if given else address],
        "minzoom": 0,
        "maxzoom": SHARPEST,
        **({"bounds": bounds} if bounds else {}),
        "attribution": f'<a href="{LICENCE_URL}">{ATTRIBUTION}</a>',
        "vector_layers": [{"id": LAYER, "fields": FIELDS}],
    }
