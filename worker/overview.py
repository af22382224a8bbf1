"""What is going on: jobs with their last and next runs, queues, workers, scheduler. Read from indexes, for pages."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from jobs import catalogue
from worker import staffing

# A job as a range, so that no index but the one by job gives the order: else PostgreSQL, which takes every job to be
# as frequent, looks through all runs for one of a job that has none.
_LAST = text(
    """
    SELECT last.* FROM unnest(:jobs) AS named (job) CROSS JOIN LATERAL (
        SELECT id, job, state, started_at, ended_at, error, created_at FROM runs
        WHERE runs.job BETWEEN named.job AND named.job AND state IN ('finished', 'failed', 'cancelled')
        ORDER BY runs.job DESC, created_at DESC LIMIT 1
    ) AS last
    """
)
_SUCCESSES = text(
    """
    SELECT last.* FROM unnest(:jobs) AS named (job) CROSS JOIN LATERAL (
        SELECT job, ended_at FROM runs WHERE runs.job BETWEEN named.job AND named.job AND state = 'finished'
        ORDER BY runs.job DESC, created_at DESC LIMIT 1
    ) AS last
    """
)
_DURATIONS = text(
    """
    SELECT ended.* FROM unnest(:jobs) AS named (job) CROSS JOIN LATERAL (
        SELECT id, job, state, created_at, extract(epoch FROM ended_at - started_at)::float AS seconds FROM runs
        WHERE runs.job BETWEEN named.job AND named.job AND state IN ('finished', 'failed') AND started_at IS NOT NULL
        ORDER BY runs.job DESC, created_at DESC LIMIT :count
    ) AS ended
    """
)
_QUEUES = text(
    """
    SELECT queue, count(*) FILTER (WHERE state <> 'started' AND due_at <= clock_timestamp()) AS waiting,
           count(*) FILTER (WHERE state <> 'started' AND due_at > clock_timestamp()) AS later,
           count(*) FILTER (WHERE state = 'started') AS started,
           extract(epoch FROM clock_timestamp() - min(due_at)
               FILTER (WHERE state <> 'started' AND due_at <= clock_timestamp()))::float AS oldest_s
    FROM runs WHERE ended_at IS NULL GROUP BY queue
    """
)
_WAITS = text(
    """
    SELECT queue, percentile_cont(ARRAY[0.5, 0.95])
        WITHIN GROUP (ORDER BY extract(epoch FROM started_at - due_at)::float) AS usual
    FROM (
        SELECT queue, started_at, due_at FROM runs WHERE started_at IS NOT NULL AND ended_at IS NOT NULL AND attempt = 1
        ORDER BY created_at DESC LIMIT 500
    ) AS begun GROUP BY queue
    """
)
# Runs that waited at the end of each step: those that came in less those that began or were given up.
_DEPTHS = text(
    """
    SELECT queue, least(:steps, greatest(0, ceil(extract(epoch FROM at - :oldest) / :step_s)))::int AS step,
           sum(change)::int AS change
    FROM (
        SELECT queue, least(due_at, started_at) AS at, 1 AS change FROM runs
        WHERE created_at >= :oldest - interval '1 day'
        UNION ALL
        SELECT queue, coalesce(started_at, ended_at), -1 FROM runs
        WHERE created_at >= :oldest - interval '1 day' AND coalesce(started_at, ended_at) IS NOT NULL
    ) AS changes GROUP BY queue, step
    """
)
# By the index of their creation: what ended in a time was asked for in it, or not long before.
_ENDED = text(
    """
    SELECT job, least(:steps - 1, floor(extract(epoch FROM ended_at - :begins) / :step_s))::int AS step,
        count(*) FILTER (WHERE state = 'finished') AS finished, count(*) FILTER (WHERE state = 'failed') AS failed
    FROM runs WHERE created_at >= :begins - interval '7 days' AND ended_at >= :begins
    AND state IN ('finished', 'failed') GROUP BY 1, 2 ORDER BY 1, 2
    """
)
_FOLLOWED = text(
    """
    SELECT parents.job AS first, last.job AS next, count(*) AS times
    FROM unnest(:jobs) AS named (job) CROSS JOIN LATERAL (
        SELECT job, parent_id, origin FROM runs WHERE runs.job BETWEEN named.job AND named.job
        ORDER BY runs.job DESC, created_at DESC LIMIT :count
    ) AS last JOIN runs AS parents ON parents.id = last.parent_id WHERE last.origin = 'pipeline'
    GROUP BY 1, 2 ORDER BY times DESC, 1, 2
    """
)
_FAILURES = text(
    """
    SELECT id, job, error, ended_at FROM runs
    WHERE state = 'failed' AND ended_at >= :since ORDER BY ended_at DESC LIMIT :count
    """
)
_CADENCES = text(
    """
    SELECT job, next_due, p.name IS NOT NULL AS paused
    FROM cadences LEFT JOIN pauses AS p ON p.kind = 'cadence' AND p.name = job
    """
)
_PAUSED = text("SELECT name, requested_by FROM pauses WHERE kind = 'queue'")


@dataclass(frozen=True)
class QueueState:
    """What stands in a queue now."""

    name: str
    waiting: int = 0
    later: int = 0
    """Runs that wait for a time of their own, such as that of a next attempt."""
    started: int = 0
    oldest_s: float | None = None
    """For how many seconds the oldest waiting run has been due."""
    paused_by: str | None = None


def last_ended(connection: Connection, jobs: Sequence[str]) -> dict[str, Row[Any]]:
    """{job: its newest run that has ended, skipped ones aside}"""
    with connection.begin():
        return {row.job: row for row in connection.execute(_LAST, {"jobs": list(jobs)})}


def last_successes(connection: Connection, jobs: Sequence[str]) -> dict[str, dt.datetime]:
    """{job: when its newest finished run ended}"""
    with connection.begin():
        return {row.job: row.ended_at for row in connection.execute(_SUCCESSES, {"jobs": list(jobs)})}


def durations(connection: Connection, jobs: Sequence[str], count: int) -> dict[str, list[Row[Any]]]:
    """{job: its last runs that were at work, oldest first}, each with id, state, created_at and seconds."""
    found: dict[str, list[Row[Any]]] = {job: [] for job in jobs}
    with connection.begin():
        for row in connection.execute(_DURATIONS, {"jobs": list(jobs), "count": count}):
            found[row.job].insert(0, row)
    return found


def cadences(connection: Connection) -> dict[str, Row[Any]]:
    """{job: its next_due and whether it is paused}"""
    with connection.begin():
        return {row.job: row for row in connection.execute(_CADENCES)}


def queues(connection: Connection) -> list[QueueState]:
    """Every queue of the catalogue; that of events only where there is anybody to be told of them."""
    with connection.begin():
        rows = {row.queue: row._mapping for row in connection.execute(_QUEUES)}
        paused = {row.name: row.requested_by for row in connection.execute(_PAUSED)}
        left_out = () if staffing.are_events_sent(connection) else (staffing.EVENTS,)
    known = [name for name in catalogue.queues() if name not in left_out]
    names = (*known, *sorted(set(rows) - set(known)))
    return [
        QueueState(name, **{k: v for k, v in rows.get(name, {}).items() if k != "queue"}, paused_by=paused.get(name))
        for name in names
    ]


def waits(connection: Connection) -> dict[str, tuple[float, float]]:
    """{queue: median and 95th percentile, in seconds, of the time from due to begun}, of the last 500 runs of all."""
    with connection.begin():
        return {row.queue: (row.usual[0], row.usual[1]) for row in connection.execute(_WAITS)}


def depths(connection: Connection, now: dt.datetime, hours: int = 24, steps: int = 96) -> dict[str, list[int]]:
    """{queue: runs that were due and had not begun, at the end of each of `steps` equal steps until now}"""
    oldest = now - dt.timedelta(hours=hours)
    values = {"oldest": oldest, "steps": steps + 1, "step_s": hours * 3600 / steps}
    changes: dict[str, list[int]] = {name: [0] * (steps + 2) for name in catalogue.queues()}
    with connection.begin():
        for row in connection.execute(_DEPTHS, values):
            changes.setdefault(row.queue, [0] * (steps + 2))[row.step] += row.change
    return {name: _running_sums(of)[1 : steps + 1] for name, of in changes.items()}


def _running_sums(changes: Sequence[int]) -> list[int]:
    total, sums = 0, []
    for change in changes:
        total += change
        sums.append(total)
    return sums


@dataclass(frozen=True)
class Throughput:
    """Runs that ended in a time: how many of each step, and of each job."""

    begins: dt.datetime
    step: dt.timedelta
    finished: list[int]
    """In each step, the oldest first."""
    failed: list[int]
    jobs: dict[str, tuple[int, int]]
    """{job: (finished, failed)} of those that ended at all, by name."""


def throughput(connection: Connection, now: dt.datetime, lasts: dt.timedelta, steps: int) -> Throughput:
    """What ended in the time until now, in `steps` equal steps."""
    found = Throughput(now - lasts, lasts / steps, [0] * steps, [0] * steps, {})
    values = {"begins": found.begins, "steps": steps, "step_s": found.step.total_seconds()}
    with connection.begin():
        for row in connection.execute(_ENDED, values):
            found.finished[row.step] += row.finished
            found.failed[row.step] += row.failed
            finished, failed = found.jobs.get(row.job, (0, 0))
            found.jobs[row.job] = finished + row.finished, failed + row.failed
    return found


def followed(connection: Connection, jobs: Sequence[str], count: int) -> Sequence[Row[Any]]:
    """Which jobs' runs led to the last `count` runs of each of these: first, next, times; the most frequent first."""
    with connection.begin():
        return connection.execute(_FOLLOWED, {"jobs": list(jobs), "count": count}).all()


def failures(connection: Connection, since: dt.datetime, count: int = 100) -> Sequence[Row[Any]]:
    """Runs that failed since then, newest first: id, job, error, ended_at."""
    with connection.begin():
        return connection.execute(_FAILURES, {"since": since, "count": count}).all()


def counts(connection: Connection) -> Sequence[Row[Any]]:
    """Runs that the ledger keeps, by job and state. Reads every run: for a scrape, not for a page."""
    with connection.begin():
        return connection.execute(
            text("SELECT job, state, count(*) AS runs FROM runs GROUP BY job, state ORDER BY job, state")
        ).all()


def percentiles(rows: Sequence[Row[Any]]) -> tuple[float, float] | None:
    """Median and 95th percentile of the seconds of runs that finished; none without any."""
    seconds = sorted(row.seconds for row in rows if row.state == "finished")
    if not seconds:
        return None
    half, most = (seconds[min(len(seconds) - 1, int(part * len(seconds)))] for part in (0.5, 0.95))
    return half, most


def scheduled() -> Mapping[str, catalogue.Job]:
    """{job: declaration} of those that have a cadence."""
    return {name: job for name, job in catalogue.load().items() if job.cron}
