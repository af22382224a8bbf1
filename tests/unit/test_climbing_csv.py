import gzip
from datetime import date
from pathlib import Path

import pytest

from jobs.scores.climbing import csv_folder
from jobs.scores.climbing.csv_folder import read_folder
from jobs.scores.climbing.reading import COLUMNS, ClimbingDataError

ROWS = {
    "mountains": ["1.0,Peak,1000.0,peak,,CO,40.0,-105.0,3", "2,Other,,unknown,,,,,1"],
    "routes": ["1,Ridge,1,Peak,5.8,,600.0,6.0,trad,40.0,-105.0,2", "2,Wall,,,,,,,unknown,,,0"],
    "accidents": [
        '1.0,AAC,9,2020-01-07,CO,40.0,-105.0,unknown,climbing,fatal,"Roped, grade:5.9",1.0,',
        "2,AAC,9,2020-01-07,CO,40.0,-105.0,unknown,climbing,fatal,,2.0,1.0",
    ],
    "accident_weather": ["1,1.0,2020-01-07,40.0,-105.0,1,0,2,3,4,5,6", "2,,2020-01-07,40.0,-105.0,1,0,2,3,4,5,6"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in ROWS.items():
        write(tmp_path, name, rows)
    return tmp_path


def write(folder: Path, name: str, rows: list[str]) -> None:
    (folder / f"{name}.csv").write_text("\n".join([COLUMNS[name].replace(" ", ","), *rows]) + "\n")


def test_ids_written_with_a_point_are_whole_numbers(folder):
    climbing = read_folder(folder)
    assert [accident.accident_id for accident in climbing.accidents] == [1, 2]
    assert climbing.accidents[0].mountain_id == 1
    assert climbing.accidents[0].route_id is None
    assert not climbing.issues


def test_elevations_are_metres_and_follow_the_linked_mountain(folder):
    climbing = read_folder(folder)
    assert [mountain.elevation_m for mountain in climbing.mountains] == [pytest.approx(304.8), None]
    assert [accident.elevation_m for accident in climbing.accidents] == [pytest.approx(304.8), None]
    assert [route.elevation_m for route in climbing.routes] == [pytest.approx(304.8), None]


def test_routes_without_coordinates_are_kept(folder):
    assert [route.latitude for route in read_folder(folder).routes] == [40.0, None]


def test_weather_without_an_accident_is_background_and_not_a_fault(folder):
    climbing = read_folder(folder)
    assert [day.accident_id for day in climbing.weather] == [1, None]
    assert climbing.weather[0].date == date(2020, 1, 7)
    assert climbing.weather[0].wind_speed_max == 4
    assert not climbing.issues


def test_accidents_that_cannot_be_placed_are_set_aside_with_each_reason(folder):
    tail = "unknown,climbing,fatal,,,"
    write(
        folder,
        "accidents",
        [f"1,AAC,9,,CO,40,-105,{tail}", f"2,AAC,9,2020-01-07,CO,,-105,{tail}", f"3,AAC,9,,CO,,,{tail}"],
    )
    climbing = read_folder(folder)
    assert climbing.accidents == ()
    assert climbing.issues == {"accidents: no date": 2, "accidents: no coordinates": 2}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,Peak,,peak,,,,,1", "mountain_id is not a whole number"),
        ("1.5,Peak,,peak,,,,,1", "mountain_id is not a whole number"),
        (",Peak,,peak,,,,,1", "no mountain_id"),
        ("1,Peak,,peak,,,,,1", "mountain_id seen before"),
        ("9,Peak,high,peak,,,,,1", "elevation_ft is not a number"),
        ("9,Peak,nan,peak,,,,,1", "elevation_ft is not a number"),
        ("9,Peak,,peak,,,95,0,1", "coordinates are not degrees"),
        ("9,Peak,,peak,,,0,-181,1", "coordinates are not degrees"),
        ("9,Peak,,peak,,,,,1.5", "accident_count is not a whole number"),
        ("9,Pe\0ak,,peak,,,,,1", "name has a zero byte"),
        ("9,Peak,1e308,peak,,,,,1", "elevation_ft is too large"),
        (f"{2**31},Peak,,peak,,,,,1", "mountain_id is too large"),
        (f"9,Peak,,peak,,,,,{'9' * 5000}", "accident_count is too large"),
    ],
)
def test_a_row_that_cannot_be_used_is_counted_and_the_others_are_read(folder, row, reason):
    write(folder, "mountains", [*ROWS["mountains"], row])
    climbing = read_folder(folder)
    assert len(climbing.mountains) == 2
    assert climbing.issues == {f"mountains: {reason}": 1}


def test_a_date_that_is_none_sets_its_row_aside(folder):
    seconds_since_1970 = "1578355200"
    rows = [f"{i},1.0,{day},40.0,-105.0,1,0,2,3,4,5,6" for i, day in enumerate(("07.01.2020", seconds_since_1970), 1)]
    write(folder, "accident_weather", rows)
    assert read_folder(folder).issues == {"accident_weather: date is not a date": 2}


def test_a_missing_file_is_named_with_its_folder(folder):
    (folder / "routes.csv").unlink()
    with pytest.raises(ClimbingDataError, match=r"has neither routes\.csv nor routes\.csv\.gz"):
        read_folder(folder)


def test_missing_columns_are_named(folder):
    (folder / "mountains.csv").write_text("mountain_id,name\n1,Peak\n")
    with pytest.raises(ClimbingDataError, match=r"mountains\.csv lacks the columns elevation_ft, type, range"):
        read_folder(folder)


def test_packed_files_are_read_too(folder):
    plain = folder / "mountains.csv"
    (folder / "mountains.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert len(read_folder(folder).mountains) == 2


def test_a_packed_file_that_is_cut_off_cannot_be_read(folder):
    plain = folder / "mountains.csv"
    (folder / "mountains.csv.gz").write_bytes(gzip.compress(plain.read_bytes())[:-12])
    plain.unlink()
    with pytest.raises(ClimbingDataError, match=r"mountains\.csv\.gz cannot be read .*: download it again"):
        read_folder(folder)


@pytest.mark.parametrize("body", [b"\n" * 2**20, b"x" * 2**20])
def test_a_packed_file_that_unpacks_without_end_is_not_read(folder, monkeypatch, body):
    monkeypatch.setattr(csv_folder, "MOST_BYTES", 2**19)
    (folder / "mountains.csv").unlink()
    head = COLUMNS["mountains"].replace(" ", ",").encode() + b"\n"
    (folder / "mountains.csv.gz").write_bytes(gzip.compress(head + body))
    with pytest.raises(ClimbingDataError, match=r"mountains\.csv\.gz cannot be read \(it has more than 0 MB\)"):
        read_folder(folder)
