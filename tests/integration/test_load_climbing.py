"""Loading climbing data: the tables become what the folder says, however often it is loaded."""

import csv
import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, text

from jobs.scores import store
from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.climbing.loading import load
from jobs.scores.climbing.reading import ClimbingDataError
from jobs.scores.climbing.rows import accident_columns
from jobs.scores.days import today
from tests.standins import climbing
from tests.unit.climbing_folder import climbing_folder
from worker.cli import cli
from worker.settings import Settings

TABLES = ("mountains", "routes", "accidents", "accident_weather")


def held(connection: Connection) -> dict[str, list[tuple]]:
    with connection.begin():
        return {table: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {table}")))) for table in TABLES}


def rewrite(path: Path, change: dict[int, dict[str, str]]) -> None:
    """Change columns of some rows, counted from 0; the empty change takes a row out."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | change.get(i, {}) for i, row in enumerate(rows) if change.get(i) != {})


def test_a_second_load_changes_nothing(connection: Connection, tmp_path: Path) -> None:
    folder = climbing.write(tmp_path)
    first = load(connection, read_folder(folder))
    before = held(connection)
    assert load(connection, read_folder(folder)) == first
    assert held(connection) == before
    assert first.rows == {name: len(rows) for name, rows in before.items()}
    assert first.rows == {"mountains": 6, "routes": 60, "accidents": 200, "accident_weather": 1400}
    assert first.issues == {}


def test_a_corrected_folder_replaces_what_was_held(connection: Connection, tmp_path: Path) -> None:
    folder = climbing.write(tmp_path)
    load(connection, read_folder(folder))
    rewrite(folder / "routes.csv", {0: {"name": "Renamed"}, 59: {}})
    load(connection, read_folder(folder))
    names = {row[0]: row[1] for row in held(connection)["routes"]}
    assert names[1] == "Renamed"
    assert len(names) == 59


def test_links_to_nowhere_are_dropped_and_counted(connection: Connection, tmp_path: Path) -> None:
    folder = climbing.write(tmp_path)
    rewrite(folder / "routes.csv", {0: {"mountain_id": "99"}})
    rewrite(folder / "accidents.csv", {0: {"latitude": ""}, 1: {"route_id": "999.0"}})
    rewrite(folder / "accident_weather.csv", {8: {"date": "", "accident_id": "2"}, 20: {"accident_id": ""}})
    loaded = load(connection, read_folder(folder))
    assert loaded.issues == {
        "accidents: no coordinates": 1,
        "accident_weather: no date": 1,
        "routes: mountain_id refers to no loaded row: loaded without it": 1,
        "accidents: route_id refers to no loaded row: loaded without it": 1,
        "accident_weather: climate data, not of an accident": 1,
        "accident_weather: of an accident that is not loaded": 7,
    }
    assert loaded.rows == {"mountains": 6, "routes": 60, "accidents": 199, "accident_weather": 1400 - 9}


def test_accidents_of_days_to_come_are_set_aside_and_named(connection: Connection, tmp_path: Path) -> None:
    folder = climbing.write(tmp_path)
    tomorrow = str(today() + dt.timedelta(days=1))
    rewrite(folder / "accidents.csv", {0: {"date": tomorrow}, 5: {"date": "2099-01-01"}, 7: {"date": str(today())}})
    loaded = load(connection, read_folder(folder))
    assert loaded.issues.pop(f"accidents: date is after today: 1 ({tomorrow}), 6 (2099-01-01)") == 2
    assert loaded.issues == {"accident_weather: of an accident that is not loaded": 14}
    assert {row[0] for row in held(connection)["accidents"]} == set(range(1, 201)) - {1, 6}
    rewrite(folder / "accidents.csv", {row: {"date": "2099-01-01"} for row in range(12)})
    [named] = [issue for issue in read_folder(folder).issues if "after today" in issue]
    assert named.endswith("10 (2099-01-01), and 2 more")


def test_routes_whose_name_is_a_sentence_are_set_aside_and_named(connection: Connection, tmp_path: Path) -> None:
    folder = climbing.write(tmp_path)
    rewrite(folder / "routes.csv", {0: {"name": "The rope just went right through my hands,"}})
    rewrite(folder / "accidents.csv", {row: {"route_id": "1" if row == 1 else ""} for row in range(200)})
    loaded = load(connection, read_folder(folder))
    assert loaded.issues == {
        "routes: name reads like a sentence: 1 (The rope just went right through my hands,)": 1,
        "accidents: route_id refers to no loaded row: loaded without it": 1,
    }
    assert 1 not in {row[0] for row in held(connection)["routes"]}


def test_what_is_read_back_is_what_the_files_said(connection: Connection, tmp_path: Path) -> None:
    files = read_folder(climbing.write(tmp_path))
    load(connection, files)
    with connection.begin():
        routes = store.routes(connection, range(1000))
        accidents, windows = store.accidents(connection)
    assert tuple(routes[route.route_id] for route in files.routes) == files.routes
    assert tuple(accidents) == files.accidents
    expected = accident_columns(files.accidents, files.weather).windows
    assert (windows.values == expected.values).all()
    assert (windows.days == expected.days).all()


def test_a_load_that_fails_leaves_what_was_held(connection: Connection, tmp_path: Path) -> None:
    files = read_folder(climbing.write(tmp_path))
    load(connection, files)
    before = held(connection)
    with connection.begin():
        connection.execute(text("ALTER TABLE accidents ADD CHECK (accident_id < 200) NOT VALID"))
    with pytest.raises(Exception, match="check"):
        load(connection, files)
    connection.rollback()
    assert held(connection) == before


@pytest.mark.parametrize("table", TABLES)
def test_a_file_with_a_head_alone_empties_no_table(connection: Connection, tmp_path: Path, table: str) -> None:
    folder = climbing.write(tmp_path)
    load(connection, read_folder(folder))
    before = held(connection)
    file = folder / f"{table}.csv"
    file.write_text(file.read_text().splitlines()[0] + "\n")
    with pytest.raises(
        ClimbingDataError, match=rf"{table}: the data has no valid row, but {len(before[table])} are loaded"
    ):
        load(connection, read_folder(folder))
    assert held(connection) == before


def test_the_command_says_what_was_loaded_and_what_was_not(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    folder = climbing.write(tmp_path)
    rewrite(folder / "accidents.csv", {0: {"date": "yesterday"}})
    answer = CliRunner().invoke(cli, ["load-climbing", str(folder), "--json"])
    assert answer.exit_code == 0
    told = json.loads(answer.stdout)
    assert told["loaded"]["accidents"] == 199
    assert told["issues"]["accidents: date is not a date"] == 1
    assert "199" in CliRunner().invoke(cli, ["load-climbing", str(folder)]).stdout


def test_the_real_data_is_loaded_but_for_what_has_no_place_date_or_name(connection: Connection) -> None:
    loaded = load(connection, read_folder(climbing_folder()))
    assert loaded.rows == {"mountains": 441, "routes": 552, "accidents": 3998, "accident_weather": 27_986}
    [named] = [issue for issue in loaded.issues if "sentence" in issue]
    assert named.startswith("routes: name reads like a sentence: 58 (Can I safely reverse these moves?), 64 (Ten")
    assert loaded.issues == {
        named: 70,
        "accidents: no coordinates": 321,
        "accidents: no date": 1,
        "accidents: route_id refers to no loaded row: loaded without it": 54,
        "accident_weather: climate data, not of an accident": 21_688,
    }
    names = {row[0]: row[1] for row in held(connection)["mountains"]}
    assert (names[1], names[53]) == ("McKinley", "Mckinley")  # two rows of the files stay two
