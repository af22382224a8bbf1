"""What must be true of a simulated house after every step, and at the end."""

import datetime as dt
from collections import Counter
from typing import Any

from sqlalchemy import text

from jobs.models.runs import OPEN_STATES
from tests.simulation.house import House
from worker import cadence, transport
from worker.sweep import GRACE_S

BUDGETS = (3, 10, 5)
"""Failures, losses, pushes that were never claimed. A run that has spent one has ended."""


def check(house: House) -> None:
    """Everything that holds at any time."""
    runs = house.rows()
    no_run_is_lost(house, runs)
    for run in runs.values():
        at_work = [run.attempt] if run.state == "started" else []
        assert run.at_work == at_work, (
            f"run {run.id} is {run.state} at attempt {run.attempt}: at work are {run.at_work}"
        )
        budgets_are_kept(run)
    none_is_at_work_twice(house, runs)
    cancelled_is_final(house, runs)
    each_occurrence_is_once(house, runs)
    follow_ups_are_asked_for_once(house, runs)
    no_error_was_hidden(house)


def no_run_is_lost(house: House, runs: dict[str, Any]) -> None:
    lost = [run_id for run_id in house.runs if run_id not in runs]
    assert not lost, f"accepted, and in no ledger: {lost}"


def budgets_are_kept(run: Any) -> None:
    counts = (run.failures, run.losses, run.unclaimed_pushes)
    spent = [count >= most for count, most in zip(counts, BUDGETS, strict=True)]
    assert not any(spent) or run.state not in OPEN_STATES, f"run {run.id} is {run.state}, a budget spent: {counts}"
    assert all(count <= most for count, most in zip(counts, BUDGETS, strict=True)), f"over budget: {counts}"


def none_is_at_work_twice(house: House, runs: dict[str, Any]) -> None:
    equal = Counter((run.job, str(run.parameters)) for run in runs.values() if run.state == "started")
    assert all(count == 1 for count in equal.values()), f"equal runs at work at once: {equal}"
    living = house.processes.living([one.pid for one in house.work_horses])
    for one in house.work_horses:
        run = runs[one.claimed.run_id]
        if one.pid in living and run.id not in house.killed_from_outside:
            assert (run.state, run.attempt) == ("started", one.claimed.attempt), (
                f"attempt {one.claimed.attempt} of run {run.id} holds its claim, and the run is {run.state} "
                f"at attempt {run.attempt}"
            )


def cancelled_is_final(house: House, runs: dict[str, Any]) -> None:
    for run_id, attempt in house.cancelled.items():
        run = runs[run_id]
        assert run.attempt == attempt, (
            f"run {run_id} was cancelled at attempt {attempt}, and begun again: {run.attempt}"
        )
        assert run.state in ("started", "finished", "cancelled"), f"run {run_id} was cancelled, and is {run.state}"
        assert run.cancel_requested_by, f"run {run_id} was cancelled, which is forgotten"


def each_occurrence_is_once(house: House, runs: dict[str, Any]) -> None:
    ((cron, next_due),) = house.processes.admin.execute(text("SELECT cron, next_due FROM cadences"))
    expected = cadence.times(cron, house.first_occurrence, next_due - dt.timedelta(seconds=1))
    entered = sorted(run.occurrence for run in runs.values() if run.occurrence)
    assert entered == expected, f"occurrences {entered}, and not {expected}"


def follow_ups_are_asked_for_once(house: House, runs: dict[str, Any]) -> None:
    asked = Counter(run.parent_id for run in runs.values() if run.parent_id)
    for run in runs.values():
        if run.job != "leads":
            assert not asked[run.id]
            continue
        # Each time that it came to an end after it was begun, but at most once for each time that it was asked for.
        assert asked[run.id] <= 1 + house.retries[run.id], f"run {run.id} led to {asked[run.id]} runs"
        assert asked[run.id] or not (run.followed_up and run.attempt), f"run {run.id} asked for nothing"


def no_error_was_hidden(house: House) -> None:
    """Boundaries log what they keep from others; here only somebody else's lock may be the reason."""
    hidden = [line for line in house.log if line["event"] == "part_failed" and "lock timeout" not in line["error"]]
    assert not hidden, f"an error was caught and logged: {hidden}"


def check_pushed(house: House, grace_s: float = GRACE_S) -> None:
    """After an undisturbed sweep: what is due stands on its list, or was taken from it a moment ago."""
    query = text(
        """
        SELECT id, job, queue, pushes FROM runs WHERE state IN ('waiting', 'queued') AND due_at <= clock_timestamp()
        AND NOT (state = 'queued' AND pushed_at > clock_timestamp() - :grace * interval '1 second')
        AND queue NOT IN (SELECT name FROM pauses WHERE kind = 'queue')
        AND NOT EXISTS (
            SELECT FROM runs AS ahead WHERE ahead.job = runs.job AND ahead.parameters = runs.parameters
            AND ahead.state = 'started'
        )
        """
    )
    for run in house.processes.admin.execute(query, {"grace": grace_s + 1}):
        there = transport.waiting_ids(house.redis, run.queue)
        assert transport.rq_id(run.id, run.pushes) in there, f"run {run.id} of {run.job} is due and on no list"


def check_end(house: House) -> None:
    """When nothing was done for long but to sweep and to work."""
    runs = house.rows()
    unended = {run.id: run.state for run in runs.values() if run.ended_at is None}
    assert not unended, f"never ended: {unended}"
    assert not house.processes.living([one.pid for one in house.work_horses]), "a work-horse holds a claim of no run"
    for run in runs.values():
        asks = run.job == "leads" and run.attempt and run.state != "skipped"
        assert not asks or run.followed_up, f"run {run.id} of {run.job} {run.state} and asked for nothing"
