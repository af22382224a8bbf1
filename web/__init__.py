"""The admin app: how people and programs ask for work and see what came of it."""

from apiflask import APIFlask

import worker.settings
from web import (
    access,
    administration,
    api,
    clients,
    dashboard,
    data,
    errors,
    formats,
    grid,
    guard,
    health,
    intake,
    inventory,
    jobs,
    limits,
    map,
    membership,
    metrics,
    openapi,
    overview,
    queues,
    reference,
    risks,
    runs,
    schedule,
    scores,
    security,
    signin,
)
from web.settings import Settings, with_local_secrets
from worker import logs

LARGEST_REQUEST = 64 * 1024


def create_app(settings: Settings | None = None) -> APIFlask:
    """The WSGI app; settings come from the environment unless given. It connects to nothing before it is asked.

    Raises SettingsError, or EngineError when no engines are named and none run here.
    """
    if settings is None:
        settings = worker.settings.read(Settings)
        logs.configure(settings)
    settings = with_local_secrets(settings)
    app = APIFlask("web", title="Safegrid", version="1", docs_path=None, json_errors=False)
    app.config.update(SECRET_KEY=settings.secret_key, MAX_CONTENT_LENGTH=LARGEST_REQUEST)
    app.extensions["safegrid_settings"] = settings
    for concern in (clients, security, guard, intake, errors, formats, openapi):
        concern.init_app(app)
    for feature in (
        signin,
        overview,
        jobs,
        runs,
        schedule,
        queues,
        data,
        risks,
        access,
        api,
        administration,
        inventory,
        membership,
        scores,
        grid,
        map,
        reference,
        dashboard,
        health,
        metrics,
    ):
        feature.init_app(app)
    limits.init_app(app)
    return app
