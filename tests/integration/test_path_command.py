"""`safegrid path`: ways of a file."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.gridded import build, hold, scattered
from tests.processes import run_command
from worker.settings import Settings

LINE = {"type": "LineString", "coordinates": [[-1.45, 50.91], [-1.36, 50.93]]}
FEATURE = {"type": "Feature", "properties": {}, "geometry": LINE}
ENCODED = "ojvuHnezG_|BoqP"


@pytest.fixture(autouse=True)
def _crimes(connection: Connection) -> None:
    hold(connection, "2024-01", scattered("2024-01", 500))
    build(connection)


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (json.dumps(LINE), 1),
        (json.dumps({"type": "FeatureCollection", "features": [FEATURE] * 101}), 101),
        (ENCODED, 1),
    ],
    ids=["line", "collection", "polyline"],
)
def test_each_way_of_a_file_is_scored(settings: Settings, tmp_path: Path, content: str, count: int) -> None:
    file = tmp_path / "ways"
    file.write_text(content)
    told = run_command(settings, "path", str(file))
    assert told.returncode == 0, told.stderr
    assert len(told.stdout.splitlines()) == count
    assert told.stdout.startswith("1: 6.71 km, ")
    assert "no time of day" in told.stderr
    (first, *_) = run_command(settings, "path", "--json", str(file)).stdout.splitlines()
    assert json.loads(first)["length_m"] == pytest.approx(6708.36, abs=0.01)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no paths"),
        ('{"type": "Point"}', "paths"),
        ("{", "not valid JSON"),
        ("_p~iF", "paths.0"),
        ("\0", "paths"),
    ],
)
def test_a_file_without_ways_is_refused_in_a_line(settings: Settings, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "ways"
    file.write_text(content)
    told = run_command(settings, "path", str(file))
    assert (told.returncode, told.stdout) == (2, "")
    assert said in told.stderr
    assert len(told.stderr.splitlines()) == 1
