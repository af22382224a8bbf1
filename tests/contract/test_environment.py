"""Each variable of the replaced systems' `.env` is read here, by its name and with the value that it has there."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from jobs.errors import SettingsError
from jobs.settings import load
from tests.contract import documents
from tests.processes import REQUESTER, safegrid
from web.settings import Settings as WebSettings
from worker.client import Client
from worker.settings import Settings

# name: (value in the documents, what becomes of it)
VARIABLES: dict[str, tuple[str, tuple[str, Any]]] = {
    "REDIS_URL": ("redis://localhost:6379/0", ("redis_url", "redis://localhost:6379/0")),
    "CELERY_BROKER_URL": ("redis://localhost:6379/1", ("queue_redis_url", "redis://localhost:6379/1")),
    "DATABASE_URL": (
        "postgresql+psycopg2://saferoute:changeme@localhost:5432/saferoute",
        ("database_url", "postgresql+psycopg2://saferoute:changeme@localhost:5432/saferoute"),
    ),
    "POLICE_API_BASE_URL": ("https://data.police.uk/api", ("police_api_base_url", "https://data.police.uk/api")),
    "H3_RESOLUTION": ("10", ("h3_resolution", 10)),
    "GRID_CELL_SIZE_M": ("73", ("cell_size_m", 73)),
    "GRID_TYPE": ("h3_hexagonal", ("grid_type", "h3_hexagonal")),
    "SOUTHAMPTON_BBOX": ("50.85,-1.55,51.0,-1.3", ("southampton_bbox", (50.85, -1.55, 51.0, -1.3))),
    "APP_ENV": ("development", ("app_env", "development")),
    "LOG_LEVEL": ("INFO", ("log_level", "INFO")),
}
OPTIONAL = VARIABLES.keys() - {"REDIS_URL", "CELERY_BROKER_URL", "DATABASE_URL"}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in WebSettings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load(Settings)


def test_the_variables_are_those_of_the_document() -> None:
    assert documents.settings(documents.read("saferoute")) == {name: value for name, (value, _) in VARIABLES.items()}


def test_all_of_them_together_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(monkeypatch, **{name: value for name, (value, _) in VARIABLES.items()})
    assert {name: getattr(settings, name) for _, (name, _) in VARIABLES.values()} == {
        name: value for _, (name, value) in VARIABLES.values()
    }


def test_its_file_is_read_as_it_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = documents.read("saferoute")
    block = next(block for block in documents.blocks(document, "bash") if "POLICE_API_BASE_URL=" in block)
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(block)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    settings = load(Settings)
    assert {name: getattr(settings, name) for _, (name, _) in VARIABLES.values()} == {
        name: value for _, (name, value) in VARIABLES.values()
    }


@pytest.mark.parametrize("name", sorted(OPTIONAL))
def test_its_value_is_the_default(name: str) -> None:
    _, (attribute, value) = VARIABLES[name]
    assert getattr(Settings(), attribute) == value


def test_the_other_values_that_the_documents_name_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = {name: VARIABLES[name][0] for name in ("DATABASE_URL", "REDIS_URL")}
    settings = given(monkeypatch, **engines, APP_ENV="production", LOG_LEVEL="WARNING")
    assert (settings.production, settings.log_level) == (True, "WARNING")


def test_the_queues_are_where_the_broker_is(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = {name: VARIABLES[name][0] for name in ("DATABASE_URL", "REDIS_URL")}
    assert given(monkeypatch, **engines).queue_redis_url == "redis://localhost:6379/0"
    assert given(monkeypatch, CELERY_BROKER_URL="redis://broker/1").queue_redis_url == "redis://broker/1"
    assert given(monkeypatch, QUEUE_REDIS_URL="redis://queues/2").queue_redis_url == "redis://queues/2"
    assert given(monkeypatch, QUEUE_REDIS_URL="").queue_redis_url == "redis://broker/1"
    assert given(monkeypatch, CELERY_BROKER_URL="").queue_redis_url == "redis://localhost:6379/0"


def test_a_broker_that_is_no_redis_is_refused_only_where_it_would_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"CELERY_BROKER_URL: must be redis://.*; or set QUEUE_REDIS_URL") as caught:
        given(monkeypatch, CELERY_BROKER_URL="amqp://guest:hunter2@rabbit//")
    assert "hunter2" not in str(caught.value)
    settings = given(monkeypatch, QUEUE_REDIS_URL="redis://queues/2")
    assert (settings.queue_redis_url, settings.celery_broker_url) == ("redis://queues/2", "")


def test_a_broker_whose_certificate_is_not_checked_is_reached_too(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(monkeypatch, CELERY_BROKER_URL="rediss://broker/1", SAFEGRID_REDIS_VERIFY="no")
    assert "ssl_cert_reqs=none" in settings.queue_redis_url


def test_workers_say_once_that_their_queues_are_the_broker_and_hide_its_password(
    settings: Settings, tmp_path: Path
) -> None:
    socket = urlsplit(settings.redis_url).path
    broker = f"unix://default:hunter2@{socket}?db=1"
    log = tmp_path / "log"
    with Client(settings.model_copy(update={"celery_broker_url": broker})) as client:
        run_id = client.submit("cleanup_old_route_history", {}, REQUESTER).run_id
        with safegrid(settings, "worker", log=log, CELERY_BROKER_URL=broker):
            assert client.wait(run_id, 60).state == "finished"
        assert client.redis.exists("rq:queues")
    (told,) = re.findall(r".*celery_broker_url_is_the_queues_redis.*", log.read_text())
    assert socket in told
    assert "hunter2" not in log.read_text()
