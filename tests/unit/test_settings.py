"""Settings of the jobs: what each variable takes, and what is said of wrong ones."""

import datetime as dt
import os
import re
from pathlib import Path

import pytest
from redis.connection import parse_url
from sqlalchemy import make_url

import worker.settings
from jobs.cleanup import cleanup_old_route_history
from jobs.errors import SettingsError
from jobs.settings import Settings, load
from worker.engines import EnginesNotRunning

ENGINES = {"DATABASE_URL": "postgresql://u:p@db/safegrid", "REDIS_URL": "redis://cache:6379/0"}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)


def environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_nothing_needs_to_be_set_in_development() -> None:
    settings = load(Settings)
    assert (settings.database_url, settings.redis_url, settings.production) == ("", "", False)
    assert settings.police_api_base_url == "https://data.police.uk/api"
    assert (settings.h3_resolution, settings.cell_size_m, settings.grid_type) == (10, 73, "h3_hexagonal")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_usual_way_to_write_a_postgresql_address_is_understood(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    environment(monkeypatch, **{**ENGINES, "DATABASE_URL": f"{scheme}://u:p%40ss@db:5433/safegrid?sslmode=require"})
    assert load(Settings).database_url == "postgresql+psycopg2://u:p%40ss@db:5433/safegrid?sslmode=require"


@pytest.mark.parametrize(
    ("name", "address", "remedy"),
    [
        ("REDIS_URL", "redis://:hush#secret@cache:6379/0", "write # as %23"),
        ("REDIS_URL", "redis://:hush/secret@cache:6379/0", "/ as %2F"),
        ("REDIS_URL", "redis://someone:12/secret@cache:6379/0", "/ as %2F"),
        ("REDIS_URL", "redis://someone:12?secret@cache:6379/0", "? as %3F"),
        ("REDIS_URL", "redis://:secret@cache:6379/abc", "must end in the number of a database"),
        ("REDIS_URL", "redis://:secret@cache:6379/0?db=abc", "must end in the number of a database"),
        ("REDIS_URL", "redis://:secret@cache:6379/0/1", "must end in the number of a database"),
        ("DATABASE_URL", "postgresql://u:hush@secret@db/safegrid", "@ as %40"),
        ("DATABASE_URL", "postgresql://u:secret@db:port/safegrid", "# as %23"),
    ],
)
def test_an_address_that_would_be_misread_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str, remedy: str
) -> None:
    environment(monkeypatch, **{**ENGINES, name: address})
    with pytest.raises(SettingsError) as refused:
        load(Settings)
    assert f"{name}: " in str(refused.value)
    assert remedy in str(refused.value)
    assert not {"hush", "secret"} & set(re.findall("hush|secret", str(refused.value)))


def test_a_password_is_read_as_it_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"DATABASE_URL": "postgresql://u:a#/?b@db/safegrid", "REDIS_URL": "redis://u:a@:b@cache:6379/2"}
    environment(monkeypatch, **plain)
    read = load(Settings)
    assert make_url(read.database_url).password == "a#/?b"
    found = parse_url(read.redis_url)
    assert (found["username"], found["password"], found["host"], found["db"]) == ("u", "a@:b", "cache", 2)
    coded = {"DATABASE_URL": "postgresql://u:a%23%40b@db/safegrid", "REDIS_URL": "redis://:a%23%2F%40b@cache:6379/2"}
    environment(monkeypatch, **coded)
    read = load(Settings)
    assert make_url(read.database_url).password == "a#@b"
    assert parse_url(read.redis_url)["password"] == "a#/@b"


WRONG = [
    ("APP_ENV", "staging", "must be one of development, production"),
    ("LOG_LEVEL", "LOUD", "must be one of DEBUG, INFO, WARNING, ERROR"),
    ("DATABASE_URL", "mysql://db/safegrid", "must be postgresql://user:password@host:port/name"),
    ("DATABASE_URL", "postgresql://", "must be postgresql://user:password@host:port/name"),
    ("DATABASE_URL", "postgresql://db:port/safegrid", "must be postgresql://user:password@host:port/name"),
    ("REDIS_URL", "http://cache", "must be redis://host:port/0"),
    ("REDIS_URL", "redis://cache:port", "must be redis://host:port/0"),
    ("POLICE_API_BASE_URL", "http://data.police.uk/api", "must be an https:// address"),
    ("POLICE_API_BASE_URL", "https://", "must be an https:// address"),
    ("SAFEGRID_POLICE_TIMEOUT_S", "0", "must be a number from 0.1 to 600"),
    ("SAFEGRID_RETRY_WAIT_S", "-1", "must be a number from 0 to 60"),
    ("H3_RESOLUTION", "16", "must be a whole number from 7 to 12"),
    ("GRID_TYPE", "square", "must be h3_hexagonal"),
    ("SOUTHAMPTON_BBOX", "50.8,-1.5", "must be four numbers, lat_min,lng_min,lat_max,lng_max"),
    ("SOUTHAMPTON_BBOX", "50.97,-1.5,50.85,-1.3", "must be in degrees with lat_min < lat_max and lng_min < lng_max"),
    ("SOUTHAMPTON_BBOX", "-1.5,50.85,-1.3,50.97", "look swapped: latitude comes first, 50.85,-1.5,50.97,-1.3"),
    ("SOUTHAMPTON_BBOX", "nan,nan,nan,nan", "must be in degrees with lat_min < lat_max and lng_min < lng_max"),
    ("GRID_CELL_SIZE_M", "100", "must be about 73, the edge of a cell with H3_RESOLUTION=10"),
]


@pytest.mark.parametrize(("name", "value", "expected"), WRONG)
def test_a_wrong_value_is_named_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    environment(monkeypatch, **{**(ENGINES if name in ENGINES else {}), name: value})
    with pytest.raises(SettingsError) as caught:
        load(Settings)
    _, line = str(caught.value).split("\n")
    assert line.startswith(f"  {name}: ")
    assert expected in line


def test_one_message_names_every_wrong_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"LOG_LEVEL": "LOUD", "DATABASE_URL": "postgres://db/x", "GRID_CELL_SIZE_M": "500", "GRID_TYPE": "square"}
    environment(monkeypatch, **wrong)
    with pytest.raises(SettingsError) as caught:
        load(Settings)
    named = [line.split(":")[0].strip() for line in str(caught.value).split("\n")[1:]]
    assert named == ["LOG_LEVEL", "REDIS_URL", "GRID_TYPE", "GRID_CELL_SIZE_M"]


def test_a_wrong_value_with_a_password_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, DATABASE_URL="mysql://u:hunter2@db/x", REDIS_URL="htp://:hunter2@cache")
    with pytest.raises(SettingsError) as caught:
        load(Settings)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ENGINES)
def test_one_engine_alone_is_an_error(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    environment(monkeypatch, **{name: ENGINES[name]})
    with pytest.raises(SettingsError, match=r"REDIS_URL: is .*DATABASE_URL is .*set both, or neither"):
        load(Settings)


def test_production_needs_both_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, APP_ENV="production")
    with pytest.raises(SettingsError) as caught:
        load(Settings)
    for name in ENGINES:
        assert f"  {name}: is required with APP_ENV=production" in str(caught.value).split("\n")


@pytest.mark.parametrize(("resolution", "size_m"), [("10", 73), ("10", 67), ("9", 193), ("8", 511)])
def test_a_cell_size_that_is_that_of_the_resolution_is_taken(
    monkeypatch: pytest.MonkeyPatch, resolution: str, size_m: int
) -> None:
    environment(monkeypatch, H3_RESOLUTION=resolution, GRID_CELL_SIZE_M=str(size_m))
    assert load(Settings).cell_size_m == size_m


def test_a_variable_that_is_empty_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, H3_RESOLUTION="", GRID_CELL_SIZE_M="", SOUTHAMPTON_BBOX="")
    assert load(Settings) == Settings()


def test_the_box_is_read_with_latitude_first(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, SOUTHAMPTON_BBOX=" 50.8, -1.5,50.9 ,-1.2 ")
    assert load(Settings).southampton_bbox == (50.8, -1.5, 50.9, -1.2)


def test_loopback_may_speak_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, POLICE_API_BASE_URL="http://127.0.0.1:8080/api/")
    assert load(Settings).police_api_base_url == "http://127.0.0.1:8080/api"


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    Path(".env").write_text("H3_RESOLUTION=9\nLOG_LEVEL=ERROR\nSOMETHING_ELSE=1\n")
    environment(monkeypatch, H3_RESOLUTION="8")
    settings = load(Settings)
    assert (settings.h3_resolution, settings.log_level) == (8, "ERROR")


def test_settings_show_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, DATABASE_URL="postgres://u:hunter2@db/x", REDIS_URL="redis://:hunter2@cache")
    assert "hunter2" not in repr(load(Settings))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(Settings).h3_resolution = 9  # type: ignore[misc]


def test_a_job_called_without_engines_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not {"DATABASE_URL", "REDIS_URL"} & os.environ.keys()
    with pytest.raises(EnginesNotRunning, match="start them with `safegrid up`, or set DATABASE_URL and REDIS_URL"):
        cleanup_old_route_history()


def test_the_wait_for_a_process_that_knows_a_job_is_given_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **ENGINES, SAFEGRID_UNKNOWN_JOB_WAIT_S="90")
    assert load(worker.settings.Settings).unknown_job_wait == dt.timedelta(seconds=90)
