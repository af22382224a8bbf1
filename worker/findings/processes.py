"""Queues without workers, runs that wait too long, and sweeps, schedulers and clocks that are not as they should be."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from jobs import database
from worker import liveness, overview, pulses
from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule
from worker.liveness import WorkerState
from worker.overview import QueueState

LONG_WAIT_S = 15 * 60
# Of the usual wait of a queue.
FAR_LONGER = 3
# Far more than a round takes: 45 s is its limit, after which it begins anew.
STUCK_S = 60
MOST_SKEW_S = 5


def look(here: Here) -> Iterator[Finding]:
    """Raises redis's errors: without Redis nobody knows who is there."""
    workers = liveness.workers(here.queues)
    schedulers = liveness.schedulers(here.queues)
    beats = pulses.every(here.connection)
    queues = overview.queues(here.connection)
    counts = {queue.name: sum(queue.name in worker.queues for worker in workers) for queue in queues}
    yield from _without_workers(queues, _lacking(here, counts, beats))
    usual = overview.waits(here.connection)
    for queue in queues:
        if counts[queue.name] and not queue.paused_by:
            _, most_s = usual.get(queue.name, (0.0, 0.0))
            yield from _waits(queue, most_s)
    yield from _sweeps(beats, bool(workers))
    yield from _schedulers(beats, schedulers)
    yield from _clocks(here, beats, workers)


def _lacking(here: Here, counts: Mapping[str, int], beats: Sequence[Row[Any]]) -> set[str]:
    """Queues that have no worker. In a Redis that lost its keys they are soon registered again, where one sweeps."""
    now, before = here.now.timestamp(), here.facts.get("without", {})
    since = {queue: before.get(queue, now) for queue, count in counts.items() if not count}
    here.facts["without"] = since
    patience_s = liveness.ALIVE_S if pulses.alive(beats, "sweep") else 0
    return {queue for queue, first in since.items() if now - first >= patience_s}


def _without_workers(queues: Sequence[QueueState], lacking: set[str]) -> Iterator[Finding]:
    waiting = sum(queue.waiting for queue in queues)
    if lacking.issuperset(queue.name for queue in queues):
        cause = f"No worker is running{f'; {_runs(waiting)} waiting' if waiting else ''}."
        yield Finding("no_workers", "all", cause, "Start workers: `safegrid worker`.", "queues.index")
        return
    for queue in queues:
        if queue.name in lacking:
            cause = f"The queue {queue.name} has no worker; {_runs(queue.waiting)} waiting there."
            remedy = f"Start a worker: `safegrid worker {queue.name}`."
            worse = None if queue.waiting else "warning"
            yield Finding("no_workers", queue.name, cause, remedy, "queues.index", worse)  # type: ignore[arg-type]


def _waits(queue: QueueState, usual_s: float) -> Iterator[Finding]:
    waits_s = queue.oldest_s or 0.0
    if waits_s <= LONG_WAIT_S:
        return
    minutes = f"{waits_s / 60:.0f} min"
    if not queue.started:
        cause = f"A run of the queue {queue.name} has waited for {minutes} although workers are idle."
        remedy = "Check the log of the workers, and restart them."
        yield Finding("long_wait", queue.name, cause, remedy, "queues.index")
    elif waits_s > FAR_LONGER * usual_s:
        cause = (
            f"A run of the queue {queue.name} has waited for {minutes}; {queue.waiting} runs wait, "
            f"{queue.started} are at work."
        )
        remedy = f"Start more workers: `safegrid worker {queue.name}`, or raise SAFEGRID_MAX_WORKERS."
        yield Finding("long_wait", queue.name, cause, remedy, "queues.index", "warning")


def _sweeps(beats: Sequence[Row[Any]], is_working: bool) -> Iterator[Finding]:
    ages = [one.age_s for one in beats if one.part == "sweep"]
    if is_working and ages and min(ages) > STUCK_S:
        cause = f"Workers are running, but the last sweep was {min(ages):.0f} s ago: lost runs are not recovered."
        remedy = "Check the log of `safegrid worker`, and restart it."
        yield Finding("sweep_stuck", "sweep", cause, remedy, "queues.index")


def _schedulers(beats: Sequence[Row[Any]], registered: int) -> Iterator[Finding]:
    ages = [one.age_s for one in beats if one.part == "scheduler"]
    if not registered and not pulses.alive(beats, "scheduler"):
        cause = "No scheduler is running. The workers keep the schedule instead."
        yield Finding("no_scheduler", "scheduler", cause, "Start `safegrid scheduler`.", "schedule.index")
    elif registered and ages and min(ages) > STUCK_S:
        cause = f"A scheduler is running but last worked {min(ages):.0f} s ago. The workers keep the schedule instead."
        remedy = "Check its log, and restart `safegrid scheduler`."
        yield Finding("scheduler_stuck", "scheduler", cause, remedy, "schedule.index")


def _clocks(here: Here, beats: Sequence[Row[Any]], workers: Sequence[WorkerState]) -> Iterator[Finding]:
    """Of every host that is heard of, and of Redis itself, which says how long workers have been silent."""
    redis_s = liveness.apart(lambda: liveness.clock(here.queues), lambda: database.now(here.connection).timestamp())
    skews = {worker.host: worker.skew_s + redis_s for worker in workers if worker.skew_s is not None}
    skews |= {one.host: one.skew_s for one in beats if one.age_s < pulses.ALIVE_S}
    for whose, skew_s in (*sorted(skews.items()), ("Redis (queues)", redis_s)):
        if abs(skew_s) > MOST_SKEW_S:
            way = "ahead of" if skew_s > 0 else "behind"
            cause = f"The clock of {whose} is {abs(skew_s):.0f} s {way} PostgreSQL's, so its times are wrong."
            yield Finding("clock_skew", whose, cause, "Synchronise the clocks of both hosts, such as with chrony.")


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}" if count else "no run"


RULE = Rule("processes", look, what="Workers and scheduler", needs_redis=True)
