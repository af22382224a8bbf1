"""A proxy between a client and a server whose flows can be frozen: it goes on acknowledging and passes nothing on."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from typing import Self


class Proxy:
    """Listens on 127.0.0.1 from `with` on and passes bytes to `target`: a path of a socket, or (host, port)."""

    def __init__(self, target: str | tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._frozen: set[int] = set()
        self._flows = 0
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.close()

    def freeze(self) -> int:
        """Freeze the flows that there are; later ones pass. Returns how many there were."""
        self._frozen = set(range(self._flows))
        return len(self._frozen)

    def _accept(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass, args=(client, self._flows), daemon=True).start()
                self._flows += 1

    def _pass(self, client: socket.socket, number: int) -> None:
        with client, self._connected() as server:
            while not self._over.is_set():
                for one in select.select([client, server], [], [], 0.05)[0]:
                    data = self._received(one)
                    if number in self._frozen:
                        # Even its end is not passed on: the other side keeps what it has.
                        self._over.wait(0.05 if data else 1)
                        continue
                    if not data:
                        return
                    (server if one is client else client).sendall(data)

    @staticmethod
    def _received(one: socket.socket) -> bytes:
        try:
            return one.recv(65536)
        except OSError:
            return b""

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        if isinstance(self._target, tuple):
            server = socket.create_connection(self._target)
        else:
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
        with server, contextlib.suppress(OSError):
            yield server
