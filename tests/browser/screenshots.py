"""`python -m tests.browser.screenshots`: every page, wide, on a phone and dark, into docs/screenshots."""

import datetime as dt
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h3
from playwright.sync_api import Browser, Page
from sqlalchemy import text

from jobs import database, schema
from jobs.held import land
from jobs.months import add_months
from tests.browser import town
from tests.browser.conftest import chromium, served, sign_in
from tests.browser.scene import paint, warm
from tests.conftest import settings_at
from tests.processes import safegrid, until
from web.people.store import entries, tokens, users
from web.people.store.entries import Actor
from worker import engines
from worker.client import Client
from worker.settings import Settings

FOLDER = Path(__file__).parents[2] / "docs/screenshots"
MAP_SETTLES_MS = 2_000
WIDE, PHONE = {"width": 1200, "height": 740}, {"width": 390, "height": 844}


@contextmanager
def scene(folder: Path) -> Iterator[tuple[str, Settings]]:
    """Address of an admin with a past, its workers and scheduler running."""
    with engines.temporary() as endpoints:
        settings = settings_at(endpoints.database_url, endpoints.redis_url)
        engine = database.create(settings)
        with engine.connect() as connection:
            schema.migrate(connection)
            with connection.begin():
                land.ensure_default(connection, settings)
            now = dt.datetime.now(dt.UTC)
            paint(connection, now)
            town.build(connection, add_months(now.date().replace(day=1), -3), months=38, rise=12)
            warm(settings, connection, folder / "climbing")
            person = users.add(connection, "night-shift", "seven grey herons", "operator", "admin")
            users.add(connection, "wall-screen", "seven grey herons", "viewer", "admin")
            tokens.add(connection, "nightly report", "viewer", 90, who="night-shift", owner_id=person.id)
            for action, target in (("added", "the viewer wall-screen"), ("paused", "the queue cache")):
                actor = Actor(person.name, "person", str(person.id))
                entries.note(connection, actor, action, target, "192.0.2.7")
        engine.dispose()
        with (
            served(settings, folder) as address,
            safegrid(settings, "worker", log=folder / "w.log", SAFEGRID_JOB_MODULES=""),
            safegrid(settings, "scheduler", log=folder / "s.log", SAFEGRID_JOB_MODULES=""),
            Client(settings) as client,
        ):
            until(lambda: _workers(client) == 3 and overview_schedulers(client), "everything is up")
            yield address, settings


def _workers(client: Client) -> int:
    from worker import liveness

    return len(liveness.workers(client.redis))


def overview_schedulers(client: Client) -> int:
    from worker import liveness

    return liveness.schedulers(client.redis)


def pages(settings: Settings) -> dict[str, str]:
    """{name of the picture: path}"""
    with Client(settings) as client, client.engine.connect() as connection, connection.begin():
        chained = connection.scalar(
            text("SELECT id FROM runs WHERE job = 'rebuild_safety_grid' AND parent_id IS NOT NULL")
        )
        month = connection.scalar(text("SELECT to_char(max(month), 'YYYY-MM') FROM ingestion_runs"))
        by_crimes = text("SELECT h3_index FROM safety_cells GROUP BY 1 ORDER BY sum(crime_count_total) DESC LIMIT 1")
        busiest = h3.cell_to_parent(connection.scalar(by_crimes), 9)
    return {
        "overview": "/",
        "findings": "/findings/",
        "jobs": "/jobs/",
        "job": "/jobs/rebuild-grid",
        "runs": "/runs/",
        "run": f"/runs/{chained}",
        "schedule": "/schedule/",
        "queues": "/queues/",
        "data": "/data/",
        "month": f"/data/{month}",
        "categories": "/categories/",
        "coverage": "/coverage/",
        "generations": "/generations/",
        "backfill": "/jobs/backfill",
        "areas": "/areas/",
        "area-border": "/areas/southampton-core/border",
        "area-delete": "/areas/southampton-core/delete",
        "scores": "/scores/",
        "score": "/scores/5",
        "routes": "/scores/?q=spire",
        "map": f"/map/?area=southampton-core&cell={busiest}",
        "map-compared": "/map/?area=southampton-core&compare=12",
        "cell": f"/map/cells/{busiest}",
        "people": "/people/",
        "audit": "/people/audit",
        "sessions": "/people/sessions",
        "account": "/account/",
        "subscribers": "/subscribers/",
        "archive": "/jobs/ingest-archive",
        "api": "/docs",
    }


def picture(page: Page, name: str) -> None:
    if page.locator("#map").count():
        page.locator("#map[data-count]").wait_for()
        page.wait_for_timeout(MAP_SETTLES_MS)
    file = FOLDER / f"{name}.png"
    page.screenshot(path=str(file), full_page=False)


def main() -> None:
    """Take them all; names as arguments take only those."""
    wanted = sys.argv[1:]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, scene(Path(folder)) as (address, settings), chromium() as browser:
        for suffix, options in (("", {}), ("-phone", {"viewport": PHONE}), ("-dark", {"color_scheme": "dark"})):
            take(browser, address, suffix, {"viewport": WIDE, **options}, pages(settings), wanted)


def take(
    browser: Browser, address: str, suffix: str, options: dict[str, object], paths: dict[str, str], wanted: list[str]
) -> None:
    context = browser.new_context(**options)  # type: ignore[arg-type]
    page = context.new_page()
    if not wanted or "sign-in" in wanted:
        page.goto(f"{address}/sign-in")
        picture(page, f"sign-in{suffix}")
    sign_in(page, address)
    for name, path in paths.items():
        if not wanted or name in wanted:
            page.goto(address + path)
            picture(page, name + suffix)
    context.close()


if __name__ == "__main__":
    main()
