"""How the commands show things: JSON and tables on stdout, progress on stderr."""

import json
import time
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy import Row

from worker.client import POLL_S, Client

EXIT_CODES = {"finished": 0, "failed": 1, "cancelled": 2, "skipped": 3}


def as_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> None:
    """A table on stdout, or on stderr what to do where there is nothing to show."""
    if not rows:
        click.echo(empty, err=True)
        return
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*("" if value is None else _cell(value) for value in row))
    Console().print(shown)


def _cell(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "isoformat") else str(value)


def watch(client: Client, run_id: str, timeout_s: float | None = None) -> Row[Any]:
    """Show the run's progress until it ends. Raises TimeoutError; Ctrl-C leaves the run at work."""
    console = Console(stderr=True)
    last = ""
    with _bar(console) as bar:
        task = bar.add_task(run_id, total=None, note="waiting for a worker")
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while (run := client.run(run_id)).ended_at is None:
            told = client.progress(run_id) if run.state == "started" else None
            if told is not None:
                bar.update(task, completed=told["done"], total=told["total"] or None, note=told["note"])
                if not console.is_terminal and told["note"] != last:
                    last = told["note"]
                    click.echo(f"  {told['done']}/{told['total']} {last}", err=True)
            elif run.state == "started":
                bar.update(task, note="at work")
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"Run {run_id} of {run.job} is still {run.state} after {timeout_s:g} s")
            time.sleep(POLL_S)
        total = bar.tasks[0].total or 1
        bar.update(task, completed=total if run.state == "finished" else None, total=total, note=run.state)
    return run


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.fields[note]:<40}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
