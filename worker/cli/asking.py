"""Commands that ask for runs and change them."""

import getpass
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import click
from pydantic.fields import FieldInfo

from jobs import catalogue
from jobs.problems import as_given, words
from worker import due, ledger, pauses, settings
from worker.cli import help_of, output
from worker.cli.ledgers import ledger_of
from worker.cli.watching import EXIT_CODES, watch
from worker.client import Client, RunFailed
from worker.ledger import Requester


def requester() -> Requester:
    """The person at the terminal."""
    return Requester("cli", getpass.getuser())


class JobCommands(click.Group):
    """A command per job of the catalogue, with an option per parameter; slugs are understood too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the jobs."""
        return list(catalogue.load())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command that runs the job."""
        try:
            job = catalogue.find(cmd_name)
        except catalogue.UnknownJob as error:
            raise click.UsageError(str(error)) from None
        return _job_command(job)


def request(
    job: catalogue.Job, given: Mapping[str, Any], *, wait: bool, timeout_s: float | None = None, due_at: str = ""
) -> int:
    """Ask for a run, and stay until it ends where that is wanted. Returns the exit code. given: none is left out."""
    # A wrong call is one, whether or not there is a system to ask.
    parameters = job.validate({name: value for name, value in given.items() if value is not None})
    begins = due.time(job.name, due_at)
    with Client(settings.read()) as client:
        run_id = client.submit(job.name, parameters, requester(), due_at=begins).run_id
        if not wait:
            click.echo(run_id)
            return 0
        run = watch(client, run_id, timeout_s)
    if run.state != "finished":
        click.echo(f"safegrid: {RunFailed(run)}", err=True)
    else:
        output.as_json(run.result)
    return EXIT_CODES[run.state]


def _job_command(job: catalogue.Job) -> click.Command:
    def ask(wait: bool, timeout: float | None, due_at: str, **given: Any) -> int:
        return request(job, given, wait=wait, timeout_s=timeout, due_at=due_at)

    wait = click.Option(["--wait"], is_flag=True, help="Wait for the end of the run, and print its result as JSON.")
    timeout = click.Option(["--timeout"], type=float, help="With --wait: stop waiting after this many seconds.")
    later = click.Option(
        ["--due-at"], default="", metavar="TIME", help="Start at this time (UTC), such as 2024-05-01T03:00."
    )
    fields = job.parameters.model_fields
    options = [_option(name, fields[name], schema) for name, schema in job.properties.items()]
    return click.Command(job.name, params=[*options, later, wait, timeout], callback=ask, help=job.summary)


def _option(name: str, field: FieldInfo, schema: Mapping[str, Any]) -> click.Option:
    flag = f"--{name.replace('_', '-')}"
    facts = "; ".join(_facts(field, schema))
    meaning = schema.get("description", "").rstrip(".")
    help_text = f"{meaning}. [{facts}]" if meaning else f"[{facts}]"
    if field.annotation is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", name], default=None, help=help_text)
    # The job checks the values itself, so that every way in has the same limits and the same words.
    return click.Option([flag, name], type=str, metavar=_value(schema)[0], help=help_text)


def _facts(field: FieldInfo, schema: Mapping[str, Any]) -> Iterator[str]:
    """What may be given, and what counts when nothing is."""
    value = _value(schema)[1]
    if value:
        yield value
    if field.is_required():
        yield "required"
    elif schema.get("default") not in (None, []):
        yield f"default: {as_given(schema['default'])}"
    else:
        yield "optional"


def _value(schema: Mapping[str, Any]) -> tuple[str, str]:
    """How a value is written, and in words: of the type itself where it may also be left out."""
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    kind: Mapping[str, Any] = options[0] if options else schema
    if "enum" in kind:
        return "|".join(map(str, kind["enum"])), ""
    if schema.get("format") == "month" or kind.get("format") == "month":
        return "YYYY-MM", "a month"
    written = {
        "integer": ("N", words(kind)),
        "number": ("X", words(kind)),
        "boolean": ("", ""),
        "array": ("A,B,...", "separated by commas"),
    }
    dated = ("YYYY-MM-DD", "a day") if kind.get("format") == "date" else ("TEXT", "")
    return written.get(str(kind.get("type")), dated)


@click.command(help=help_of("cancel"))
@click.argument("run_id")
def cancel(run_id: str) -> None:
    """Cancel a run."""
    with Client(settings.read()) as client:
        state = client.cancel(run_id, getpass.getuser())
    click.echo(f"Run {run_id} is {'being stopped' if state == 'started' else state}", err=True)


@click.command(help=help_of("discard"))
@click.argument("run_id")
def discard(run_id: str) -> None:
    """Give up a run that failed."""
    with ledger_of(settings.read()) as connection:
        ledger.discard(connection, run_id, getpass.getuser())
    click.echo(f"Run {run_id} is discarded", err=True)


@click.command(help=help_of("retry"))
@click.argument("run_id")
@click.option(
    "--param",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change this parameter, and start a new run. Repeatable.",
)
def retry(run_id: str, changes: tuple[str, ...]) -> None:
    """Retry a failed or cancelled run from its last checkpoint; with changes, as a new run."""
    changed = {name: value for name, _, value in (change.partition("=") for change in changes)}
    with Client(settings.read()) as client:
        if not changed:
            client.retry(run_id)
            click.echo(run_id)
            return
        run = client.run(run_id)
        click.echo(client.submit(run.job, {**run.parameters, **changed}, requester(), parent_id=run_id).run_id)


@click.command(help=help_of("pause"))
@click.argument("name")
def pause(name: str) -> None:
    """Pause a queue, the cadence of a job, or one run, until it is resumed."""
    with ledger_of(settings.read()) as connection:
        if _is_id(name):
            kind, changed = "run", pauses.pause_run(connection, name, getpass.getuser())
        else:
            kind, name = _queue_or_cadence(name)
            changed = pauses.pause(connection, kind, name, getpass.getuser())
    click.echo(f"The {kind} {name} is paused{'' if changed else ' already'}", err=True)


@click.command(help=help_of("resume"))
@click.argument("name")
def resume(name: str) -> None:
    """Resume a queue, the cadence of a job, or a run."""
    kind, name = ("run", name) if _is_id(name) else _queue_or_cadence(name)
    with ledger_of(settings.read()) as connection:
        changed = pauses.resume(connection, kind, name)
    click.echo(f"The {kind} {name} {'is resumed' if changed else 'was not paused'}", err=True)


def _is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def _queue_or_cadence(name: str) -> tuple[str, str]:
    if name in catalogue.queues():
        return "queue", name
    jobs = catalogue.load().values()
    job = next((job for job in jobs if job.cron and name in (job.name, job.slug)), None)
    if job is None:
        queues, cadences = ", ".join(catalogue.queues()), ", ".join(job.name for job in jobs if job.cron)
        raise click.UsageError(
            f"{name} is neither a queue nor a job with a cadence. Queues: {queues}. Jobs with a cadence: {cadences}"
        )
    return "cadence", job.name


@click.command(help=help_of("purge"))
@click.argument("queue", type=click.Choice(catalogue.queues()))
@click.confirmation_option(prompt="Cancel every run of this queue that has not started?")
def purge(queue: str) -> None:
    """Cancel the runs of a queue that have not started."""
    with ledger_of(settings.read()) as connection:
        count = ledger.purge(connection, queue, getpass.getuser())
    click.echo(f"{count} runs cancelled", err=True)


COMMANDS = [
    JobCommands("run", help=help_of("run")),
    cancel,
    discard,
    retry,
    pause,
    resume,
    purge,
]
