"""Whether everything that Safegrid needs is there, and what to do where it is not."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import catalogue, database, schema
from jobs.deadlines import within
from jobs.errors import SafegridError
from jobs.held import land
from jobs.ingestion.police import Police
from jobs.models.runs import Run
from worker import causes, junk, liveness, pauses
from worker.settings import Settings

LONG_WAIT = dt.timedelta(minutes=10)
# One try of this length for each thing that is away: somebody is waiting.
PATIENCE_S = 3
# For all that is read of the ledger; what waits longer waits in a connection that is frozen.
LONGEST_S = 10


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    fine: bool
    words: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, each finding as soon as it is known; nothing that is away stops the rest, or takes long."""
    looks: list[tuple[str, Callable[[Settings], Iterator[Finding]]]] = [
        ("PostgreSQL", _database),
        ("Redis", _redis),
        ("Police API", _source),
        ("Alerts", _alerts),
    ]
    for what, look in looks:
        try:
            yield from look(settings)
        except (SafegridError, SQLAlchemyError, RedisError) as error:
            yield Finding(what, False, causes.of(error))


def _database(settings: Settings) -> Iterator[Finding]:
    engine = database.create(settings, patience_s=PATIENCE_S)
    try:
        database.refuse_pooler(engine)
        with engine.connect() as connection, within(connection, LONGEST_S):
            with connection.begin():
                version = connection.scalar(text("SHOW server_version"))
                postgis = connection.scalar(text("SELECT to_regclass('cell_shapes') IS NOT NULL"))
            yield Finding("PostgreSQL", True, f"{version}, PostGIS {'is used' if postgis else 'is not used'}")
            schema.check(connection)
            yield Finding("Tables", True, "are those of this version")
            yield from _areas(connection, settings)
            yield from _ledger(connection)
    finally:
        engine.dispose()


def _areas(connection: Connection, settings: Settings) -> Iterator[Finding]:
    with connection.begin():
        held = land.unlike_setting(connection, settings)
    if held:
        yield Finding("First area", False, land.keep_or_resize(held, settings))


def _ledger(connection: Connection) -> Iterator[Finding]:
    for pause in pauses.every(connection):
        since = f"{pause.created_at:%Y-%m-%d %H:%M}"
        words = f"paused since {since}, by {pause.requested_by}: `safegrid resume {pause.name}`"
        yield Finding(f"{pause.kind} {pause.name}".capitalize(), False, words)
    with connection.begin():
        oldest = connection.scalar(
            text("SELECT min(due_at) FROM runs WHERE state IN ('waiting', 'queued') AND due_at < now()")
        )
    yield from _unknown(connection)
    waits = dt.datetime.now(dt.UTC) - oldest if oldest else dt.timedelta()
    words = f"the oldest due run waits for {int(waits.total_seconds())} s"
    yield Finding("Waiting runs", waits < LONG_WAIT, words if waits < LONG_WAIT else f"{words}: are workers running?")


def _unknown(connection: Connection) -> Iterator[Finding]:
    """Runs of jobs that none of the processes knows."""
    query = select(Run.job, func.count().label("runs")).where(Run.unknown_since.is_not(None), Run.ended_at.is_(None))
    with connection.begin():
        found = connection.execute(query.group_by(Run.job)).all()
    for job, runs in found:
        words = f"{runs} waiting, and no process knows this job: was it renamed, or is SAFEGRID_JOB_MODULES unset?"
        yield Finding(f"Runs of {job}", False, words)


def _redis(settings: Settings) -> Iterator[Finding]:
    with _once(settings.redis_url) as store:
        store.ping()
        yield Finding("Redis (cache)", True, "responds")
    with _once(settings.queue_redis_url) as queues:
        yield _persistence(queues)
        policy = queues.info("memory").get("maxmemory_policy")
        words = f"maxmemory-policy is {policy}"
        fine = policy == "noeviction"
        yield Finding(
            "Redis (queues)", fine, words if fine else f"{words}: set it to noeviction, or runs are thrown away"
        )
        yield from _processes(queues)


def _once(url: str) -> Redis:
    return Redis.from_url(
        url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S, retry=Retry(NoBackoff(), retries=0)
    )


def _persistence(queues: "Redis") -> Finding:
    kept = bool(queues.info("persistence").get("aof_enabled"))
    words = "writes every change to its file" if kept else "forgets the queues when it restarts: set appendonly yes"
    return Finding("Redis (queues)", kept, words)


def _processes(queues: "Redis") -> Iterator[Finding]:
    workers = liveness.workers(queues)
    for name in catalogue.queues():
        count = sum(name in worker.queues for worker in workers)
        words = f"{count} at work or ready" if count else f"none: start `safegrid worker {name}`"
        yield Finding(f"Workers of {name}", count > 0, words)
    alive = liveness.schedulers(queues)
    words = "is there" if alive else "is not there; the workers' sweep does its work. Start `safegrid scheduler`"
    yield Finding("Scheduler", alive > 0, words)
    dropped = junk.counts(queues)
    words = ", ".join(f"{count} of kind {kind}" for kind, count in dropped.items())
    yield Finding("Junk in Redis", True, f"{words}: dropped, see the logs" if words else "none")


def _source(settings: Settings) -> Iterator[Finding]:
    months = replace(Police.of(settings), timeout_s=PATIENCE_S, attempts=1).months()
    yield Finding("Police API", True, f"offers {months[-1]:%Y-%m} to {months[0]:%Y-%m}")


def _alerts(settings: Settings) -> Iterator[Finding]:
    host = urlsplit(settings.alert_webhook_url).hostname
    yield Finding("Alerts", True, f"go to {host}" if host else "go to nobody: ALERT_WEBHOOK_URL is not set")
