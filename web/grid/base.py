"""The base map under the cells: tiles of a service, or a PMTiles file that is served from here."""

from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from flask import Flask, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable

from web.http import security
from web.http.clients import settings, settings_of
from web.http.errors import Problem, respond
from web.settings import Settings

PMTILES = "application/vnd.pmtiles"
_VECTOR = (".mvt", ".pbf")
# A directory or tile has less than a tenth of it; all of a file would hold a thread for minutes.
_MOST_AT_ONCE = 8 * 2**20


class BaseMap(NamedTuple):
    """What the map's script draws under the cells."""

    kind: Literal["none", "raster", "vector", "pmtiles"]
    url: str
    """With {z}, {x} and {y}, but for a PMTiles file."""
    attribution: str


def init_app(app: Flask) -> None:
    """Let the map's page load from the service that is set, and from no other, and icons of its style sheet."""
    base = urlsplit(settings_of(app).base_map_url)
    tiles = f" {base.scheme}://{base.netloc}" if base.netloc else ""
    security.widen(app, "grid.index", {"img-src": "'self' data:", "connect-src": f"'self'{tiles}"})


def base_map(settings: Settings) -> BaseMap:
    """That of the settings."""
    url, attribution = settings.base_map_url, settings.base_map_attribution
    if settings.base_map_file:
        return BaseMap("pmtiles", url_for("grid.base_file"), attribution)
    if not url:
        return BaseMap("none", "", "")
    is_vector = PurePosixPath(urlsplit(url).path).suffix in _VECTOR
    return BaseMap("vector" if is_vector else "raster", url, attribution)


def part_of_file() -> ResponseReturnValue:
    """The range of the PMTiles file that is asked for."""
    if not settings().base_map_file:
        raise NotFound("There is no base map: SAFEGRID_BASE_MAP_FILE is not set.")
    file = Path(settings().base_map_file)
    try:
        size = file.stat().st_size
    except OSError:
        return respond(Problem(503, "The file of the base map no longer exists."))
    part = request.range.range_for_length(size) if request.range else None
    if request.range and part is None:
        raise RequestedRangeNotSatisfiable(size)
    if part is None or part[1] - part[0] > _MOST_AT_ONCE:
        return respond(Problem(HTTPStatus.BAD_REQUEST, f"Ask for one Range of {_MOST_AT_ONCE} bytes at most."))
    response = send_file(file.absolute(), mimetype=PMTILES, conditional=True)
    response.headers["Cache-Control"] = "private, no-cache"
    return response
