"""What a job works with: settings, the connection it writes through, the cache, and its run's progress and state."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from jobs import cache, database, schema
from jobs.errors import GaveWay, SettingsError, Stopped
from jobs.settings import Settings, load

if TYPE_CHECKING:
    from redis import Redis

Progress = Callable[[int, int, str], None]
Checkpoint = Callable[[dict[str, Any]], None]


def _log_progress(done: int, total: int, note: str) -> None:
    import structlog

    structlog.get_logger("safegrid").info("progress", done=done, total=total, note=note)


@dataclass
class Context:
    """One run's surroundings. Everything a job reads or writes goes through here."""

    settings: Settings
    connection: Connection
    """The connection that holds the run's claim: what is written through another one is not fenced."""
    cache: "Redis"
    run_id: str | None = None
    state: dict[str, Any] = field(default_factory=dict)
    """The last checkpoint of the run, empty on a first attempt."""
    report_progress: Progress = _log_progress
    save_checkpoint: Checkpoint = lambda state: None
    is_stopping: Callable[[], bool] = lambda: False
    is_in_the_way: Callable[[], bool] = lambda: False
    """Whether other runs wait for this one's worker, or this one is paused."""

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Tell the people who watch how far the run is, and leave here if the worker is going down."""
        self.report_progress(done, total, note)
        self.leave_if_stopping()

    def checkpoint(self, state: dict[str, Any]) -> None:
        """Keep `state` (JSON) for the next attempt of this run."""
        self.state = state
        self.save_checkpoint(state)

    def leave_if_stopping(self) -> None:
        """A safe place to stop: call it where no transaction is open. Raises Stopped."""
        if self.is_stopping():
            raise Stopped

    def in_batches(self, step: Callable[[], int], total: int, note: str) -> None:
        """Do `step`, a transaction that returns how much it did, until nothing is left; about `total` is to do.

        Raises Stopped between two of them.
        """
        done = 0
        while batch := step():
            done += batch
            self.progress(done, max(total, done), note)

    def give_way(self) -> None:
        """Between two parts of long work: let the runs that wait go first. Raises GaveWay; the next attempt goes on."""
        if self.is_in_the_way():
            raise GaveWay


_current: ContextVar[Context] = ContextVar("safegrid_context")


def current() -> Context:
    """The context of the job that is running. Raises LookupError outside of a job."""
    return _current.get()


@contextlib.contextmanager
def use(context: Context) -> Iterator[Context]:
    """Make `context` the current one for the block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


@contextlib.contextmanager
def open_context(settings: Settings) -> Iterator[Context]:
    """A context of its own connections, for a job called outside of a worker."""
    engine = database.create(settings)
    store = cache.connect(settings)
    try:
        with engine.connect() as connection, use(Context(settings, connection, store)) as context:
            yield context
    finally:
        store.close()
        engine.dispose()


@contextlib.contextmanager
def ensure() -> Iterator[Context]:
    """The current context, or for the length of the block one from the environment's settings."""
    context = _current.get(None)
    if context is not None:
        yield context
        return
    with open_context(_settings()) as opened:
        schema.check(opened.connection)
        yield opened


def _settings() -> Settings:
    """Settings from the environment; without addresses, those of whoever offers engines (see pyproject.toml).

    So the embedded engines, which belong to a room above, are found without being imported here. Raises
    SettingsError, or what the one who offers them raises where none are running.
    """
    settings = load(Settings)
    if settings.database_url:
        return settings
    for entry in entry_points(group="safegrid.settings"):
        offered: Settings = entry.load()()
        return offered
    raise SettingsError("To call a job directly, set DATABASE_URL and REDIS_URL")
