"""How fresh and how complete the data is, how full the cache is, and how the sources responded."""

import datetime as dt
from collections.abc import Iterator

from prometheus_client import Metric
from redis import Redis, RedisError
from sqlalchemy import Connection, text

from jobs import crimes, source_requests
from jobs.models.coverage import STATUSES
from web.http.clients import settings
from web.scores import coverage
from web.status.metrics.families import counter, gauge, single
from worker.results import source_state

PATIENCE_S = 2
_NEWEST = text("SELECT slug, max(month) AS month FROM areas LEFT JOIN area_months ON area = slug GROUP BY slug")
# Sums that are kept by month: no crime or cell is counted here.
_SIZE = text(
    "SELECT (SELECT coalesce(sum(crimes), 0) FROM held_months) AS crimes, "
    "(SELECT coalesce(sum(cells), 0) FROM grid_months) AS cells"
)
_COVERAGE = text(
    """
    SELECT area, status, count(*) AS n FROM area_coverage
    WHERE month > (SELECT max(month) FROM held_months) - interval '1 year' GROUP BY area, status
    """
)


def collect(connection: Connection) -> Iterator[Metric]:
    """What PostgreSQL knows of the data."""
    with connection.begin():
        newest = connection.execute(_NEWEST).all()
        size = connection.execute(_SIZE).one()
        supplied = {(row.area, row.status): row.n for row in connection.execute(_COVERAGE)}
        outdated = crimes.outdated_months(connection, settings().h3_resolution)
    held = [((row.slug,), _unix(row.month)) for row in newest if row.month]
    yield gauge("newest_month_timestamp_seconds", "Newest ingested month, by area.", ("area",), held)
    yield single("crimes", "Ingested crimes with a place.", size.crimes)
    yield single("grid_cells", "Cells of the grid, over all months.", size.cells)
    yield single("grid_months_outdated", "Months whose grid is older than their crimes.", len(outdated))
    all_of_them = [((row.slug, status), supplied.get((row.slug, status), 0)) for row in newest for status in STATUSES]
    said = "Months of forces in the last twelve, by area and coverage."
    yield gauge("coverage_months", said, ("area", "status"), all_of_them)
    yield from _source(connection)


def _source(connection: Connection) -> Iterator[Metric]:
    source = source_state(connection)
    missing = len(source.missing) if source else 0
    yield single("months_missing", "Published months that are not ingested in every area.", missing)
    if source:
        yield single("source_asked_timestamp_seconds", "When a job last checked the source.", source.at.timestamp())
    if source and source.newest_published:
        said = "Newest published month."
        yield single("published_month_timestamp_seconds", said, _unix(source.newest_published))


def scores() -> Iterator[Metric]:
    """What the Redis of REDIS_URL knows; nothing while it is away."""
    try:
        with Redis.from_url(
            settings().redis_url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S
        ) as cache:
            asked = source_requests.counts(cache)
    except RedisError:
        return
    said = "Requests to the sources, by outcome."
    yield counter("source_requests", said, ("source", "outcome"), list(asked.items()))
    warm = coverage.read()
    wanted, held = (sum(getattr(day, name) for day in warm.coverage) for name in ("wanted", "held"))
    yield single("scores_wanted", "Route scores to keep warm.", wanted)
    yield single("scores_held", "Route scores in Redis.", held)
    without = sum(day.without_weather for day in warm.coverage)
    yield single("scores_without_weather", "Route scores in Redis that were computed without weather.", without)
    left = [day.shortest_s for day in warm.coverage if day.shortest_s is not None]
    if left:
        yield single("scores_expire_seconds", "Seconds until the first route score expires.", min(left))


def _unix(month: dt.date) -> float:
    return dt.datetime(month.year, month.month, month.day, tzinfo=dt.UTC).timestamp()
