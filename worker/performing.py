"""What a work-horse does with one RQ job: claim its run, do it, and write down what came of it."""

import contextlib
import functools
import traceback
from collections import deque
from collections.abc import Iterator
from typing import Any

import structlog
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError
from redis import Redis, RedisError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from jobs import cache, catalogue, context, database
from jobs.context import Context
from jobs.errors import ParameterError, PermanentError, SettingsError, Stopped
from worker import attempts, claim, logs, progress, sweep, transport
from worker.attempts import Claimed
from worker.errors import ClaimLost, ResultNotJson, SoftLimit
from worker.limits import Watchdog
from worker.settings import Settings

log = structlog.get_logger("safegrid.run")

# Trying again cannot help these.
FOR_GOOD = (PermanentError, ParameterError, SettingsError)
_JSON = TypeAdapter(Any)


def prepare(settings: Settings) -> Engine:
    """An engine for work-horses, made before they are forked, so that none compiles what all of them need.

    It holds no connection. With PostgreSQL away nothing is compiled ahead, and all works the same, only later.
    Raises PoolerRefused.
    """
    engine = database.create(settings)
    try:
        database.refuse_pooler(engine)
        with engine.connect() as connection:
            attempts.rehearse(connection)
    except SQLAlchemyError as error:
        log.warning("not_rehearsed", error=str(error).splitlines()[0])
    return engine


def perform(
    settings: Settings, run_id: str, worker: str, *, requeued: bool = False, engine: Engine | None = None
) -> Any:
    """Do the run if it is to be done, and answer its result for RQ. Raises what the job raised.

    `engine`: one that is prepared, and used for nothing else in this process.
    """
    engine = engine or database.create(settings)
    _connect_once(engine, f"safegrid run {run_id}")
    try:
        with engine.connect() as connection:
            if not claim.acquire(connection, run_id):
                log.info("run_is_at_work_elsewhere", run_id=run_id)
                return None
            claimed = attempts.claim(connection, run_id, worker, requeued=requeued)
            return _attempt(settings, connection, claimed) if claimed else None
    except ClaimLost as lost:
        log.warning("claim_lost", run_id=run_id, reason=str(lost))
        return None
    finally:
        # The claim ends with its connection.
        engine.dispose()


def _connect_once(engine: Engine, application: str) -> None:
    """SQLAlchemy replaces a lost connection by itself; ours held the claim, so nothing may be written after it."""
    tried = False

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        nonlocal tried
        if tried:
            raise ClaimLost("its connection to PostgreSQL is gone")
        tried = True
        if "application_name" not in engine.url.query:
            parameters["application_name"] = application


def _attempt(settings: Settings, connection: Connection, claimed: Claimed) -> Any:
    structlog.contextvars.bind_contextvars(**claimed.log_context())
    lines = logs.keep_lines()
    job = catalogue.find(claimed.job)
    log.info("run_started", parameters=claimed.parameters)
    try:
        with (
            Watchdog(connection, job.name, job.soft_limit_s).watch() as watchdog,
            _context(settings, connection, claimed, watchdog),
        ):
            result = _as_json(job.function(**claimed.parameters))
    except Stopped:
        log.info("run_handed_back")
        with _ledger(settings, connection) as writable:
            attempts.hand_back(writable, claimed, lines)
        return "The worker was stopping: the run went back to its queue"
    except SoftLimit as error:
        with _ledger(settings, connection) as writable:
            _fail(writable, claimed, error, lines)
        raise
    except Exception as error:
        if not claim.is_held(connection):
            # No fault of the job: its claim went with its connection, and the sweep gives the run to another.
            raise ClaimLost(f"its connection to PostgreSQL is gone: {error}") from error
        _fail(connection, claimed, error, lines)
        raise
    log.info("run_finished")
    _finish(settings, connection, claimed, result, lines)
    return result


@contextlib.contextmanager
def _ledger(settings: Settings, connection: Connection) -> Iterator[Connection]:
    """The claim's connection; another if an interruption of ours broke that one. The attempt's number guards it."""
    if claim.is_held(connection):
        yield connection
        return
    engine = database.create(settings)
    try:
        with engine.connect() as fresh:
            yield fresh
    finally:
        engine.dispose()


def _finish(settings: Settings, connection: Connection, claimed: Claimed, result: Any, lines: deque[Any]) -> None:
    wanted = catalogue.find(claimed.job).follow_ups(result) if settings.pipelines else ()
    next_runs = [(catalogue.find(one.job), one.parameters) for one in wanted]
    begun = attempts.finish(connection, claimed, result, lines, next_runs)
    with contextlib.closing(transport.connect(settings)) as queues, contextlib.suppress(RedisError):
        # With Redis away, the sweep delivers them later.
        for run_id in begun:
            sweep.deliver(connection, queues, run_id)


def _fail(connection: Connection, claimed: Claimed, error: Exception, lines: deque[Any]) -> None:
    message = logs.hide_secrets(f"{type(error).__name__}: {error}")
    trace = logs.hide_secrets("".join(traceback.format_exception(error)))
    delay = None if isinstance(error, FOR_GOOD) else catalogue.find(claimed.job).retry_delay_s
    log.error("run_failed", error=message)
    state = attempts.fail(connection, claimed, message, trace, lines, delay)
    log.info("run_state", state=state)


def fail_dead(settings: Settings, run_id: str, error: str) -> None:
    """Note why a work-horse was killed from outside."""
    engine = database.create(settings)
    try:
        with engine.connect() as connection:
            attempts.fail_dead(connection, run_id, error)
    finally:
        engine.dispose()


@contextlib.contextmanager
def _context(settings: Settings, connection: Connection, claimed: Claimed, watchdog: Watchdog) -> Iterator[Context]:
    queue_redis: Redis = transport.connect(settings)
    store = cache.connect(settings)
    checkpoints = Checkpoints(settings, claimed)
    here = Context(
        settings=settings,
        connection=connection,
        cache=store,
        run_id=claimed.run_id,
        state=claimed.state,
        report_progress=progress.Reporter(queue_redis, claimed.run_id),
        save_checkpoint=checkpoints.save,
        is_stopping=lambda: watchdog.is_stopping,
    )
    with context.use(here), contextlib.closing(queue_redis), contextlib.closing(store), checkpoints:
        yield here


class Checkpoints:
    """Writes checkpoints through a connection of its own, so that they hold whatever the job rolls back."""

    def __init__(self, settings: Settings, claimed: Claimed) -> None:
        self._settings = settings
        self._claimed = claimed
        self._connection: Connection | None = None

    @functools.cached_property
    def _engine(self) -> Engine:
        """Many runs keep no checkpoint."""
        return database.create(self._settings, application=f"safegrid checkpoint {self._claimed.run_id}")

    def save(self, state: dict[str, Any]) -> None:
        """Keep `state` for the next attempt. Raises ClaimLost."""
        try:
            self._save(state)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # This connection holds no claim: a new one will do.
            self._save(state)

    def _save(self, state: dict[str, Any]) -> None:
        if self._connection is None or self._connection.invalidated:
            self._connection = self._engine.connect()
        attempts.checkpoint(self._connection, self._claimed, state)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()


def _as_json(result: Any) -> Any:
    try:
        return _JSON.dump_python(result, mode="json")
    except PydanticSerializationError as error:
        raise ResultNotJson(f"The job's result cannot be written as JSON: {error}") from error
