"""The admin's HTTP server: waitress, in as many processes as are wanted, which share one port.

Waitress reads a request whole before a thread looks at it, so that a slow client costs a connection and no thread.
What it lacks is added here: an end to the time that a request may take to arrive and an answer to be read, and
processes.
"""

import gc
import signal
import socket
import time
from collections.abc import Callable
from ctypes import c_double
from multiprocessing.connection import wait
from multiprocessing.sharedctypes import RawValue
from types import FrameType
from typing import Any

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

from web.http.reading import LARGEST_FILE
from worker.processes import ManagedProcess, stop
from worker.system import PortTaken

WSGIApp = Callable[..., Any]

THREADS = 4
CONNECTIONS = 900
"""Of a process, below the 1,024 open files that many systems allow it. Further ones wait for a place."""
BACKLOG = 1024
ARRIVES_S = 20.0
"""For a request from its first byte to its last, and for a connection on which none has begun."""
UPLOAD = 64 * 1024
"""Bytes a second: a large request has as much more time as it takes at this rate."""
SLOWEST = 1024
"""Bytes a second: an answer that is read more slowly over LOOK_S is given up."""
LOOK_S = 30.0
CLEAN_S = 5
# More than the app takes, which refuses what is too large with a message of its own.
HEADERS, BODY = 64 * 1024, LARGEST_FILE + 2**20
# Of an answer that nobody has read yet, before its view waits.
OUTPUT = 2**20
CHECK_S = 0.5
STOP_S = 8.0


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection whose client may be slow, but not for ever."""

    _began: float | None = None
    """When the first byte of a request came that is not whole yet."""
    _arrived = 0
    """Bytes of it."""
    _sent = 0
    _looked: tuple[float, int] | None = None
    """When it was last looked how much had been sent, while there was more to send."""

    def received(self, data: bytes) -> bool:
        """Take what has arrived of a request."""
        if self._began is None:
            self._began, self._arrived = time.monotonic(), 0
        self._arrived += len(data)
        return bool(super().received(data))

    def service(self) -> None:
        """Answer a request that is whole, in a thread."""
        self._began = None
        super().service()

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what the socket takes of an answer."""
        count = int(super().send(data, do_close=do_close))
        self._sent += count
        return count

    def is_too_slow(self, now: float) -> bool:
        """Whether its client should be waited for no longer. now: of the monotonic clock; asked every few seconds."""
        patience_s = ARRIVES_S + self._arrived / UPLOAD
        if self._began is not None and now - self._began > patience_s and not self.requests:
            return True
        if not self.total_outbufs_len:
            self._looked = None
        elif self._looked is None:
            self._looked = now, self._sent
        elif (passed := now - self._looked[0]) > LOOK_S:
            slow = self._sent - self._looked[1] < SLOWEST * passed
            self._looked = now, self._sent
            return slow
        return False


class Server(TcpWSGIServer):  # type: ignore[misc]
    """One process of the admin."""

    channel_class = Channel
    _stopping = False

    def maintenance(self, now: float) -> None:
        """Close connections that are idle, and those of clients that are too slow."""
        super().maintenance(now)
        monotonic = time.monotonic()
        for channel in list(self.active_channels.values()):
            if channel.is_too_slow(monotonic):
                # At once: to be closed as the others it would have to take more of its answer first.
                channel.handle_close()

    def run(self, pulse: c_double) -> None:
        """Answer until SIGTERM, then what has been asked already. pulse: takes when it last went round."""
        signal.signal(signal.SIGTERM, self._stop_asked)
        while not self._stopping:
            self.go_round(pulse)
        # Not `close`, which would leave its threads no way to wake it.
        wasyncore.dispatcher.close(self)
        until = time.monotonic() + STOP_S / 2
        while time.monotonic() < until and any(map(_is_answering, self.active_channels.values())):
            self.go_round(pulse)
        self.task_dispatcher.shutdown(timeout=STOP_S / 4)

    def go_round(self, pulse: c_double) -> None:
        """Do what is to be done now, or wait for it a moment."""
        pulse.value = time.monotonic()
        wasyncore.loop(timeout=CHECK_S, use_poll=True, map=self._map, count=1)

    def _stop_asked(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def _is_answering(channel: Channel) -> bool:
    return bool(channel.requests or channel.total_outbufs_len)


def listen(host: str, port: int) -> socket.socket:
    """The socket of the admin. Raises PortTaken."""
    try:
        return _bound(host, port)
    except OSError as error:
        raise PortTaken(port) from error


# Processes whose parent was killed have the port for a moment still.
@retry(stop=stop_after_delay(2), wait=wait_fixed(0.1), retry=retry_if_exception_type(OSError), reraise=True)
def _bound(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), backlog=BACKLOG)


def build(app: WSGIApp, listener: socket.socket, prefix: str = "") -> Server:
    """A server that has its threads and runs when it is told to. prefix: the path that everything is below."""
    return Server(
        app,
        _sock=listener,
        sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
        bind_socket=False,
        url_prefix=prefix,
        ident="",
        threads=THREADS,
        backlog=BACKLOG,
        connection_limit=CONNECTIONS,
        channel_timeout=int(ARRIVES_S),
        cleanup_interval=CLEAN_S,
        outbuf_high_watermark=OUTPUT,
        max_request_header_size=HEADERS,
        max_request_body_size=BODY,
        log_socket_errors=False,
        # The app itself believes as many proxies as are set.
        clear_untrusted_proxy_headers=False,
    )


class Processes:
    """The processes of the admin, each started again when it dies."""

    def __init__(self, app: WSGIApp, listener: socket.socket, count: int, prefix: str) -> None:
        self._posts = [self._post(number, app, listener, prefix) for number in range(count)]
        self._stopping = False

    @staticmethod
    def _post(number: int, app: WSGIApp, listener: socket.socket, prefix: str) -> ManagedProcess:
        pulse = RawValue("d", time.monotonic())
        return ManagedProcess(f"web {number}", lambda: build(app, listener, prefix).run(pulse), pulse=pulse)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop_asked)
        # What was imported so far is not looked at again by the collector, and so stays shared.
        gc.freeze()
        while not self._stopping:
            for post in self._posts:
                post.look()
            wait([post.process.sentinel for post in self._posts if post.process is not None], CHECK_S)
        stop(self._posts, STOP_S)

    def _stop_asked(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
