"""Every page of the admin app, signed in, beside a bare Flask route that returns the same bytes.

The goal is five times the bare route, plus 50 ms; values are medians. `BENCH_RUNS` and `BENCH_PAGE_CRIMES` are the
numbers of runs and crimes: 3,600,000 crimes make a million cells. There are 168,000 routes.
"""

import os
import re
from collections.abc import Iterator

import requests
import structlog
from sqlalchemy import Connection, text

from bench import served
from bench.enlarged import enlarged, prepare
from bench.grid_crimes import MONTHS, load
from bench.harness import Missing, Ratio
from bench.many_runs import fill
from bench.scores import FOLDER
from jobs import context
from jobs.grid.rebuild import rebuild_safety_grid
from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.warm import warm_popular_routes_cache
from web.settings import Settings
from worker import engines, system

RUNS = int(os.environ.get("BENCH_RUNS", "100000"))
CRIMES = int(os.environ.get("BENCH_PAGE_CRIMES", "3600000"))
ROUNDS, REQUESTS = 5, 20
# A page may take so many times as long as a bare route, and so much longer.
TIMES, MORE_S = 5, 0.050

# A session holds for the browser that it began with.
BROWSER = {"User-Agent": "bench", "Accept": "text/html"}
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


def measure() -> Iterator[Ratio]:
    """Raises Missing without the real crimes and routes."""
    if not FOLDER.is_dir():
        raise Missing(f"the climbing data in {FOLDER.name}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with engines.temporary() as endpoints:
        settings = Settings(database_url=endpoints.database_url, redis_url=endpoints.redis_url)
        prepare(settings, enlarged(read_folder(FOLDER)))
        system.migrate(settings)
        with context.open_context(settings) as here:
            here.report_progress = lambda *_: None
            load(here.connection, CRIMES)
            rebuild_safety_grid()
            warm_popular_routes_cache()
            pages = _pages(here.connection, fill(here.connection, RUNS))
            cells = here.connection.scalar(text("SELECT count(*) FROM safety_cells"))
        yield from _measured(settings, pages, f"{RUNS:,} runs, {cells:,} cells")


def _pages(connection: Connection, run_id: str) -> dict[str, str]:
    """{what it is: its address}"""
    cell = "SELECT h3_index FROM safety_cells ORDER BY crime_count_total DESC LIMIT 1"
    with connection.begin():
        h3 = connection.scalar(text(cell))
    return {
        "overview": "/",
        "jobs": "/jobs/",
        "a job": "/jobs/ingest-month",
        "runs": "/runs/",
        "runs that failed": "/runs/?state=failed",
        "runs by a text that none has": "/runs/?q=nowhere-to-be-found",
        "a run": f"/runs/{run_id}",
        "schedule": "/schedule/",
        "queues": "/queues/",
        "data": "/data/",
        "generations": "/generations/",
        "a month": f"/data/{MONTHS[0]:%Y-%m}",
        "map": "/map/",
        "a cell of the map": f"/map/cells/{h3}",
        "scores": "/scores/",
        "routes by a name": "/scores/?q=arete",
        "a route": "/scores/1",
        "people": "/people/",
        "audit": "/people/audit",
        "sessions": "/people/sessions",
        "your account": "/account/",
        "API": "/docs",
        "rq-dashboard": "/rq/",
    }


def _measured(settings: Settings, pages: dict[str, str], size: str) -> Iterator[Ratio]:
    with served.ours(settings, {}) as app:
        asked = {**BROWSER, "Cookie": _signed_in(f"http://127.0.0.1:{app.port}")}
        page = served.Server(app.port, asked)
        for name, path in pages.items():
            body = page.once(path)
            with served.bare(body, asked) as other:
                mine, theirs = served.in_turns(page, other, path, ROUNDS, REQUESTS)
            detail = f"bare {theirs * 1000:.1f} ms, {len(body) / 1024:.0f} kB; {size}"
            yield Ratio(name, mine * 1000, "ms", (TIMES * theirs + MORE_S) * 1000, "lower", detail)


def _signed_in(address: str) -> str:
    """The cookie of somebody who came in by the form."""
    with requests.Session() as session:
        session.headers.update(BROWSER)
        form = _CSRF.search(session.get(f"{address}/sign-in", timeout=served.START_S).text)
        given = {"csrf_token": form and form[1], "username": "admin", "password": served.PASSWORD}
        session.post(f"{address}/sign-in", data=given, timeout=served.START_S).raise_for_status()
        return "; ".join(f"{one.name}={one.value}" for one in session.cookies)
