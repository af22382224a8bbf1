"""Scores as the job warms them, with the write to Redis, beside a plain loop over every accident."""

import multiprocessing
import resource
import statistics
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import structlog

from bench import cached_get, plain_loop
from bench.enlarged import enlarged, prepare
from bench.harness import Missing, Ratio, seconds
from jobs import cache, context, database
from jobs.context import Context
from jobs.scores import store
from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.climbing.reading import COLUMNS
from jobs.scores.days import today
from jobs.scores.pipeline import write
from jobs.scores.scoring import TTL_S, Past, Scores
from jobs.scores.warm import warm_popular_routes_cache
from jobs.scores.weather import climates
from jobs.scores.weather.forecasts import Forecasts
from jobs.scores.weather.open_meteo import OpenMeteo
from jobs.scores.weather.patience import impatient
from worker import engines
from worker.settings import Settings

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "climbing"
RUNS = 5
GB = 1024**3


def measure() -> list[Ratio]:
    """Raises Missing without the climbing data."""
    for name in COLUMNS:
        if not (FOLDER / f"{name}.csv.gz").is_file():
            raise Missing(f"{FOLDER / name}.csv.gz is missing")
    climbing = enlarged(read_folder(FOLDER))
    loop, skipping = plain_loop.rates(climbing)
    with engines.temporary() as endpoints:
        settings = Settings(database_url=endpoints.database_url, redis_url=endpoints.redis_url)
        prepare(settings, climbing)
        small = _in_a_process(_score_200, settings)
        large = _in_a_process(_warm, settings.model_copy(update={"warm_routes": "all"}))
        path = f"/api/v1/routes/1/safety?date={today()}"
        answer = cached_get.ratio(settings, "cached GET of a score beside a bare Flask route", path, 3)
    loops = (
        f"loop: {loop:.1f} scores/s on {plain_loop.SCORES}, extrapolated; {skipping:.0f}/s if it skips far accidents"
    )
    small_detail = f"median of {RUNS}; {small['job']:.2f} s for the whole job, with reading 4,000 accidents"
    large_detail = f"the whole job; {large['written']:,} keys, {large['cpu']:.0f} s of CPU"
    memory = large["peak"] / GB
    return [
        Ratio("1,400 scores, rate", small["written"] / small["seconds"] / loop, "x", 1_000, "higher", loops),
        Ratio("1,400 scores", small["seconds"], "s", None, "lower", small_detail),
        Ratio("168,000 routes x 7 days, rate", large["written"] / large["seconds"] / loop, "x", 1_000, "higher", loops),
        Ratio("168,000 routes x 7 days", large["seconds"], "s", 60, "lower", large_detail),
        Ratio("168,000 routes x 7 days, peak memory", memory, "GB", 2, "lower", "RSS of its process"),
        answer,
    ]


def _in_a_process(work: Any, settings: Settings) -> dict[str, Any]:
    """In a fresh process, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return dict(pool.apply(work, (settings,)))


def _score_200(settings: Settings) -> dict[str, Any]:
    """Scores of the 200 most popular routes and their write to Redis, with routes and accidents at hand."""
    engine = database.create(settings)
    with closing(cache.connect(settings)) as redis, engine.connect() as connection:
        past, forecasts = Past.read(connection), Forecasts(OpenMeteo.of(settings), redis, None, impatient)
        with connection.begin():
            routes = store.popular_routes(connection, 200)

            def warm() -> None:
                scores = Scores.compute(
                    routes, today(), past, lambda places: climates.read(connection, places), forecasts
                )
                written.append(write(redis, scores.documents(), TTL_S))

            written: list[int] = []
            taken = statistics.median(seconds(warm) for _ in range(RUNS))
    engine.dispose()
    job = statistics.median(_warm(settings)["seconds"] for _ in range(RUNS))
    return {"seconds": taken, "written": written[0], "job": job}


def _warm(settings: Settings) -> dict[str, Any]:
    """The whole job."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    engine = database.create(settings)
    result: dict[str, Any] = {}
    before = time.process_time()
    with (
        closing(cache.connect(settings)) as redis,
        engine.connect() as connection,
        context.use(Context(settings, connection, redis)),
    ):
        taken = seconds(lambda: result.update(warm_popular_routes_cache()))
    engine.dispose()
    if result["total_failed"] or result["weather_unavailable"]:
        raise RuntimeError(f"The job was not measured as it should run: {result}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": taken, "written": result["total_warmed"], "peak": peak, "cpu": time.process_time() - before}
