"""A cached score over the API beside a bare Flask route that returns the same bytes, both served by gunicorn."""

import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

from flask import Flask, Response

from bench.harness import Ratio, seconds
from jobs import cache
from jobs.warming.planned import today
from jobs.warming.scores import key
from worker.settings import Settings

ROUNDS, REQUESTS = 9, 300
START_S = 30
TOKEN = "token-of-the-bench"
BODY = "BENCH_BODY"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
GUNICORN = ("-m", "gunicorn", "--worker-class", "gthread", "--threads", "4", "--workers", "1", "--log-level", "error")


def ratio(settings: Settings, route_id: int) -> Ratio:
    """With all that the app does for a request. Medians of rounds that alternate, over a kept connection."""
    path = f"/api/v1/routes/{route_id}/safety?date={today()}"
    with closing(cache.connect(settings)) as redis:
        body = cast(bytes, redis.get(key(route_id, today())))
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "ADMIN_API_TOKEN": TOKEN,
            "SAFEGRID_HOME": home,
            BODY: body.decode(),
        }
        with _served("web:create_app()", environment) as ours, _served("bench.cached_get:bare()", environment) as bare:
            pairs = [(_time(ours, path, body), _time(bare, path, body)) for _ in range(ROUNDS)]
    measured, other = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    detail = f"{measured:.0f} us beside {other:.0f} us, {REQUESTS} requests, median of {ROUNDS} rounds"
    return Ratio("cached GET beside a bare Flask route", measured / other, "x", 3, "lower", detail)


def bare() -> Flask:
    """An app that does nothing but return the bytes."""
    app, body = Flask("bare"), os.environ[BODY].encode()

    @app.get("/api/v1/routes/<int:route_id>/safety")
    def one(route_id: int) -> Response:
        return Response(body, mimetype="application/json")

    return app


@contextlib.contextmanager
def _served(app: str, environment: dict[str, str]) -> Iterator[int]:
    """The port of a gunicorn of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, *GUNICORN, "--bind", f"fd://{listener.fileno()}", app]
        port = listener.getsockname()[1]
        root = Path(__file__).parents[1]
        process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=root, pass_fds=[listener.fileno()])
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path, headers=HEADERS)
    return connection.getresponse().read()


def _time(port: int, path: str, body: bytes) -> float:
    """Seconds a request, over one connection."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)) as connection:
        if _get(connection, path) != body:
            raise RuntimeError("The route does not return the bytes that are kept")
        return seconds(lambda: [_get(connection, path) for _ in range(REQUESTS)]) / REQUESTS
