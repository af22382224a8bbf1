"""Waiting for a run at the terminal, its progress on stderr."""

import sys
import time
from typing import Any

import click
from sqlalchemy import Row

from worker.client import POLL_S, Client

# 2 is a wrong call.
EXIT_CODES = {"finished": 0, "failed": 1, "skipped": 3, "cancelled": 4}


def watch(client: Client, run_id: str, timeout_s: float | None = None) -> Row[Any]:
    """Show the run's progress until it ends. Raises TimeoutError; Ctrl-C leaves the run at work."""
    until = None if timeout_s is None else time.monotonic() + timeout_s
    shown = ProgressLine()
    while (run := client.run(run_id)).ended_at is None:
        progress = client.progress(run_id) if run.state == "started" else None
        shown.show(progress, run.state)
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

    def show(self, progress: dict[str, Any] | None, state: str) -> None:
        """Show the progress of a run, if any is known."""
        if not self._is_terminal:
            self._say(f"{progress['done']}/{progress['total']} {progress['note']}" if progress else state)
        elif progress and progress["total"]:
            self._draw(progress)

    def _say(self, line: str) -> None:
        if line != self._last:
            click.echo(f"  {line}", err=True)
            self._last = line

    def _draw(self, progress: dict[str, Any]) -> None:
        if self._bar is None or self._bar.length != progress["total"]:
            self._bar = click.progressbar(
                length=progress["total"], file=sys.stderr, show_pos=True, width=30, item_show_func=_rate_and_note
            )
        self._bar.update(progress["done"] - self._bar.pos, progress)

    def end(self, state: str) -> None:
        """The run has ended: fill the bar if it has come to its goal."""
        if self._bar is None:
            self._say(state)
            return
        if state == "finished":
            self._bar.update(self._bar.length - self._bar.pos)
        self._bar.render_finish()


def _rate_and_note(progress: dict[str, Any] | None) -> str | None:
    if not progress:
        return None
    elapsed = max(progress["at"] - progress["started"], 0.001)
    return f"{progress['done'] / elapsed:.1f}/s  {progress['note']}"
