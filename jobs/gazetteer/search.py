"""Places are looked up by how their names begin, and then by the n-grams that a misspelt name still shares.

No extension of PostgreSQL is needed: n-grams are arrays with an index of their own. A name that lacks m of the wanted
grams at most has one of any m + 1 of them; so what is looked up is a name with one of the first m + 1 and one of the
last, and no name is missed (prefix filtering: Chaudhuri, Ganti, Kaushik, A Primitive Operator for Similarity Joins in
Data Cleaning, 2006).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import h3.api.basic_int as h3
from sqlalchemy import Connection, text

from jobs.areas import AreaError
from jobs.coverage import cells
from jobs.gazetteer import names, places, ranking
from jobs.gazetteer.places import Place
from jobs.gazetteer.query import SHORTEST, PlaceQuery

Areas = Mapping[str, str]
"""{slug: name}"""
# So many parts of the nearest, or largest, are joined: for each place of the answer, and beside.
_PARTS_EACH, _PARTS_MORE = 8, 100
_NEIGHBOURS: Final = 2
# What one wrong letter leaves no trace of.
_LEAST_MISSES: Final = 3

_COLUMNS: Final = "name, key, part.*"
_IN_AREAS: Final = "AND (CAST(:areas AS text[]) IS NULL OR area = ANY(CAST(:areas AS text[])))"
_ORDER: Final = """
    CASE WHEN CAST(:lat AS float8) IS NULL THEN -points
         ELSE power(latitude_sum / points - :lat, 2)
              + power((longitude_sum / points - :lng) * cos(radians(CAST(:lat AS float8))), 2) END
"""
_BY_BEGINNING = text(
    f"""
    SELECT {_COLUMNS} FROM street_names JOIN street_parts AS part ON name_id = id
    WHERE key LIKE :beginning {_IN_AREAS} ORDER BY key <> :key, {_ORDER} LIMIT :most
    """  # noqa: S608 - constants
)
_SHARING: Final = """
    SELECT id FROM (
        SELECT id, key, (SELECT count(*) FROM unnest(grams) AS gram WHERE gram = ANY(:grams)) AS shared,
               cardinality(grams) AS own
        FROM street_names WHERE grams && CAST(:some AS text[]) AND grams && CAST(:others AS text[])
        UNION ALL SELECT id, key, :wanted, cardinality(grams) FROM street_names WHERE key = ANY(:swapped)
    ) AS found WHERE shared >= :least {}
    ORDER BY shared::float8 / (own + :wanted) DESC, abs(length(key) - length(:key)), key, id LIMIT 50
"""
# Every name is somewhere: to look where takes as long as all else.
_ANYWHERE = text(_SHARING.format(""))
_SOMEWHERE = text(_SHARING.format("AND EXISTS (SELECT FROM street_parts WHERE name_id = id AND area = ANY(:areas))"))
_OF_NAMES = text(
    f"SELECT {_COLUMNS} FROM street_names JOIN street_parts AS part ON name_id = id "  # noqa: S608 - constants
    f"WHERE id = ANY(:ids) {_IN_AREAS} ORDER BY {_ORDER} LIMIT :most"
)
# Those that many points are named after, and those that are close: a kilometre counts as much as three points. A name
# may be in several boxes, and areas may overlap.
_AROUND = text(
    f"""
    SELECT nth, name FROM unnest(
        CAST(:keys AS text[]), CAST(:lats AS float8[]), CAST(:lngs AS float8[]),
        CAST(:rows AS smallint[]), CAST(:columns AS smallint[])
    ) WITH ORDINALITY AS place (own, lat, lng, box_row, box_column, nth) CROSS JOIN LATERAL (
        SELECT name_id FROM street_parts AS part
        WHERE part.box_row = place.box_row AND part.box_column = place.box_column
        ORDER BY points / (0.3 + 111 * sqrt(
            power(latitude_sum / points - lat, 2) + power((longitude_sum / points - lng) * cos(radians(lat)), 2)
        )) DESC, name_id LIMIT {4 * (_NEIGHBOURS + 1)}
    ) AS close JOIN street_names ON id = name_id WHERE key <> own
    """  # noqa: S608 - constants
)
_AREAS = text("SELECT slug, name FROM areas ORDER BY created_at, slug")
_FORCES = text("SELECT DISTINCT force FROM force_cells WHERE force IS NOT NULL")


@dataclass(frozen=True)
class Found:
    """A place, and where it is in words."""

    place: Place
    score: float
    """How well its name is what was looked for, 0 to 1."""
    areas: dict[str, str]
    """{slug: name} of those that it lies in."""
    force: str | None
    """Whose land it is, where that is known."""
    near: list[str]
    """The streets of most points around it."""


@dataclass(frozen=True)
class _Wanted:
    """A name to look for, and where."""

    key: str
    areas: list[str] | None
    """None: all of them."""
    force: str | None = None


def find(connection: Connection, query: PlaceQuery) -> list[Found]:
    """The places that are most likely meant, the best first. Raises AreaError where there is no such area."""
    known = {row.slug: row.name for row in connection.execute(_AREAS)}
    if query.area is not None and query.area not in known:
        raise AreaError(f"There is no area {query.area}. Areas: {', '.join(known)}")
    readings = _readings(connection, query, known)
    found: dict[Place, float] = {}
    for reading in readings:
        if found := _by_beginning(connection, reading, query):
            readings = [reading]
            break
    for reading in readings if len(found) < query.limit else ():
        found = _alike(connection, reading, query) | found
    ordered = sorted(found, key=lambda place: _order(place, found[place], readings[0].key, query))[: query.limit]
    rows = zip(ordered, _forces_of(connection, ordered), _around(connection, ordered), strict=True)
    return [
        Found(place, found[place], {slug: known[slug] for slug in place.areas}, force, near)
        for place, force, near in rows
    ]


def _readings(connection: Connection, query: PlaceQuery, known: Areas) -> list[_Wanted]:
    """What may be meant: all of it, or what stands before an area or force."""
    name, comma, rest = query.q.partition(",")
    wanted = _Wanted(names.key(name), [query.area] if query.area is not None else None)
    if comma:
        return [_within(connection, wanted, names.key(rest), known) or wanted]
    apart = _apart(connection, wanted, known)
    return [wanted, apart] if apart else [wanted]


def _apart(connection: Connection, wanted: _Wanted, known: Areas) -> _Wanted | None:
    """The name without its last words, where they are those of an area or force."""
    words = wanted.key.split()
    for at in range(1, len(words)):
        name = _Wanted(" ".join(words[:at]), wanted.areas)
        if found := _within(connection, name, " ".join(words[at:]), known):
            return found
    return None


def _within(connection: Connection, wanted: _Wanted, where: str, known: Areas) -> _Wanted | None:
    """The name in the areas, or on the land of the force, whose name begins so."""
    areas = [slug for slug, name in known.items() if f"{names.key(name)} ".startswith(f"{where} ")]
    if areas:
        return _Wanted(wanted.key, [one for one in areas if wanted.areas is None or one in wanted.areas])
    for force in connection.scalars(_FORCES):
        if f"{names.key(force)} ".startswith(f"{where} "):
            return _Wanted(wanted.key, wanted.areas, force)
    return None


def _by_beginning(connection: Connection, wanted: _Wanted, query: PlaceQuery) -> dict[Place, float]:
    ends = "" if len(wanted.key) <= SHORTEST else "%"
    values = {**_values(wanted, query), "beginning": f"{wanted.key}{ends}"}
    return _hits(connection, connection.execute(_BY_BEGINNING, values).all(), wanted)


def _alike(connection: Connection, wanted: _Wanted, query: PlaceQuery) -> dict[Place, float]:
    """Streets whose names have about half of the grams, or are the wanted one with two letters swapped."""
    grams = names.grams_wanted(wanted.key)
    if len(wanted.key) <= SHORTEST:
        return {}
    misses = max(len(grams) // 2 - 1, min(_LEAST_MISSES, len(grams) - 2))
    # The same letters stand in a beginning and in an end seldom. Of a short name the two overlap.
    some, others = grams[: misses + 1], grams[-misses - 1 :]
    shared = {
        "swapped": names.swapped(wanted.key),
        "grams": grams,
        "some": some,
        "others": others,
        "wanted": len(grams),
        "least": len(grams) - misses,
    }
    values = _values(wanted, query)
    sharing = _ANYWHERE if wanted.areas is None else _SOMEWHERE
    ids = connection.scalars(sharing, {**values, **shared}).all()
    return _hits(connection, connection.execute(_OF_NAMES, {**values, "ids": ids}).all(), wanted) if ids else {}


def _values(wanted: _Wanted, query: PlaceQuery) -> dict[str, Any]:
    lat, lng = query.near or (None, None)
    most = _PARTS_EACH * query.limit + _PARTS_MORE
    return {"key": wanted.key, "areas": wanted.areas, "lat": lat, "lng": lng, "most": most}


def _hits(connection: Connection, rows: Sequence[Any], wanted: _Wanted) -> dict[Place, float]:
    """{place: score} of rows of parts, without those whose name is another, or on the land of another force."""
    scores = {key: round(ranking.score(wanted.key, key), 2) for key in {row.key for row in rows}}
    found = places.joined(row for row in rows if scores[row.key] >= ranking.LEAST)
    if wanted.force:
        forces = _forces_of(connection, found)
        found = [place for place, force in zip(found, forces, strict=True) if force == wanted.force]
    return {place: scores[place.key] for place in found}


def _order(place: Place, score: float, wanted: str, query: PlaceQuery) -> tuple[Any, ...]:
    """Names that are it, names that begin so, and those that are like it; of equal ones the nearest or the largest."""
    is_begun = place.key.startswith(wanted)
    size = place.away(query.near) if query.near else -place.points
    return place.key != wanted, not is_begun, 0.0 if is_begun else -score, size, place.key, place.bounds


def _forces_of(connection: Connection, found: Sequence[Place]) -> list[str | None]:
    cell_of = [h3.latlng_to_cell(place.latitude, place.longitude, cells.RESOLUTION) for place in found]
    located = cells.located(connection, set(cell_of))
    return [located.get(cell) for cell in cell_of]


def _around(connection: Connection, found: Sequence[Place]) -> list[list[str]]:
    """Names of streets around each place."""
    values = {
        "keys": [place.key for place in found],
        "lats": [place.latitude for place in found],
        "lngs": [place.longitude for place in found],
        "rows": [place.boxes[0][0] for place in found],
        "columns": [place.boxes[0][1] for place in found],
    }
    near: list[dict[str, None]] = [{} for _ in found]
    for row in connection.execute(_AROUND, values):
        near[row.nth - 1][row.name] = None
    return [list(names_of)[:_NEIGHBOURS] for names_of in near]
