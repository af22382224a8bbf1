"""Is all well, and if not, what is to be done? Sentences for somebody who was woken by it, the worst first."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from jobs import catalogue
from jobs.months import month_text
from web.data.store import SourceState
from web.html import formats
from web.scores.store import Warming
from worker.overview import QueueState

Level = Literal["bad", "warn"]
# The scheduler ticks every 5 s and so do the workers' sweeps.
SCHEDULE_LATE = dt.timedelta(minutes=2)
WAITS_LONG_S = 15 * 60


@dataclass(frozen=True)
class Finding:
    """What is wrong and the remedy, with where to do it: the words and the address of a link."""

    level: Level
    text: str
    remedy: str
    link: tuple[str, str] | None = None


@dataclass
class Seen:
    """What was found. Without PostgreSQL or Redis, the rest is unknown."""

    now: dt.datetime
    postgresql: bool = True
    redis: bool = True
    workers: dict[str, int] | None = None
    """{queue: workers}; none while Redis is away."""
    schedulers: int | None = None
    queues: Sequence[QueueState] = ()
    cadences: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    """{job: its newest run that has ended}"""
    newest_held: dt.date | None = None
    source: SourceState | None = None
    warming: Warming | None = None
    """The newest that finished."""


def findings(seen: Seen) -> list[Finding]:
    """Everything that is not as it should be; empty when all is well."""
    if not seen.postgresql:
        remedy = (
            "Start PostgreSQL again, or correct DATABASE_URL. What was asked for is kept there and goes on by itself."
        )
        return [Finding("bad", "PostgreSQL does not answer, so nothing can begin.", remedy)]
    found = [
        *_engines(seen),
        *_workers(seen),
        *_schedule(seen),
        *_failed(seen),
        *_data(seen),
        *_scores(seen),
        *_paused(seen),
    ]
    return sorted(found, key=lambda finding: finding.level)


def _engines(seen: Seen) -> Iterator[Finding]:
    if not seen.redis:
        remedy = (
            "Start Redis again, or correct QUEUE_REDIS_URL and REDIS_URL. "
            "Requests are kept in PostgreSQL and are delivered as soon as it answers."
        )
        yield Finding("bad", "Redis does not answer, so no run can begin.", remedy)


def _workers(seen: Seen) -> Iterator[Finding]:
    if seen.workers is None:
        return
    if not any(seen.workers.values()):
        waiting = sum(queue.waiting for queue in seen.queues)
        tail = f"; {_counted(waiting, 'run')} waiting" if waiting else ""
        yield Finding("bad", f"No worker is running{tail}.", "Start workers: `safegrid worker`.")
        return
    for queue in seen.queues:
        if not seen.workers.get(queue.name):
            level: Level = "bad" if queue.waiting else "warn"
            text = f"The queue {queue.name} has no worker; {_counted(queue.waiting, 'run')} waiting there."
            yield Finding(level, text, f"Start one: `safegrid worker {queue.name}`.")
        elif queue.oldest_s and queue.oldest_s > WAITS_LONG_S and not queue.paused_by and not queue.started:
            text = f"A run of the queue {queue.name} waits for {formats.duration(queue.oldest_s)} beside idle workers."
            yield Finding(
                "bad", text, "Look at the log of the workers and start them again.", ("Queues", "queues.index")
            )


def _schedule(seen: Seen) -> Iterator[Finding]:
    late = [job for job, row in seen.cadences.items() if row.next_due < seen.now - SCHEDULE_LATE]
    if late:
        names = ", ".join(map(formats.title_of, late))
        yield Finding("bad", f"The schedule stands still: {names} is overdue.", "Start `safegrid scheduler`.")
    elif seen.schedulers == 0:
        text = "No scheduler is running; the workers keep the schedule in its place."
        yield Finding("warn", text, "Start `safegrid scheduler`.")


def _failed(seen: Seen) -> Iterator[Finding]:
    for job, run in seen.last.items():
        if run.state == "failed":
            # A sentence of it is enough here: its page has the rest.
            error = str(run.error or "no reason was noted").splitlines()[0]
            ago = formats.ago(run.ended_at, seen.now)
            shown = error if len(error) <= 160 else f"{error[:160].rsplit(' ', 1)[0]} …"
            text = f"{formats.title_of(job)} failed {ago}: {shown}"
            yield Finding(
                "bad",
                text,
                "Look at its run, mend the cause, then retry it there.",
                ("Its run", f"run:{run.id}"),
            )


def _data(seen: Seen) -> Iterator[Finding]:
    if seen.newest_held is None:
        yield Finding("warn", "No crimes are held yet.", "Bring them in.", _link("no_crimes"))
        return
    source = seen.source
    if source is None:
        text = "Nobody has asked yet whether the grid is sound and what the source has published."
        yield Finding("warn", text, "Let it be checked.", _link("grid_not_checked"))
        return
    if source.missing:
        text = f"Published and not held: {', '.join(map(month_text, source.missing))}."
        yield Finding("warn", text, "Bring them in.", _link("months_missing"))
    if source.health == "degraded" and not source.missing:
        text = f"The health check found: {source.issues[0] if source.issues else 'the grid cannot be trusted'}."
        where = ("Its findings", f"run:{source.health_run}")
        yield Finding("bad", text.replace("..", "."), "Do what it says, then check again.", where)


def _scores(seen: Seen) -> Iterator[Finding]:
    warming = seen.warming
    if warming and warming.status == "degraded":
        ago = formats.ago(warming.ended_at, seen.now)
        part = f"{formats.number(warming.without_weather)} of {formats.number(warming.scores)} route scores"
        text = f"{part} were computed without weather {ago}; it counts as neutral in them."
        remedy = "Look at the log of its run for the reason; the next warming asks for the forecast again."
        yield Finding("warn", text, remedy, ("Its run", f"run:{warming.run_id}"))


def _link(condition: str) -> tuple[str, str]:
    fix = catalogue.remedy(condition)
    return fix.words, f"job:{fix.job.slug}"


def _paused(seen: Seen) -> Iterator[Finding]:
    for queue in seen.queues:
        if queue.paused_by:
            waiting = _counted(queue.waiting, "run")
            text = f"The queue {queue.name} is paused by {queue.paused_by}; {waiting} waiting there."
            yield Finding("warn", text, "Resume it when it may go on.", ("Queues", "queues.index"))
    paused_jobs = [formats.title_of(job) for job, row in seen.cadences.items() if row.paused]
    if paused_jobs:
        text = f"Paused in the schedule: {', '.join(paused_jobs)}."
        yield Finding("warn", text, "Resume it when it may go on.", ("Schedule", "schedule.index"))


def _counted(number: int, noun: str) -> str:
    return formats.counted(number, noun) if number else f"no {noun}"
