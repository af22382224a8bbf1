"""How long readers wait while a filled database moves from one table of crimes to the newest revision.

Five readers read all the time, on a disk; what counts is the longest that one of them waited. `BENCH_CRIMES` is the
number of crimes; the country has about 18,000,000.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import structlog
from sqlalchemy import text

from bench import country
from bench.grid import CRIMES
from bench.harness import Ratio, seconds
from jobs import context, database, schema
from jobs.grid.rebuild import rebuild_safety_grid
from web.settings import Settings
from worker import engines, system

FROM = "0018"
LONGEST_S = 1.0
# Of the pages that people look at, what they read of each table that a migration may need; quick without it.
READS = {
    "crimes": "SELECT * FROM placed_crimes WHERE month = '2024-12-01' AND point_id = 1 LIMIT 1",
    "months held": "SELECT * FROM area_months ORDER BY month DESC LIMIT 12",
    "ingestions": "SELECT * FROM ingestion_runs ORDER BY id DESC LIMIT 20",
    "runs": "SELECT * FROM runs ORDER BY created_at DESC LIMIT 20",
    "the grid": "SELECT * FROM safety_cells WHERE month = '2024-12-01' LIMIT 100",
}
PAUSE_S = 0.005
FLOOR_S = 10.0


class Reader:
    """Reads the same again and again, and knows how long the longest took."""

    def __init__(self, settings: Settings, query: str) -> None:
        self.longest_s = 0.0
        self.reads = 0
        self._settings, self._query = settings, query
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        engine = database.create(self._settings)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not self._stop.wait(PAUSE_S):
                took = seconds(lambda: connection.execute(text(self._query)).all())
                self.longest_s, self.reads = max(self.longest_s, took), self.reads + 1
        engine.dispose()


def measure() -> Iterator[Ratio]:
    """The longest of each read, while nothing else goes on and during the migration. Raises Missing."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with _on_disk() as endpoints:
        settings = Settings(database_url=endpoints.database_url, redis_url=endpoints.redis_url)
        system.migrate(settings)
        with context.open_context(settings) as here:
            here.report_progress = lambda *_: None
            country.load(here.connection, CRIMES)
            rebuild_safety_grid(months=len(country.MONTHS))
            here.connection.rollback()
            back = seconds(lambda: schema.migrate(here.connection, FROM, discard=True))
            quiet, _ = _read_during(settings, lambda: time.sleep(FLOOR_S))
            busy, took = _read_during(settings, lambda: schema.migrate(here.connection))
        yield Ratio("migration", took, "s", None, "lower", f"{CRIMES:,} crimes from {FROM}; back to it in {back:.0f} s")
        for name, reader in busy.items():
            detail = f"of {reader.reads:,} reads; {quiet[name].longest_s * 1000:.0f} ms while nothing else goes on"
            yield Ratio(f"longest read of {name}", reader.longest_s, "s", LONGEST_S, "lower", detail)


@contextmanager
def _on_disk() -> Iterator[engines.Endpoints]:
    """Engines as a real system has them: what is written waits for a disk."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        os.chmod(place, 0o711)
        with engines.own(Path(place) / "engines", lambda _: None) as running:
            yield running.endpoints


def _read_during(settings: Settings, work: Callable[[], object]) -> tuple[dict[str, Reader], float]:
    """The readers, and how long the work took."""
    readers = {name: Reader(settings, query) for name, query in READS.items()}
    with ExitStack() as reading:
        for reader in readers.values():
            reading.enter_context(reader)
        took = seconds(work)
    return readers, took
