"""What is paused."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row

from jobs.grid import generations
from worker import overview, pauses
from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule


def look(here: Here) -> Iterator[Finding]:
    """One finding a pause."""
    waiting = {queue.name: queue.waiting for queue in overview.queues(here.connection)}
    for one in pauses.every(here.connection):
        if one.kind == "grid":
            yield _rebuilds(one)
            continue
        what = f"The cadence of {one.name}" if one.kind == "cadence" else f"The {one.kind} {one.name}"
        tail = f"; {waiting.get(one.name, 0)} runs wait there" if one.kind == "queue" else ""
        cause = f"{what} is paused since {one.created_at:%Y-%m-%d %H:%M} UTC by {one.requested_by}{tail}."
        remedy = f"Resume it when the reason is gone: `safegrid resume {one.name}`."
        link = {"queue": "queues.index", "cadence": "schedule.index", "run": f"run:{one.name}"}[one.kind]
        yield Finding("paused", f"{one.kind} {one.name}", cause, remedy, link)


def _rebuilds(one: Row[Any]) -> Finding:
    cause = f"{generations.said(one).partition(';')[0]}: an earlier generation of the grid is published."
    remedy = "Resume them when the crimes are as they should be: `safegrid grid resume`."
    return Finding("paused", "the grid", cause, remedy, "generations.index")


RULE = Rule("pauses", look, what="Pauses")
