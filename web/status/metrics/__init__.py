"""/metrics for Prometheus, read from PostgreSQL and Redis at each scrape: nothing is counted twice or forgotten."""

from collections.abc import Iterator

from flask import Blueprint, Flask, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from web.http.clients import client, read_again
from web.status.metrics import data, processes, work

bp = Blueprint("metrics", __name__)


def init_app(app: Flask) -> None:
    """Add the page."""
    app.register_blueprint(bp)


@bp.get("/metrics")
def metrics() -> Response:
    """What the ledger and the queues say now."""
    registry = CollectorRegistry()
    registry.register(Observed())
    return Response(read_again(lambda: generate_latest(registry)), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class Observed(Collector):
    """What PostgreSQL and Redis say at this scrape; counters of this process would be those of one of many."""

    def collect(self) -> Iterator[Metric]:
        """Every metric with its samples."""
        with client().engine.connect() as connection:
            yield from work.collect(connection)
            yield from data.collect(connection)
            yield from processes.collect(connection)
        yield from data.scores()
