"""What a work-horse does with one RQ job: claim its run, do it, and write down what came of it."""

import contextlib
import traceback
from collections import deque
from collections.abc import Iterator
from typing import Any

import structlog
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError
from redis import Redis
from sqlalchemy import Connection, Engine, event

from jobs import cache, catalogue, context, database
from jobs.context import Context
from jobs.errors import ParameterError, PermanentError, SettingsError, Stopped
from worker import claim, ledger, logs, progress, transport
from worker.errors import ClaimLost, ResultNotJson
from worker.ledger import Claimed
from worker.limits import Watchdog
from worker.settings import Settings

log = structlog.get_logger("safegrid.run")

# Trying again cannot help these.
FOR_GOOD = (PermanentError, ParameterError, SettingsError)
_JSON = TypeAdapter(Any)


def perform(settings: Settings, run_id: str, worker: str, *, requeued: bool = False) -> Any:
    """Do the run if it is to be done, and answer its result for RQ. Raises what the job raised."""
    engine = database.create(settings, application=f"safegrid run {run_id}")
    try:
        with engine.connect() as connection:
            _never_reconnect(engine)
            if not claim.acquire(connection, run_id):
                log.info("run_is_at_work_elsewhere", run_id=run_id)
                return None
            claimed = ledger.claim(connection, run_id, worker, requeued=requeued)
            return _attempt(settings, connection, claimed) if claimed else None
    except ClaimLost as lost:
        log.warning("claim_lost", run_id=run_id, reason=str(lost))
        return None
    finally:
        # The claim ends with its connection.
        engine.dispose()


def _never_reconnect(engine: Engine) -> None:
    """SQLAlchemy replaces a lost connection by itself; ours held the claim, so nothing may be written after it."""

    @event.listens_for(engine, "do_connect")
    def refuse(*_: Any) -> None:
        raise ClaimLost("its connection to PostgreSQL is gone")


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
        with _ledger(settings, connection) as ledger_connection:
            ledger.hand_back(ledger_connection, claimed, lines)
        return "The worker was stopping: the run went back to its queue"
    except Exception as error:
        _fail(settings, connection, claimed, error, lines)
        raise
    log.info("run_finished")
    ledger.finish(connection, claimed, result, lines)
    return result


def _fail(settings: Settings, connection: Connection, claimed: Claimed, error: Exception, lines: deque[Any]) -> None:
    message = logs.hide_secrets(f"{type(error).__name__}: {error}")
    trace = logs.hide_secrets("".join(traceback.format_exception(error)))
    delay = None if isinstance(error, FOR_GOOD) else catalogue.find(claimed.job).retry_delay_s
    log.error("run_failed", error=message)
    with _ledger(settings, connection) as ledger_connection:
        state = ledger.fail(ledger_connection, claimed, message, trace, lines, delay)
    log.info("run_state", state=state)


@contextlib.contextmanager
def _ledger(settings: Settings, connection: Connection) -> Iterator[Connection]:
    """The claim's connection, outside of what the job was in the middle of; a new one if that is gone."""
    if not connection.invalidated:
        connection.rollback()
        yield connection
        return
    engine = database.create(settings)
    try:
        with engine.connect() as fresh:
            yield fresh
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
        self._engine = database.create(settings, application=f"safegrid checkpoint {claimed.run_id}")
        self._connection: Connection | None = None
        self._claimed = claimed

    def save(self, state: dict[str, Any]) -> None:
        """Keep `state` for the next attempt. Raises ClaimLost."""
        if self._connection is None:
            self._connection = self._engine.connect()
        ledger.checkpoint(self._connection, self._claimed, state)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


def _as_json(result: Any) -> Any:
    try:
        return _JSON.dump_python(result, mode="json")
    except PydanticSerializationError as error:
        raise ResultNotJson(f"The job's result cannot be written as JSON: {error}") from error
