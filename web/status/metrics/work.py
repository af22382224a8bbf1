"""Runs, queues, cadences and findings, out of the ledger."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import Metric
from sqlalchemy import Connection

from jobs import catalogue
from web.findings import store as findings
from web.status.metrics.families import gauge
from worker import overview
from worker.findings.kinds import KINDS
from worker.overview import QueueState

# A month of a daily job; older durations say little of the next one.
RECENT = 30
STATS = ("median", "p95")


def collect(connection: Connection) -> Iterator[Metric]:
    """Everything that the ledger knows."""
    yield from _runs(connection)
    yield from _queues(connection)
    due = [((job,), row.next_due.timestamp()) for job, row in overview.cadences(connection).items()]
    yield gauge("next_due_timestamp_seconds", "When the job is next due by its cadence.", ("job",), due)
    yield _findings(connection)


def _runs(connection: Connection) -> Iterator[Metric]:
    jobs = list(catalogue.load())
    counts = [((row.job, row.state), row.runs) for row in overview.counts(connection)]
    yield gauge("runs", "Runs, by job and state.", ("job", "state"), counts)
    ended = [((job,), at.timestamp()) for job, at in overview.last_successes(connection, jobs).items()]
    yield gauge("last_success_timestamp_seconds", "When the job's newest finished run ended.", ("job",), ended)
    timed = overview.durations(connection, jobs, RECENT)
    lasted = {job: overview.percentiles(rows) or () for job, rows in timed.items()}
    said = f"Durations of the job's last {RECENT} runs: median and 95th percentile."
    yield gauge("run_duration_seconds", said, ("job", "stat"), _stats(lasted))


def _stats(found: Mapping[str, Sequence[float]]) -> Iterator[tuple[tuple[str, str], float]]:
    for name, values in found.items():
        for stat, value in zip(STATS, values, strict=False):
            yield (name, stat), value


def _queues(connection: Connection) -> Iterator[Metric]:
    queues = overview.queues(connection)

    def of(name: str, said: str, value: Callable[[QueueState], float]) -> Metric:
        return gauge(f"queue_{name}", said, ("queue",), [((queue.name,), value(queue)) for queue in queues])

    yield of("depth", "Due runs that wait for a worker.", lambda queue: queue.waiting)
    yield of("started", "Runs at work.", lambda queue: queue.started)
    said = "Seconds that the oldest waiting run has been due."
    yield of("oldest_waiting_seconds", said, lambda queue: queue.oldest_s or 0.0)
    yield of("paused", "Whether the queue is paused.", lambda queue: queue.paused_by is not None)
    said = "Seconds from due to started, of the last 500 runs: median and 95th percentile."
    yield gauge("queue_wait_seconds", said, ("queue", "stat"), _stats(overview.waits(connection)))


def _findings(connection: Connection) -> Metric:
    counted = Counter((one.kind, one.severity) for one in findings.current(connection) if not one.is_acknowledged)
    # A kind that is not there is 0, not absent: so an alarm on it ends.
    usual = {(kind.name, str(kind.severity)): 0 for kind in KINDS.values()}
    samples = [(labels, count) for labels, count in {**usual, **counted}.items()]
    said = "Findings that are not acknowledged, by kind and severity."
    return gauge("findings", said, ("kind", "severity"), samples)
