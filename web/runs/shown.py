"""Runs as pages show them: each with how far it is."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from web.http.clients import client
from web.runs import store
from web.runs.store import RunFilter
from web.runs.tasks import Progress, progress_of


@dataclass(frozen=True)
class ShownRun:
    """A run and how far it is."""

    run: Row[Any]
    progress: Progress | None

    @property
    def is_open(self) -> bool:
        return self.run.ended_at is None

    @property
    def is_planned(self) -> bool:
        """Whether it is to begin at a later time, which somebody named."""
        return self.is_open and self.run.attempt == 0 and self.run.due_at > dt.datetime.now(dt.UTC)

    @property
    def seconds_left(self) -> float | None:
        """As long as the rest takes at the rate so far. None where that rate says nothing.

        A later attempt goes on where an earlier one was, so what is done was not all done by this one.
        """
        known = self.progress
        if known is None or not known.rate or self.run.attempt != 1 or self.run.state != "started":
            return None
        return (known.total - known.done) / known.rate if known.total else None


def latest(count: int, wanted: RunFilter) -> list[ShownRun]:
    """The newest runs that are wanted."""
    with client().engine.connect() as connection:
        return with_progress(store.page(connection, wanted, count))


def with_progress(rows: Sequence[Row[Any]]) -> list[ShownRun]:
    """Only those at work have their progress looked up."""
    return [ShownRun(run, progress_of(run) if run.state == "started" else None) for run in rows]
