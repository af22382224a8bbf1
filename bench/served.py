"""Our app and a bare Flask route that returns bytes, each in a process of the same server, asked in turns."""

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
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawValue
from pathlib import Path

from flask import Flask, Response

from bench.harness import seconds
from web import create_app
from web.server import build
from worker.settings import Settings

START_S = 30
PASSWORD = "password of the bench"
TOKEN = "token-of-the-bench"
BODY = "BENCH_BODY"


@dataclass(frozen=True)
class Server:
    """A server on a port of this machine, and what it wants with each request."""

    port: int
    headers: Mapping[str, str]

    def once(self, path: str) -> bytes:
        """One answer over a connection of its own."""
        with closing(self._connect()) as connection:
            return self._get(connection, path)

    def time(self, path: str, requests: int) -> float:
        """Seconds a request over one connection."""
        with closing(self._connect()) as connection:
            self._get(connection, path)
            return seconds(lambda: [self._get(connection, path) for _ in range(requests)]) / requests

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_S)

    def _get(self, connection: http.client.HTTPConnection, path: str) -> bytes:
        connection.request("GET", path, headers=dict(self.headers))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {body[:200]!r}")
        return body


@contextlib.contextmanager
def ours(settings: Settings, headers: Mapping[str, str]) -> Iterator[Server]:
    """The admin app on these engines."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "ADMIN_API_TOKEN": TOKEN,
            "ADMIN_PASSWORD": PASSWORD,
            "SAFEGRID_HOME": home,
        }
        with _served("ours", environment) as port:
            yield Server(port, headers)


@contextlib.contextmanager
def bare(body: bytes, headers: Mapping[str, str]) -> Iterator[Server]:
    """An app that does nothing but return the bytes."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        with _served("bare", {BODY: file.name}) as port:
            yield Server(port, headers)


def bare_app() -> Flask:
    """What `bare` serves."""
    app, body = Flask("bare"), Path(os.environ[BODY]).read_bytes()

    @app.get("/", defaults={"anything": ""})
    @app.get("/<path:anything>")
    def one(anything: str) -> Response:
        return Response(body, mimetype="application/json")

    return app


def in_turns(one: Server, other: Server, path: str, rounds: int, requests: int) -> tuple[float, float]:
    """Seconds a request of each: medians of rounds that alternate."""
    pairs = [(one.time(path, requests), other.time(path, requests)) for _ in range(rounds)]
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return mine, theirs


@contextlib.contextmanager
def _served(app: str, environment: Mapping[str, str]) -> Iterator[int]:
    """The port of a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "bench.served", app, str(listener.fileno())]
        port = listener.getsockname()[1]
        root = Path(__file__).parents[1]
        process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=root, pass_fds=[listener.fileno()])
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    chosen = create_app() if sys.argv[1] == "ours" else bare_app()
    build(chosen, socket.socket(fileno=int(sys.argv[2]))).run(RawValue("d", 0.0))
