"""The outbox: an event is noted in the transaction that does what it tells of, so that no kill loses one of the two."""

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

Kind = Literal["month_ingested", "month_revised", "grid_published", "scores_warmed", "run_ended"]

# With nobody to be told there is nothing to keep.
_NOTE = text(
    """
    INSERT INTO events (key, kind, data)
    SELECT :key, :kind, :data WHERE EXISTS (SELECT FROM subscribers WHERE :kind = ANY (kinds))
    ON CONFLICT (key) DO NOTHING
    """
).bindparams(bindparam("data", type_=JSONB))
_DELIVERY = text(
    """
    SELECT name, url, secret, number, key, kind, data, at FROM deliveries
    JOIN subscribers ON subscribers.id = subscriber_id JOIN events ON events.id = event_id
    WHERE subscriber_id = :subscriber AND number = :number
    """
)
_TAKEN = text(
    """
    UPDATE deliveries SET taken_at = clock_timestamp()
    WHERE subscriber_id = :subscriber AND number = :number AND taken_at IS NULL
    """
)


def note(connection: Connection, kind: Kind, name: object, data: Mapping[str, Any]) -> None:
    """Note that something happened. Part of the caller's transaction, which does it.

    name: tells it from others of its kind; what is noted twice under one name is one event. data: JSON values.
    """
    connection.execute(_NOTE, {"key": f"{kind}-{name}", "kind": kind, "data": dict(data)})


def delivery(connection: Connection, subscriber: int, number: int) -> Row[Any] | None:
    """name, url, secret, number, key, kind, data and at of what is to be sent. Part of the caller's transaction."""
    return connection.execute(_DELIVERY, {"subscriber": subscriber, "number": number}).one_or_none()


def taken(connection: Connection, subscriber: int, number: int) -> None:
    """The subscriber has taken it. Part of the caller's transaction."""
    connection.execute(_TAKEN, {"subscriber": subscriber, "number": number})
