"""Schemes of weights: what a crime of each category counts, and which scheme the grid stores."""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from sqlalchemy import Connection, text

from jobs import cache
from jobs.database import lock
from jobs.errors import WrongCall
from jobs.grid import store

_SCHEMES = text("SELECT name, version, unit, source, is_default FROM weight_schemes ORDER BY is_default DESC, name")
_UNWEIGHTED = text(
    """
    SELECT DISTINCT category FROM safety_cells, jsonb_object_keys(stats) AS category
    WHERE category NOT IN (SELECT category FROM crime_weights WHERE scheme = :scheme) ORDER BY 1
    """
)
_WEIGH = """
    UPDATE {} SET crime_count_weighted = (
        SELECT sum(value::bigint * weight) FROM jsonb_each_text(stats)
        JOIN crime_weights ON scheme = :scheme AND category = key
    )
"""


class SchemeRefused(WrongCall):
    """A scheme that is not there, or that leaves out a category that the grid has."""


def schemes(connection: Connection) -> Sequence[Any]:
    """name, version, unit, source and is_default of every scheme, the default first."""
    return connection.execute(_SCHEMES).all()


def weigh(connection: Connection, redis: Redis, name: str) -> int:
    """Make `name` the default scheme and weigh the grid by it, in one transaction. Returns the cells weighed.

    Also after the weights of the default scheme were changed. Raises SchemeRefused.
    """
    with connection.begin():
        # The rebuild's lock: a month that it builds meanwhile would be weighed by the former scheme.
        lock(connection, "safegrid:grid")
        _check(connection, name)
        # One scheme at a time may be the default: the old one goes before the new one comes.
        for is_default in (False, True):
            connection.execute(
                text("UPDATE weight_schemes SET is_default = :is_default WHERE (name = :name) = :is_default"),
                {"name": name, "is_default": is_default},
            )
        connection.execute(text(_WEIGH.format("coarse_cells")), {"scheme": name})
        weighed = connection.execute(text(_WEIGH.format("safety_cells")), {"scheme": name}).rowcount
        store.publish(connection, store.next_generation(connection))
    cache.drop_snapshots(redis)
    return weighed


def _check(connection: Connection, name: str) -> None:
    names = [scheme.name for scheme in schemes(connection)]
    if name not in names:
        raise SchemeRefused(f"There is no scheme {name}. Schemes: {', '.join(names)}")
    if unweighted := connection.scalars(_UNWEIGHTED, {"scheme": name}).all():
        raise SchemeRefused(
            f"Scheme {name} has no weight for {', '.join(unweighted)}: add it to the table crime_weights, "
            "then set the default again"
        )
