"""A job called as a function, with nothing but the environment's variables."""

import pytest
from sqlalchemy import Connection, text

from jobs import catalogue
from jobs.cleanup import cleanup_old_route_history
from jobs.errors import ParameterError
from jobs.grid.rebuild import NothingIngested, rebuild_safety_grid
from jobs.ingestion.run import ingest_latest_crime_data
from jobs.schema import SchemaOutOfDate
from jobs.validation import validate_h3_grid_health
from tests.integration.crimes import MONTH, crime
from tests.standins.police import PoliceStandin, Records
from worker.settings import Settings


@pytest.fixture(autouse=True)
def _environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", settings.database_url.replace("postgresql+psycopg2", "postgres"))
    monkeypatch.setenv("REDIS_URL", settings.redis_url)


def test_the_main_job_runs_from_end_to_end_without_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    with PoliceStandin(Records([crime(MONTH)])) as police:
        monkeypatch.setenv("POLICE_API_BASE_URL", police.url)
        assert ingest_latest_crime_data()["total_records"] == 1
        assert rebuild_safety_grid()["cells_created"] == 1
        assert validate_h3_grid_health()["health_status"] == "healthy"
        assert cleanup_old_route_history()["records_deleted"] == 0


def test_a_wrong_parameter_is_refused() -> None:
    with pytest.raises(ParameterError, match="months: must be a whole number from 1 to 60"):
        rebuild_safety_grid(61)


def test_parameters_mean_what_they_mean_in_a_queue() -> None:
    with pytest.raises(NothingIngested):
        rebuild_safety_grid("3")  # type: ignore[arg-type]
    assert catalogue.find("cleanup-history").function(**{"retention_days": "30"})["retention_days"] == 30


def test_a_database_without_our_tables_is_answered_with_the_remedy(connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(SchemaOutOfDate, match="safegrid migrate"):
        rebuild_safety_grid()
