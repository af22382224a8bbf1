"""The processes that are disturbed, on engines of their own, and what a platform does for them."""

import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from sqlalchemy import make_url, text

from jobs import catalogue, context, database
from jobs.ingestion.police import Police
from jobs.ingestion.run import ingest_month_on_demand
from tests import jobs_for_tests
from tests.faults.disk import move_database, small_disk
from tests.faults.notes import Notes
from tests.flows import Proxy
from tests.processes import free_port
from tests.standins.police import PoliceStandin, Synthetic
from worker import engines, pauses, system
from worker.engines import Endpoints, Engines
from worker.engines.owner import temporary_folder
from worker.rq import die_with_parent
from worker.settings import Settings
from worker.stuck import is_stopped

ROOT = Path(__file__).parents[2]
LOOK_S = 0.1
STOP_S = 15.0
# A platform asks for a sign of life every ten seconds or so, and three that are missing are enough.
REPLACE_S = 30.0
# A frozen flow ends after longer than anybody may need to notice.
FROZEN_S = 120.0
# So short that runs of an unknown job fail while others are at work.
UNKNOWN_JOB_WAIT_S = 20
MONTHS = 4
HISTORY_ROWS = 60_000
# Of each answer of the source, so that ingestions are hit in the middle.
LATENCY_S = 0.1

# Each attempt writes through one connection, so that the server's own name for it tells the attempts apart.
EFFECTS = """
    CREATE TABLE effects (
        id bigint GENERATED ALWAYS AS IDENTITY,
        run_id text NOT NULL, step int NOT NULL, written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        writer text NOT NULL DEFAULT pg_postmaster_start_time() || ' ' || pg_backend_pid()
    )
"""
# Half a day away from every cutoff, so that it does not matter when the clean-up runs.
_HISTORY = """
    INSERT INTO route_history (route, created_at)
    SELECT jsonb_build_object('number', n), now() - (n % 200) * interval '1 day' - interval '12 hours'
    FROM generate_series(1, :rows) AS n
"""


@dataclass
class Post:
    """A process that a platform keeps: started again a moment after it ended, however it ended."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    again_at: float = 0.0
    starts: int = 0
    stopped_since: float | None = None

    @property
    def pid(self) -> int | None:
        """The process id, none while it is down."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def replace_stopped(self, now: float) -> None:
        """Kill a process that has been stopped for so long that a platform gives it up."""
        if self.process is None or not is_stopped(self.process.pid):
            self.stopped_since = None
        elif self.stopped_since is None:
            self.stopped_since = now
        elif now - self.stopped_since > REPLACE_S:
            self.process.kill()


@dataclass
class House:
    """Everything that is under test. Used by one thread."""

    settings: Settings
    engines: Engines
    folder: Path
    logs: Path
    random: random.Random
    environment: dict[str, str]
    police: PoliceStandin
    to_postgresql: Proxy
    """What the processes reach the engines through; `settings` goes directly."""
    to_redis: Proxy
    disk: Path | None
    """Of PostgreSQL's data alone, where one could be mounted."""
    is_disk_full: bool = False
    frozen_at: dict[str, float] = field(default_factory=dict)
    """When the flows of an engine were last frozen, in seconds of the monotonic clock."""
    posts: list[Post] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    stopped: list[psutil.Process] = field(default_factory=list)
    """By SIGSTOP, for good."""
    _later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def look(self) -> None:
        """Start again what has ended, a moment later; replace what has been stopped for long; do what is due."""
        now = time.monotonic()
        for at, action in [one for one in self._later if one[0] <= now]:
            self._later.remove((at, action))
            action()
        for post in self.posts:
            post.replace_stopped(now)
            if post.process is not None and post.process.poll() is not None:
                post.process = None
                post.again_at = now + self.random.uniform(0.2, 1.0)
            if post.process is None and now >= post.again_at:
                self._start(post)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do it after so long, while the house is looked after."""
        self._later.append((time.monotonic() + seconds, action))

    def pause(self, seconds: float) -> None:
        """Let time pass, with everything looked after."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.look()
            time.sleep(min(LOOK_S, left))

    def named(self, name: str) -> list[Post]:
        """The posts of that name that are up."""
        return [post for post in self.posts if post.name == name and post.pid is not None]

    def processes(self, name: str) -> list[psutil.Process]:
        """Those of the posts of that name."""
        found = []
        for post in self.named(name):
            with contextlib.suppress(psutil.Error):
                found.append(psutil.Process(post.pid))
        return found

    def workers(self) -> list[psutil.Process]:
        """Workers and sweeps: the children of the supervisors."""
        return [child for post in self.named("worker") for child in _children(post.pid)]

    def work_horses(self) -> list[psutil.Process]:
        """The children of the workers."""
        return [horse for worker in self.workers() for horse in _children(worker.pid)]

    def _start(self, post: Post) -> None:
        with (self.logs / f"{post.name}-{self.posts.index(post)}.log").open("ab") as log:
            post.process = subprocess.Popen(
                post.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(signal.SIGTERM),
            )
        post.starts += 1

    def stop(self) -> None:
        """Stop all posts, as a platform does, and what was stopped for good and has lost its parent since."""
        for _, action in self._later:
            action()
        self._later.clear()
        running = [post.process for post in self.posts if post.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stopped in self.stopped:
            # psutil looks whether it is still the same process.
            with contextlib.suppress(psutil.Error):
                stopped.kill()


def _children(pid: int | None) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return sorted(psutil.Process(pid).children(), key=lambda child: child.pid)
    return []


@contextlib.contextmanager
def open_house(seed: int, logs: Path, *, with_web: bool) -> Iterator[House]:
    """Two supervisors, two schedulers and the web on fresh engines; `look` starts them, and they log to `logs`."""
    with (
        temporary_folder() as folder,
        small_disk(folder.parent / "disk") as disk,
        PoliceStandin(Synthetic(MONTHS), rate=None, latency=LATENCY_S) as source,
        _engines(folder, disk) as owned,
        Proxy(_postgresql_socket(owned.endpoints), FROZEN_S) as to_postgresql,
        Proxy(urlsplit(owned.endpoints.redis_url).path, FROZEN_S) as to_redis,
    ):
        settings = settings_at(owned.endpoints, source.url)
        prepare(settings)
        chance = random.Random(f"house {seed}")
        environment = _environment(_through(settings, to_postgresql, to_redis), folder)
        house = House(settings, owned, folder, logs, chance, environment, source, to_postgresql, to_redis, disk)
        command = [sys.executable, "-m", "worker.cli"]
        names = ["worker", "worker", "scheduler", "scheduler", *(["web"] if with_web else [])]
        house.posts = [Post(name, [*command, name]) for name in names]
        try:
            yield house
        finally:
            house.stop()


@contextlib.contextmanager
def _engines(folder: Path, disk: Path | None) -> Iterator[Engines]:
    move_database(folder, disk)
    with engines.own(folder, lambda _: None) as owned:
        yield owned


def _postgresql_socket(endpoints: Endpoints) -> str:
    query = make_url(endpoints.database_url).query
    return f"{query['host']}/.s.PGSQL.{query['port']}"


def _through(settings: Settings, to_postgresql: Proxy, to_redis: Proxy) -> Settings:
    """Settings that lead to the same engines by way of the proxies."""
    url = make_url(settings.database_url).set(host="127.0.0.1", port=to_postgresql.port, query={})
    addresses = {
        "database_url": url.render_as_string(hide_password=False),
        "redis_url": f"redis://127.0.0.1:{to_redis.port}/0",
    }
    return settings.model_copy(update=addresses)


def settings_at(endpoints: Endpoints, police_url: str) -> Settings:
    """Settings for these engines and this source of crimes."""
    values: dict[str, Any] = {
        "database_url": endpoints.database_url,
        "redis_url": endpoints.redis_url,
        "police_api_base_url": police_url,
        "retry_wait_s": 0.1,
        "sweep_interval_s": 1,
    }
    return Settings(**values)


def _environment(settings: Settings, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TZ": "UTC",
        "PORT": str(free_port()),
        "WEB_CONCURRENCY": "1",
        "LOG_LEVEL": "INFO",
        "ADMIN_API_TOKEN": secrets.token_urlsafe(24),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "POLICE_API_BASE_URL": settings.police_api_base_url,
        "SAFEGRID_HOME": str(folder / "home"),
        "SAFEGRID_RETRY_WAIT_S": str(settings.retry_wait_s),
        "SAFEGRID_SWEEP_INTERVAL_S": str(settings.sweep_interval_s),
        "SAFEGRID_UNKNOWN_JOB_WAIT_S": str(UNKNOWN_JOB_WAIT_S),
        "SAFEGRID_JOB_MODULES": f"{jobs_for_tests.__name__},tests.faults.jobs",
    }


def prepare(settings: Settings) -> None:
    """Tables, route history, a first month, and no cadence but that of the harness."""
    system.migrate(settings)
    engine = database.create(settings)
    with engine.connect() as connection:
        with connection.begin():
            connection.execute(text(EFFECTS))
            connection.execute(text(_HISTORY), {"rows": HISTORY_ROWS})
        for job in catalogue.load().values():
            if job.cron:
                pauses.pause(connection, "cadence", job.name, "fault harness")
    engine.dispose()
    with context.open_context(settings):
        # So that a grid can be asked for from the first moment on.
        newest = Police.of(settings).months()[0]
        ingest_month_on_demand(newest.year, newest.month)
