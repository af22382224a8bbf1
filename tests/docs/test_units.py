"""The shipped units: in production as the docs install them, confined, and without the secrets of others."""

import shutil
import subprocess
from pathlib import Path

import pytest

import web.settings
import worker.settings
from tests.conftest import needs

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
# Tenths, as systemd-analyze takes it: below 3.
MOST_EXPOSED = 29
every_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)


def values(unit: Path, name: str) -> list[str]:
    lines = [line.partition("=") for line in unit.read_text().splitlines()]
    return [value for found, equals, value in lines if equals and found == name]


def secrets_of_the_web() -> set[str]:
    own = set(web.settings.Settings.model_fields) - set(worker.settings.Settings.model_fields)
    fields = web.settings.Settings.model_fields
    return {str(fields[name].validation_alias) for name in own if not fields[name].repr}


@every_unit
def test_a_unit_is_in_production_whatever_its_file_says(unit: Path) -> None:
    # Of the environment, systemd lets the file go before the unit; what the command sets goes before both.
    commands = [value for kind in ("ExecStart", "ExecStartPre") for value in values(unit, kind)]
    assert commands
    assert all(command.startswith("/usr/bin/env APP_ENV=production ") for command in commands)
    assert "APP_ENV=development" in (ROOT / ".env.example").read_text()


@every_unit
def test_a_unit_is_confined(unit: Path) -> None:
    needs("systemd-analyze (the package systemd)", shutil.which("systemd-analyze") is not None)
    asked = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(unit)]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Overall exposure level" in found.stdout
    # The docs have the code there as git brought it.
    assert values(unit, "InaccessiblePaths") == ["-/opt/safegrid/.git"]


@every_unit
def test_only_the_web_has_its_secrets(unit: Path) -> None:
    secrets = secrets_of_the_web()
    assert {"SECRET_KEY", "ADMIN_PASSWORD", "ADMIN_API_TOKEN"} <= secrets
    if unit.name == "safegrid-web.service":
        assert values(unit, "EnvironmentFile") == ["/etc/safegrid/env", "/etc/safegrid/web.env"]
        assert values(unit, "User") == ["safegrid-web"]
        return
    assert values(unit, "EnvironmentFile") == ["/etc/safegrid/env"]
    # An account of its own: of one's own account one may read the environment of every process.
    assert values(unit, "User") == ["safegrid"]
    assert secrets <= set(" ".join(values(unit, "UnsetEnvironment")).split())
