"""The processes that are disturbed, on engines of their own, and what a platform does for them."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from jobs import catalogue, context, database
from jobs.ingestion.police import Police
from jobs.ingestion.run import ingest_month_on_demand
from tests import jobs_for_tests
from tests.processes import free_port
from tests.standins.police import PoliceStandin, Synthetic
from worker import engines, pauses, system
from worker.engines import Endpoints, Engines
from worker.engines.owner import temporary_folder
from worker.rq import die_with_parent
from worker.settings import Settings

ROOT = Path(__file__).parents[2]
LOOK_S = 0.1
STOP_S = 15.0
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

    @property
    def pid(self) -> int | None:
        """The process id, none while it is down."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None


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
    posts: list[Post] = field(default_factory=list)

    def look(self) -> None:
        """Start again what has ended, a moment later."""
        now = time.monotonic()
        for post in self.posts:
            if post.process is not None and post.process.poll() is not None:
                post.process = None
                post.again_at = now + self.random.uniform(0.2, 1.0)
            if post.process is None and now >= post.again_at:
                self._start(post)

    def pause(self, seconds: float) -> None:
        """Let time pass, with everything looked after."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.look()
            time.sleep(min(LOOK_S, left))

    def named(self, name: str) -> list[Post]:
        """The posts of that name that are up."""
        return [post for post in self.posts if post.name == name and post.pid is not None]

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
        """Stop all posts, as a platform does."""
        running = [post.process for post in self.posts if post.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _children(pid: int | None) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return sorted(psutil.Process(pid).children(), key=lambda child: child.pid)
    return []


@contextlib.contextmanager
def open_house(seed: int, logs: Path, *, with_web: bool) -> Iterator[House]:
    """Two supervisors, two schedulers and the web on fresh engines; `look` starts them, and they log to `logs`."""
    with (
        temporary_folder() as folder,
        PoliceStandin(Synthetic(MONTHS), rate=None, latency=LATENCY_S) as source,
        engines.own(folder, lambda _: None) as owned,
    ):
        settings = settings_at(owned.endpoints, source.url)
        prepare(settings)
        chance = random.Random(f"house {seed}")
        house = House(settings, owned, folder, logs, chance, _environment(settings, folder), source)
        command = [sys.executable, "-m", "worker.cli"]
        names = ["worker", "worker", "scheduler", "scheduler", *(["web"] if with_web else [])]
        house.posts = [Post(name, [*command, name]) for name in names]
        try:
            yield house
        finally:
            house.stop()


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
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "POLICE_API_BASE_URL": settings.police_api_base_url,
        "SAFEGRID_HOME": str(folder / "home"),
        "SAFEGRID_RETRY_WAIT_S": str(settings.retry_wait_s),
        "SAFEGRID_SWEEP_INTERVAL_S": str(settings.sweep_interval_s),
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
