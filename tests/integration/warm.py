"""What tests of scores share: synthetic climbing data that is loaded, a stand-in for the weather, a job's context."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from sqlalchemy import Connection

from jobs import cache, context
from jobs.context import Context
from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.climbing.loading import load
from tests.standins import climbing
from tests.standins.weather import WeatherStandin
from worker.settings import Settings


def load_synthetic(connection: Connection, folder: Path) -> None:
    load(connection, read_folder(climbing.write(folder)))


def with_weather(settings: Settings, weather: WeatherStandin, **values: object) -> Settings:
    """Settings that ask the stand-in."""
    addresses = {"weather_forecast_url": weather.url, "weather_archive_url": weather.url}
    return settings.model_copy(update={**addresses, "weather_minute_calls": 1e6, **values})


@contextmanager
def job_context(settings: Settings, connection: Connection) -> Iterator[Context]:
    """A context as a worker would give it, with a log of what the job told."""
    store: Redis = cache.connect(settings)
    with store, context.use(Context(settings, connection, store)) as here:
        yield here
