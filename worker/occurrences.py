"""Occurrences of the cadences as runs of the ledger: each exactly one row, whatever was down and whoever looks.

An occurrence is run, or is `skipped` with its reason: missed for too long, paused, or its job still at work.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from jobs.catalogue import Job
from jobs.models.runs import Cadence, Run
from worker import cadence, ledger, pauses
from worker.boundaries import boundary

log = structlog.get_logger("safegrid.schedule")

SCHEDULE = ledger.Requester("schedule", "schedule")


def reconcile(connection: Connection, jobs: Mapping[str, Job], now: dt.datetime) -> None:
    """Make the stored cadences those that are declared. An occurrence that is due already stays due."""
    declared = {name: job.cron for name, job in jobs.items() if job.cron}
    with connection.begin():
        connection.execute(delete(Cadence).where(Cadence.job.not_in(declared)))
        stored = {row.job: row.cron for row in connection.execute(select(Cadence.job, Cadence.cron))}
    for name, cron in declared.items():
        with boundary("cadence", connection, job=name):
            if name not in stored:
                _add(connection, name, cron, now)
            elif stored[name] != cron:
                take(connection, jobs[name], now)
                _change(connection, name, stored[name], cron, now)


def _add(connection: Connection, name: str, cron: str, now: dt.datetime) -> None:
    with connection.begin():
        connection.execute(
            insert(Cadence).values(job=name, cron=cron, next_due=cadence.next_time(cron, now)).on_conflict_do_nothing()
        )


def _change(connection: Connection, name: str, old: str, cron: str, now: dt.datetime) -> None:
    with connection.begin():
        connection.execute(
            update(Cadence)
            .where(Cadence.job == name, Cadence.cron == old)
            .values(cron=cron, next_due=cadence.next_time(cron, now))
        )


def schedule(connection: Connection) -> dict[str, dt.datetime]:
    """{job: when it is next due}"""
    with connection.begin():
        return {row.job: row.next_due for row in connection.execute(select(Cadence.job, Cadence.next_due))}


def take_due(connection: Connection, jobs: Mapping[str, Job], now: dt.datetime) -> list[str]:
    """Enter everything that is due into the ledger. Returns the runs to be done."""
    runs: list[str] = []
    for name, next_due in schedule(connection).items():
        if next_due <= now and name in jobs:
            with boundary("cadence", connection, job=name):
                runs += take(connection, jobs[name], now)
    return runs


def tick(connection: Connection, jobs: Mapping[str, Job], now: dt.datetime) -> list[str]:
    """Store the declared cadences and enter what is due. Returns the runs to be done."""
    reconcile(connection, jobs, now)
    return take_due(connection, jobs, now)


def take(connection: Connection, job: Job, now: dt.datetime) -> list[str]:
    """Enter the job's due occurrences into the ledger and move on to the next, in one transaction."""
    with connection.begin():
        row = connection.execute(
            select(Cadence.__table__).where(Cadence.job == job.name, Cadence.next_due <= now).with_for_update()
        ).one_or_none()
        if row is None:
            return []
        due = cadence.times(row.cron, row.next_due, now)
        runs = _rows(connection, job, due, now)
        connection.execute(insert(Run).on_conflict_do_nothing(), runs)
        connection.execute(
            update(Cadence).where(Cadence.job == job.name).values(next_due=cadence.next_time(row.cron, due[-1]))
        )
    for run in runs:
        log.info("occurrence", job=job.name, occurrence=run["occurrence"].isoformat(), state=run["state"])
    return [run["id"] for run in runs if run["state"] == "waiting"]


def _rows(connection: Connection, job: Job, due: Sequence[dt.datetime], now: dt.datetime) -> list[dict[str, Any]]:
    newest = due[-1]
    reason = _reason_to_skip(connection, job, newest, now)
    missed = f"No process was running to start it. The occurrence of {newest:%Y-%m-%d %H:%M} UTC replaces it"
    parameters = job.validate({})
    skipped = dict.fromkeys(due[:-1], missed) | {newest: reason}
    return [_row(job, parameters, time, why, now) for time, why in skipped.items()]


def _reason_to_skip(connection: Connection, job: Job, newest: dt.datetime, now: dt.datetime) -> str | None:
    if pauses.is_paused(connection, "cadence", job.name):
        return f"The cadence is paused. To resume it: `safegrid resume {job.name}`"
    if now - newest > job.catch_up:
        return f"Missed by more than {job.catch_up.days} days, the longest delay for a late start"
    open_run = _open_run(connection, job)
    if open_run is not None and not job.overlaps:
        return f"Run {open_run.id} of the same job is still {open_run.state}"
    return None


def _open_run(connection: Connection, job: Job) -> Any:
    return connection.execute(
        # One that somebody planned for later is in nobody's way until then.
        select(Run.id, Run.state)
        .where(Run.job == job.name, Run.ended_at.is_(None), or_(Run.attempt > 0, Run.due_at <= ledger.NOW))
        .limit(1)
    ).one_or_none()


def _row(
    job: Job, parameters: dict[str, Any], occurrence: dt.datetime, skipped: str | None, now: dt.datetime
) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "job": job.name,
        "queue": job.queue,
        "parameters": parameters,
        "state": "skipped" if skipped else "waiting",
        "origin": SCHEDULE.origin,
        "requested_by": SCHEDULE.who,
        "created_at": now,
        "due_at": occurrence,
        "occurrence": occurrence,
        "error": skipped,
        "ended_at": now if skipped else None,
    }


def history(connection: Connection, job: str, count: int) -> Sequence[Any]:
    """The job's last occurrences, newest first: id, occurrence, state."""
    with connection.begin():
        return connection.execute(
            select(Run.id, Run.occurrence, Run.state)
            .where(Run.job == job, Run.occurrence.is_not(None))
            .order_by(Run.occurrence.desc())
            .limit(count)
        ).all()
