"""The ingestion of a month: its requests a second beside those that the source allows, and its memory.

The source is a stand-in with a given latency, which serves real crimes.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from bench.harness import Missing, Ratio
from jobs import context
from jobs.areas import find, from_box
from jobs.held import land
from jobs.ingestion.run import ingest_month_on_demand
from jobs.settings import Box, Settings
from worker import engines, system

DATA = Path(__file__).parents[2] / "shared/data/police"
COUNTY, COUNTRY = DATA / "hampshire.zip", DATA / "2024-02.zip"
ALLOWED = 15
"""Requests a second, as the source documents them."""
# So few crimes an answer that a county takes some hundred requests.
CAP = 150
HAMPSHIRE: Box = (50.5, -2.0, 51.5, -0.7)
ENGLAND_AND_WALES: Box = (49.8, -6.5, 55.9, 1.9)


@dataclass(frozen=True)
class Took:
    """One month that came in."""

    seconds: float
    requests: int
    records: int
    peak_mb: float


def measure() -> Iterator[Ratio]:
    """Raises Missing without the archives of real crimes."""
    for path in (COUNTY, COUNTRY):
        if not path.exists():
            raise Missing(f"the real crimes in {path.name}")
    for latency in (0.1, 0.3):
        with _served(COUNTY, "--latency", str(latency), "--cap", str(CAP)) as url:
            took = _ingest(url, HAMPSHIRE)
        # What the source takes at once is no pace.
        share = (took.requests - 24) / took.seconds / ALLOWED
        detail = f"{took.requests} requests in {took.seconds:.1f} s, {took.records:,} crimes"
        yield Ratio(f"requests at {latency * 1000:.0f} ms to those allowed", share, "x", 0.9, "higher", detail)
    with _served(COUNTRY, "--no-limit") as url:
        took = _ingest(url, ENGLAND_AND_WALES, police_rate=0)
    detail = (
        f"{took.records:,} crimes in {took.seconds:.0f} s, {took.records / took.seconds:,.0f} a second, one process"
    )
    yield Ratio("memory of a national month", took.peak_mb, "MB", 250, "lower", detail)


@contextmanager
def _served(archive: Path, *options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.standins.police", "--data", str(archive), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as standin:
        assert standin.stdout
        try:
            yield standin.stdout.readline().split()[-1]
        finally:
            standin.terminate()


def _ingest(url: str, sides: Box, police_rate: float = ALLOWED) -> Took:
    """In a process of its own, whose memory is that of the ingestion."""
    with engines.temporary() as endpoints:
        settings = {
            "database_url": endpoints.database_url,
            "redis_url": endpoints.redis_url,
            "police_api_base_url": url,
            "police_rate": police_rate,
        }
        system.migrate(Settings(**settings))  # type: ignore[arg-type]
        asked = json.dumps({"settings": settings, "sides": sides})
        environment = {**os.environ, "PYTHONPATH": "."}
        done = subprocess.run(
            [sys.executable, "-m", "bench.ingestion", asked], stdout=subprocess.PIPE, env=environment, check=True
        )
        return Took(**json.loads(done.stdout))


def _one_month(settings: Settings, sides: Box) -> Took:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with context.open_context(settings) as here:
        here.report_progress = lambda *_: None
        with here.connection.begin():
            land.resize(here.connection, from_box(find(here.connection, "southampton-core").slug, "", sides, ()))
        started = time.perf_counter()
        (result,) = ingest_month_on_demand(2024, 1)["results"]
        took = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Took(took, result["requests"], result["records_ingested"], peak_mb)


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    print(json.dumps(vars(_one_month(Settings(**wanted["settings"]), tuple(wanted["sides"])))))
