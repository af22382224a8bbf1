"""A cached answer of the API beside a bare Flask route that returns the same bytes, both served by gunicorn."""

import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from flask import Flask, Response

from bench.harness import Ratio, seconds
from worker.settings import Settings

ROUNDS, REQUESTS = 9, 300
START_S = 30
TOKEN = "token-of-the-bench"
BODY = "BENCH_BODY"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
GUNICORN = ("-m", "gunicorn", "--worker-class", "gthread", "--threads", "4", "--workers", "1", "--log-level", "error")


def ratio(settings: Settings, name: str, path: str, goal: float, headers: Mapping[str, str] | None = None) -> Ratio:
    """With all that the app does for a request. Medians of rounds that alternate, over a kept connection."""
    asked = {**HEADERS, **(headers or {})}
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "body"
        environment = {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "ADMIN_API_TOKEN": TOKEN,
            "SAFEGRID_HOME": home,
            BODY: str(file),
        }
        with _served("web:create_app()", environment) as ours:
            # Asked once, it is kept.
            file.write_bytes(_once(ours, path, asked))
            body = _once(ours, path, asked)
            with _served("bench.cached_get:bare()", environment) as other:
                pairs = [(_time(ours, path, asked, body), _time(other, path, asked, body)) for _ in range(ROUNDS)]
    mine, theirs = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    detail = (
        f"{mine:.0f} us beside {theirs:.0f} us, {len(body) / 1024:.0f} kB, median of {ROUNDS} x {REQUESTS} requests"
    )
    return Ratio(name, mine / theirs, "x", goal, "lower", detail)


def bare() -> Flask:
    """An app that does nothing but return the bytes."""
    app, body = Flask("bare"), Path(os.environ[BODY]).read_bytes()

    @app.get("/<path:anything>")
    def one(anything: str) -> Response:
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


def _get(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]) -> bytes:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}: {body[:200]!r}")
    return body


def _once(port: int, path: str, headers: Mapping[str, str]) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)) as connection:
        return _get(connection, path, headers)


def _time(port: int, path: str, headers: Mapping[str, str], body: bytes) -> float:
    """Seconds a request, over one connection."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)) as connection:
        if _get(connection, path, headers) != body:
            raise RuntimeError("The route does not return the bytes that are kept")
        return seconds(lambda: [_get(connection, path, headers) for _ in range(REQUESTS)]) / REQUESTS
