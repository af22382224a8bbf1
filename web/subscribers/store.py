"""Subscribers as pages and the API show them: without address and secret."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from web.http.clients import client
from worker.events import subscribers


@dataclass(frozen=True)
class Subscriber:
    """A subscriber of events."""

    id: int
    name: str
    host: str
    """Of its address, of which the rest may be a secret."""
    kinds: list[str]
    created_by: str
    created_at: dt.datetime
    last_number: int
    """Of the newest event that there is for it."""
    untaken: int
    """How many events it has not taken so far."""
    last_taken: dt.datetime | None
    is_refusing: bool
    """Whether the last delivery failed."""


def every() -> list[Subscriber]:
    """All of them, by name."""
    with client().engine.connect() as connection:
        return [_shown(row) for row in subscribers.every(connection)]


def _shown(row: Row[Any]) -> Subscriber:
    values = {**row._mapping, "host": subscribers.host(row.url)}
    return Subscriber(**{name: value for name, value in values.items() if name != "url"})


def sent(subscriber: int, most: int, before: int | None = None) -> Sequence[Row[Any]]:
    """What was and is to be sent to it, newest first, below the number `before`. Raises UnknownSubscriber."""
    with client().engine.connect() as connection:
        return subscribers.sent(connection, subscriber, most, before or 2**62)
