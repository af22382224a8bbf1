"""The admin app: how people and programs ask for work and see what came of it."""

from apiflask import APIFlask

import worker.settings
from web.areas import api as areas_api
from web.areas import pages as areas_pages
from web.categories import api as categories_api
from web.categories import pages as categories_pages
from web.coverage import api as coverage_api
from web.coverage import pages as coverage_pages
from web.data import api as data_api
from web.data import pages as data_pages
from web.findings import api as findings_api
from web.findings import pages as findings_pages
from web.findings import store as findings_store
from web.generations import api as generations_api
from web.generations import pages as generations_pages
from web.grid import api as grid_api
from web.grid import pages as grid_pages
from web.grid import reader
from web.html import formats
from web.http import clients, conditional, errors, limits, origins, reading, security
from web.jobs import api as jobs_api
from web.jobs import pages as jobs_pages
from web.openapi import document
from web.openapi import pages as openapi_pages
from web.people import account, guard, oidc, signin
from web.people import api as people_api
from web.people import pages as people_pages
from web.places import api as places_api
from web.runs import api as runs_api
from web.runs import pages as runs_pages
from web.scores import api as scores_api
from web.scores import many as many_scores
from web.scores import pages as scores_pages
from web.scores import serving
from web.settings import Settings, with_local_secrets
from web.status import api as status_api
from web.status import dashboard, health, metrics, overview, queues, schedule
from web.subscribers import api as subscribers_api
from web.subscribers import pages as subscribers_pages
from worker import logs

# The largest that is meant, a batch of 500 task ids, has 20 KB.
LARGEST_REQUEST = 64 * 1024
# In the order of their init_app: what comes before a request comes in it too.
_CONCERNS = (
    clients,
    security,
    conditional,
    origins,
    guard,
    reading,
    errors,
    formats,
    document,
    reader,
    serving,
    findings_store,
)
_PAGES = (
    signin,
    account,
    oidc,
    overview,
    findings_pages,
    jobs_pages,
    runs_pages,
    schedule,
    queues,
    data_pages,
    areas_pages,
    coverage_pages,
    categories_pages,
    generations_pages,
    scores_pages,
    people_pages,
    subscribers_pages,
    grid_pages,
    openapi_pages,
)
_APIS = (
    jobs_api,
    runs_api,
    status_api,
    findings_api,
    data_api,
    areas_api,
    coverage_api,
    categories_api,
    generations_api,
    people_api,
    subscribers_api,
    scores_api,
    many_scores,
    grid_api,
    places_api,
)
_PLATFORM = (dashboard, health, metrics)


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
    for part in (*_CONCERNS, *_PAGES, *_APIS, *_PLATFORM):
        part.init_app(app)
    # Comes after the views.
    limits.init_app(app)
    return app
