"""Which engines a command finds that is given no address: those that run in the working folder."""

from pathlib import Path

import pytest

from worker import engines, settings
from worker.engines import EnginesNotRunning, SeveralEngines


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAFEGRID_HOME", raising=False)


def silent(_: str) -> None:
    """Says nothing."""


def test_without_any_the_way_to_start_them_is_said() -> None:
    with pytest.raises(EnginesNotRunning, match="start them with `safegrid up`"):
        settings.read()


def test_a_demo_is_found_with_what_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"police_api_base_url": "http://127.0.0.1:8765/api", "sweep_interval_s": 2.0}
    with engines.own(Path(".demo/synthetic"), silent, told) as running:
        found = settings.read()
        assert found.database_url == running.endpoints.database_url
        assert (found.police_api_base_url, found.sweep_interval_s) == tuple(told.values())
        assert found.home == Path(".demo/synthetic")
        # What the environment says comes first.
        monkeypatch.setenv("POLICE_API_BASE_URL", "http://127.0.0.1:1/api")
        assert settings.read().police_api_base_url == "http://127.0.0.1:1/api"


def test_of_two_one_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with engines.own(Path(".safegrid"), silent) as mine, engines.own(Path(".demo/synthetic"), silent):
        with pytest.raises(SeveralEngines, match=r"export SAFEGRID_HOME=\.safegrid"):
            settings.read()
        monkeypatch.setenv("SAFEGRID_HOME", ".safegrid")
        assert settings.read().database_url == mine.endpoints.database_url


def test_no_secret_is_written_down_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPEN_METEO_API_KEY", "a-key-of-the-tests")
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://chat.example/a-secret-path")
    monkeypatch.setenv("H3_RESOLUTION", "9")
    values = settings.open_values(settings.Settings())
    assert values == {"h3_resolution": 9}
