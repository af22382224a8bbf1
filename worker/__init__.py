"""How work is run: the ledger, its sweep, claims, worker processes, the scheduler, and the embedded engines.

import worker

worker.submit("rebuild_safety_grid", months=1).get(timeout=60)
"""

import datetime as dt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.handle import Handle


def submit(job: str, *, due_at: dt.datetime | None = None, **parameters: Any) -> "Handle":
    """Ask for a run of the job, to begin at a time or at once.

    Raises UnknownJob, ParameterError, SettingsError, EngineError.
    """
    from worker import settings
    from worker.client import Client
    from worker.handle import Handle
    from worker.ledger import Requester

    client = Client(settings.read())
    return Handle(client, client.submit(job, parameters, Requester("python", "worker.submit"), due_at=due_at).run_id)


def find(task_id: str) -> "Handle":
    """The run of that id, whoever asked for it. Raises UnknownRun, SettingsError, EngineError."""
    from worker import settings
    from worker.client import Client
    from worker.handle import Handle

    client = Client(settings.read())
    return Handle(client, client.run(task_id).id)
