"""Asking for a run: done and audited, for pages and programs alike."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from jobs.catalogue import Job
from web.http.clients import client
from web.people import audit, guard
from worker import transport
from worker.ledger import Submission


def submit(job: Job, parameters: Mapping[str, Any], origin: str, due_at: dt.datetime | None = None) -> Submission:
    """Ask for a run of the job, at a time or at once, on behalf of whoever is asking. Raises ParameterError."""
    submission = client().submit(job.name, parameters, guard.requester(origin), due_at=due_at)
    if submission.is_new or submission.is_sooner:
        when = f", to begin {due_at:%Y-%m-%d %H:%M} UTC" if due_at else ""
        audit.note("asked for", f"{transport.describe(job.name, parameters)} as run {submission.run_id}{when}")
    return submission
