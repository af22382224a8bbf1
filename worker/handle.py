"""A run as Python code holds it: what `worker.submit` and `worker.find` return."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row

from worker.client import Client, RunFailed

Status = Literal["PENDING", "STARTED", "SUCCESS", "FAILURE"]
_STATUS: dict[str, Status] = {"waiting": "PENDING", "queued": "PENDING", "started": "STARTED", "finished": "SUCCESS"}


def status_of(state: str) -> Status:
    """The ledger's state as callers know it; what came to nothing is a failure."""
    return _STATUS.get(state, "FAILURE")


@dataclass(frozen=True)
class Handle:
    """A run. Each question reads the ledger anew, and raises UnknownRun once the run is deleted from it."""

    client: Client
    id: str

    def ready(self) -> bool:
        """Whether the run has ended, one way or the other."""
        return self._run().ended_at is not None

    @property
    def status(self) -> Status:
        """PENDING, STARTED, SUCCESS or FAILURE; a cancelled or skipped run is a FAILURE."""
        return status_of(self._run().state)

    def successful(self) -> bool:
        """Whether the run has finished with a result."""
        return self.status == "SUCCESS"

    @property
    def result(self) -> Any:
        """What the job returned; None until it has, and for a run that came to nothing."""
        return self._run().result

    def get(self, timeout: float | None = None) -> Any:
        """Wait for the run, `timeout` seconds at most, and return its result. Raises RunFailed, TimeoutError."""
        run = self.client.wait(self.id, timeout)
        if run.state != "finished":
            raise RunFailed(run)
        return run.result

    def wait(self, timeout: float | None = None) -> Any:
        """The same as `get`."""
        return self.get(timeout)

    def _run(self) -> Row[Any]:
        return self.client.run(self.id)
