"""`make demo`: everything on this machine, with stand-ins for the police and weather services, and the main job
run through it.

Each result is a JSON document on stdout; everything said to people goes to stderr.
"""

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import click
from sqlalchemy import text

from jobs.archive.errors import ArchiveRefused
from jobs.archive.opening import opened
from jobs.ingestion.police import Police
from jobs.months import add_months, month_text
from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.climbing.loading import load
from jobs.scores.days import today
from jobs.scores.serving import Serving
from tests.standins import climbing
from worker import logs, system
from worker.cli import output
from worker.cli.processes import port_from_environment, sign_in_hint, until_stopped
from worker.cli.watching import watch
from worker.client import Client
from worker.ledger import Requester

DEMO = Requester("cli", "demo")
GRID_MONTHS = 12
WEB_START_S = 30.0

# Some route history of the last 200 days, so that the clean-up has something to do.
_HISTORY = text(
    """
    INSERT INTO route_history (route, created_at)
    SELECT '{"note": "synthetic"}', now() - n * interval '1 hour' FROM generate_series(1, 4800) AS n
    WHERE NOT EXISTS (SELECT FROM route_history)
    """
)

_MOST_POPULAR = text(
    """
    SELECT route_id FROM routes JOIN mountains USING (mountain_id) WHERE routes.latitude IS NOT NULL
    ORDER BY mountains.accident_count DESC, route_id LIMIT 1
    """
)


def _say(message: str) -> None:
    click.echo(message, err=True)


@contextmanager
def standin(name: str, *arguments: str) -> Iterator[str]:
    """Base URL of a stand-in, which ends with this process."""
    command = [sys.executable, "-m", f"tests.standins.{name}", f"--parent-pid={os.getpid()}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline().split()
        if not ready:
            raise click.ClickException(f"The stand-in for the {name} service did not start: see its message above")
        try:
            yield ready[-1]
        finally:
            process.terminate()


class Demo:
    """The main job, step by step through the queues."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.failed = 0

    def run(self, job: str, **parameters: object) -> None:
        """Run a job through its queue with a progress bar, and print its result."""
        _say(f"\n{job} {' '.join(f'{name}={value}' for name, value in parameters.items())}".rstrip())
        ended = watch(self.client, self.client.submit(job, parameters, DEMO).run_id)
        if ended.state == "finished":
            output.as_json(ended.result)
        else:
            self.failed += 1
            output.as_json({"task": job, "run": ended.id, "state": ended.state, "error": ended.error})

    def main_job(self, months: list[dt.date]) -> None:
        """Ingest, rebuild, validate, clean up; `months`: what is on offer, newest first."""
        self.run("ingest_latest_crime_data")
        recent = add_months(months[0], 1 - GRID_MONTHS)
        for month in (month for month in months if month < recent):
            self.run("ingest_month_on_demand", year=month.year, month=month.month)
        for newest in _windows(months):
            self.run("rebuild_safety_grid", months=GRID_MONTHS, until=month_text(newest))
        self.run("validate_h3_grid_health")
        self._write_history()
        self.run("cleanup_old_route_history", retention_days=90)

    def scores(self, folder: Path | None) -> None:
        """Load climbing data, warm the scores of its most popular routes, and explain one."""
        with tempfile.TemporaryDirectory() as place, self.client.engine.connect() as connection:
            held = load(connection, read_folder(folder or climbing.write(Path(place))))
        output.as_json({"task": "load-climbing", "loaded": held.rows, "issues": held.issues})
        self.run("fill_climatology")
        self.run("warm_popular_routes_cache")
        _say("\nOne score, explained")
        with self.client.engine.connect() as connection:
            route = connection.scalar(_MOST_POPULAR)
        explained = Serving(self.client.settings, self.client.engine).explain(route, today(), top=3)
        output.as_json(explained.model_dump())

    def _write_history(self) -> None:
        with self.client.engine.begin() as connection:
            connection.execute(_HISTORY)


def _check(data: tuple[Path, ...]) -> None:
    """Before anything is brought up: whether crimes can be read from there."""
    for path in data:
        try:
            with opened(path):
                pass
        except ArchiveRefused as error:
            raise click.ClickException(str(error)) from None


def _windows(months: list[dt.date]) -> Iterator[dt.date]:
    """Newest months of the fewest grids that cover all months."""
    while months:
        yield months[0]
        months = [month for month in months if month <= add_months(months[0], -GRID_MONTHS)]


def _wait_for_web(address: str) -> None:
    until = time.monotonic() + WEB_START_S
    while time.monotonic() < until:
        try:
            with urlopen(f"{address}/healthz", timeout=5) as answer:
                json.load(answer)
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise click.ClickException(f"The admin app does not respond at {address}/healthz: see its log above")


@click.command()
@click.option(
    "--data", multiple=True, type=click.Path(exists=True, path_type=Path), help="Folder or zip of an archive."
)
@click.option(
    "--climbing",
    "routes",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of climbing data.",
)
@click.option("--once", is_flag=True, help="Stop after the results.")
def demo(data: tuple[Path, ...], routes: Path | None, once: bool) -> int:
    """Run everything, and the main jobs step by step, on made-up crimes or those of --data."""
    _check(data)
    # A home for each source: synthetic crimes never mix with real ones.
    name = "-".join(path.stem for path in data) or "synthetic"
    os.environ.setdefault("SAFEGRID_HOME", f".demo/{name}")
    port = port_from_environment()
    address = f"http://127.0.0.1:{port}"
    # The results speak for themselves; what goes wrong is still said.
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    # Each step is asked for here, so that each is seen.
    os.environ["SAFEGRID_PIPELINES"] = "0"
    crimes = [f"--data={path}" for path in data] or ["--synthetic"]
    with standin("police", *crimes) as source, standin("weather", "--no-limit") as weather:
        os.environ["POLICE_API_BASE_URL"] = source
        os.environ["SAFEGRID_WEATHER_FORECAST_URL"] = os.environ["SAFEGRID_WEATHER_ARCHIVE_URL"] = weather
        # What the real service would have us wait for.
        os.environ["SAFEGRID_WEATHER_MINUTE_CALLS"] = "1000000"
        _say(f"Data: {', '.join(map(str, data)) or 'made-up crimes in Southampton'}")
        with system.run(_say, port) as (chosen, running):
            logs.configure(chosen)
            _wait_for_web(address)
            with Client(chosen) as client:
                shown = Demo(client)
                shown.main_job(Police.of(chosen).months())
                shown.scores(routes)
            _say(f"\n{address}\n{sign_in_hint(chosen.home)}")
            if not once:
                _say("Press Ctrl-C to stop")
                until_stopped(running)
    return 1 if shown.failed else 0


if __name__ == "__main__":
    from worker.cli import run_command

    run_command(demo)
