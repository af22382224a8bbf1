"""What must be true after everything that was done to the house. A violation is a sentence that says where to look."""

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from tests.faults.notes import Notes
from worker import cadence

# Everything but ids and times.
TABLES = {
    "placed_crimes": "month, category, latitude, longitude, h3_cell, street_id, street_name, api_id, "
    "persistent_id, location_type, outcome, outcome_month",
    "unplaced_crimes": "month, force, category, api_id, persistent_id, outcome, outcome_month",
    "safety_cells": "cell_id, h3_index, h3_resolution, month, crime_count_total, crime_count_weighted, stats::text",
    "grid_months": "month, fingerprint, h3_resolution, cells, crimes",
    "route_history": "route::text, deleted_at IS NOT NULL",
}

Tables = dict[str, Counter[tuple[Any, ...]]]


@dataclass(frozen=True)
class Violations:
    """What was found, as sentences."""

    losses: list[str]
    """Work that was accepted and did not come to its end."""
    doubles: list[str]
    """Work that took effect more than once, or in the hands of two."""

    def __bool__(self) -> bool:
        return bool(self.losses or self.doubles)


def rows_of(connection: Connection) -> Tables:
    """The rows of every table that jobs write, without ids and times."""
    with connection.begin():
        return {
            table: Counter(tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM {table}")))
            for table, columns in TABLES.items()
        }


def check(
    connection: Connection,
    accepted: Collection[str],
    first_occurrence: dt.datetime,
    expected: Tables,
    notes: Notes | None = None,
) -> Violations:
    """Everything at once. notes: what was done to single runs."""
    found = Violations([], [])
    notes = notes or Notes()
    found.losses.extend(_unfinished(connection, accepted, notes))
    _check_cancelled(connection, notes, found)
    compare(rows_of(connection), expected, found)
    _check_deletions(connection, found)
    _check_effects(connection, found)
    _check_occurrences(connection, first_occurrence, found)
    _check_attempts(connection, found)
    return found


def _unfinished(connection: Connection, accepted: Collection[str], notes: Notes) -> Iterable[str]:
    rows = _all(connection, "SELECT id, job, state, error, occurrence, attempt FROM runs")
    for run_id in set(accepted) - {row.id for row in rows}:
        yield f"run {run_id} was accepted and is not in the ledger"
    for row in rows:
        if not ended_well(row, notes):
            yield f"run {row.id} of {row.job} is {row.state} after {row.attempt} attempts: {row.error}"


def ended_well(run: Any, notes: Notes) -> bool:
    """Whether the run came to an end that it may come to: id, state, error, occurrence."""
    if run.id in notes.unknown:
        return run.state == "failed" and str(run.error).startswith("No process has known the job")
    if cancel := notes.cancelled.get(run.id):
        # One that was at work may have been done before the stop reached it.
        return run.state == "cancelled" or (run.state == "finished" and cancel.state != "cancelled")
    # An occurrence that fell into another's time is skipped, on record.
    return run.state == "finished" or (run.state == "skipped" and bool(run.occurrence))


def _check_cancelled(connection: Connection, notes: Notes, violations: Violations) -> None:
    """After a cancel no attempt begins, and after its end nothing is written."""
    begun = _all(connection, "SELECT run_id, number, started_at FROM attempts")
    for row in begun:
        cancel = notes.cancelled.get(row.run_id)
        if cancel and cancel.at and row.started_at > cancel.at:
            violations.doubles.append(f"run {row.run_id}: attempt {row.number} began after it was cancelled")
    late = _all(
        connection,
        """SELECT run_id, step FROM effects JOIN runs ON runs.id = run_id
           WHERE state = 'cancelled' AND written_at > ended_at""",
    )
    for row in late:
        violations.doubles.append(f"run {row.run_id}: step {row.step} was written after it had ended as cancelled")


def compare(found: Tables, expected: Tables, violations: Violations) -> None:
    """Two states of the tables, row by row."""
    for table, rows in expected.items():
        missing, surplus = rows - found[table], found[table] - rows
        if missing:
            violations.losses.append(f"{table}: {missing.total()} rows are missing, such as {next(iter(missing))}")
        if surplus:
            violations.doubles.append(f"{table}: {surplus.total()} rows too many, such as {next(iter(surplus))}")


def _check_deletions(connection: Connection, violations: Violations) -> None:
    """Each row was deleted by one run, and that run says so."""
    counted = _all(
        connection,
        """SELECT coalesce(sum((result->>'records_deleted')::int), 0) AS told,
           (SELECT count(*) FROM route_history WHERE deleted_at IS NOT NULL) AS deleted
           FROM runs WHERE job = 'cleanup_old_route_history' AND state = 'finished'""",
    )[0]
    if counted.told != counted.deleted:
        where = violations.losses if counted.told < counted.deleted else violations.doubles
        where.append(f"route_history: {counted.deleted} rows are deleted, the runs' results tell of {counted.told}")


def _check_effects(connection: Connection, violations: Violations) -> None:
    rows = _all(connection, "SELECT run_id, step, writer FROM effects ORDER BY run_id, written_at, id")
    effects = {run_id: list(group) for run_id, group in itertools.groupby(rows, lambda row: row.run_id)}
    for run in _all(connection, "SELECT id, state, parameters FROM runs WHERE job = 'take_steps'"):
        # One that did not finish is a loss already.
        steps = run.parameters["steps"] if run.state == "finished" else 0
        check_steps(run.id, effects.get(run.id, []), steps, violations)


def check_steps(run_id: str, rows: Sequence[Row[Any]], steps: int, violations: Violations) -> None:
    """`rows`: step and writer of a run's effects in the order in which they were written.

    A writer that has been followed by another never writes again. A step stands twice only as the last one of a
    writer and the first one of the next: a kill fell between its commit and its checkpoint.
    """
    seen: set[str] = set()
    next_step = 0
    for writer, group in itertools.groupby(rows, lambda row: row.writer):
        written = [row.step for row in group]
        if writer in seen:
            violations.doubles.append(f"run {run_id}: attempt {writer!r} wrote {written} after a later one had begun")
        seen.add(writer)
        if written[0] == next_step - 1:
            written = written[1:]
        if written != list(range(next_step, next_step + len(written))):
            violations.doubles.append(
                f"run {run_id}: attempt {writer!r} wrote the steps {written}, not from {next_step}"
            )
        next_step = max([next_step, *(step + 1 for step in written)])
    missing = set(range(steps)) - {row.step for row in rows}
    if missing:
        violations.losses.append(f"run {run_id}: the steps {sorted(missing)} are missing from its effects")


def _check_occurrences(connection: Connection, first: dt.datetime, violations: Violations) -> None:
    schedule = _all(connection, "SELECT cron, next_due FROM cadences WHERE job = 'tick'")[0]
    expected = Counter(cadence.times(schedule.cron, first, schedule.next_due - dt.timedelta(seconds=1)))
    found = Counter(row.occurrence for row in _all(connection, "SELECT occurrence FROM runs WHERE job = 'tick'"))
    if missing := expected - found:
        violations.losses.append(f"tick: {missing.total()} occurrences are missing, such as {min(missing)}")
    if surplus := found - expected:
        violations.doubles.append(f"tick: {surplus.total()} occurrences too many, such as {min(surplus)}")


def _check_attempts(connection: Connection, violations: Violations) -> None:
    for row in _all(
        connection,
        """SELECT run_id, count(*) FILTER (WHERE ended_at IS NULL) AS open,
           count(*) FILTER (WHERE outcome = 'finished') AS finished FROM attempts GROUP BY run_id""",
    ):
        if row.open:
            violations.losses.append(f"run {row.run_id}: {row.open} of its attempts never ended")
        if row.finished > 1:
            violations.doubles.append(f"run {row.run_id}: {row.finished} of its attempts finished it")


def _all(connection: Connection, query: str) -> Sequence[Row[Any]]:
    with connection.begin():
        return connection.execute(text(query)).all()
