"""/metrics for Prometheus, read from PostgreSQL and Redis at each scrape: nothing is counted twice or forgotten."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from flask import Blueprint, Flask, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import RedisError
from sqlalchemy import Connection

from jobs import catalogue
from web.findings import store as findings
from web.http.clients import client
from worker import junk, liveness, overview
from worker.findings.kinds import KINDS
from worker.overview import QueueState

# A month of a daily job; older durations say little of the next one.
RECENT = 30
_REDIS_UP = "Whether the Redis of the queues responds."

bp = Blueprint("metrics", __name__)


def init_app(app: Flask) -> None:
    """Add the page."""
    app.register_blueprint(bp)


@bp.get("/metrics")
def metrics() -> Response:
    """What the ledger and the queues say now."""
    registry = CollectorRegistry()
    registry.register(Observed())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class Observed(Collector):
    """What PostgreSQL and Redis say at this scrape; counters of this process would be those of one of many."""

    def collect(self) -> Iterator[Metric]:
        """Every metric with its samples."""
        with client().engine.connect() as connection:
            yield from _runs(connection)
            yield from _queues(connection)
            yield _due(connection)
            yield _findings(connection)
        yield from _processes()


def _gauge(name: str, said: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], float]]) -> Metric:
    gauge = GaugeMetricFamily(f"safegrid_{name}", said, labels=labels)
    for values, value in samples:
        gauge.add_metric(values, value)
    return gauge


def _runs(connection: Connection) -> Iterator[Metric]:
    jobs = list(catalogue.load())
    counts = [((row.job, row.state), row.runs) for row in overview.counts(connection)]
    yield _gauge("runs", "Runs that the ledger keeps, by job and state.", ("job", "state"), counts)
    ended = [((job,), at.timestamp()) for job, at in overview.last_successes(connection, jobs).items()]
    yield _gauge("last_success_timestamp_seconds", "When the job's newest finished run ended.", ("job",), ended)
    timed = overview.durations(connection, jobs, RECENT)
    lasted = [
        ((job, quantile), value)
        for job, rows in timed.items()
        for quantile, value in zip(("0.5", "0.95"), overview.percentiles(rows) or (), strict=False)
    ]
    said = f"Durations of the job's last {RECENT} runs, by quantile."
    yield _gauge("run_duration_seconds", said, ("job", "quantile"), lasted)


def _queues(connection: Connection) -> Iterator[Metric]:
    queues = overview.queues(connection)

    def of(name: str, said: str, value: Callable[[QueueState], float]) -> Metric:
        return _gauge(f"queue_{name}", said, ("queue",), [((queue.name,), value(queue)) for queue in queues])

    yield of("depth", "Runs that are due and wait for a worker.", lambda queue: queue.waiting)
    yield of("started", "Runs at work.", lambda queue: queue.started)
    said = "For how long the longest-waiting run has been due."
    yield of("oldest_waiting_seconds", said, lambda queue: queue.oldest_s or 0.0)
    yield of("paused", "Whether the queue is paused.", lambda queue: queue.paused_by is not None)


def _due(connection: Connection) -> Metric:
    due = [((job,), row.next_due.timestamp()) for job, row in overview.cadences(connection).items()]
    return _gauge("next_due_timestamp_seconds", "When the job is next due by its cadence.", ("job",), due)


def _findings(connection: Connection) -> Metric:
    counted = Counter((one.kind, one.severity) for one in findings.current(connection) if not one.is_acknowledged)
    # A kind that is not there is 0, not absent: so an alarm on it ends.
    usual = {(kind.name, str(kind.severity)): 0 for kind in KINDS.values()}
    samples = [(labels, count) for labels, count in {**usual, **counted}.items()]
    said = "What is wrong now and nobody has acknowledged, by kind and severity."
    return _gauge("findings", said, ("kind", "severity"), samples)


def _processes() -> Iterator[Metric]:
    try:
        there = liveness.workers(client().redis)
        schedulers = liveness.schedulers(client().redis)
    except RedisError:
        yield _gauge("redis_up", _REDIS_UP, (), [((), 0)])
        return
    yield _gauge("redis_up", _REDIS_UP, (), [((), 1)])
    dropped = [((kind,), count) for kind, count in junk.counts(client().redis).items()]
    yield _gauge("junk_dropped", "What stood in Redis and was none of ours, by kind.", ("kind",), dropped)
    counted = Counter((queue, worker.state) for worker in there for queue in worker.queues)
    states = [((queue, state), counted[queue, state]) for queue in catalogue.queues() for state in ("idle", "busy")]
    yield _gauge("workers", "RQ workers that are there, by queue and state.", ("queue", "state"), states)
    yield _gauge("schedulers", "rq-scheduler processes that are there.", (), [((), schedulers)])
