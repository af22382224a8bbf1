"""Asking for a run: done and audited, for pages and programs alike."""

from collections.abc import Mapping
from typing import Any

from jobs.catalogue import Job
from web.http.clients import client
from web.people import audit, guard
from worker import transport
from worker.ledger import Submission


def submit(job: Job, parameters: Mapping[str, Any], origin: str) -> Submission:
    """Ask for a run of the job on behalf of whoever is asking. Raises ParameterError."""
    submission = client().submit(job.name, parameters, guard.requester(origin))
    if submission.is_new:
        audit.note("asked for", f"{transport.describe(job.name, parameters)} as run {submission.run_id}")
    return submission
