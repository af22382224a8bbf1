"""The supervisor of `safegrid worker`: its processes, started again when they die.

They are RQ workers of its queues, one sweep and, where wanted, alerts.

It holds no connection, so that what it forks inherits none; how deep the queues are and how many workers each is to
have, the sweep tells it.
"""

import gc
import os
import signal
import time
from collections.abc import Callable, Sequence
from ctypes import Array, c_int
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.sharedctypes import RawArray, RawValue
from types import FrameType

import structlog
from sqlalchemy import Engine

from jobs import catalogue
from worker import performing, staffing, transport
from worker.processes import ManagedProcess, stop
from worker.rq import SafegridWorker
from worker.settings import Settings
from worker.sweeping import Told, sweep_forever
from worker.telling.telling import tell_forever

log = structlog.get_logger("safegrid.supervisor")

CHECK_S = 0.5
# What a work-horse needs to hand its run back, within the 10 s that platforms give us to count on.
STOP_S = 8.0
IDLE_S = 60


@dataclass
class Supervisor:
    """Keeps the processes of some queues alive until it is told to stop."""

    settings: Settings
    queues: Sequence[str]
    _helpers: list[ManagedProcess] = field(default_factory=list)
    """Those that are no workers."""
    _leaving: list[ManagedProcess] = field(default_factory=list)
    _stopping: bool = False
    _engine: Engine | None = None

    def __post_init__(self) -> None:
        # Without locks: a process that is killed while it has one would keep it.
        self._depths: Array[c_int] = RawArray("i", len(self.queues))
        fewest, self._most = self.settings.workers
        self._wanted: Array[c_int] = RawArray("i", staffing.usual(self.queues, fewest))
        self._staff: dict[str, list[ManagedProcess]] = {name: [] for name in self.queues}
        self._extras: dict[str, list[ManagedProcess]] = {name: [] for name in self.queues}

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then stop everything within 10 s."""
        catalogue.load()
        self._engine = performing.prepare(self.settings)
        signal.signal(signal.SIGTERM, self._stop_asked)
        signal.signal(signal.SIGINT, self._stop_asked)
        self._helpers = self._helping()
        # What was imported so far is not looked at again by the collector, and so stays shared.
        gc.freeze()
        log.info("supervisor_started", queues=list(self.queues), pid=os.getpid())
        while not self._stopping:
            self._employ()
            self._reinforce()
            for post in self._all():
                post.look()
            # A worker that is renewed leaves no gap.
            wait([post.process.sentinel for post in self._all() if post.process is not None], CHECK_S)
        self._stop()

    def _helping(self) -> list[ManagedProcess]:
        """Processes beside the workers."""
        for slug in self.settings.pings_by_job:
            # One that no job has would never be pinged: the start fails for it.
            catalogue.find(slug)
        pulse = RawValue("d", time.monotonic())
        helpers = [
            ManagedProcess(
                "sweep",
                lambda: sweep_forever(self.settings, self.queues, Told(self._depths, self._wanted), pulse),
                pulse=pulse,
            )
        ]
        if self.settings.tells:
            helpers.append(ManagedProcess("alerts", lambda: tell_forever(self.settings)))
        return helpers

    def _all(self) -> list[ManagedProcess]:
        return [*self._helpers, *self._workers()]

    def _workers(self) -> list[ManagedProcess]:
        both = (*self._staff.values(), *self._extras.values())
        return [post for posts in both for post in posts] + self._leaving

    def _employ(self) -> None:
        """As many workers of each queue as are wanted: more at once, fewer once those over have handed back."""
        for name, count in zip(self.queues, self._wanted, strict=True):
            posts = self._staff[name]
            while len(posts) < count:
                log.info("worker_employed", queue=name, workers=count)
                posts.append(ManagedProcess(f"worker {name}", self._worker(name, None)))
            while len(posts) > count:
                log.info("worker_dismissed", queue=name, workers=count)
                self._leaving.append(posts.pop())
                self._leaving[-1].leave()
        self._leaving = [post for post in self._leaving if not post.done]

    def _reinforce(self) -> None:
        """One more worker for the deepest queue while runs wait; it leaves after a minute without work."""
        for name, extras in self._extras.items():
            self._extras[name] = [post for post in extras if not post.done]
        depths = {name: self._depths[index] for index, name in enumerate(self.queues)}
        deepest = max(depths, key=lambda name: depths[name] - len(self._extras[name]))
        if len(self._workers()) < self._most and depths[deepest] > len(self._extras[deepest]):
            log.info("worker_added", queue=deepest, depth=depths[deepest])
            self._extras[deepest].append(
                ManagedProcess(f"extra worker {deepest}", self._worker(deepest, IDLE_S), leaves=True)
            )

    def _worker(self, queue: str, max_idle_s: int | None) -> Callable[[], None]:
        return lambda: work(self.settings, self._engine, queue, max_idle_s)

    def _stop_asked(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _stop(self) -> None:
        stop(self._all(), STOP_S)
        log.info("supervisor_stopped")


def work(settings: Settings, engine: Engine | None, queue: str, max_idle_s: int | None) -> None:
    """Be an RQ worker of one queue, for a number of jobs."""
    worker = SafegridWorker([queue], connection=transport.connect(settings))
    worker.settings = settings
    worker.engine = engine
    worker.work(max_jobs=settings.jobs_per_worker, max_idle_time=max_idle_s)
