"""The shipped units: what is installed as the docs say is in production."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_is_in_production_whatever_its_file_says(unit: Path) -> None:
    lines = [line.partition("=") for line in unit.read_text().splitlines() if "=" in line]
    # Of the environment, systemd lets the file go before the unit; what the command sets goes before both.
    commands = [value for name, _, value in lines if name.startswith("Exec")]
    assert commands
    assert all(command.startswith("/usr/bin/env APP_ENV=production ") for command in commands)
    assert "APP_ENV=development" in (ROOT / ".env.example").read_text()
