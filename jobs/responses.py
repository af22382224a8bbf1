"""Whole responses of sources over HTTP, within a deadline and a size.

The timeout of `requests` is for each single read: a source that sends a byte now and then would hold its caller for
ever, in its headers as in its body.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse

MOST_BYTES = 64 * 2**20
"""Some ten times the largest response of any source, unpacked."""
_CHUNK = 64 * 1024

_here = threading.local()


class NotWhole(requests.RequestException):
    """A response that did not come in full: too slow, or too large."""


@dataclass(frozen=True)
class Response:
    """A whole response. `url` has no query, which may hold a key."""

    url: str
    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


class Deadline:
    """Shuts the connection that is in use when its time is over, whatever waits in it."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def use(self, connection: socket.socket) -> None:
        """This is the connection that the response comes over."""
        self._socket = connection
        if self.is_over:
            self._shut()

    def _pass(self) -> None:
        self.is_over = True
        self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # That of TLS would first take its own state apart, which another thread reads from.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """For the requests of this thread in the block."""
        _here.deadline = self
        self._timer.start()
        try:
            yield
        finally:
            self._timer.cancel()
            _here.deadline = None


def _note(connection: HTTPConnection) -> None:
    deadline: Deadline | None = getattr(_here, "deadline", None)
    if deadline is not None and connection.sock is not None:
        deadline.use(connection.sock)


class _Http(HTTPConnection):
    def getresponse(self) -> BaseHTTPResponse:  # type: ignore[override]
        _note(self)
        return super().getresponse()


class _Https(HTTPSConnection):
    def getresponse(self) -> BaseHTTPResponse:  # type: ignore[override]
        _note(self)
        return super().getresponse()


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> HTTPConnectionPool:
        pool = cast(HTTPConnectionPool, super().get_connection_with_tls_context(*args, **options))
        pool.ConnectionCls = _Https if pool.scheme == "https" else _Http
        return pool


def session() -> requests.Session:
    """A session whose responses can have a deadline."""
    made = requests.Session()
    made.mount("http://", _Adapter())
    made.mount("https://", _Adapter())
    return made


def whole_response(
    session: requests.Session, method: str, url: str, *, timeout_s: float, most_bytes: int = MOST_BYTES, **request: Any
) -> Response:
    """The response in full, `timeout_s` after the request at most. No redirect is followed.

    Raises requests.RequestException: NotWhole for a response that is too slow or larger than `most_bytes`.
    """
    deadline = Deadline(timeout_s)
    try:
        with (
            deadline.running(),
            session.request(method, url, timeout=timeout_s, allow_redirects=False, stream=True, **request) as response,
        ):
            body = _read(response, most_bytes)
    except requests.RequestException as error:
        if deadline.is_over:
            raise NotWhole(f"it took longer than {timeout_s:g} s") from error
        raise
    if deadline.is_over:
        # A body without a length that was cut off looks whole.
        raise NotWhole(f"it took longer than {timeout_s:g} s")
    address, _, _ = response.url.partition("?")
    return Response(address, response.status_code, response.reason or "", response.headers, body)


def _read(response: requests.Response, most_bytes: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > most_bytes:
            raise NotWhole(f"it is larger than {most_bytes / 2**20:g} MB")
    return bytes(body)
