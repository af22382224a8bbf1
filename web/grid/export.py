"""Exports of the grid over HTTP, sent as they are read."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final

from flask import Flask, Response, current_app, request, url_for
from sqlalchemy import Connection, text
from werkzeug.wrappers import Response as WerkzeugResponse

from jobs.grid.export import formats
from jobs.grid.export.about import About
from jobs.grid.export.formats import FORMATS
from jobs.grid.export.sidecar import sidecar
from jobs.grid.geojson import LICENCE_LINK
from jobs.grid.query import ExportQuery
from web.http.clients import client
from web.http.errors import Problem, respond

# Each keeps a thread of the process, of which it has four.
MOST_AT_ONCE: Final = 2
RETRY_AFTER_S: Final = 10
# Who reads no further keeps PostgreSQL from cleaning up for no longer than that.
IDLE_S: Final = 60
# Some formats begin with what is no record.
_FIRST_PARTS: Final = 2


def init_app(app: Flask) -> None:
    """Keep places for the exports that are being sent."""
    app.extensions["safegrid_exports"] = threading.BoundedSemaphore(MOST_AT_ONCE)


def file_of(query: ExportQuery) -> WerkzeugResponse:
    """The file in chunks. What is wrong before the first of them is raised; what is wrong after it cuts the connection.

    Raises QueryRefused, ExtraMissing.
    """
    places: threading.BoundedSemaphore = current_app.extensions["safegrid_exports"]
    if not places.acquire(blocking=False):
        detail = f"{MOST_AT_ONCE} exports are running already. Try again in {RETRY_AFTER_S} s."
        return respond(Problem(429, detail, headers=[("Retry-After", str(RETRY_AFTER_S))]))
    with ExitStack() as until_sent:
        until_sent.callback(places.release)
        connection = until_sent.enter_context(_connected())
        form = FORMATS[query.format]
        parts = until_sent.enter_context(closing(form.write(formats.source(connection, query))))
        first = list(itertools.islice(parts, _FIRST_PARTS))
        response = Response(itertools.chain(first, parts), content_type=form.content_type, headers=_headers(query))
        # Of a HEAD nothing is sent, and the response is not closed.
        if request.method != "HEAD":
            response.call_on_close(until_sent.pop_all().close)
        return response


def about(query: ExportQuery) -> bytes:
    """Licence, coverage and date of the file, as JSON. Raises QueryRefused."""
    with _connected() as connection:
        return sidecar(About.read(connection, query), query.format, _name(query))


@contextmanager
def _connected() -> Iterator[Connection]:
    with formats.in_one_state(client().engine).connect() as connection:
        connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_S}s'"))
        yield connection


def _headers(query: ExportQuery) -> dict[str, str]:
    given: dict[str, Any] = request.args.to_dict()
    described = url_for("grid_api.export_about", **given)
    links = f'{LICENCE_LINK}, <{described}>; rel="describedby"; type="application/json"'
    return {"Content-Disposition": f'attachment; filename="{_name(query)}"', "Link": links}


def _name(query: ExportQuery) -> str:
    return f"safegrid-{query.area}.{query.format}" if query.area else f"safegrid.{query.format}"
