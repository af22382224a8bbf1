"""A threaded HTTP/1.1 server on the loopback address whose answers can also fail on the wire."""

import contextlib
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

FORM = "application/x-www-form-urlencoded"
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST instead of FIN

_DRIP_S = 0.05

_Socket = socket.socket | tuple[bytes, socket.socket]

Delivery = Literal["whole", "truncated", "reset", "dripping", "dripping headers", "endless"]


@dataclass(frozen=True)
class Request:
    """One request: `parameters` are the query's and, if form-encoded, the body's; of equal names the last."""

    method: str
    path: str
    parameters: dict[str, str]
    body: bytes = b""
    line_length: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    """Names in small letters."""


@dataclass(frozen=True)
class Answer:
    """What goes back; `delivery` says whether it arrives whole, stops half-way, or is a reset connection."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = "whole"


class StandinServer(socketserver.ThreadingTCPServer):
    """Serves `respond` on 127.0.0.1 from `start()` to `stop()`; port 0 takes a free one."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, respond: Callable[[Request], Answer], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.respond = respond
        self._connections: set[socket.socket] = set()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        # The short poll keeps stop() quick: it waits for one poll.
        threading.Thread(target=self.serve_forever, args=(0.02,), name="stand-in", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and hang up on kept-alive clients, as a service that goes away does."""
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: _Socket, client_address: Any) -> None:
        assert isinstance(request, socket.socket)
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: _Socket) -> None:
        assert isinstance(request, socket.socket)
        self._connections.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_ABORT)) == _ABORT:
            self.close_request(request)  # without the FIN that the base class sends first
        else:
            super().shutdown_request(request)

    def handle_error(self, request: _Socket, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that hung up is no news
            super().handle_error(request, client_address)


class Standin:
    """What every stand-in is: a server on 127.0.0.1, from `start()` or `with` on."""

    def __init__(self, respond: Callable[[Request], Answer], port: int) -> None:
        self._server = StandinServer(respond, port)

    def start(self) -> Self:
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    server: StandinServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "stand-in", ""
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._deliver(self.server.respond(self._read()))

    do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the stand-in keeps its own log."""

    def _read(self) -> Request:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        pairs = parse_qsl(url.query, keep_blank_values=True)
        if self.headers.get_content_type() == FORM:
            pairs += parse_qsl(body.decode(), keep_blank_values=True)
        return Request(self.command, url.path, dict(pairs), body, len(self.requestline), headers)

    def _deliver(self, answer: Answer) -> None:
        if answer.delivery == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            self.close_connection = True
            return
        if answer.delivery in ("dripping headers", "endless"):
            self.close_connection = True
            self._never_end(answer)
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.delivery == "truncated":
            self.close_connection = True
            self.wfile.write(answer.body[: len(answer.body) // 2])
        elif answer.delivery == "dripping":
            self._drip(answer.body)
        else:
            self.wfile.write(answer.body)

    def _never_end(self, answer: Answer) -> None:
        """Headers byte by byte, or a body without a length and without an end."""
        if answer.delivery == "dripping headers":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 100_000)
            return
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        while True:
            self.wfile.write(b" " * 2**20)

    def _drip(self, body: bytes) -> None:
        for byte in body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(_DRIP_S)
