"""A command as a whole process, beside the imports that such a command cannot do without."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping

from bench.harness import Ratio, seconds
from worker import engines, settings, system

ROUNDS = 9
HELP_FLOOR = "import click"
LEDGER_FLOOR = "import click, sqlalchemy, psycopg2, pydantic_settings"


def measure() -> Iterator[Ratio]:
    """`safegrid --help`, and `safegrid runs` on an empty ledger."""
    yield _beside("--help", HELP_FLOOR, os.environ, 2.5)
    with engines.temporary() as endpoints:
        addresses = {"DATABASE_URL": endpoints.database_url, "REDIS_URL": endpoints.redis_url}
        environment = {**os.environ, **addresses}
        system.migrate(settings.Settings(database_url=endpoints.database_url, redis_url=endpoints.redis_url))
        yield _beside("runs", LEDGER_FLOOR, environment, 1.5)


def _beside(command: str, floor: str, environment: Mapping[str, str], goal: float) -> Ratio:
    """Medians of whole processes, taken in turns so that both meet the same machine."""
    ours, least = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: _run("-m", "worker.cli", command, environment=environment)))
        least.append(seconds(lambda: _run("-c", floor, environment=environment)))
    mine, its = statistics.median(ours), statistics.median(least)
    detail = f"{mine * 1000:.0f} ms beside {its * 1000:.0f} ms of `{floor}`"
    return Ratio(f"safegrid {command}", mine / its, "x", goal, "lower", detail)


def _run(*arguments: str, environment: Mapping[str, str]) -> None:
    subprocess.run([sys.executable, *arguments], env=dict(environment), check=True, capture_output=True)
