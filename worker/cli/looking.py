"""Commands that show the catalogue, the workers and the schedule."""

import getpass

import click

from jobs import catalogue
from worker import occurrences, pauses, settings, staffing
from worker.cli import help_of, output
from worker.cli.ledgers import ledger_of

CONNECT_S = 5.0
USUAL = "usual"


@click.command(help=help_of("jobs"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def jobs(as_json: bool) -> None:
    """List every job."""
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


@click.command(
    help=help_of(
        "workers", "A number set here survives restarts. SAFEGRID_MAX_WORKERS sets the default for all queues."
    )
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--set",
    "chosen",
    metavar="QUEUE=N",
    multiple=True,
    help="Give each supervisor N workers of the queue, or QUEUE=usual for the default number. Repeatable.",
)
def workers(as_json: bool, chosen: tuple[str, ...]) -> None:
    """List the running workers."""
    if chosen:
        _choose([_count_of(one) for one in chosen])
        return
    from worker import liveness, transport

    redis = transport.connect(settings.read(), CONNECT_S)
    found = [
        {
            "name": worker.name,
            "host": worker.host,
            "pid": worker.pid,
            "queues": list(worker.queues),
            "state": worker.state,
            "run": worker.run_id,
        }
        for worker in liveness.workers(redis)
    ]
    if as_json:
        output.as_json(found)
        return
    rows = [tuple(", ".join(v) if isinstance(v, list) else v for v in worker.values()) for worker in found]
    output.table(
        ("worker", "host", "pid", "queues", "state", "run"), rows, "No workers are running: start `safegrid worker`"
    )


def _count_of(text: str) -> tuple[str, int | None]:
    queue, _, number = text.partition("=")
    if queue not in catalogue.queues():
        raise click.UsageError(f"--set {text}: there is no queue {queue}. Queues: {', '.join(catalogue.queues())}")
    if number == USUAL:
        return queue, None
    if not number.isdecimal():
        raise click.UsageError(f"--set {text}: must be QUEUE=N or QUEUE={USUAL}")
    return queue, int(number)


def _choose(counts: list[tuple[str, int | None]]) -> None:
    with ledger_of(settings.read()) as connection:
        for queue, count in counts:
            staffing.choose(connection, queue, count, getpass.getuser())
            workers = f"{count} workers" if count else "the default number of workers"
            click.echo(f"Each supervisor of {queue} will have {workers} in a few seconds", err=True)


@click.command(help=help_of("schedule"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def schedule(as_json: bool) -> None:
    """List every cadence."""
    with ledger_of(settings.read()) as connection:
        due = occurrences.schedule(connection)
        paused_jobs = {row.name for row in pauses.every(connection) if row.kind == "cadence"}
        rows = []
        for job in (job for job in catalogue.load().values() if job.cron):
            last = [
                f"{one.occurrence:%Y-%m-%d %H:%M} {one.state}" for one in occurrences.history(connection, job.name, 3)
            ]
            rows.append((job.name, job.cron, due.get(job.name), "paused" if job.name in paused_jobs else "", last))
    if as_json:
        keys = ("job", "cron", "next_due", "paused", "last")
        output.as_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    shown = [(*row[:4], ", ".join(row[4])) for row in rows]
    output.table(("job", "cadence (UTC)", "next", "", "last"), shown, "No job has a cadence")


COMMANDS = [jobs, workers, schedule]
