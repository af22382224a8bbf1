"""Commands that ask for runs and change them."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from pydantic_core import PydanticUndefined
from sqlalchemy import Connection

from jobs import catalogue
from worker import ledger, pauses, settings
from worker.cli import output
from worker.client import Client, RunFailed
from worker.ledger import Asker


def asker() -> Asker:
    """The person at the terminal."""
    return Asker("cli", getpass.getuser())


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


def _job_command(job: catalogue.Job) -> click.Command:
    def ask(wait: bool, timeout: float | None, **given: Any) -> int:
        parameters = {name: value for name, value in given.items() if value is not None}
        with Client(settings.read()) as client:
            run_id = client.submit(job.name, parameters, asker()).run_id
            if not wait:
                click.echo(run_id)
                return 0
            run = output.watch(client, run_id, timeout)
        if run.state != "finished":
            click.echo(f"safegrid: {RunFailed(run)}", err=True)
        else:
            output.as_json(run.result)
        return output.EXIT_CODES[run.state]

    wait = click.Option(["--wait"], is_flag=True, help="Stay until it ends; the result as JSON on stdout.")
    timeout = click.Option(["--timeout"], type=float, help="With --wait: give up after so many seconds.")
    options = [_option(name, field) for name, field in job.parameters.model_fields.items()]
    return click.Command(job.name, params=[*options, wait, timeout], callback=ask, help=job.summary)


def _option(name: str, field: Any) -> click.Option:
    flag = f"--{name.replace('_', '-')}"
    default = "" if field.default in (PydanticUndefined, None) else f" [default: {field.default}]"
    if field.annotation is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", name], default=None, help=f"{field.description or ''}{default}")
    # The job checks the values itself, so that every way in has the same limits and the same words.
    return click.Option(
        [flag, name], type=str, required=field.is_required(), help=f"{field.description or ''}{default}"
    )


@click.command()
@click.argument("run_id")
def cancel(run_id: str) -> None:
    """Cancel a run; one at work is stopped."""
    with Client(settings.read()) as client:
        state = client.cancel(run_id, getpass.getuser())
    click.echo(f"Run {run_id} is {'being stopped' if state == 'started' else state}", err=True)


@click.command()
@click.argument("run_id")
@click.option("--param", "changes", multiple=True, metavar="NAME=VALUE", help="Run it with this parameter changed.")
def retry(run_id: str, changes: tuple[str, ...]) -> None:
    """Begin a failed or cancelled run again, from its last checkpoint; with changes, as a run of its own."""
    changed = {name: value for name, _, value in (change.partition("=") for change in changes)}
    with Client(settings.read()) as client:
        if not changed:
            client.retry(run_id)
            click.echo(run_id)
            return
        run = client.run(run_id)
        click.echo(client.submit(run.job, {**run.parameters, **changed}, asker(), parent_id=run_id).run_id)


@click.command()
@click.argument("name")
def pause(name: str) -> None:
    """Let a queue, or the cadence of a job, rest until it is resumed."""
    kind, name = _queue_or_cadence(name)
    with _ledger() as connection:
        changed = pauses.pause(connection, kind, name, getpass.getuser())
    click.echo(f"The {kind} {name} rests{'' if changed else ' already'}", err=True)


@click.command()
@click.argument("name")
def resume(name: str) -> None:
    """Go on with a queue, or with the cadence of a job."""
    kind, name = _queue_or_cadence(name)
    with _ledger() as connection:
        changed = pauses.resume(connection, kind, name)
    click.echo(f"The {kind} {name} {'goes on' if changed else 'was not resting'}", err=True)


def _queue_or_cadence(name: str) -> tuple[str, str]:
    if name in catalogue.QUEUES:
        return "queue", name
    job = catalogue.find(name)
    if job.cron is None:
        raise click.UsageError(f"{job.name} has no cadence; the queues are {', '.join(catalogue.QUEUES)}")
    return "cadence", job.name


@contextmanager
def _ledger() -> Iterator[Connection]:
    with Client(settings.read()) as client, client.engine.connect() as connection:
        yield connection


@click.command()
@click.argument("queue", type=click.Choice(catalogue.QUEUES))
@click.confirmation_option(prompt="Every run of this queue that has not begun is cancelled. Go on?")
def purge(queue: str) -> None:
    """Cancel what waits in a queue."""
    with _ledger() as connection:
        count = ledger.purge(connection, queue, getpass.getuser())
    click.echo(f"{count} runs cancelled", err=True)


COMMANDS = [
    JobCommands("run", help="Ask for a run of a job, and print its id."),
    cancel,
    retry,
    pause,
    resume,
    purge,
]
