"""What serves scores in the app, to pages and programs alike."""

from typing import cast

from flask import Flask, current_app

from jobs.scores.serving import OutsideWindow, Serving, UnknownRoute
from web.http.clients import settings_of
from web.http.errors import Problem, respond


def init_app(app: Flask) -> None:
    """One for the app. It connects when it is first used."""
    app.extensions["safegrid_scores"] = Serving(settings_of(app), app.extensions["safegrid_client"].engine)
    app.register_error_handler(UnknownRoute, lambda error: respond(Problem(404, str(error))))
    app.register_error_handler(OutsideWindow, lambda error: respond(Problem(422, str(error), {"date": str(error)})))


def serving() -> Serving:
    """That of the current app."""
    return cast(Serving, current_app.extensions["safegrid_scores"])
