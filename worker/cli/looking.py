"""Commands that show the ledger, the catalogue and the workers."""

import json
import time
from typing import Any

import click
from rq import Worker
from sqlalchemy import Row

from jobs import catalogue
from jobs.models import Run
from jobs.models.runs import STATES
from worker import attempts, ledger, occurrences, pauses, settings, transport
from worker.cli import output
from worker.client import Client

COLUMNS = ("run", "job", "state", "asked", "by", "took", "parameters")


def _took(run: Row[Any]) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return f"{(run.ended_at - run.started_at).total_seconds():.1f} s"


def _row(run: Row[Any]) -> tuple[Any, ...]:
    given = {name: value for name, value in run.parameters.items() if value is not None}
    who = f"{run.origin}: {run.requested_by}"
    return run.id, run.job, run.state, run.created_at, who, _took(run), json.dumps(given) if given else ""


@click.command()
@click.argument("run_id", required=False)
@click.option("--job", help="Only runs of this job.")
@click.option("--state", type=click.Choice(STATES), help="Only runs in this state.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--follow", is_flag=True, help="Go on printing runs as they change, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True)
def runs(run_id: str | None, job: str | None, state: str | None, limit: int, follow: bool, as_json: bool) -> None:
    """The latest runs; one whole, with its attempts, when its id is given."""
    where = [Run.job == catalogue.find(job).name] if job else []
    where += [Run.state == state] if state else []
    with Client(settings.read()) as client, client.engine.connect() as connection:
        if run_id:
            run = ledger.get(connection, run_id)
            tries = [dict(attempt._mapping) for attempt in attempts.of(connection, run_id)]
            output.as_json({**run._mapping, "attempts": tries})
        elif follow:
            _follow(connection, where, limit)
        else:
            found = ledger.latest(connection, limit, *where)
            if as_json:
                output.as_json([dict(run._mapping) for run in found])
            else:
                output.table(COLUMNS, [_row(run) for run in found], "No runs yet: ask for one with `safegrid run`")


def _follow(connection: Any, where: list[Any], limit: int) -> None:
    seen: dict[str, str] = {}
    while True:
        for run in reversed(ledger.latest(connection, limit, *where)):
            if seen.get(run.id) != run.state:
                seen[run.id] = run.state
                click.echo("  ".join(str(value) for value in _row(run) if value != ""))
        time.sleep(1)


@click.command()
@click.option("--json", "as_json", is_flag=True)
def jobs(as_json: bool) -> None:
    """The catalogue: every job with its queue, cadence and parameters."""
    entries = catalogue.load().values()
    if as_json:
        output.as_json(
            [
                {
                    "name": job.name,
                    "slug": job.slug,
                    "queue": job.queue,
                    "cron": job.cron,
                    "summary": job.summary,
                    "parameters": job.parameters.model_json_schema(),
                }
                for job in entries
            ]
        )
        return
    rows = [(job.name, job.queue, job.cron or "on demand", ", ".join(job.parameters.model_fields)) for job in entries]
    output.table(("job", "queue", "cadence (UTC)", "parameters"), rows, "")


@click.command()
@click.option("--json", "as_json", is_flag=True)
def workers(as_json: bool) -> None:
    """The RQ workers that are alive, and what each does."""
    redis = transport.connect(settings.read())
    found = [
        {
            "name": worker.name,
            "host": worker.hostname,
            "pid": worker.pid,
            "queues": worker.queue_names(),
            "state": worker.get_state(),
            "job": worker.get_current_job_id(),
        }
        for worker in Worker.all(connection=redis)
    ]
    if as_json:
        output.as_json(found)
        return
    rows = [tuple(", ".join(v) if isinstance(v, list) else v for v in worker.values()) for worker in found]
    output.table(
        ("worker", "host", "pid", "queues", "state", "job"), rows, "No workers are running: start `safegrid worker`"
    )


@click.command()
@click.option("--json", "as_json", is_flag=True)
def schedule(as_json: bool) -> None:
    """Every cadence with its last occurrences and the next."""
    with Client(settings.read()) as client, client.engine.connect() as connection:
        due = occurrences.schedule(connection)
        resting = {row.name for row in pauses.every(connection) if row.kind == "cadence"}
        rows = []
        for job in (job for job in catalogue.load().values() if job.cron):
            last = [
                f"{one.occurrence:%Y-%m-%d %H:%M} {one.state}" for one in occurrences.history(connection, job.name, 3)
            ]
            rows.append((job.name, job.cron, due.get(job.name), "paused" if job.name in resting else "", last))
    if as_json:
        keys = ("job", "cron", "next_due", "paused", "last")
        output.as_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    shown = [(*row[:4], ", ".join(row[4])) for row in rows]
    output.table(("job", "cadence (UTC)", "next", "", "last"), shown, "No job has a cadence")


COMMANDS = [runs, jobs, workers, schedule]
