"""The folder of real climbing data beside the project, for tests that need it."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "climbing"


def climbing_folder() -> Path:
    """The folder; without it the test is skipped by name, or fails where CI=true."""
    for name in ("mountains", "routes", "accidents", "accident_weather"):
        file = FOLDER / f"{name}.csv.gz"
        if not file.is_file():
            missing = f"{file} is missing"
            pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return FOLDER
