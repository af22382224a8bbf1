"""An archive of the police, beside Polars with h3ronpy, which count the same zip file without a database.

A further month is measured beside a bare `COPY` of its rows into a table with the same indexes. `BENCH_MONTHS` sets
how many months of the whole country the synthetic archive has; those of the source have 36. The first months take
longest, because their points are new: for three months alone the first ratio is about 7.
"""

import datetime as dt
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection

from bench.harness import Missing, Ratio
from jobs import context
from jobs.archive.run import ingest_archive
from jobs.settings import Settings
from tests.standins import archive as synthetic
from worker import engines, system

REAL = Path(__file__).parents[2] / "shared/data/police/2024-02.zip"
NEWEST = dt.date(2026, 9, 1)
MONTHS = int(os.environ.get("BENCH_MONTHS", "3"))


@dataclass(frozen=True)
class Took:
    """An archive that came in. Seconds of each month, in the order they came."""

    seconds: list[float]
    crimes: int
    peak_mb: float
    copy_seconds: float
    """Of a bare COPY of its last month."""


def measure() -> Iterator[Ratio]:
    """Raises Missing without the real months, or what counts them for comparison."""
    if not REAL.exists():
        raise Missing(f"the real crimes in {REAL.name}")
    for peer in ("polars", "h3ronpy"):
        if find_spec(peer) is None:
            raise Missing(peer)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{NEWEST:%Y-%m}.zip"
        synthetic.write(path, REAL, MONTHS, NEWEST)
        yield from _ratios(path)


def _ratios(path: Path) -> Iterator[Ratio]:
    counted = _run("count", str(path))
    took = _ingested(path)
    total, last = sum(took.seconds), took.seconds[-1]
    detail = f"{took.crimes:,} crimes in {total:.1f} s, {took.crimes / total:,.0f} a second; counted in {counted:.1f} s"
    yield Ratio(f"{MONTHS} months held to counted without a database", total / counted, "x", 4, "lower", detail)
    detail = f"{last:.2f} s beside {took.copy_seconds:.2f} s"
    yield Ratio("a national month to a bare COPY of it", last / took.copy_seconds, "x", 3, "lower", detail)
    if tenth := MONTHS // 10:
        few, many = sum(took.seconds[:tenth]), sum(took.seconds[: 10 * tenth])
        detail = f"{10 * tenth} months in {many:.1f} s, the first {tenth} in {few:.1f} s"
        yield Ratio("ten times the rows to a tenth of them", many / few, "x", 11, "lower", detail)
    yield Ratio("memory of the work-horse", took.peak_mb, "MB", 450, "lower")


def _ingested(path: Path) -> Took:
    """In a process of its own, whose memory is that of the ingestion."""
    with engines.temporary() as endpoints:
        settings = {
            "database_url": endpoints.database_url,
            "redis_url": endpoints.redis_url,
            "import_folder": str(path.parent),
        }
        system.migrate(Settings(**settings))  # type: ignore[arg-type]
        return Took(**_run("ingest", json.dumps(settings), path.name))


def _run(*arguments: str) -> Any:
    environment = {**os.environ, "PYTHONPATH": "."}
    command = [sys.executable, "-m", "bench.archive", *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True).stdout)


def _ingest(settings: Settings, name: str) -> dict[str, Any]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    ended: list[float] = [time.perf_counter()]
    with context.open_context(settings) as here:
        here.report_progress = lambda *_: None
        # Between two months, the only time that the run looks.
        here.is_in_the_way = lambda: bool(ended.append(time.perf_counter()))
        crimes = ingest_archive(name, area="country")["total_records"]
        ended.append(time.perf_counter())
        peak_mb = _peak_mb()
        copied = _copy_bare(here.connection)
    seconds = [after - before for before, after in itertools.pairwise(ended)]
    return {"seconds": seconds, "crimes": crimes, "peak_mb": peak_mb, "copy_seconds": copied}


def _peak_mb() -> float:
    """Of this program alone: getrusage would count the one that started it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _copy_bare(connection: Connection) -> float:
    """Seconds of a COPY of the last month that came in into a table like its own, indexes and all."""
    with connection.begin():
        month = connection.exec_driver_sql("SELECT min(month) FROM held_months").scalar_one()
        part = f"crime_incidents_{month:%Y%m}"
        cursor: Any = connection.connection.cursor()
        prepared = io.BytesIO()
        cursor.copy_expert(f"COPY {part} TO STDOUT", prepared)
        connection.exec_driver_sql(f"CREATE TABLE bare (LIKE {part} INCLUDING ALL)")
    prepared.seek(0)
    started = time.perf_counter()
    with connection.begin():
        cursor = connection.connection.cursor()
        cursor.copy_expert("COPY bare FROM STDIN", prepared, 2**20)
    return time.perf_counter() - started


def _count(path: str) -> float:
    """Seconds that Polars and h3ronpy take from the zip to crimes by cell and category."""
    import zipfile

    import polars
    from h3ronpy.vector import coordinates_to_cells

    started = time.perf_counter()
    counts = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            rows = polars.read_csv(archive.read(name), columns=["Longitude", "Latitude", "Crime type"])
            placed = rows.drop_nulls(["Longitude", "Latitude"])
            cells = coordinates_to_cells(placed["Latitude"].to_arrow(), placed["Longitude"].to_arrow(), 10)
            frame = polars.DataFrame({"cell": polars.Series(cells), "category": placed["Crime type"]})
            counts.append(frame.group_by("cell", "category").len())
    polars.concat(counts).group_by("cell", "category").agg(polars.col("len").sum())
    return time.perf_counter() - started


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    found = _count(given[0]) if what == "count" else _ingest(Settings(**json.loads(given[0])), given[1])
    sys.stdout.write(json.dumps(found))
