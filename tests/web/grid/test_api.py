"""The grid over HTTP."""

import gzip
import itertools
import json
import math
import re
from collections import Counter
from importlib.util import find_spec
from typing import Any

import h3
import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Connection

from jobs.grid.intervals import garwood
from jobs.grid.query import COARSEST
from jobs.grid.snapshots import sealed
from jobs.grid.tiles import Tile
from tests.conftest import needs
from tests.gridded import HARM, Place, build, counted, hold, scattered
from tests.web.conftest import MakeApp
from worker.settings import Settings

GRID = "/api/v1/grid"
TILE = "12/2032/1372"
MONTHS = ["2023-11", "2023-12", "2024-01"]


@pytest.fixture
def crimes(connection: Connection) -> list[Place]:
    """Crimes of three months, held and built."""
    months = {month: scattered(month) for month in MONTHS}
    for month, places in months.items():
        hold(connection, month, places)
    build(connection)
    return [one for places in months.values() for one in places]


def shown(program: FlaskClient, **parameters: Any) -> dict[str, dict[str, Any]]:
    """{cell: properties}"""
    answer = program.get(GRID, query_string=parameters)
    assert answer.status_code == 200, answer.json
    return {feature["id"]: feature["properties"] for feature in answer.json["features"]}


def problem(program: FlaskClient, path: str = GRID, **parameters: Any) -> dict[str, str]:
    """{parameter: what was expected}"""
    answer = program.get(path, query_string=parameters)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    errors: dict[str, str] = answer.json["errors"]
    return errors


def test_cells_are_shown_with_what_their_crimes_add_up_to(program: FlaskClient, crimes: list[Place]) -> None:
    cells = shown(program, resolution=10)
    assert {cell: one["crimes"] for cell, one in cells.items()} == counted(crimes, 10)
    harm: Counter[str] = Counter()
    for one in crimes:
        harm[h3.latlng_to_cell(one.lat, one.lng, 10)] += HARM[one.category]  # type: ignore[assignment]
    for cell, one in cells.items():
        assert one["weighted"] == pytest.approx(harm[cell])
        assert one["density_per_km2"] == pytest.approx(harm[cell] / h3.cell_area(cell, "km^2"), abs=1e-4)
        disk = h3.grid_disk(cell, 1)
        around = sum(harm[other] for other in disk) / sum(h3.cell_area(other, "km^2") for other in disk)
        assert one["smoothed_per_km2"] == pytest.approx(around, rel=0.01)
        assert one["few_data"] is (one["crimes"] < 5)
        assert one["interval_95"] == pytest.approx(garwood(one["crimes"]), abs=1e-6)


def test_the_answer_is_geojson_with_its_source(program: FlaskClient, crimes: list[Place]) -> None:
    answer = program.get(GRID)
    assert answer.content_type == "application/geo+json"
    assert 'rel="license"' in answer.headers["Link"]
    document = answer.json
    about = {key: value for key, value in document.items() if key != "features"}
    asb = sum(one.category == "anti-social-behaviour" for one in crimes)
    assert about.pop("totals") == {"crimes": len(crimes), "asb": asb, "recorded_crime": len(crimes) - asb}
    assert about.pop("coverage") == []
    assert about.pop("months_not_held") == [f"2023-{month:02}" for month in range(2, 11)]
    assert about == {
        "type": "FeatureCollection",
        "attribution": "Contains public sector information licensed under the Open Government Licence v3.0.",
        "license": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
        "positions": "The source moves each crime to an anonymous point nearby, so positions are approximate.",
        "resolution": 9,
        "from": "2023-02",
        "to": "2024-01",
        "months": MONTHS,
        "categories": "all",
        "scheme": "saferoute",
        "recency": False,
        "generation": 1,
    }
    for feature in document["features"]:
        (ring,) = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        assert sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in itertools.pairwise(ring)) > 0
        expected = h3.cell_to_boundary(feature["id"])
        assert [(lat, lng) for lng, lat in ring[:-1]] == [pytest.approx(corner, abs=1e-6) for corner in expected]


def test_totals_are_the_same_at_every_resolution(program: FlaskClient, crimes: list[Place]) -> None:
    harm = sum(HARM[one.category] for one in crimes)
    for resolution in (7, 8, 9, 10):
        cells = shown(program, resolution=resolution)
        assert {cell: one["crimes"] for cell, one in cells.items()} == counted(crimes, resolution)
        assert sum(one["weighted"] for one in cells.values()) == pytest.approx(harm)


def test_months_and_categories_narrow_what_is_counted(program: FlaskClient, crimes: list[Place]) -> None:
    wanted = [one for one in crimes if one.month != "2024-01" and one.category in ("drugs", "robbery")]
    cells = shown(program, **{"to": "2023-12", "category": "robbery,drugs", "resolution": 8})
    assert {cell: one["crimes"] for cell, one in cells.items()} == counted(wanted, 8)
    assert sum(one["weighted"] for one in cells.values()) == pytest.approx(sum(HARM[one.category] for one in wanted))
    assert shown(program, **{"from": "2022-01", "to": "2022-12"}) == {}


def test_other_schemes_are_computed_from_the_categories(
    program: FlaskClient, connection: Connection, crimes: list[Place]
) -> None:
    with connection.begin():
        rows = connection.exec_driver_sql("SELECT category, weight FROM crime_weights WHERE scheme = 'cambridge'")
        days = {row.category: row.weight for row in rows}
    cells = shown(program, scheme="cambridge", resolution=7)
    assert sum(one["weighted"] for one in cells.values()) == pytest.approx(sum(days[one.category] for one in crimes))
    # The default scheme by its name is computed too, and gives what is stored.
    assert shown(program, scheme="saferoute") == shown(program)


def test_older_crimes_weigh_less_on_demand(program: FlaskClient, connection: Connection) -> None:
    months = {
        "2024-01": 1.0,
        "2023-10": 1.0,
        "2023-09": 0.75,
        "2023-07": 0.75,
        "2023-06": 0.5,
        "2023-01": 0.5,
        "2022-12": 0.25,
    }
    for month in months:
        hold(connection, month, [Place(month, 50.9, -1.4, "drugs")])
    build(connection)
    for month, factor in months.items():
        (cell,) = shown(program, **{"from": month, "to": month, "recency": "true"}).values()
        assert (cell["crimes"], cell["weighted"]) == (1, factor)
    (cell,) = shown(program, **{"from": "2022-12", "recency": 1}).values()
    assert (cell["crimes"], cell["weighted"]) == (7, sum(months.values()))


def test_cells_that_a_box_touches_are_shown_whole(program: FlaskClient, crimes: list[Place]) -> None:
    everything = shown(program, resolution=10)
    cells = shown(program, resolution=10, bbox="50.88,-1.45,50.92,-1.38")
    assert 0 < len(cells) < len(everything)
    assert cells == {cell: everything[cell] for cell in cells}
    inside = {
        h3.latlng_to_cell(one.lat, one.lng, 10)
        for one in crimes
        if 50.88 <= one.lat <= 50.92 and -1.45 <= one.lng <= -1.38
    }
    assert inside <= cells.keys()
    for cell in cells.keys() - inside:
        lat, lng = h3.cell_to_latlng(cell)
        assert 50.879 < lat < 50.921
        assert -1.452 < lng < -1.378


def test_an_area_is_a_filter(program: FlaskClient, crimes: list[Place]) -> None:
    assert shown(program, area="southampton-core") == shown(program)
    assert shown(program, area="southampton-core", bbox="51.5,-1.45,51.6,-1.38") == {}


@pytest.mark.parametrize("resolution", [4, 6, 7, 9, 10])
def test_a_cell_shows_its_months_categories_and_neighbours(
    program: FlaskClient, crimes: list[Place], resolution: int
) -> None:
    cell = counted(crimes, resolution).most_common(1)[0][0]
    mine = [one for one in crimes if h3.cell_to_parent(h3.latlng_to_cell(one.lat, one.lng, 10), resolution) == cell]
    answer = program.get(f"{GRID}/cells/{cell}").json
    assert {name: answer[name] for name in ("h3", "resolution", "crimes")} == {
        "h3": cell,
        "resolution": resolution,
        "crimes": len(mine),
    }
    assert answer["by_category"] == Counter(one.category for one in mine)
    assert {month["month"]: month["categories"] for month in answer["by_month"]} == {
        f"{month}-01": Counter(one.category for one in mine if one.month == month)
        for month in MONTHS
        if any(one.month == month for one in mine)
    }
    assert sum(month["weighted"] for month in answer["by_month"]) == pytest.approx(answer["weighted"])
    others = counted(crimes, resolution)
    assert {one["h3"]: one["crimes"] for one in answer["neighbours"]} == {
        other: others[other] for other in h3.grid_ring(cell, 1)
    }
    as_feature = shown(program, resolution=resolution)[cell]
    assert {name: answer[name] for name in as_feature} == as_feature


UNKNOWN_CELLS = {
    "nothing": "nothing is not an H3 cell",
    **dict.fromkeys(
        (
            "8a195dad65affff0",
            "0x8a195dad65affff",
            " 8a195dad65affff",
            "\uff18a195dad65affff",
            "-1",
            "+1",
            "0",
            "f" * 15,
            "9" * 18,
            "9" * 5000,
            str(2**64),
            "8a195dad65affff%00",
        ),
        "is not an H3 cell",
    ),
    "83195dfffffffff": "has resolution 3: the grid has 4 to 10",
    "8b195dad65a8fff": "has resolution 11: the grid has 4 to 10",
    "8a1f05836907fff": "Cell 8a1f05836907fff has no crimes in 2023-02 to 2024-01",
}


def test_a_cell_that_the_grid_does_not_have_is_404(program: FlaskClient, crimes: list[Place]) -> None:
    for cell, said in UNKNOWN_CELLS.items():
        answer = program.get(f"{GRID}/cells/{cell}")
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
        assert said in answer.json["detail"]


def test_a_cell_may_be_named_by_its_number(program: FlaskClient, crimes: list[Place]) -> None:
    cell = next(iter(counted(crimes, 10)))
    for name in (h3.str_to_int(cell), cell.upper()):
        assert program.get(f"{GRID}/cells/{name}").json == program.get(f"{GRID}/cells/{cell}").json


# What is asked, and what is said of it.
BOX = "such as 50.85,-1.55,51.0,-1.3"
ALL = "from, to, category, scheme, recency, resolution, area, bbox"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"from": "2024-13"}, "must be a month, YYYY-MM (given: 2024-13)"),
    ({"to": "January"}, "must be a month, YYYY-MM (given: January)"),
    ({"to": "2024-01", "from": "2024-02"}, "must not be before `from`, 2024-02 (given: 2024-01)"),
    ({"bbox": "1,2,3"}, f"must be four numbers, lat_min,lng_min,lat_max,lng_max, {BOX} (given: 1,2,3)"),
    (
        {"bbox": "51,-1,50,-2"},
        f"must be in degrees with lat_min < lat_max and lng_min < lng_max, {BOX} (given: 51,-1,50,-2)",
    ),
    (
        {"bbox": "-1.55,50.85,-1.3,51.0"},
        "latitude and longitude look swapped: latitude comes first, 50.85,-1.55,51.0,-1.3 "
        "(given: -1.55,50.85,-1.3,51.0)",
    ),
    ({"resolution": "3"}, "must be a whole number from 4 to 15 (given: 3)"),
    ({"resolution": "11"}, "must be from 4 to 10, the resolution of the grid in these months (given: 11)"),
    ({"resolution": "fine"}, "must be a whole number from 4 to 15 (given: fine)"),
    ({"scheme": "mine"}, "must be one of saferoute, cambridge, ons (given: mine)"),
    ({"area": "mars"}, "There is no area mars. Areas: southampton-core"),
    ({"recency": "perhaps"}, "must be true or false (given: perhaps)"),
    ({"month": "2024-01"}, f"is not a parameter. Parameters: {ALL}"),
    ({"from": ["2024-01", "2024-02"]}, "must be given only once"),
]


def test_what_cannot_be_taken_is_422_with_what_was_expected(program: FlaskClient, crimes: list[Place]) -> None:
    for parameters, said in REFUSED:
        assert problem(program, **parameters) == {next(iter(parameters)): said}


def test_an_unknown_category_is_refused_with_those_that_are_known(program: FlaskClient, crimes: list[Place]) -> None:
    said = problem(program, category="drugs,burglery")["category"]
    assert said.startswith("must be slugs of anti-social-behaviour, bicycle-theft, ")


@pytest.mark.parametrize(("most", "asked"), [(50, 10), (50, 9), (4, 10), (4, 7), (1, 6)])
@pytest.mark.parametrize("where", [{}, {"bbox": "50.85,-1.5,50.97,-1.3"}, {"area": "southampton-core"}])
def test_more_cells_than_an_answer_can_carry_are_refused_with_a_resolution_that_would_do(
    program: FlaskClient,
    crimes: list[Place],
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    asked: int,
    where: dict[str, str],
) -> None:
    monkeypatch.setattr("jobs.grid.cells.MOST_CELLS", most)
    refused = re.fullmatch(
        rf"more than {most} cells: use resolution (\d+) or coarser, reduce bbox or area, or zoom in",
        problem(program, resolution=asked, **where)["resolution"],
    )
    assert refused
    assert COARSEST <= int(refused[1]) < asked
    assert 0 < len(shown(program, resolution=refused[1], **where)) <= most


def test_where_no_resolution_would_do_none_is_named(
    program: FlaskClient, crimes: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.grid.cells.MOST_CELLS", 0)
    assert problem(program)["resolution"] == "more than 0 cells: reduce bbox or area, or zoom in"


def test_an_empty_grid_has_no_features(program: FlaskClient) -> None:
    answer = program.get(GRID).json
    assert (answer["features"], answer["months"], answer["generation"]) == ([], [], 0)


def test_whoever_has_the_answer_is_told_so(program: FlaskClient, connection: Connection, crimes: list[Place]) -> None:
    paths = [GRID, f"{GRID}/cells/{next(iter(counted(crimes, 9)))}", f"{GRID}/tiles/{TILE}.mvt"]
    first = [program.get(path) for path in paths]
    assert len({answer.headers["ETag"] for answer in first}) == 3
    for path, answer in zip(paths, first, strict=True):
        again = program.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (answer.status_code, again.status_code, again.data) == (200, 304, b"")
        assert again.headers["ETag"] == answer.headers["ETag"]
        assert program.get(path, headers={"If-None-Match": 'W/"1-other"'}).status_code == 200
    build(connection)
    for path, answer in zip(paths, first, strict=True):
        newer = program.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert newer.status_code == 200
        assert newer.headers["ETag"] != answer.headers["ETag"]


def test_an_answer_is_kept_and_served_as_gzip_or_plain(
    program: FlaskClient, settings: Settings, crimes: list[Place]
) -> None:
    plain = program.get(GRID)
    with Redis.from_url(settings.redis_url) as redis:
        (key,) = redis.keys("safety:snapshot:1:*")
        assert 3500 < redis.ttl(key) <= 3600
        packed = program.get(GRID, headers={"Accept-Encoding": "gzip"})
        assert (packed.headers["Content-Encoding"], "Content-Encoding" in plain.headers) == ("gzip", False)
        assert gzip.decompress(packed.data) == plain.data
        assert "Accept-Encoding" in packed.headers["Vary"]
        # What is kept is what is served.
        redis.set(key, sealed(key.decode(), gzip.compress(b'{"kept": true}')))
        assert program.get(GRID).json == {"kept": True}


@pytest.mark.parametrize("junk", [b"junk", b"", gzip.compress(b"{}", mtime=0), b"a list"])
def test_what_others_put_under_the_name_of_an_answer_is_never_served(
    program: FlaskClient, settings: Settings, crimes: list[Place], junk: bytes
) -> None:
    plain = program.get(GRID)
    with Redis.from_url(settings.redis_url) as redis:
        (key,) = redis.keys("safety:snapshot:1:*")
        redis.delete(key)
        if junk == b"a list":
            redis.rpush(key, junk)
        else:
            redis.set(key, junk)
        assert program.get(GRID).data == plain.data
        # It is written over, and so served from Redis again.
        assert redis.get(key) == sealed(key.decode(), gzip.compress(plain.data, 5, mtime=0))


def test_with_redis_away_the_grid_is_read_all_the_same(make_app: MakeApp, crimes: list[Place]) -> None:
    program = make_app(public_read=True, redis_url="redis://127.0.0.1:1/0").test_client()
    answer = program.get(GRID, query_string={"resolution": 10})
    assert {one["id"]: one["properties"]["crimes"] for one in answer.json["features"]} == counted(crimes, 10)


def test_public_read_opens_the_grid(make_app: MakeApp, crimes: list[Place]) -> None:
    cell = next(iter(counted(crimes, 9)))
    for public, status in ((True, 200), (False, 401)):
        visitor = make_app(public_read=public).test_client()
        for path in ("", f"/cells/{cell}", f"/tiles/{TILE}.mvt"):
            assert visitor.get(GRID + path).status_code == status


def test_a_tile_shows_the_cells_that_the_geojson_has_there(program: FlaskClient, crimes: list[Place]) -> None:
    z, x, y = map(int, TILE.split("/"))
    west, south, east, north = Tile(z, x, y).region.shape.bounds
    answer = program.get(f"{GRID}/tiles/{TILE}.mvt", query_string={"resolution": 9, "category": "drugs"})
    assert answer.content_type == "application/vnd.mapbox-vector-tile"
    needs("the package mapbox-vector-tile", find_spec("mapbox_vector_tile") is not None)
    import mapbox_vector_tile

    features = mapbox_vector_tile.decode(answer.data)["cells"]["features"]
    there = shown(program, bbox=f"{south},{west},{north},{east}", category="drugs")
    assert len(there) > 5
    for one in there.values():
        # A tile has no lists.
        del one["interval_95"]
    assert {one["properties"]["h3"]: one["properties"] for one in features} == there
    nowhere = program.get(f"{GRID}/tiles/12/0/0.mvt")
    assert (nowhere.status_code, nowhere.data) == (200, b"")


@pytest.mark.parametrize("scheme", [{}, {"scheme": "ons"}, {"category": "drugs,robbery"}, {"recency": "true"}])
@pytest.mark.parametrize("resolution", [4, 5, 6, 7])
def test_coarse_cells_are_the_sums_of_the_finest(
    program: FlaskClient, crimes: list[Place], resolution: int, scheme: dict[str, str]
) -> None:
    expected: dict[str, dict[str, float]] = {}
    for cell, one in shown(program, resolution=10, **scheme).items():
        parent = expected.setdefault(h3.cell_to_parent(cell, resolution), {"crimes": 0, "asb": 0, "weighted": 0.0})
        for name in parent:
            parent[name] += one[name]
    coarse = shown(program, resolution=resolution, **scheme)
    assert coarse.keys() == expected.keys()
    for cell, sums in expected.items():
        assert {name: coarse[cell][name] for name in sums} == pytest.approx(sums, abs=0.01)


@pytest.mark.parametrize("zoom", range(23))
def test_every_zoom_has_a_tile_with_cells_of_its_resolution(
    program: FlaskClient, crimes: list[Place], zoom: int
) -> None:
    needs("the package mapbox-vector-tile", find_spec("mapbox_vector_tile") is not None)
    import mapbox_vector_tile

    one = crimes[0]
    tile = tile_of(one.lat, one.lng, zoom)
    answer = program.get(f"{GRID}/tiles/{tile.z}/{tile.x}/{tile.y}.mvt")
    assert answer.status_code == 200, answer.text
    # From so far a cell is smaller than a point of the tile.
    features = mapbox_vector_tile.decode(answer.data)["cells"]["features"]
    found = {feature["properties"]["h3"]: feature["properties"]["crimes"] for feature in features}
    resolution = tile.resolution
    assert {h3.get_resolution(cell) for cell in found} == {resolution}
    fine = h3.latlng_to_cell(one.lat, one.lng, 10)
    assert found.items() <= counted(crimes, resolution).items()
    assert h3.cell_to_parent(fine, resolution) in found


def tile_of(lat: float, lng: float, zoom: int) -> Tile:
    """The tile that has this place."""
    across = 2**zoom
    down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return Tile(zoom, int((lng + 180) / 360 * across), int(down * across))


def test_a_tile_that_is_not_on_the_map_is_404(program: FlaskClient) -> None:
    for tile in ("0/1/0", "3/0/8", "23/0/0"):
        answer = program.get(f"{GRID}/tiles/{tile}.mvt")
        assert answer.status_code == 404
        assert "zoom goes from 0 to 22" in answer.json["detail"]


def test_the_document_describes_the_parameters(program: FlaskClient) -> None:
    spec = program.get("/openapi.json").json
    operation = spec["paths"][GRID]["get"]
    assert {one["name"] for one in operation["parameters"]} == {
        "from",
        "to",
        "category",
        "scheme",
        "recency",
        "resolution",
        "area",
        "bbox",
    }
    assert "application/geo+json" in operation["responses"]["200"]["content"]
    assert {"404", "422"} <= set(spec["paths"][f"{GRID}/cells/{{h3}}"]["get"]["responses"])
    assert json.dumps(operation)
