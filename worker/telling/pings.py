"""Pings for a watcher elsewhere, such as Healthchecks.io, that alarms when they stay away.

Of a job: when its run starts, succeeds and fails. Of the whole: every minute, as success while nothing critical is
wrong, else as failure. Addresses are `URL`, `URL/start` and `URL/fail`, as Healthchecks.io has them.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import structlog
from sqlalchemy import Connection, text

from jobs import catalogue, webhooks
from jobs.webhooks import DeliveryRefused
from worker.findings import store as findings
from worker.settings import Settings

log = structlog.get_logger("safegrid.pings")

EVERY_S = 60.0
_ENDS = {"start": "/start", "success": "", "fail": "/fail"}
_WHOLE = "ping of the whole"
# What nobody could be told of for an hour is no news: the watcher has noticed that it was not.
_DUE = text(
    """
    SELECT runs.id, job, event, error FROM runs
    CROSS JOIN LATERAL (VALUES
        ('start', started_at), (CASE state WHEN 'finished' THEN 'success' WHEN 'failed' THEN 'fail' END, ended_at)
    ) AS happened (event, at)
    WHERE job = ANY(:jobs) AND greatest(created_at, due_at) > clock_timestamp() - interval '2 days'
    AND event IS NOT NULL AND at > clock_timestamp() - interval '1 hour'
    AND NOT EXISTS (SELECT FROM run_pings AS sent WHERE run_id = runs.id AND sent.event = happened.event)
    ORDER BY at LIMIT 50
    """
)
_SENT = text("INSERT INTO run_pings (run_id, event) VALUES (:run_id, :event) ON CONFLICT DO NOTHING")
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('safegrid:pings', 0))")


def send_due(settings: Settings, connection: Connection) -> None:
    """Everything that is due. One that is not taken is sent again at the next round."""
    if settings.pings_by_job:
        _of_jobs(settings.pings_by_job, connection)
    if settings.ping_url and findings.claim(connection, {_WHOLE: EVERY_S}):
        _of_the_whole(settings.ping_url, connection)


def _of_jobs(urls: Mapping[str, str], connection: Connection) -> None:
    by_name = {catalogue.find(slug).name: url for slug, url in urls.items()}
    with connection.begin():
        if not connection.scalar(_ALONE):
            return
        for row in connection.execute(_DUE, {"jobs": list(by_name)}).all():
            # By the run's id the watcher pairs a start with its end.
            address = address_of(by_name[row.job], row.event, row.id)
            if _ping(address, row.error or "", row.job):
                connection.execute(_SENT, {"run_id": row.id, "event": row.event})


def _of_the_whole(url: str, connection: Connection) -> None:
    wrong = [one for one in findings.current(connection) if one.severity == "critical" and not one.is_acknowledged]
    _ping(address_of(url, "fail" if wrong else "success"), "\n".join(one.cause for one in wrong), "all")


def address_of(url: str, event: str, run_id: str | None = None) -> str:
    """Where that is told: what follows a question mark stays behind it."""
    parts = urlsplit(url)
    queries = [parts.query, f"rid={run_id}" if run_id else ""]
    return parts._replace(path=parts.path.rstrip("/") + _ENDS[event], query="&".join(filter(None, queries))).geturl()


def _ping(address: str, body: str, what: str) -> bool:
    """Whether it was taken."""
    try:
        status, _ = webhooks.post(address, body.encode()[:10_000], {}, f"The pings of {what}")
    except DeliveryRefused as error:
        log.warning("ping_not_sent", of=what, error=str(error))
        return False
    if not 200 <= status < 300:
        log.warning("ping_not_sent", of=what, status=status)
    return 200 <= status < 300
