"""The supervisor of `safegrid worker`: one RQ worker process per queue and one sweep, started again when they die.

It opens no connection itself, so that what it forks inherits none.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess
from types import FrameType

import redis
import structlog
from rq.exceptions import StopRequested
from sqlalchemy.exc import SQLAlchemyError

from jobs import catalogue, database
from worker import transport
from worker.rq import SafegridWorker, die_with_parent
from worker.settings import Settings
from worker.sweep import sweep

log = structlog.get_logger("safegrid.supervisor")

CHECK_S = 0.5
# What a work-horse needs to hand its run back, within the 10 s that platforms give us to count on.
STOP_S = 8.0
RESPAWN_S = 1.0
LONGEST_PAUSE_S = 30.0

_fork = multiprocessing.get_context("fork")


@dataclass
class Post:
    """A process that must be there. One that dies soon after its start is started again later and later."""

    name: str
    work: Callable[[], None]
    process: ForkProcess | None = None
    started: float = 0.0
    not_before: float = 0.0
    early_deaths: int = 0

    def respawn_if_dead(self) -> None:
        """Start it again when its time has come."""
        if self.process is not None and not self.process.is_alive():
            self._bury(self.process)
        if self.process is None and time.monotonic() >= self.not_before:
            self.process = _fork.Process(target=_run, args=(self.work,), name=f"safegrid {self.name}")
            self.process.start()
            self.started = time.monotonic()

    def _bury(self, process: ForkProcess) -> None:
        now = time.monotonic()
        lived = now - self.started
        log.warning("process_died", post=self.name, exit_code=process.exitcode, lived_s=round(lived, 1))
        self.early_deaths = self.early_deaths + 1 if lived < LONGEST_PAUSE_S else 0
        self.not_before = now + min(RESPAWN_S * 2**self.early_deaths, LONGEST_PAUSE_S) - RESPAWN_S
        process.close()
        self.process = None


@dataclass
class Supervisor:
    """Keeps the processes of some queues alive until it is told to stop."""

    settings: Settings
    queues: Sequence[str]
    posts: list[Post] = field(default_factory=list)
    _stopping: bool = False

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then stop everything within 10 s."""
        catalogue.load()
        signal.signal(signal.SIGTERM, self._stop_asked)
        signal.signal(signal.SIGINT, self._stop_asked)
        self.posts = [Post("sweep", lambda: sweep_forever(self.settings))]
        self.posts += [Post(f"worker {name}", self._worker(name)) for name in self.queues]
        log.info("supervisor_started", queues=list(self.queues), pid=os.getpid())
        while not self._stopping:
            for post in self.posts:
                post.respawn_if_dead()
            time.sleep(CHECK_S)
        self._stop()

    def _worker(self, queue: str) -> Callable[[], None]:
        return lambda: work(self.settings, queue)

    def _stop_asked(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _stop(self) -> None:
        processes = [post.process for post in self.posts if post.process is not None]
        for process in processes:
            process.terminate()
        until = time.monotonic() + STOP_S
        for process in processes:
            process.join(max(0.0, until - time.monotonic()))
            if process.is_alive():
                log.warning("process_killed", process=process.name)
                process.kill()
        log.info("supervisor_stopped")


def _run(target: Callable[[], None]) -> None:
    """First thing in a forked process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C reaches the whole group; the supervisor passes it on as SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(signal.SIGTERM)
    target()


def work(settings: Settings, queue: str) -> None:
    """Be the RQ worker of one queue."""
    worker = SafegridWorker([queue], connection=transport.connect(settings))
    worker.settings = settings
    try:
        worker.work()
    except StopRequested:
        return


def sweep_forever(settings: Settings) -> None:
    """Sweep every few seconds; PostgreSQL or Redis away for a while is waited out."""
    engine = database.create(settings, application="safegrid sweep")
    queues = transport.connect(settings)
    while True:
        try:
            with engine.connect() as connection:
                while True:
                    sweep(connection, queues)
                    time.sleep(settings.sweep_interval_s)
        except (SQLAlchemyError, redis.RedisError) as error:
            log.warning("sweep_failed", error=str(error).splitlines()[0])
            time.sleep(settings.sweep_interval_s)
