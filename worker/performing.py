"""What a work-horse does with one RQ job: claim its run, do it, and write down what came of it."""

import contextlib
import functools
import json
import time
import traceback
from collections import deque
from collections.abc import Iterator
from typing import Any

import structlog
import tenacity
from pydantic import ConfigDict, TypeAdapter
from pydantic_core import PydanticSerializationError
from redis import Redis, RedisError
from redis.exceptions import ReadOnlyError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from jobs import cache, catalogue, context, database
from jobs.context import Context
from jobs.deadlines import limited_to
from jobs.errors import GaveWay, ParameterError, PermanentError, SettingsError, Stopped
from jobs.storable import shortened, storable
from worker import attempts, claim, follow_ups, ledger, logs, progress, sweep, transport
from worker.attempts import Claimed
from worker.causes import is_refused
from worker.errors import Cancelled, ClaimLost, EndNotWritten, NotClaimed, ResultNotJson, SoftLimit, UnknownHere
from worker.limits import Watchdog
from worker.pulse import SILENCE_S, Pulse
from worker.settings import Settings

log = structlog.get_logger("safegrid.run")

LONGEST_ERROR = 10_000
# A failover takes some seconds, a restart with recovery up to a minute.
FAILOVER_S = 10.0
LONGEST_RESTART_S = 60.0
# Below what a claim may be silent for.
LONGEST_NOTE_S = 15.0
# Trying again cannot help these.
FOR_GOOD = (PermanentError, ParameterError, SettingsError)
# Left to itself, pydantic writes null for a NaN, and nobody would see that there was none.
_JSON = TypeAdapter(Any, config=ConfigDict(ser_json_inf_nan="constants"))


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
    """Do the run if it is to be done, and return its result for RQ. Raises what the job raised.

    `engine`: one that is prepared, and used for nothing else in this process.
    """
    engine = engine or database.create(settings)
    _connect_once(engine, f"safegrid run {run_id}")
    try:
        with _connected(engine) as connection, Pulse(settings, connection) as pulse:
            if not claim.acquire(connection, run_id):
                log.info("run_is_at_work_elsewhere", run_id=run_id)
                return None
            claimed = _claim(connection, run_id, worker, requeued=requeued)
            return _attempt(settings, connection, claimed, pulse) if claimed else None
    except UnknownHere as unknown:
        log.warning("job_unknown", run_id=run_id, job=unknown.job)
        _leave_unknown(settings, run_id, unknown.job)
        return None
    except ClaimLost as lost:
        log.warning("claim_lost", run_id=run_id, reason=str(lost))
        return None
    finally:
        # The claim ends with its connection.
        engine.dispose()


def _lacks_room(error: BaseException) -> bool:
    """Whether PostgreSQL is out of disk, memory or connections: class 53."""
    return isinstance(error, OperationalError) and str(getattr(error.orig, "pgcode", "")).startswith("53")


def _claim(connection: Connection, run_id: str, worker: str, *, requeued: bool) -> Claimed | None:
    """Begin an attempt. Raises NotClaimed where PostgreSQL has no room for that."""
    try:
        return attempts.claim(connection, run_id, worker, requeued=requeued, known=catalogue.load())
    except OperationalError as error:
        if _lacks_room(error):
            raise NotClaimed(f"Run {run_id} was not claimed: {error.orig}") from error
        raise


def _connected(engine: Engine) -> Connection:
    """A server that restarts is waited for: a push whose work-horse dies before its claim would count as one more.

    Raises sqlalchemy's OperationalError, at once where the server is there and refuses us.
    """
    try:
        # Most need no more, and each millisecond here is one before every job.
        return engine.connect()
    except OperationalError as error:
        if is_refused(error):
            raise
    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, OperationalError) and not is_refused(error)),
        stop=tenacity.stop_after_delay(LONGEST_RESTART_S),
        wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=5, jitter=0.2),
        reraise=True,
    )
    return waiting(engine.connect)


def _leave_unknown(settings: Settings, run_id: str, job: str) -> None:
    with database.once(settings) as connection:
        ledger.leave_unknown(connection, run_id, job, settings.unknown_job_wait)


def _connect_once(engine: Engine, application: str) -> None:
    """SQLAlchemy replaces a lost connection by itself; ours held the claim, so nothing may be written after it."""
    has_connected = False

    @event.listens_for(engine, "connect")
    def connected(_driver: Any, _record: Any) -> None:
        nonlocal has_connected
        has_connected = True

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        if has_connected:
            raise ClaimLost("its connection to PostgreSQL is closed")
        if getattr(engine.dialect, "server_version_info", None) is None:
            # An engine that was not prepared asks the server about itself before the pulse watches over it.
            parameters["connection_factory"] = limited_to(SILENCE_S)
        if "application_name" not in engine.url.query:
            parameters["application_name"] = application


def _attempt(settings: Settings, connection: Connection, claimed: Claimed, pulse: Pulse) -> Any:
    structlog.contextvars.bind_contextvars(**claimed.log_context())
    lines = logs.keep_lines()
    job = catalogue.find(claimed.job)
    log.info("run_started", parameters=claimed.parameters)
    try:
        with (
            Watchdog(settings, connection, job.name, job.soft_limit_s).watch() as watchdog,
            pulse.of(claimed, watchdog.end),
            _context(settings, connection, claimed, watchdog),
        ):
            result = _as_json(job.function(**claimed.parameters))
            with _after_the_work():
                next_runs = follow_ups.asked_for(settings, job, result)
        with _after_the_work():
            _finish(settings, connection, claimed, result, lines, next_runs)
        return result
    except (Stopped, Cancelled) as stop:
        with _ledger(settings, connection) as writable:
            state = _leave(writable, claimed, stop, lines)
        return f"The run was stopped and is {state}"
    except SoftLimit as error:
        with _ledger(settings, connection) as writable:
            _fail(writable, claimed, error, lines)
        raise
    except Exception as error:
        if not claim.is_held(connection):
            # No fault of the job: its claim went with its connection, and the sweep gives the run to another.
            _excuse(settings, claimed)
            raise ClaimLost(f"its connection to PostgreSQL is gone: {error}") from error
        if isinstance(error, ReadOnlyError):
            # Redis is failing over, and this one is a replica now.
            state = attempts.hand_back(connection, claimed, lines, FAILOVER_S)
            return f"Redis accepted no writes, and the run is {state}"
        _fail(connection, claimed, error, lines)
        raise
    except ClaimLost:
        _excuse(settings, claimed)
        raise


@contextlib.contextmanager
def _after_the_work() -> Iterator[None]:
    """Doing the work again is no help against an error that comes after it, unless PostgreSQL was the reason."""
    try:
        yield
    except DBAPIError:
        raise
    except Exception as error:
        raise EndNotWritten(
            f"The job has done its work, but its end could not be written: {type(error).__name__}: {error}"
        ) from error


def _leave(connection: Connection, claimed: Claimed, stop: Stopped | Cancelled, lines: deque[Any]) -> str:
    if isinstance(stop, Cancelled):
        log.info("run_cancelled")
        return attempts.cancelled(connection, claimed, lines)
    if isinstance(stop, GaveWay):
        log.info("run_gave_way")
        return attempts.hand_back(connection, claimed, lines, outcome="gave way")
    log.info("run_handed_back")
    return attempts.hand_back(connection, claimed, lines)


def _excuse(settings: Settings, claimed: Claimed) -> None:
    """Say that this work-horse lives, so that its run pays for no loss. PostgreSQL may need a moment to be back."""
    for wait_s in (0, 1, 2, 4, 8, 15):
        time.sleep(wait_s)
        with contextlib.suppress(SQLAlchemyError), database.once(settings) as connection:
            attempts.excuse(connection, claimed)
            return


@contextlib.contextmanager
def _ledger(settings: Settings, connection: Connection) -> Iterator[Connection]:
    """The claim's connection; another if an interruption of ours broke that one. The attempt's number guards it."""
    if claim.is_held(connection):
        yield connection
        return
    with database.once(settings) as fresh:
        yield fresh


def _finish(
    settings: Settings,
    connection: Connection,
    claimed: Claimed,
    result: Any,
    lines: deque[Any],
    next_runs: follow_ups.NextRuns,
) -> None:
    log.info("run_finished")
    begun = attempts.finish(connection, claimed, result, lines, next_runs)
    # With Redis away, the sweep delivers them later.
    with (
        contextlib.suppress(RedisError, SQLAlchemyError),
        contextlib.closing(transport.connect(settings)) as queues,
    ):
        for run_id, (job, _) in zip(begun, next_runs, strict=True):
            sweep.deliver(connection, queues, job, run_id)


def _fail(connection: Connection, claimed: Claimed, error: Exception, lines: deque[Any]) -> None:
    message = shortened(logs.hide_secrets(f"{type(error).__name__}: {error}"), LONGEST_ERROR)
    trace = shortened(logs.hide_secrets("".join(traceback.format_exception(error))))
    job = catalogue.find(claimed.job)
    delay = None if isinstance(error, FOR_GOOD) else job.retry_delay_s
    log.error("run_failed", error=message)
    # What filled the disk may have been the work, whose files go with its transaction: a moment, and there is room.
    waiting = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_lacks_room),
        stop=tenacity.stop_after_delay(LONGEST_NOTE_S),
        wait=tenacity.wait_exponential(multiplier=0.1, max=2),
        reraise=True,
    )
    state = waiting(attempts.fail, connection, claimed, message, trace, lines, delay, job.tries)
    log.info("run_state", state=state)


def fail_dead(settings: Settings, run_id: str, error: str) -> None:
    """Note why a work-horse was killed from outside."""
    with database.once(settings) as connection:
        attempts.fail_dead(connection, run_id, error)


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
        is_in_the_way=lambda: attempts.is_in_the_way(connection, claimed),
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
        name = f"safegrid checkpoint {self._claimed.run_id}"
        return database.create(self._settings, application=name, longest_s=SILENCE_S)

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
    """The result as JSON values. Raises ResultNotJson, also for a NaN or an infinity, which JSON has no words for."""
    try:
        written = _JSON.dump_python(storable(result), mode="json")
        json.dumps(written, allow_nan=False)
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise ResultNotJson(f"The job's result cannot be written as JSON: {error}") from error
    return written
