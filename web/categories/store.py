"""What the database says of categories."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

_CATEGORIES = text(
    """
    SELECT slug, name, first_month, last_month, (
        SELECT coalesce(jsonb_object_agg(scheme, weight), '{}') FROM crime_weights WHERE category = slug
    ) AS weights FROM crime_categories ORDER BY name
    """
)
_SCHEMES = text("SELECT name, unit, is_default FROM weight_schemes ORDER BY is_default DESC, name")
_UNKNOWN = text(
    """
    SELECT category AS slug, count(*) AS records, min(month) AS first_month, max(month) AS last_month
    FROM set_aside_records WHERE category IS NOT NULL GROUP BY 1 ORDER BY 1
    """
)


def every(connection: Connection) -> Sequence[Any]:
    """slug, name, first_month, last_month and weights {scheme: weight} of each, by name."""
    with connection.begin():
        return connection.execute(_CATEGORIES).all()


def schemes(connection: Connection) -> Sequence[Any]:
    """name, unit and is_default of each scheme of weights, the default first."""
    with connection.begin():
        return connection.execute(_SCHEMES).all()


def unknown(connection: Connection) -> Sequence[Any]:
    """slug, records, first_month and last_month of those that crimes were set aside for."""
    with connection.begin():
        return connection.execute(_UNKNOWN).all()
