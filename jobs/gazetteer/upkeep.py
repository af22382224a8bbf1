"""The gazetteer follows the points that lie in areas, in the transaction in which they come or go."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, text

from jobs.gazetteer import names
from jobs.models.gazetteer import StreetPart

# Of a degree: 2.2 km from south to north, and about as much from west to east in England.
_ROWS, _COLUMNS = 50, 30
_NEW = text(
    """
    SELECT DISTINCT street_name FROM points
    WHERE id = ANY(:points) AND NOT EXISTS (SELECT FROM street_names WHERE source_name = street_name)
    """
)
_NEW_IN_AREA = text(
    """
    SELECT DISTINCT street_name FROM points JOIN area_points ON point_id = id
    WHERE area = :area AND NOT EXISTS (SELECT FROM street_names WHERE source_name = street_name)
    """
)
# In the order of an index, here and below, so that two who add the same at once wait for each other in no circle.
_NAME = text(
    """
    INSERT INTO street_names (source_name, name, key, grams)
    SELECT source_name, name, key, string_to_array(grams, '|')
    FROM unnest(CAST(:sources AS text[]), CAST(:names AS text[]), CAST(:keys AS text[]), CAST(:grams AS text[]))
        AS fresh (source_name, name, key, grams)
    ORDER BY source_name ON CONFLICT DO NOTHING
    """
)
_PARTS = f"""
    INSERT INTO street_parts AS part (
        area, name_id, box_row, box_column, points, latitude_sum, longitude_sum, south, west, north, east
    )
    SELECT :area, street_names.id, floor(latitude * {_ROWS}), floor(longitude * {_COLUMNS}), count(*), sum(latitude),
           sum(longitude), min(latitude), min(longitude), max(latitude), max(longitude)
    FROM points JOIN street_names ON source_name = street_name WHERE {{}}
    GROUP BY 1, 2, 3, 4 ORDER BY 2, 3, 4
    ON CONFLICT (area, name_id, box_row, box_column) DO UPDATE SET
        points = part.points + excluded.points, latitude_sum = part.latitude_sum + excluded.latitude_sum,
        longitude_sum = part.longitude_sum + excluded.longitude_sum,
        south = least(part.south, excluded.south), west = least(part.west, excluded.west),
        north = greatest(part.north, excluded.north), east = greatest(part.east, excluded.east)
"""  # noqa: S608 - constants
_ADD = text(_PARTS.format("points.id = ANY(:points)"))
_FILL = text(_PARTS.format("points.id IN (SELECT point_id FROM area_points WHERE area = :area)"))
_FORGET = text("DELETE FROM street_names WHERE NOT EXISTS (SELECT FROM street_parts WHERE name_id = id)")


def add(connection: Connection, area: str, points: Sequence[int]) -> None:
    """Take in points, by their ids, that have just come to lie in an area. Part of the caller's transaction.

    Their names are kept already, by `name`.
    """
    if points:
        connection.execute(_ADD, {"area": area, "points": list(points)})


def name(connection: Connection, points: Sequence[int]) -> None:
    """Keep the names of points that are new, whichever areas they lie in: once in a transaction, before `add`.

    Names that came area by area would come in another order to another, and each could wait for the other.
    """
    if points:
        _name(connection, connection.scalars(_NEW, {"points": list(points)}).all())


def refill(connection: Connection, area: str) -> None:
    """Take in all points of an area whose border is new, in place of what it had. Part of the transaction."""
    connection.execute(delete(StreetPart).where(StreetPart.area == area))
    _name(connection, connection.scalars(_NEW_IN_AREA, {"area": area}).all())
    connection.execute(_FILL, {"area": area})


def forget(connection: Connection) -> None:
    """Drop the names that are nowhere any more. Part of a transaction that holds the lock of areas."""
    connection.execute(_FORGET)


def _name(connection: Connection, sources: Sequence[str]) -> None:
    """Keep the names that people can look for; a kind is none."""
    kept = [one for one in sources if not (names.is_kind(one) or names.is_nameless(one))]
    keys = [names.key(names.shown(one)) for one in kept]
    values = {
        "sources": kept,
        "names": [names.shown(one) for one in kept],
        "keys": keys,
        # No word has a bar.
        "grams": ["|".join(names.grams(one)) for one in keys],
    }
    connection.execute(_NAME, values)
