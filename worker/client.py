"""Asking for runs and looking after them: what the web, the command line and Python code share."""

import datetime as dt
import time
from collections.abc import Mapping
from typing import Any, Self

import structlog
from redis import RedisError
from sqlalchemy import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from jobs import catalogue, database
from jobs.catalogue import Job
from jobs.errors import SafegridError
from worker import ledger, progress, sweep, transport
from worker.ledger import Requester, Submission
from worker.settings import Settings

log = structlog.get_logger("safegrid.client")

POLL_S = 0.1
REDIS_TIMEOUT_S = 5.0


class RunFailed(SafegridError):
    """A run that was waited for came to nothing."""

    def __init__(self, run: Row[Any]) -> None:
        super().__init__(f"Run {run.id} of {run.job} {run.state}: {run.error or 'see its attempts'}")
        self.run = run


class Client:
    """A connection to the ledger and the queues."""

    def __init__(self, settings: Settings, *, pool: bool = False) -> None:
        self.settings = settings
        self.engine = database.create(settings, application="safegrid client", pool=pool, direct=False)
        self.redis = transport.connect(settings, REDIS_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self.redis.close()
        self.engine.dispose()

    def submit(
        self,
        name: str,
        parameters: Mapping[str, Any],
        requester: Requester,
        *,
        parent_id: str | None = None,
        due_at: dt.datetime | None = None,
    ) -> Submission:
        """Ask for a run, to begin at a time or at once. Raises UnknownJob, ParameterError.

        It is on its way once it is in the ledger: with Redis away it is delivered later.
        """
        job = catalogue.find(name)
        with self.engine.connect() as connection:
            submission = ledger.submit(connection, job, parameters, requester, parent_id=parent_id, due_at=due_at)
            if submission.is_new or submission.is_sooner:
                self._deliver(connection, job, submission.run_id, 0)
        return submission

    def _deliver(self, connection: Connection, job: Job, run_id: str, pushes: int) -> None:
        """What is in the ledger is accepted: if this fails, the sweep delivers it."""
        try:
            sweep.deliver(connection, self.redis, job, run_id, pushes)
        except (RedisError, SQLAlchemyError) as error:
            log.warning("not_delivered_yet", run_id=run_id, error=str(error).splitlines()[0])

    def run(self, run_id: str) -> Row[Any]:
        """The run's row. Raises UnknownRun."""
        with self.engine.connect() as connection:
            return ledger.get(connection, run_id)

    def progress(self, run_id: str) -> dict[str, Any] | None:
        """How far the run is; none if nothing is known."""
        return progress.read(self.redis, run_id)

    def cancel(self, run_id: str, who: str) -> str:
        """Cancel a run, and stop its work-horse. Raises UnknownRun, WrongState."""
        with self.engine.connect() as connection:
            state = ledger.cancel(connection, run_id, who)
            run = ledger.get(connection, run_id)
        if state == "started":
            transport.stop(self.redis, transport.rq_id(run_id, run.pushes))
        return state

    def discard(self, run_id: str, who: str) -> None:
        """Give up a run that failed. Raises UnknownRun, WrongState."""
        with self.engine.connect() as connection:
            ledger.discard(connection, run_id, who)

    def retry(self, run_id: str) -> None:
        """Retry a run that came to nothing. Raises UnknownRun, WrongState."""
        with self.engine.connect() as connection:
            ledger.retry(connection, run_id)
            run = ledger.get(connection, run_id)
            if job := catalogue.load().get(run.job):
                self._deliver(connection, job, run_id, run.pushes)

    def wait(self, run_id: str, timeout_s: float | None = None) -> Row[Any]:
        """The run's row once it has ended. Raises TimeoutError, UnknownRun."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while (run := self.run(run_id)).ended_at is None:
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"Run {run_id} of {run.job} is still {run.state} after {timeout_s:g} s")
            time.sleep(POLL_S)
        return run
