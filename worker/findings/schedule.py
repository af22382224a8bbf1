"""Cadences that are late, and occurrences that were missed."""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import text

from jobs import catalogue
from worker import overview
from worker.findings.kinds import Finding
from worker.findings.rule import Here, Rule

# The scheduler ticks every 5 s and so do the workers' sweeps.
LATE = dt.timedelta(minutes=1)
# Its newest occurrence was skipped, not by a pause, and no run of the job is open or has succeeded since.
_MISSED = text(
    """
    SELECT named.job, newest.id, newest.occurrence, newest.error
    FROM unnest(CAST(:jobs AS text[])) AS named (job) CROSS JOIN LATERAL (
        SELECT id, occurrence, state, error FROM runs WHERE runs.job = named.job AND occurrence IS NOT NULL
        ORDER BY occurrence DESC LIMIT 1
    ) AS newest
    WHERE newest.state = 'skipped' AND newest.error NOT LIKE 'The cadence is paused%'
    AND NOT EXISTS (
        SELECT FROM runs AS good WHERE good.job = named.job AND good.state = 'finished'
        AND good.ended_at > newest.occurrence
    )
    AND NOT EXISTS (SELECT FROM runs AS others WHERE others.job = named.job AND others.ended_at IS NULL)
    """
)


def look(here: Here) -> Iterator[Finding]:
    """One finding a job."""
    known = catalogue.load()
    for job, row in overview.cadences(here.connection).items():
        if job in known and row.next_due < here.now - LATE:
            cause = f"{job} was due at {row.next_due:%Y-%m-%d %H:%M} UTC, but its run was not created."
            remedy = "Start `safegrid scheduler` or `safegrid worker`: both start due jobs."
            yield Finding("schedule_late", job, cause, remedy, "schedule.index")
    with here.connection.begin():
        missed = here.connection.execute(_MISSED, {"jobs": list(overview.scheduled())}).all()
    for row in missed:
        cause = f"The occurrence of {row.job} at {row.occurrence:%Y-%m-%d %H:%M} UTC was skipped: {row.error}."
        remedy = "Run the job now, or wait for its next occurrence."
        yield Finding("occurrence_missed", row.job, cause, remedy, f"job:{known[row.job].slug}")


RULE = Rule("schedule", look, what="Schedule")
