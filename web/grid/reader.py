"""What reads the grid in the app, for pages and programs alike."""

from typing import cast

from flask import Flask, current_app

from jobs.grid.answers import NoSuchCell
from jobs.grid.export.extras import ExtraMissing
from jobs.grid.query import QueryRefused
from jobs.grid.reading import Grid
from web.http.clients import settings_of
from web.http.errors import Problem, respond


def init_app(app: Flask) -> None:
    """One for the app. It connects when it is first used."""
    app.extensions["safegrid_grid"] = Grid(settings_of(app), app.extensions["safegrid_client"].engine)
    app.register_error_handler(NoSuchCell, lambda error: respond(Problem(404, str(error))))
    app.register_error_handler(QueryRefused, lambda error: respond(Problem(422, str(error), error.problems)))
    app.register_error_handler(ExtraMissing, lambda error: respond(Problem(501, str(error))))


def reader() -> Grid:
    """That of the current app."""
    return cast(Grid, current_app.extensions["safegrid_grid"])
