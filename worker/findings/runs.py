"""Runs that failed, runs that are being retried, and runs that nobody knows how to do."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, text

from jobs import catalogue
from worker import transport
from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule
from worker.findings.store import OVER

# Of more, a page shows that there are many.
MOST = 500
LONGEST_SUBJECT = 300
LONGEST_CAUSE = 500
# Losses are the system's business until they are many: each costs seconds.
MANY_LOSSES = 3

_SUCCEEDED = """
    SELECT id FROM runs AS good WHERE good.state = 'finished' AND good.job = bad.job
    AND jsonb_hash(good.parameters) = jsonb_hash(bad.parameters) AND good.parameters = bad.parameters
    AND good.ended_at > bad.ended_at
"""
# Of equal runs the newest speaks for all.
_FAILED = text(
    f"""
    SELECT DISTINCT ON (job, parameters) id, job, parameters, error, ended_at FROM (
        SELECT id, job, parameters, error, ended_at FROM runs AS bad
        WHERE state = 'failed' AND acknowledged_by IS NULL AND NOT EXISTS ({_SUCCEEDED})
        ORDER BY ended_at DESC LIMIT :most
    ) AS newest ORDER BY job, parameters, ended_at DESC
    """  # noqa: S608 - constants
)
# One that failed and is retried has not succeeded yet.
_RETRIED = text(
    """
    SELECT subject, cause, remedy, link FROM findings JOIN runs ON link = 'run:' || runs.id
    WHERE kind = 'failed_run' AND resolved_at IS NULL AND ended_at IS NULL
    """
)
_RETRYING = text(
    """
    SELECT id, job, parameters, state, error, failures, losses, due_at FROM runs
    WHERE ended_at IS NULL AND (failures > 0 OR losses >= :many) ORDER BY due_at DESC LIMIT :most
    """
)
_UNKNOWN = text(
    "SELECT job, count(*) AS runs FROM runs WHERE unknown_since IS NOT NULL AND ended_at IS NULL GROUP BY job"
)
_RUN = text("SELECT state, cancel_requested_by, acknowledged_by FROM runs WHERE id = :id")
_SUCCESS = text(f"SELECT good.id FROM runs AS bad, LATERAL ({_SUCCEEDED} LIMIT 1) AS good WHERE bad.id = :id")  # noqa: S608
_ACKNOWLEDGE = text(
    """
    UPDATE runs SET acknowledged_by = :who FROM runs AS known
    WHERE known.id = :id AND runs.state = 'failed' AND runs.job = known.job AND runs.parameters = known.parameters
    """
)


def look(here: Here) -> Iterator[Finding]:
    """By job and parameters: that another month came in makes no month's failure good."""
    with here.connection.begin():
        failed = here.connection.execute(_FAILED, {"most": MOST}).all()
        retried = here.connection.execute(_RETRIED).all()
        retrying = here.connection.execute(_RETRYING, {"many": MANY_LOSSES, "most": MOST}).all()
        unknown = here.connection.execute(_UNKNOWN).all()
    yield from map(_failed, failed)
    for row in retried:
        yield Finding("failed_run", row.subject, row.cause, row.remedy, row.link)
    yield from map(_retrying, retrying)
    for row in unknown:
        cause = f"{row.runs} runs of {row.job} wait, but no process knows this job."
        remedy = (
            "Check whether it was renamed, or SAFEGRID_JOB_MODULES is unset. Start a version that knows it, "
            "or cancel the runs."
        )
        yield Finding("unknown_job", row.job, cause, remedy, "runs.index")


def _failed(run: Row[Any]) -> Finding:
    cause = f"{_call(run)} failed: {_first_line(run.error)}"
    return Finding("failed_run", _call(run), cause, "Fix the cause, then retry the run.", f"run:{run.id}")


def _retrying(run: Row[Any]) -> Finding:
    what = f"{_call(run)} failed" if run.failures else f"{_call(run)} lost its work-horse {run.losses} times"
    then = "the next attempt is at work" if run.state == "started" else f"next attempt at {run.due_at:%H:%M:%S} UTC"
    job = catalogue.load().get(run.job)
    tries = f", attempt {run.failures + 1} of {job.tries}" if run.failures and job else ""
    why = f": {_first_line(run.error)}" if run.failures else ""
    cause = f"{what}; {then}{tries}{why}"
    remedy = "Wait if the cause is temporary. Otherwise fix it before the last attempt."
    return Finding("retrying_run", _call(run), cause, remedy, f"run:{run.id}")


def _call(run: Row[Any]) -> str:
    """In the order of the job's declaration, which the database does not keep."""
    job = catalogue.load().get(run.job)
    declared = [name for name in job.parameters.model_fields if name in run.parameters] if job else []
    ordered = {name: run.parameters[name] for name in (*declared, *run.parameters)}
    return _cut(transport.describe(run.job, ordered), LONGEST_SUBJECT)


def _first_line(error: str | None) -> str:
    return _cut((error or "no reason was recorded").strip().partition("\n")[0], LONGEST_CAUSE)


def _cut(said: str, longest: int) -> str:
    return said if len(said) <= longest else f"{said[:longest]} …"


def why(connection: Connection, row: Row[Any]) -> str:
    """What became of the run of a finding."""
    run_id = (row.link or "").removeprefix("run:")
    run = connection.execute(_RUN, {"id": run_id}).one_or_none()
    if run is None:
        return OVER if row.kind == "unknown_job" else "the run is no longer in the ledger"
    if run.state == "cancelled":
        return f"the run was cancelled by {run.cancel_requested_by}"
    if run.acknowledged_by:
        return f"acknowledged by {run.acknowledged_by}"
    if run.state == "failed" and row.kind == "failed_run":
        return f"run {connection.scalar(_SUCCESS, {'id': run_id})} succeeded"
    return f"run {run_id} {'succeeded' if run.state == 'finished' else f'is {run.state}'}"


def acknowledge(connection: Connection, run_id: str, who: str) -> None:
    """Take note that this run failed, and those equal to it. Inside the caller's transaction."""
    connection.execute(_ACKNOWLEDGE, {"id": run_id, "who": who})


RULE = Rule("runs", look, what="Runs", why=why)
