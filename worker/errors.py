"""What can go wrong between asking for a run and its end."""

from jobs.errors import JobError, PermanentError, SafegridError, WrongCall


class UnknownRun(WrongCall):
    """An id that stands in no ledger."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"There is no run {run_id}")


class WrongState(SafegridError):
    """A run is in a state in which this cannot be done to it."""

    def __init__(self, verb: str, run_id: str, state: str, remedy: str) -> None:
        super().__init__(f"Run {run_id} is {state} and cannot be {verb}: {remedy}")


class ClaimLost(BaseException):
    """Another attempt has taken this run over, or its connection is gone: nothing more may be written.

    A BaseException, so that no `except Exception` inside a job goes on working without its claim.
    """


class Cancelled(BaseException):
    """Somebody cancelled the run while it was at work.

    A BaseException, so that no `except Exception` inside a job goes on working.
    """


class UnknownHere(SafegridError):
    """The version of this process does not know the run's job; another may."""

    def __init__(self, job: str) -> None:
        super().__init__(f"This process does not know the job {job}")
        self.job = job


class NotClaimed(SafegridError):
    """PostgreSQL has no room to write the claim of a run down, as on a full disk: the run is pushed again later."""


class EndNotWritten(PermanentError):
    """A job has done its work, but what comes after it failed: its result or its follow-ups could not be written."""


class SoftLimit(JobError):
    """The run took longer than its job's soft limit."""


class ResultNotJson(PermanentError):
    """A job returned something that JSON cannot hold."""


class UnknownFinding(WrongCall):
    """An id that is no open finding's."""

    def __init__(self, finding_id: int) -> None:
        super().__init__(f"There is no open finding {finding_id}. The list of findings has the open ones")
