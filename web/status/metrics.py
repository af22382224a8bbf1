"""/metrics for Prometheus, read from PostgreSQL and Redis at each scrape: nothing is counted twice or forgotten."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from flask import Blueprint, Flask, Response
from redis import RedisError

from jobs import catalogue
from web.http.clients import client
from worker import overview

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
RECENT = 30

bp = Blueprint("metrics", __name__)


@dataclass
class Metric:
    """A gauge with its samples: labels and value."""

    name: str
    help: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """In the exposition format."""
        yield f"# HELP {self.name} {_escaped(self.help)}"
        yield f"# TYPE {self.name} gauge"
        for labels, value in self.samples:
            written = ",".join(f'{name}="{_quoted(text)}"' for name, text in labels.items())
            yield f"{self.name}{{{written}}} {value:.10g}" if written else f"{self.name} {value:.10g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")


def exposition(metrics: Iterable[Metric]) -> str:
    """The whole text."""
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def init_app(app: Flask) -> None:
    """Add the page."""
    app.register_blueprint(bp)


@bp.get("/metrics")
def metrics() -> Response:
    """What the ledger and the queues say now."""
    return Response(exposition([*_ledger(), *_queues()]), content_type=CONTENT_TYPE)


def _ledger() -> list[Metric]:
    jobs = list(catalogue.load())
    runs = Metric("safegrid_runs", "Runs that the ledger keeps, by job and state.")
    success = Metric("safegrid_last_success_timestamp_seconds", "When the job's newest finished run ended.")
    seconds = Metric("safegrid_run_duration_seconds", f"Durations of the job's last {RECENT} runs, by quantile.")
    depth = Metric("safegrid_queue_depth", "Runs that are due and wait for a worker.")
    started = Metric("safegrid_queue_started", "Runs at work.")
    oldest = Metric("safegrid_queue_oldest_waiting_seconds", "For how long the longest-waiting run has been due.")
    paused = Metric("safegrid_queue_paused", "Whether the queue is paused.")
    due = Metric("safegrid_next_due_timestamp_seconds", "When the job is next due by its cadence.")
    with client().engine.connect() as connection:
        for row in overview.counts(connection):
            runs.samples.append(({"job": row.job, "state": row.state}, row.runs))
        for job, ended_at in overview.last_successes(connection, jobs).items():
            success.samples.append(({"job": job}, ended_at.timestamp()))
        for job, rows in overview.durations(connection, jobs, RECENT).items():
            for quantile, value in zip(("0.5", "0.95"), overview.percentiles(rows) or (), strict=False):
                seconds.samples.append(({"job": job, "quantile": quantile}, value))
        for queue in overview.queues(connection):
            labels = {"queue": queue.name}
            depth.samples.append((labels, queue.waiting))
            started.samples.append((labels, queue.started))
            oldest.samples.append((labels, queue.oldest_s or 0.0))
            paused.samples.append((labels, float(queue.paused_by is not None)))
        for job, row in overview.cadences(connection).items():
            due.samples.append(({"job": job}, row.next_due.timestamp()))
    return [runs, success, seconds, depth, started, oldest, paused, due]


def _queues() -> list[Metric]:
    up = Metric("safegrid_redis_up", "Whether the Redis of the queues answers.")
    workers = Metric("safegrid_workers", "RQ workers that are there, by queue and state.")
    schedulers = Metric("safegrid_schedulers", "rq-scheduler processes that are there.")
    try:
        there = overview.workers(client().redis)
        schedulers.samples.append(({}, overview.schedulers(client().redis)))
    except RedisError:
        up.samples.append(({}, 0))
        return [up]
    up.samples.append(({}, 1))
    for queue in catalogue.QUEUES:
        states = [worker.state for worker in there if queue in worker.queues]
        for state in ("idle", "busy"):
            workers.samples.append(({"queue": queue, "state": state}, states.count(state)))
    return [up, workers, schedulers]
