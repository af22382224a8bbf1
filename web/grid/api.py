"""The safety grid over HTTP: cells as GeoJSON, one cell, tiles for maps, and files for other programs."""

import gzip
import json
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Response, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from jobs.grid.answers import Answer
from jobs.grid.changes.query import ChangeQuery, ChangesQuery, ChangeTileQuery
from jobs.grid.export.formats import FORMATS
from jobs.grid.geojson import LICENCE_LINK
from jobs.grid.lookup import LookupQuery
from jobs.grid.paths.query import PathQuery
from jobs.grid.query import AreaQuery, CellQuery, ExportQuery, GridQuery, TileQuery
from jobs.grid.tiles import DEEPEST, Tile
from jobs.grid.trends.query import TrendQuery, UnusualQuery
from web.grid import export as exports
from web.grid import styles, tilejsons
from web.grid.reader import reader
from web.grid.schemas import HeldPeriod
from web.http.reading import takes_file
from web.http.schemas import as_json
from web.people import guard

bp = APIBlueprint("grid_api", __name__, url_prefix="/api/v1/grid", tag="Grid")

JSON = "application/json"
GEOJSON = "application/geo+json"
MVT = "application/vnd.mapbox-vector-tile"
PROBLEM = "application/problem+json"

_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {form.content_type: {} for form in FORMATS.values()}},
    501: {"description": "The server lacks the package of this format", "content": {PROBLEM: {}}},
}


def _documented(content_type: str, what: str, schema: str = "") -> dict[int | str, dict[str, Any]]:
    """How the OpenAPI document describes a response that APIFlask knows nothing of; `schema`: of web.grid.schemas."""
    named = {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": "object"} if content_type == JSON else {}
    content: dict[str, Any] = {"schema": named} if named else {}
    return {200: {"description": what, "content": {content_type: content}}}


def _kept(content_type: str, what: str, schema: str = "") -> dict[int | str, dict[str, Any]]:
    """The same of a response with an ETag."""
    return {
        **_documented(content_type, what, schema),
        304: {"description": "Not modified: the client has the current version"},
    }


def init_app(app: APIFlask) -> None:
    """Add the grid."""
    app.register_blueprint(bp)
    exports.init_app(app)


def _respond(answer: Answer, content_type: str) -> Response:
    """304 to somebody who has it; gzip to whoever takes that."""
    if answer.packed is None:
        response = Response(status=304)
    elif request.accept_encodings["gzip"]:
        response = Response(answer.packed, content_type=content_type, headers={"Content-Encoding": "gzip"})
    else:
        response = Response(gzip.decompress(answer.packed), content_type=content_type)
    response.set_etag(answer.etag, weak=True)
    # A browser may keep it, and asks each time whether it still holds.
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Link"] = LICENCE_LINK
    response.vary.add("Accept-Encoding")
    return response


def _licensed(body: str | bytes) -> Response:
    """JSON that is not kept."""
    return Response(body, content_type=JSON, headers={"Link": LICENCE_LINK})


@bp.get("")
@bp.input(GridQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Get cells of the grid as GeoJSON",
    operation_id="getGrid",
    responses=_kept(GEOJSON, "A FeatureCollection", "Cells"),
)
@guard.reads_grid
def cells(wanted: GridQuery) -> Response:
    """A FeatureCollection with the crimes, weights and densities of each cell."""
    return _respond(reader().cells(wanted, request.if_none_match.contains_weak), GEOJSON)


@bp.get("/period")
@bp.input(AreaQuery, location="query", arg_name="wanted")
@bp.output(HeldPeriod)
@bp.doc(summary="Show which months are used, and which are missing or not supplied", operation_id="getGridPeriod")
@guard.reads_grid
def period(wanted: AreaQuery) -> Response:
    """What stands beside cells and tiles that are asked for likewise."""
    return as_json(HeldPeriod(**reader().period(wanted)))


@bp.get("/cells/<h3>")
@bp.input(CellQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Get one cell with its months, categories and neighbours",
    operation_id="getGridCell",
    responses=_kept(JSON, "The cell", "Cell"),
)
@guard.reads_grid
def cell(h3: str, wanted: CellQuery) -> Response:
    """One cell."""
    return _respond(reader().cell(h3, wanted, request.if_none_match.contains_weak), JSON)


@bp.get("/cells/<h3>/trend")
@bp.input(TrendQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Get the months of a cell, and whether it has more crimes than usual",
    operation_id="getGridCellTrend",
    responses=_kept(JSON, "The trend", "Trend"),
)
@guard.reads_grid
def trend(h3: str, wanted: TrendQuery) -> Response:
    """The same months of up to five earlier years say what is usual."""
    return _respond(reader().past.trend(h3, wanted, request.if_none_match.contains_weak), JSON)


@bp.get("/unusual")
@bp.input(UnusualQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="List the cells of an area or box with more crimes than usual",
    operation_id="listUnusualCells",
    responses=_kept(JSON, "The cells", "Unusual"),
)
@guard.reads_grid
def unusual(wanted: UnusualQuery) -> Response:
    """Of the cells listed, a twentieth is expected to be chance at most, however many were looked at."""
    return _respond(reader().past.unusual(wanted, request.if_none_match.contains_weak), JSON)


@bp.get("/tiles/<int:z>/<int:x>/<int:y>.mvt")
@bp.input(TileQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Get a map tile as Mapbox Vector Tile, with the layer `cells`",
    operation_id="getGridTile",
    responses=_kept(MVT, "The tile; empty where there are no cells"),
)
@guard.reads_grid
def tile(z: int, x: int, y: int, wanted: TileQuery) -> Response:
    """A vector tile."""
    return _respond(reader().tile(_tile(z, x, y), wanted, request.if_none_match.contains_weak), MVT)


def _tile(z: int, x: int, y: int) -> Tile:
    place = Tile(z, x, y)
    if not place.is_on_map:
        raise NotFound(f"There is no tile {z}/{x}/{y}: zoom goes from 0 to {DEEPEST}, x and y from 0 to 2^zoom - 1.")
    return place


@bp.get("/changes")
@bp.input(ChangesQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Compare the cells of two periods, as GeoJSON",
    operation_id="getGridChanges",
    responses=_kept(GEOJSON, "A FeatureCollection", "Changes"),
)
@guard.reads_grid
def changes(wanted: ChangesQuery) -> Response:
    """Each month with the one `compare` months before, where both are held."""
    return _respond(reader().past.changes(wanted, request.if_none_match.contains_weak), GEOJSON)


@bp.get("/changes/<int:z>/<int:x>/<int:y>.mvt")
@bp.input(ChangeTileQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Get a map tile that compares two periods, as Mapbox Vector Tile with the layer `cells`",
    operation_id="getGridChangeTile",
    responses=_kept(MVT, "The tile; empty where there are no cells"),
)
@guard.reads_grid
def change_tile(z: int, x: int, y: int, wanted: ChangeTileQuery) -> Response:
    """A vector tile; a ratio that there is not is no property of its cell."""
    return _respond(reader().past.change_tile(_tile(z, x, y), wanted, request.if_none_match.contains_weak), MVT)


@bp.get("/cells/<h3>/change")
@bp.input(ChangeQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Compare one cell in two periods",
    operation_id="getGridCellChange",
    responses=_kept(JSON, "The change", "Change"),
)
@guard.reads_grid
def change(h3: str, wanted: ChangeQuery) -> Response:
    """Both counts, and whether they differ by more than chance."""
    return _respond(reader().past.change(h3, wanted, request.if_none_match.contains_weak), JSON)


@bp.get("/tiles.json")
@bp.input(TileQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Describe the tiles, as TileJSON 3.0",
    operation_id="getGridTileJson",
    responses=_documented(JSON, "TileJSON for map libraries"),
)
@guard.reads_grid
def tilejson(wanted: TileQuery) -> Response:
    """What a map library asks for first; parameters hold for the tiles."""
    body = tilejsons.of(wanted, reader().bounds(), request.args)
    return _licensed(json.dumps(body))


@bp.get("/style.json")
@bp.input(TileQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Get a MapLibre style that shows the tiles",
    operation_id="getGridStyle",
    responses=_documented(JSON, "A MapLibre style"),
)
@guard.reads_grid
def style(wanted: TileQuery) -> Response:
    """Colours of fixed classes, so that two maps can be compared; parameters hold for the tiles."""
    tilejson = url_for("grid_api.tilejson", **request.args, _external=True)
    return _licensed(json.dumps(styles.of(tilejson, reader().months(wanted))))


@bp.post("/cells")
@bp.input(LookupQuery, arg_name="wanted")
@bp.doc(
    summary="Look up many cells and points at once",
    operation_id="lookUpCells",
    responses=_documented(JSON, "The cells and points, in the order of the request", "Lookup"),
)
@guard.reads_grid
@guard.asks_by_post
def lookup(wanted: LookupQuery) -> Response:
    """Cells, and the cells of points. One without crimes is there too: `covered` says whether crimes are held there."""
    return _licensed(reader().lookup(wanted))


@bp.post("/path")
@bp.input(PathQuery, arg_name="wanted")
@bp.doc(
    summary="Score paths: the crimes along each path, its worst stretch, and its segments with their cells",
    operation_id="scorePaths",
    responses=_documented(JSON, "The paths", "Paths"),
)
@guard.reads_grid
@guard.asks_by_post
@takes_file
def path(wanted: PathQuery) -> Response:
    """The corridor of a way is what lies `buffer_m` to either side of it; a rate is weighted crimes a km and month."""
    return _licensed(reader().paths(wanted))


@bp.get("/export")
@bp.input(ExportQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Export the grid: one record per cell and month, or map tiles",
    operation_id="exportGrid",
    responses=_FILE,
)
@guard.reads_grid
def export(wanted: ExportQuery) -> WerkzeugResponse:
    """A file, sent as it is read."""
    return exports.file_of(wanted)


@bp.get("/export/about")
@bp.input(ExportQuery, location="query", arg_name="wanted")
@bp.doc(
    summary="Get the licence, coverage and date of an export; for CSV, as W3C metadata for tables",
    operation_id="describeGridExport",
    responses=_documented(JSON, "Licence, coverage and date of the file"),
)
@guard.reads_grid
def export_about(wanted: ExportQuery) -> Response:
    """What a file has no room for."""
    return _licensed(exports.about(wanted))
