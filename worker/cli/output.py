"""How the commands show things: JSON and tables on stdout, progress on stderr."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

import click
from sqlalchemy import Row

from worker.client import POLL_S, Client

EXIT_CODES = {"finished": 0, "failed": 1, "cancelled": 2, "skipped": 3}


def as_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> None:
    """A table on stdout, or on stderr what to do where there is nothing to show. Only the last column is cut."""
    if not rows:
        click.echo(empty, err=True)
        return
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    terminal = shutil.get_terminal_size((10_000, 24)).columns
    click.secho(_line(columns, widths)[:terminal], bold=True)
    for row in cells:
        click.echo(_line(row, widths)[: max(terminal, sum(widths[:-1]))])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "isoformat") else str(value)


def watch(client: Client, run_id: str, timeout_s: float | None = None) -> Row[Any]:
    """Show the run's progress until it ends. Raises TimeoutError; Ctrl-C leaves the run at work."""
    until = None if timeout_s is None else time.monotonic() + timeout_s
    shown = ProgressLine()
    while (run := client.run(run_id)).ended_at is None:
        told = client.progress(run_id) if run.state == "started" else None
        shown.show(told, run.state)
        if until is not None and time.monotonic() > until:
            raise TimeoutError(f"Run {run_id} of {run.job} is still {run.state} after {timeout_s:g} s")
        time.sleep(POLL_S)
    shown.end(run.state)
    return run


class ProgressLine:
    """A bar with rate and time left on a terminal; a line for each change where there is none."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._is_terminal = sys.stderr.isatty()
        self._last = ""

    def show(self, told: dict[str, Any] | None, state: str) -> None:
        """Show what a run told of its progress, if it told anything."""
        if not self._is_terminal:
            self._say(f"{told['done']}/{told['total']} {told['note']}" if told else state)
        elif told and told["total"]:
            self._draw(told)

    def _say(self, line: str) -> None:
        if line != self._last:
            click.echo(f"  {line}", err=True)
            self._last = line

    def _draw(self, told: dict[str, Any]) -> None:
        if self._bar is None or self._bar.length != told["total"]:
            self._bar = click.progressbar(
                length=told["total"], file=sys.stderr, show_pos=True, width=30, item_show_func=_rate_and_note
            )
        self._bar.update(told["done"] - self._bar.pos, told)

    def end(self, state: str) -> None:
        """The run has ended: fill the bar if it has come to its goal."""
        if self._bar is None:
            self._say(state)
            return
        if state == "finished":
            self._bar.update(self._bar.length - self._bar.pos)
        self._bar.render_finish()


def _rate_and_note(told: dict[str, Any] | None) -> str | None:
    if not told:
        return None
    elapsed = max(told["at"] - told["started"], 0.001)
    return f"{told['done'] / elapsed:.1f}/s  {told['note']}"
