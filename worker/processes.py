"""Processes that must be there: forked, started again when they die, and stopped together."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from ctypes import c_double
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess

import structlog

from worker.rq import die_with_parent
from worker.stuck import STOPPED_S, StoppedWatch

log = structlog.get_logger("safegrid.processes")

RESPAWN_S = 1.0
LONGEST_PAUSE_S = 10.0
# A round of a helper is over in moments, and each of its waits has an end; a process may be stopped for a while.
STUCK_S = 60.0

_fork = multiprocessing.get_context("fork")


@dataclass
class ManagedProcess:
    """A process that must be there. One that dies soon after its start is started again later and later."""

    name: str
    work: Callable[[], None]
    leaves: bool = False
    """Whether it may end by itself, having been put there for a busy time only."""
    pulse: c_double | None = None
    """When it last went round, in seconds of the monotonic clock; none for a process that keeps no such time."""
    process: ForkProcess | None = None
    started: float = 0.0
    not_before: float = 0.0
    early_deaths: int = 0
    done: bool = False
    _watch: StoppedWatch = field(default_factory=StoppedWatch)

    def look(self) -> None:
        """Start it, again if it has died, when its time has come."""
        if self.process is not None and not self.process.is_alive():
            self._bury(self.process)
        elif self.process is not None and (why := self._stuck(self.process)):
            log.error("process_stuck", post=self.name, why=why)
            self.process.kill()
        if self.process is None and not self.done and time.monotonic() >= self.not_before:
            self.process = _fork.Process(target=_run, args=(self.work,), name=f"safegrid {self.name}")
            self.started = time.monotonic()
            self._watch = StoppedWatch()
            if self.pulse is not None:
                self.pulse.value = self.started
            self.process.start()

    def leave(self) -> None:
        """It is needed no more: its run goes back to the queue, and it is not started again."""
        self.leaves = True
        if self.process is None:
            self.done = True
        else:
            self.process.terminate()

    def _stuck(self, process: ForkProcess) -> str | None:
        """Why the process is of no more use, none while it is. A kill reaches one that is stopped too."""
        if self.pulse is not None and time.monotonic() - self.pulse.value > STUCK_S:
            return f"it has not responded for {STUCK_S:g} s"
        return f"it was stopped for {STOPPED_S:g} s" if self._watch.is_over(process.pid or 0) else None

    def _bury(self, process: ForkProcess) -> None:
        now = time.monotonic()
        lived = now - self.started
        self.done = self.leaves
        if process.exitcode == 0:
            # A worker that has done its number of jobs, or is needed no more.
            self.early_deaths = 0
        else:
            log.warning("process_died", post=self.name, exit_code=process.exitcode, lived_s=round(lived, 1))
            self.early_deaths = self.early_deaths + 1 if lived < LONGEST_PAUSE_S else 0
            self.not_before = now + min(RESPAWN_S * 2**self.early_deaths, LONGEST_PAUSE_S) - RESPAWN_S
        process.close()
        self.process = None


def stop(posts: Sequence[ManagedProcess], within_s: float) -> None:
    """Tell all to stop, and kill those that have not within that time."""
    processes = [post.process for post in posts if post.process is not None]
    for process in processes:
        process.terminate()
    until = time.monotonic() + within_s
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.is_alive():
            log.warning("process_killed", process=process.name)
            process.kill()


def _run(target: Callable[[], None]) -> None:
    """First thing in a forked process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C reaches the whole group; the supervisor passes it on as SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(signal.SIGTERM)
    target()
