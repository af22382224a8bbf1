"""What every client of a source shares: which responses may get better, and how long to wait for that."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
import tenacity
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from jobs.errors import JobError, PermanentError
from jobs.responses import Response

log = structlog.get_logger("safegrid.source")

# With waits of 1, 2, 4, 8 and 16 s: a source that restarts is back by then; else the run is tried again later.
ATTEMPTS = 6
LONGEST_WAIT_S = 60
# A source that asks for more is left to the run's next attempt: a worker must not sleep for an hour.
LONGEST_ASKED_WAIT_S = 120


class SourceUnavailable(JobError):
    """The source did not answer, or not in full; it may do so later."""

    def __init__(self, message: str, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SourceChanged(PermanentError):
    """The source answered in a form that this version does not know."""


def retrying(first_wait_s: float, attempts: int = ATTEMPTS) -> tenacity.Retrying:
    """Calls what it is given until it raises no SourceUnavailable; each wait is twice as long as the one before.

    The source may ask for a longer wait. After the last attempt the error is raised.
    """
    backoff = tenacity.wait_exponential_jitter(multiplier=first_wait_s, max=LONGEST_WAIT_S, jitter=first_wait_s)

    def wait(state: tenacity.RetryCallState) -> float:
        return max(getattr(_error(state), "retry_after_s", 0.0), backoff(state))

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(SourceUnavailable),
        stop=tenacity.stop_after_attempt(attempts),
        wait=wait,
        before_sleep=_announce,
        reraise=True,
    )


def json_of(response: Response, explain: Callable[[Response], str]) -> Any:
    """The JSON of a response. Raises SourceUnavailable for one that may be better later, else SourceChanged.

    `explain`: what there is to say of a request that the source does not take.
    """
    if response.status == 429 or response.status >= 500:
        reason = f"{response.url} responded with {response.status} ({response.reason})"
        raise SourceUnavailable(reason, asked_wait_s(response.headers))
    if response.status != 200:
        raise SourceChanged(f"{response.url} responded with {response.status}: {explain(response)}")
    try:
        return response.json()
    except (ValueError, RecursionError):
        raise SourceUnavailable(f"{response.url} did not respond with JSON") from None


def asked_wait_s(headers: Mapping[str, str], longest_s: float = LONGEST_ASKED_WAIT_S) -> float:
    """Seconds that the source asks to wait, as a number or as an HTTP date; 0 for what is neither."""
    header = headers.get("Retry-After", "")
    try:
        return min(Retry().parse_retry_after(header), longest_s) if header else 0
    except InvalidHeader:
        return 0


def _announce(state: tenacity.RetryCallState) -> None:
    log.warning(
        "source_retry", attempt=state.attempt_number, wait_s=round(state.upcoming_sleep, 2), error=str(_error(state))
    )


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
