"""Everything on one machine: the engines where none are set, and the processes of the Procfile beside them."""

import contextlib
import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess

import structlog

import jobs.settings
from jobs import catalogue, database, placement, schema
from jobs.errors import SafegridError
from jobs.held import land
from jobs.placement import Placement
from worker import engines, settings
from worker.rq import die_with_parent
from worker.settings import Settings
from worker.stuck import STOPPED_S, StoppedWatch

log = structlog.get_logger("safegrid.system")

PROCESSES = ("web", "worker", "scheduler")
CHECK_S = 0.5
EARLY_S = 20.0
MOST_EARLY_DEATHS = 3
# The workers' own stop takes up to 10 s.
STOP_S = 12.0

_fork = multiprocessing.get_context("fork")


class PortTaken(SafegridError):
    """Another program listens where the admin should."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is in use by another program: stop it, or set PORT to another port")


class ProcessFailed(SafegridError):
    """A process ended as soon as it was started, so that starting it again is no help."""


def check_port(host: str, port: int) -> None:
    """Raises PortTaken when nothing more can listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(port) from error


def migrate(chosen: Settings, to: str = "head", *, discard: bool = False) -> tuple[str, Placement]:
    """Bring the tables to a revision; at the newest, hold the first area. Returns the revision, and where they are.

    Raises PoolerRefused, and as `jobs.placement.settle` and `jobs.schema.migrate`.
    """
    engine = database.create(chosen)
    try:
        database.refuse_pooler(engine)
        with engine.connect() as connection:
            where = placement.settle(connection, chosen.database_schema)
            revision = schema.migrate(connection, to, discard=discard)
            if schema.is_current(connection):
                with connection.begin():
                    land.ensure_default(connection, chosen)
    finally:
        engine.dispose()
    return revision, where


@contextlib.contextmanager
def own_engines(say: Callable[[str], None]) -> Iterator[tuple[Settings, Callable[[], None]]]:
    """Settings with engines that answer, and what keeps those alive. Raises SettingsError, EngineError."""
    chosen = jobs.settings.load(Settings)
    if chosen.database_url:
        yield chosen, lambda: None
        return
    with engines.own(chosen.home, say, settings.open_values(chosen)) as owned:
        yield settings.at(chosen, owned.endpoints), owned.ensure


@dataclass
class System:
    """The processes that run, each started again when it dies."""

    environment: Mapping[str, str]
    ensure_engines: Callable[[], None]
    names: Sequence[str]
    processes: dict[str, ForkProcess] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)
    _watches: dict[str, StoppedWatch] = field(default_factory=dict)
    _early_deaths: Counter[str] = field(default_factory=Counter)

    def keep_up(self) -> None:
        """One look after everything; call it every half second. Raises ProcessFailed."""
        self.ensure_engines()
        for name in self.names:
            process = self.processes.get(name)
            if process is not None and self._watches[name].is_over(process.pid or 0):
                log.error("process_stuck", process=name, why=f"it was stopped for {STOPPED_S:g} s")
                process.kill()
                process.join()
            if process is not None and not process.is_alive():
                self._note_death(name, process.exitcode)
            if process is None or not process.is_alive():
                self.processes[name] = _start(name, self.environment)
                self._started[name] = time.monotonic()
                self._watches[name] = StoppedWatch()

    def _note_death(self, name: str, exit_code: int | None) -> None:
        lived = time.monotonic() - self._started[name]
        log.warning("process_died", process=name, exit_code=exit_code, lived_s=round(lived, 1))
        self._early_deaths[name] = self._early_deaths[name] + 1 if lived < EARLY_S else 0
        if self._early_deaths[name] == MOST_EARLY_DEATHS:
            raise ProcessFailed(
                f"`safegrid {name}` ended {MOST_EARLY_DEATHS} times right after its start; see its message above"
            )

    def stop(self) -> None:
        """Tell all to stop, the web first, and wait for them."""
        for process in self.processes.values():
            process.terminate()
        until = time.monotonic() + STOP_S
        for name, process in self.processes.items():
            process.join(max(0.1, until - time.monotonic()))
            if process.is_alive():
                log.warning("process_killed", process=name)
                process.kill()
                process.join()


def _start(name: str, environment: Mapping[str, str]) -> ForkProcess:
    """Forked, so that all share the memory of what is imported here."""
    process = _fork.Process(target=_be, args=(name, environment), name=f"safegrid {name}")
    process.start()
    return process


def _be(name: str, environment: Mapping[str, str]) -> None:
    """`safegrid NAME` in a forked process."""
    from worker.cli import main

    # Away from the terminal, whose Ctrl-C is for our parent: it stops us in its order.
    os.setsid()
    die_with_parent(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["safegrid", name]
    main()


@contextlib.contextmanager
def run(
    say: Callable[[str], None], port: int, extra: Mapping[str, str] | None = None, names: Sequence[str] = PROCESSES
) -> Iterator[tuple[Settings, System]]:
    """Everything is up for the length of the block. `extra`: further environment of the processes.

    Raises PortTaken, SettingsError, EngineError.
    """
    check_port("127.0.0.1", port)
    with own_engines(say) as (chosen, ensure):
        migrate(chosen)
        # Named, or the processes would look for the engines themselves, and may find another system's beside it.
        environment = {**os.environ, "PORT": str(port), "SAFEGRID_HOME": str(chosen.home), **(extra or {})}
        catalogue.load()
        # What was imported so far is not looked at again by the collector, and so stays shared.
        gc.freeze()
        system = System(environment, ensure, names)
        try:
            system.keep_up()
            yield chosen, system
        finally:
            system.stop()
