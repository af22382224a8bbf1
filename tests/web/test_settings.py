"""The web's settings."""

import stat
from pathlib import Path

import pytest

import jobs.settings
from jobs.errors import SettingsError
from web.settings import Settings, with_local_secrets

STRONG = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://safegrid@db/safegrid",
    "REDIS_URL": "redis://cache:6379/0",
    "SECRET_KEY": "fpVnUwWjyBMZ83qo62UJHcAoEiTrSg90",
    "ADMIN_PASSWORD": "tall tree, small boat",
}


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return jobs.settings.load(Settings)


def test_production_takes_strong_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, **STRONG)
    assert (settings.port, settings.admin_username, settings.public_read) == (8000, "admin", False)


def test_one_error_names_every_wrong_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, APP_ENV="production", ADMIN_API_TOKEN="short", PORT="0", WEB_CONCURRENCY="many")
    for name in (
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "ADMIN_PASSWORD",
        "ADMIN_API_TOKEN",
        "PORT",
        "WEB_CONCURRENCY",
    ):
        assert f"{name}:" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "change-me-change-me-change-me-change-me"),
        ("SECRET_KEY", "x" * 40),
        ("ADMIN_PASSWORD", "Change_Me_Please"),
        ("ADMIN_PASSWORD", "passwordpassword"),
        ("ADMIN_API_TOKEN", "your-token-goes-right-here"),
        ("ADMIN_PASSWORD", "elevenchars"),
        ("ADMIN_PASSWORD", "qwertyuiop1234567890"),
        ("ADMIN_PASSWORD", "iloveyouiloveyou"),
        ("ADMIN_PASSWORD", "admin-admin-admin"),
        ("ADMIN_PASSWORD", "aaaaaabbbbbbcccccc"),
        ("ADMIN_API_TOKEN", "safegrid safegrid safegrid"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ],
)
def test_production_refuses_placeholders_and_short_secrets(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"{name}: ") as caught:
        load(monkeypatch, **STRONG | {name: value})
    assert value not in str(caught.value)


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, **STRONG, ADMIN_API_TOKEN="fedcba9876543210fedcba98")
    for secret in ("SECRET_KEY", "ADMIN_PASSWORD"):
        assert STRONG[secret] not in repr(settings)
    assert "fedcba" not in repr(settings)


def test_development_makes_secrets_of_its_own_and_keeps_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare = load(monkeypatch, SAFEGRID_HOME=str(tmp_path))
    first, second = with_local_secrets(bare), with_local_secrets(bare)
    assert first.secret_key == second.secret_key
    assert first.secret_key != first.admin_password
    assert min(len(first.secret_key), len(first.admin_password)) >= 16
    assert stat.S_IMODE((tmp_path / "admin-password").stat().st_mode) == 0o600


def test_an_empty_secret_file_opens_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "admin-password").touch()
    with pytest.raises(SettingsError, match="admin-password is empty"):
        with_local_secrets(load(monkeypatch, SAFEGRID_HOME=str(tmp_path)))
