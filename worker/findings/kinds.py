"""Every kind of finding: how bad it is, and how long it may last before somebody is told of it."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Severity = Literal["critical", "warning", "notice"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""The worst first."""


@dataclass(frozen=True)
class Kind:
    """What can be wrong. A rule may find a single case of it worse than usual."""

    name: str
    severity: Severity
    patience_s: float
    """What is over sooner is told to nobody."""
    about: str
    """What is wrong then, as the docs list it."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong now. The subject tells it from others of its kind."""

    kind: str
    subject: str
    cause: str
    remedy: str
    link: str | None = None
    """`run:ID`, `job:SLUG`, or a page of the admin."""
    worse: Severity | None = None
    """Its severity where that is not its kind's."""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.worse or KINDS[self.kind].severity


MINUTE_S = 60
HOUR_S = 3600

_ALL = (
    Kind("failed_run", "critical", 0, "a run failed for good, and no equal run has succeeded since"),
    Kind("retrying_run", "warning", MINUTE_S, "an attempt failed, and the run waits for its next attempt"),
    Kind("unknown_job", "warning", MINUTE_S, "runs wait for a job that no process knows"),
    Kind("schedule_late", "critical", MINUTE_S, "an occurrence is due, and no process creates its run"),
    Kind(
        "occurrence_missed",
        "warning",
        MINUTE_S,
        "the newest occurrence of a job was skipped, and the job has not run since",
    ),
    Kind("paused", "warning", HOUR_S, "a queue, a cadence, a run or the rebuilding of the grid is paused"),
    Kind("no_workers", "critical", MINUTE_S, "a queue has no worker"),
    Kind("long_wait", "critical", MINUTE_S, "a run waits much longer for a worker than usual in its queue"),
    Kind("no_scheduler", "warning", 2 * MINUTE_S, "no scheduler is running"),
    Kind("scheduler_stuck", "critical", MINUTE_S, "a scheduler is running but does nothing"),
    Kind("sweep_stuck", "critical", MINUTE_S, "workers are running, but the sweep is not"),
    Kind(
        "clock_skew", "warning", 5 * MINUTE_S, "the clock of a host, or of the queues' Redis, differs from PostgreSQL's"
    ),
    Kind("postgresql_away", "critical", MINUTE_S, "PostgreSQL cannot be reached"),
    Kind("postgresql_refuses", "critical", MINUTE_S, "PostgreSQL responds but refuses to read or write"),
    Kind(
        "postgresql_slow",
        "warning",
        2 * MINUTE_S,
        "PostgreSQL is slow to run an empty statement, twice in a row",
    ),
    Kind("redis_away", "critical", MINUTE_S, "a Redis cannot be reached or refuses its user"),
    Kind("redis_slow", "warning", 2 * MINUTE_S, "a Redis is slow to respond to PING, twice in a row"),
    Kind("redis_memory", "warning", 2 * MINUTE_S, "a Redis uses over 80 % of its maxmemory"),
    Kind("redis_evicts", "critical", 0, "a Redis has evicted keys to stay within its maxmemory"),
    Kind("redis_policy", "warning", HOUR_S, "the queues' Redis may evict runs when it is full"),
    Kind("redis_forgets", "warning", HOUR_S, "the queues' Redis loses the queues when it restarts"),
    Kind("disk", "warning", 2 * MINUTE_S, "a disk that PostgreSQL or the engines write to is nearly full"),
    Kind("no_crimes", "warning", HOUR_S, "no crimes are ingested"),
    Kind("source_not_asked", "warning", HOUR_S, "the source has not been checked lately"),
    Kind("month_missing", "warning", HOUR_S, "a month of an area is published but not ingested"),
    Kind("crimes_late", "critical", HOUR_S, "a release has been out for days, and its month is not ingested"),
    Kind("month_partly_held", "warning", HOUR_S, "a month of an area is ingested only in part"),
    Kind("grid_old", "warning", 15 * MINUTE_S, "the grid of a month is older than its crimes"),
    Kind("grid_unsound", "critical", 0, "the last health check found that the grid cannot be trusted"),
    Kind("area_moved", "warning", HOUR_S, "the first area differs from SOUTHAMPTON_BBOX"),
    Kind("coverage_gap", "notice", HOUR_S, "a force did not supply a recent month, or supplied it only in part"),
    Kind("month_revised", "notice", 0, "the source has changed more than a tenth of a month"),
    Kind("scores_missing", "warning", MINUTE_S, "fewer scores are in Redis than were warmed"),
    Kind("scores_expiring", "warning", 5 * MINUTE_S, "scores are about to expire, and no run is due to warm them"),
    Kind("scores_without_weather", "warning", 5 * MINUTE_S, "over a tenth of the scores were computed without weather"),
    Kind("climatology_late", "warning", HOUR_S, "the usual weather of the routes has not been fetched for days"),
    Kind("receiver_refuses", "warning", 5 * MINUTE_S, "an alert receiver refused the last message"),
    Kind("weak_password", "warning", HOUR_S, "an engine's password is missing, short or a placeholder, in production"),
    Kind("no_tls", "warning", HOUR_S, "an engine on another host is reached without TLS, in production"),
    Kind("token_expires", "warning", 0, "an API token in use expires within a week, or expired in the last week"),
)
KINDS = {kind.name: kind for kind in _ALL}
