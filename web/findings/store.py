"""What is wrong now, and what was."""

from collections.abc import Sequence
from typing import Any

from flask import Flask, current_app
from sqlalchemy import Connection, Row
from sqlalchemy.exc import InterfaceError, OperationalError

from web.http.clients import client, read_again, settings_of
from worker.findings import store, watch
from worker.findings.watch import Shown, Watch

_NAME = "safegrid_watch"


def init_app(app: Flask) -> None:
    """One watch per app. It connects when it first looks."""
    app.extensions[_NAME] = Watch(settings_of(app))


def current(connection: Connection) -> Sequence[Shown]:
    """What is wrong now, the worst first. Raises sqlalchemy's errors where PostgreSQL is away."""
    found: Watch = current_app.extensions[_NAME]
    return found.current(connection)


def current_or_away() -> Sequence[Shown]:
    """The same; where PostgreSQL is away, that."""
    try:
        return now()
    except OperationalError as error:
        return [watch.away(error)]
    except InterfaceError:
        return [watch.away()]


def now() -> Sequence[Shown]:
    """The same as `current`, by a connection of its own, and by another where that was cut."""

    def read() -> Sequence[Shown]:
        with client().engine.connect() as connection:
            return current(connection)

    return read_again(read)


def resolved(count: int) -> Sequence[Row[Any]]:
    """The findings that passed last."""
    with client().engine.connect() as connection:
        return store.resolved(connection, count)


def is_wrong(finding: Shown) -> bool:
    """Whether somebody should do something: a notice says something that is so for good, or for a while."""
    return finding.severity != "notice" and not finding.is_acknowledged
