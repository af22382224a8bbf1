"""The HTTP server: clients that are slow come to an end, and hold up nobody before it."""

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from ctypes import c_double
from pathlib import Path

import pytest
from flask import Flask, Response, request

from tests.processes import children, free_port, is_up, safegrid, until
from web import server
from worker.settings import Settings
from worker.system import PortTaken

SLOW = 200
LARGE = 64 * 2**20


@pytest.fixture
def closed() -> threading.Event:
    """Set once the large answer is no longer read."""
    return threading.Event()


@pytest.fixture
def app(closed: threading.Event) -> Flask:
    app = Flask("tested")

    @app.post("/")
    def length() -> str:
        return str(len(request.get_data()))

    @app.get("/large")
    def large() -> Response:
        def parts() -> Iterator[bytes]:
            try:
                for _ in range(LARGE // 2**16):
                    yield bytes(2**16)
            finally:
                closed.set()

        return Response(parts())

    return app


@pytest.fixture
def port(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server with little patience, in a thread."""
    monkeypatch.setattr(server, "ARRIVES_S", 1.0)
    monkeypatch.setattr(server, "LOOK_S", 0.5)
    monkeypatch.setattr(server, "CLEAN_S", 0)
    monkeypatch.setattr(server, "CHECK_S", 0.05)
    done = threading.Event()
    with closing(server.listen("127.0.0.1", 0)) as listener:
        built = server.build(app, listener, "/below")

        def run() -> None:
            while not done.is_set():
                built.go_round(c_double())

        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join()
        built.task_dispatcher.shutdown()
        built.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def is_closed_while_sending(client: socket.socket, drop: bytes) -> bool:
    """Whether the server gives a client up that goes on, slowly, until its patience is over many times."""
    end = time.monotonic() + 20
    client.settimeout(0.1)
    while time.monotonic() < end:
        try:
            client.sendall(drop)
            if client.recv(1) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nX-Long: ", b"a"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n", b"b"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e7\r\n", b"c"),
        (b"\r\n", b"\r\n"),
    ],
    ids=["nothing", "head", "body", "chunk", "blank lines"],
)
def test_a_request_must_arrive(port: int, begin: bytes, drop: bytes) -> None:
    with closing(connect(port)) as client:
        client.sendall(begin)
        assert is_closed_while_sending(client, drop)


def test_a_request_in_parts_is_taken_whole(port: int) -> None:
    with closing(connect(port)) as client:
        for part in (b"POST /below/ HTTP/1.1\r\nHost: a\r\nConte", b"nt-Length: 9\r\n\r\nabcd", b"efghi"):
            client.sendall(part)
            time.sleep(0.1)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert (answer.status, answer.read(), answer.getheader("Server")) == (200, b"9", None)


def test_an_answer_that_nobody_reads_is_given_up(port: int, closed: threading.Event) -> None:
    with closing(connect(port)) as client:
        client.sendall(b"GET /below/large HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(100)
        assert closed.wait(30)


def test_a_large_answer_that_is_read_arrives_whole(port: int) -> None:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with closing(asking):
        asking.request("GET", "/below/large")
        assert len(asking.getresponse().read()) == LARGE


def test_a_taken_port_is_named() -> None:
    with closing(server.listen("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            server.listen("127.0.0.1", port)


@pytest.mark.long
def test_slow_clients_and_killed_processes_hold_up_nobody(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as slow, safegrid(settings, "web", log=tmp_path / "log", PORT=str(port)) as web:
        until(lambda: is_up(port), "the admin is there")
        for number in range(SLOW):
            client = slow.enter_context(closing(connect(port)))
            head = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
            client.sendall((head if number % 2 else f"{head}\r\nabc").encode())
        assert is_up(port)
        processes = children(web.pid)
        assert len(processes) == 2
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(set(children(web.pid)) - set(processes)) == 2 and is_up(port), "they are there again")
        web.terminate()
        assert web.wait(20) == 0
        until(lambda: not is_up(port), "the port is given back")
