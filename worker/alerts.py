"""Alerts: a message to ALERT_WEBHOOK_URL about every run that fails for good.

Each run is told of at least once: it counts as told when the receiver has taken the message.
"""

import time
from collections.abc import Sequence
from typing import Any

import requests
import structlog
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import SQLAlchemyError

from jobs import database
from jobs.deadlines import within
from jobs.errors import SafegridError
from jobs.responses import Deadline, session
from worker import transport
from worker.settings import Settings

log = structlog.get_logger("safegrid.alerts")

CHECK_S = 5.0
LONGEST_PAUSE_S = 300.0
TIMEOUT_S = 10
LONGEST_ROUND_S = 45.0
MOST_TOLD = 20
"""Runs in one message."""
LONGEST_TEXT = 500
"""Of an error or of parameters: receivers refuse what is too long."""

# What failed longer ago, before anybody wanted alerts, is no news.
_UNTOLD = text(
    """
    SELECT id, job, parameters, error, requested_by, ended_at FROM runs
    WHERE state = 'failed' AND ended_at > clock_timestamp() - interval '1 day' AND alerted_at IS NULL
    ORDER BY ended_at LIMIT :most
    """
)
# Not of a run that was begun again and failed anew since.
_TOLD = text(
    "UPDATE runs SET alerted_at = clock_timestamp() WHERE id = ANY(:ids) AND state = 'failed' AND ended_at <= :newest"
)
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('safegrid:alerts', 0))")


class DeliveryRefused(SafegridError):
    """The receiver of alerts did not take one."""


def tell(connection: Connection, url: str) -> int:
    """Send the runs that failed since. Returns how many there were; none where another process is sending.

    Raises DeliveryRefused; then they are sent later.
    """
    with connection.begin():
        if not connection.scalar(_ALONE):
            return 0
        runs = connection.execute(_UNTOLD, {"most": MOST_TOLD}).all()
        if runs:
            _post(url, message(runs))
            connection.execute(_TOLD, {"ids": [run.id for run in runs], "newest": runs[-1].ended_at})
    return len(runs)


def message(runs: Sequence[Row[Any]]) -> dict[str, Any]:
    """The message as JSON: `text` for people, as chat services show it, and `runs` for programs."""
    head = f"Safegrid: {len(runs)} run{'' if len(runs) == 1 else 's'} failed"
    lines = [f"{_cut(transport.describe(run.job, run.parameters))}: {_cut(run.error)} (run {run.id})" for run in runs]
    failed = [
        {
            "task_id": run.id,
            "task_name": run.job,
            "error": _cut(run.error),
            "requested_by": run.requested_by,
            "ended_at": run.ended_at.isoformat(),
        }
        for run in runs
    ]
    return {"text": "\n".join([head, *lines]), "runs": failed}


def _cut(said: str | None) -> str:
    said = said or ""
    return said if len(said) <= LONGEST_TEXT else f"{said[:LONGEST_TEXT]} …"


def _post(url: str, body: dict[str, Any]) -> None:
    """The address is a secret of the receiver's, so no error names it."""
    try:
        # Only the status counts; what follows may take for ever.
        with (
            Deadline(TIMEOUT_S).running(),
            session() as sender,
            sender.post(url, json=body, timeout=TIMEOUT_S, allow_redirects=False, stream=True) as answer,
        ):
            status = answer.status_code
    except (requests.RequestException, ValueError) as error:
        raise DeliveryRefused(f"The receiver of alerts cannot be reached ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise DeliveryRefused(f"The receiver of alerts answered {status}: is ALERT_WEBHOOK_URL right?")


def send_forever(settings: Settings) -> None:
    """Tell of failed runs every few seconds; what is away for a while is waited out, longer each time."""
    engine = database.create(settings, application="safegrid alerts", longest_s=LONGEST_ROUND_S)
    pause_s = CHECK_S
    while True:
        try:
            with engine.connect() as connection:
                while True:
                    with within(connection, LONGEST_ROUND_S):
                        count = tell(connection, settings.alert_webhook_url)
                    if count:
                        log.info("alerted", runs=count)
                    pause_s = CHECK_S
                    time.sleep(pause_s)
        except (SQLAlchemyError, DeliveryRefused) as error:
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            log.warning("alert_not_sent", error=str(error).splitlines()[0], next_try_s=pause_s)
            time.sleep(pause_s)
