"""The app's client of the ledger and the queues."""

from collections.abc import Callable
from typing import TypeVar, cast

from flask import Flask, current_app
from sqlalchemy.exc import DBAPIError

from web.settings import Settings
from worker.client import Client

T = TypeVar("T")


def init_app(app: Flask) -> None:
    """One client per app. It connects when it is first used, so after gunicorn's fork."""
    app.extensions["safegrid_client"] = Client(settings_of(app), pool=True)


def settings_of(app: Flask) -> Settings:
    """The settings that the app was made with."""
    return cast(Settings, app.extensions["safegrid_settings"])


def settings() -> Settings:
    """The settings of the current app."""
    return settings_of(current_app)


def read_again(read: Callable[[], T]) -> T:
    """What `read` returns; once more where its connection was cut, as by a restart that is over by then."""
    try:
        return read()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return read()


def client() -> Client:
    """The client of the current app."""
    return cast(Client, current_app.extensions["safegrid_client"])
