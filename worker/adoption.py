"""Jobs that others put on a queue, such as `rq enqueue`, become runs of the ledger."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs import catalogue, database
from jobs.errors import ParameterError
from worker import ledger
from worker.settings import Settings


def adopt(settings: Settings, rq_id: str, function: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Enter the job into the ledger and return its run. Raises UnknownJob, ParameterError."""
    job = catalogue.find(function)
    parameters = _named(job, args) | dict(kwargs)
    engine = database.create(settings)
    try:
        with engine.connect() as connection:
            requester = ledger.Requester("rq", f"rq enqueue ({rq_id})")
            return ledger.submit(connection, job, parameters, requester).run_id
    finally:
        engine.dispose()


def _named(job: catalogue.Job, args: Sequence[Any]) -> dict[str, Any]:
    names = list(job.parameters.model_fields)
    if len(args) > len(names):
        raise ParameterError(job.name, {"(all)": f"at most {len(names)} parameters (given: {len(args)})"})
    return dict(zip(names, args, strict=False))
