"""The one owner of a folder's engines: starts or adopts them, and stops them at its orderly end."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from worker.engines import locks
from worker.engines.endpoints import Endpoints, publish, withdraw
from worker.engines.errors import EngineError, EnginesOwned
from worker.engines.postgres import Postgres
from worker.engines.server import Server
from worker.engines.valkey import Valkey

MEMORY = Path("/dev/shm")  # noqa: S108 - half the time of a disk, for tests
ENOUGH_BYTES = 1 << 30


class Engines:
    """The running engines, in the hands of their owner."""

    def __init__(self, folder: Path, servers: list[Server], endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self._folder = folder
        self._servers = servers

    def ensure(self) -> None:
        """Start again what has died, with its data; return when both answer, or raise EngineError."""
        for server in self._servers:
            server.ensure()

    def stop(self) -> None:
        """Stop both, with everything written. Raises EngineError when one does not end within 60 s."""
        withdraw(self._folder)
        with ExitStack() as stops:  # the second one too when the first does not end
            for server in self._servers:
                stops.callback(server.stop)


@contextmanager
def own(folder: Path, notice: Callable[[str], None], settings: Mapping[str, Any] | None = None) -> Iterator[Engines]:
    """Own the engines in `folder`: running inside the `with`, stopped after it. They survive its kill -9.

    `settings`: what whoever attaches is told besides; no secrets, as they are written down.
    As root, `notice` is called with one text before anything on the machine is changed (see `account`).
    Raises EnginesOwned when another process is the owner, EnginesMissing without the wheels, EngineError when
    a server does not start.
    """
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.geteuid():
        raise EngineError(f"{folder} belongs to another user; run as that user, or choose another folder")
    with _ownership(folder):
        valkey = Valkey(folder)
        postgres = Postgres(folder, notice)
        with ExitStack() as started:
            for server in (postgres, valkey):
                server.ensure()
                started.callback(server.stop)
            endpoints = Endpoints(postgres.url, valkey.url, settings or {})
            publish(folder, endpoints)
            started.callback(withdraw, folder)
            owner = os.getpid()
            try:
                yield Engines(folder, [postgres, valkey], endpoints)
            finally:
                if os.getpid() != owner:  # a forked child on its way out; the engines are not its to stop
                    started.pop_all()


@contextmanager
def temporary(notice: Callable[[str], None] = lambda _: None) -> Iterator[Endpoints]:
    """Fresh, empty engines that are gone afterwards, with their data: for tests."""
    with temporary_folder() as folder, own(folder, notice) as engines:
        yield engines.endpoints


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """The path of a folder for engines, which is removed afterwards: in memory if there is room, else on disk."""
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES
    place = Path(tempfile.mkdtemp(prefix="safegrid-", dir=MEMORY if in_memory else None)).resolve()
    place.chmod(0o711)  # or else root has to keep the database elsewhere
    folder = place / "engines"
    try:
        yield folder
    finally:
        shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _ownership(folder: Path) -> Iterator[None]:
    path = folder / "owner.lock"
    lock = locks.take(path)
    if lock is None:
        raise EnginesOwned(folder, path.read_text().strip())
    with os.fdopen(lock) as held:
        # A forked child would keep the lock beyond our end.
        os.register_at_fork(after_in_child=held.close)
        path.write_text(f"{os.getpid()}\n")
        yield
