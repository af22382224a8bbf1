"""Two runs that bring in the same month at once leave one whole month behind."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import tenacity
from sqlalchemy import text

from jobs import context, database
from jobs.context import Context
from jobs.ingestion.run import ingest_month_on_demand
from jobs.settings import Settings
from tests.integration.crimes import MONTH, crime, rows, scattered, served, unplaced


def together(settings: Settings, count: int) -> list[dict[str, Any]]:
    """Ingest the month in as many threads, each with connections of its own."""
    ready = Barrier(count)

    def ingest(_: int) -> dict[str, Any]:
        with context.open_context(settings):
            ready.wait()
            return ingest_month_on_demand(2024, 1)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(ingest, range(count)))


def test_a_month_that_is_ingested_several_times_at_once_is_held_once(here: Context) -> None:
    with served(here, [*scattered(count=300), unplaced(), unplaced()]):
        results = together(here.settings, 4)
    assert [result["records_ingested"] for result in results] == [300] * 4
    counts = "SELECT (SELECT count(*) FROM crime_incidents), (SELECT count(*) FROM unplaced_crimes)"
    assert rows(here.connection, counts) == [(300, 2)]
    runs = "SELECT status, count(*), (SELECT count(*) FROM area_months) FROM ingestion_runs GROUP BY 1"
    assert rows(here.connection, runs) == [("success", 4, 1)]


def test_a_month_is_replaced_behind_one_that_is_being_replaced_and_readers_see_whole_months(here: Context) -> None:
    with served(here, scattered(count=50)) as police:
        ingest_month_on_demand(2024, 1)
        police.revise(MONTH, add=[crime() for _ in range(10)])
        engine = database.create(here.settings)
        with ThreadPoolExecutor(1) as threads, engine.connect() as other:
            with other.begin():
                # As far as another run comes before it commits: it holds the month and has emptied it.
                database.lock(other, "safegrid:month:2024-01-01")
                other.execute(text("DELETE FROM crime_incidents"))
                waiting = threads.submit(together, here.settings, 1)
                _wait_for_a_waiter(here)
                assert rows(here.connection, "SELECT count(*) FROM crime_incidents") == [(50,)]
                assert not waiting.done()
            waiting.result()
        engine.dispose()
    assert rows(here.connection, "SELECT count(*) FROM crime_incidents") == [(60,)]


@tenacity.retry(stop=tenacity.stop_after_delay(30), wait=tenacity.wait_fixed(0.02), reraise=True)
def _wait_for_a_waiter(here: Context) -> None:
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    assert rows(here.connection, query) == [(1,)]
