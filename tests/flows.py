"""A proxy between a client and a server whose flows can be frozen: it goes on acknowledging and passes nothing on."""

import contextlib
import math
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Self


class Proxy:
    """Listens on 127.0.0.1 from `with` on and passes bytes to `target`: a path of a socket, or (host, port).

    frozen_s: after so long a frozen flow ends on both sides, as those of a real network do some time.
    """

    def __init__(self, target: str | tuple[str, int], frozen_s: float = math.inf) -> None:
        self._target = target
        self._frozen_s = frozen_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._open: set[int] = set()
        self._frozen: dict[int, float] = {}
        """When each frozen flow ends, in seconds of the monotonic clock."""
        self._flows = 0
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.close()

    def freeze(self) -> int:
        """Freeze the flows that there are; later ones pass. Returns how many became frozen."""
        passing = self._open - self._frozen.keys()
        self._frozen |= dict.fromkeys(passing, time.monotonic() + self._frozen_s)
        return len(passing)

    def _accept(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                self._open.add(self._flows)
                threading.Thread(target=self._pass, args=(client, self._flows), daemon=True).start()
                self._flows += 1

    def _pass(self, client: socket.socket, number: int) -> None:
        try:
            # A server that is away ends the flow, as its own refusal would.
            with contextlib.suppress(OSError), client, self._connected() as server:
                self._copy(client, server, number)
        finally:
            self._open.discard(number)

    def _copy(self, client: socket.socket, server: socket.socket, number: int) -> None:
        ways = {client.fileno(): (client, server), server.fileno(): (server, client)}
        # Not select(), which takes no descriptor above 1023.
        ready = select.poll()
        for end in ways:
            ready.register(end, select.POLLIN)
        while not self._over.is_set() and time.monotonic() < self._frozen.get(number, math.inf):
            for end, _ in ready.poll(50):
                source, target = ways[end]
                data = self._received(source)
                if number in self._frozen:
                    # Even its end is not passed on: the other side keeps what it has.
                    self._over.wait(0.05 if data else 1)
                    continue
                if not data:
                    return
                target.sendall(data)

    @staticmethod
    def _received(one: socket.socket) -> bytes:
        try:
            return one.recv(65536)
        except OSError:
            return b""

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        if isinstance(self._target, tuple):
            with socket.create_connection(self._target) as server:
                yield server
            return
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(self._target)
            yield server
