"""The app's client of the ledger and the queues."""

from typing import cast

from flask import Flask, current_app

from web.settings import Settings
from worker.client import Client


def init_app(app: Flask) -> None:
    """One client per app. It connects when it is first used, so after gunicorn's fork."""
    app.extensions["safegrid_client"] = Client(settings_of(app), pool=True)


def settings_of(app: Flask) -> Settings:
    """The settings that the app was made with."""
    return cast(Settings, app.extensions["safegrid_settings"])


def settings() -> Settings:
    """The settings of the current app."""
    return settings_of(current_app)


def client() -> Client:
    """The client of the current app."""
    return cast(Client, current_app.extensions["safegrid_client"])
