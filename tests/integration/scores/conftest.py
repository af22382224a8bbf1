"""A weather service, and the context of a job that has routes and accidents to score."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from jobs.context import Context
from tests.integration.warm import job_context, load_synthetic, with_weather
from tests.standins.weather import WeatherStandin
from worker.settings import Settings


@pytest.fixture
def weather() -> Iterator[WeatherStandin]:
    with WeatherStandin() as standin:
        yield standin


@pytest.fixture
def here(settings: Settings, connection: Connection, weather: WeatherStandin, tmp_path: Path) -> Iterator[Context]:
    load_synthetic(connection, tmp_path)
    with job_context(with_weather(settings, weather), connection) as context:
        yield context
