"""The command that shows the ledger."""

import json
import time
from typing import Any

import click
from sqlalchemy import Row

from jobs.models.runs import STATES, Run
from worker import attempts, ledger, settings
from worker.cli import help_of, output
from worker.cli.ledgers import ledger_of

COLUMNS = ("run", "job", "state", "asked", "by", "took", "parameters")


def _took(run: Row[Any]) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return f"{(run.ended_at - run.started_at).total_seconds():.1f} s"


def _state(run: Row[Any]) -> str:
    return f"{run.state} until {run.due_at:%Y-%m-%d %H:%M}" if run.state == "waiting" and run.due_at else str(run.state)


def _row(run: Row[Any]) -> tuple[Any, ...]:
    given = {name: value for name, value in run.parameters.items() if value is not None}
    who = f"{run.origin}: {run.requested_by}"
    return run.id, run.job, _state(run), run.created_at, who, _took(run), json.dumps(given) if given else ""


@click.command(help=help_of("runs"))
@click.argument("run_id", required=False)
@click.option("--job", help="Show only runs of this job.")
@click.option("--state", type=click.Choice(STATES), help="Show only runs in this state.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Show at most this many.")
@click.option("--follow", is_flag=True, help="Keep printing runs as they change, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def runs(run_id: str | None, job: str | None, state: str | None, limit: int, follow: bool, as_json: bool) -> None:
    """List the latest runs, or show one."""
    where = [Run.job == _name_of(job)] if job else []
    where += [Run.state == state] if state else []
    with ledger_of(settings.read()) as connection:
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
                output.table(COLUMNS, [_row(run) for run in found], "No runs yet: start one with `safegrid run`")


def _name_of(job: str) -> str:
    from jobs import catalogue

    return catalogue.find(job).name


def _follow(connection: Any, where: list[Any], limit: int) -> None:
    seen: dict[str, str] = {}
    while True:
        for run in reversed(ledger.latest(connection, limit, *where)):
            if seen.get(run.id) != run.state:
                seen[run.id] = run.state
                click.echo("  ".join(str(value) for value in _row(run) if value != ""))
        time.sleep(1)


COMMANDS = [runs]
