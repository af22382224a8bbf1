"""Real streets are found by half-remembered names: beginnings, wrong letters, words in another order."""

import csv
import io
import zipfile
from collections.abc import Iterator

import h3.api.basic_int as h3
import pytest
from sqlalchemy import Connection, text

from jobs import database
from jobs.database import copy
from jobs.gazetteer import search, upkeep
from jobs.gazetteer.query import PlaceQuery
from tests.conftest import SHARED, empty_safegrid, needs
from tests.gridded import AREA
from worker.engines import Endpoints

HAMPSHIRE = SHARED / "data/police/hampshire.zip"
# West, south, east, north of the town and the land around it.
AROUND = (-1.6, 50.8, -1.2, 51.05)
COUNTY = "INSERT INTO areas (slug, name, boundary, is_box) SELECT 'county', 'County', boundary, false FROM areas"
# What somebody typed, what they meant, and among the first how many it is.
TRIES = [
    ("portswood road", "Portswood Road", 1),
    ("portswod road", "Portswood Road", 1),
    ("protswood rd", "Portswood Road", 1),
    ("portsw", "Portswood Road", 3),
    ("PORTSWOOD", "Portswood Road", 3),
    ("shirly high street", "Shirley High Street", 1),
    ("shirley high st", "Shirley High Street", 1),
    ("high street shirley", "Shirley High Street", 1),
    ("shirly", "Shirley High Street", 6),
    ("above bar", "Above Bar Street", 1),
    ("abovebar street", "Above Bar Street", 1),
    ("bar street", "Above Bar Street", 3),
    ("bevios valley", "Bevois Valley Road", 1),
    ("bevoir valley rd", "Bevois Valley Road", 1),
    ("burges road", "Burgess Road", 1),
    ("comercial road", "Commercial Road", 1),
    ("commerical road southampton", "Commercial Road", 1),
    ("bedfrod place", "Bedford Place", 1),
    ("st denys", "St Denys Road", 2),
    ("saint denys rd", "St Denys Road", 1),
    ("st. mary's road", "St Mary's Road", 1),
    ("st marys", "St Mary's Road", 5),
    ("queens terrace", "Queen's Terrace", 1),
    ("east park terace", "East Park Terrace", 1),
    ("the avenu", "The Avenue", 1),
    ("winchster road", "Winchester Road", 1),
    ("romsey", "Romsey Road", 2),
    ("thornhill park", "Thornhill Park Road", 1),
    ("london rd", "London Road", 1),
    ("hihg street", "High Street", 1),
]


@pytest.fixture(scope="module")
def county(administration: Connection, template: str, engine_endpoints: Endpoints) -> Iterator[Connection]:
    """The points of a town, which is the first area, and of the county around it."""
    needs(str(HAMPSHIRE), HAMPSHIRE.exists())
    with empty_safegrid(administration, template, engine_endpoints) as settings:
        engine = database.create(settings)
        with engine.connect() as connection:
            with connection.begin():
                _hold(connection)
            yield connection
        engine.dispose()


def _hold(connection: Connection) -> None:
    places = set(_places())
    cells = ((*place, *(h3.latlng_to_cell(*place[:2], resolution) for resolution in (10, 6))) for place in places)
    copy(connection, "points", ("latitude", "longitude", "street_name", "h3_cell", "coarse_cell"), cells)
    connection.execute(text(COUNTY))
    connection.execute(text("INSERT INTO area_points (area, point_id) SELECT 'county', id FROM points"))
    box = "latitude BETWEEN 50.85 AND 51 AND longitude BETWEEN -1.55 AND -1.3"
    connection.execute(text(f"INSERT INTO area_points SELECT :area, id FROM points WHERE {box}"), {"area": AREA})
    for area in (AREA, "county"):
        upkeep.refill(connection, area)


def _places() -> Iterator[tuple[float, float, str]]:
    """Latitude, longitude and name of each point."""
    west, south, east, north = AROUND
    with zipfile.ZipFile(HAMPSHIRE) as archive:
        for name in archive.namelist():
            if name.endswith("-street.csv"):
                for one in csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")):
                    lng, lat = float(one["Longitude"] or 0), float(one["Latitude"] or 0)
                    if south < lat < north and west < lng < east:
                        yield lat, lng, one["Location"]


def test_what_is_meant_is_among_the_first(county: Connection, subtests: pytest.Subtests) -> None:
    for typed, meant, among in TRIES:
        with subtests.test(typed), county.begin():
            found = search.find(county, PlaceQuery(q=typed, near=(50.9, -1.404)))
            names = [one.place.name for one in found]
            assert meant in names[:among], names
            assert found[names.index(meant)].place.away((50.92, -1.4)) < 0.1
    with subtests.test("what is no street here"), county.begin():
        assert search.find(county, PlaceQuery(q="qxzzk vvwq")) == []
    rows = county.execute(text("SELECT name, key FROM street_names ORDER BY md5(name) LIMIT 100")).all()
    with subtests.test("every name finds itself"):
        first = [search.find(county, PlaceQuery(q=row.name, limit=1))[0].place.key for row in rows]
        assert first == [row.key for row in rows]
