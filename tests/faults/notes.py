"""What was asked of the house and done to its runs, as the audit needs to know it."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from worker.ledger import Requester

FAULTS = Requester("python", "fault harness")


@dataclass(frozen=True)
class Request:
    """A job and its parameters."""

    job: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Cancel:
    """The state that a cancel returned, `unknown` when its answer was lost, and when it had been returned."""

    state: str
    at: dt.datetime | None


@dataclass
class Notes:
    """By run id."""

    cancelled: dict[str, Cancel] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    """Runs of a job that nobody knows; one whose insert got no answer may not be there."""
    asked: dict[str, Request] = field(default_factory=dict)
    """Accepted beside the stream of requests."""
