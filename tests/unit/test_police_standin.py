"""The police stand-in keeps the real API's habits, the awkward ones above all."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.standins.police import Archive, PoliceStandin, Records, Synthetic

SHARED = Path(__file__).parents[3] / "shared" / "data" / "police"
SOUTHAMPTON = "50.86,-1.48:50.86,-1.32:50.96,-1.32:50.96,-1.48"
SQUARE = "50.9,-1.4:50.9,-1.3:51.0,-1.3:51.0,-1.4"
HAND_MADE: list[dict[str, Any]] = [
    {"month": "2024-01", "latitude": 50.95, "longitude": -1.35, "category": "burglary"},
    {"month": "2024-02", "latitude": 50.95, "longitude": -1.35, "category": "burglary"},
    {"month": "2024-02", "latitude": 50.95, "longitude": -1.35, "category": "drugs"},
    {"month": "2024-02", "latitude": 50.9, "longitude": -1.35, "category": "robbery"},
    {"month": "2024-02", "latitude": 52.0, "longitude": -1.35, "category": "robbery"},
    {"month": "2024-02", "category": "drugs"},
]


def shared(name: str) -> Path:
    """A real file beside the project; without it the test is skipped, in CI it fails."""
    path = SHARED / name
    if not path.exists():
        missing = f"{path} is missing"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return path


@pytest.fixture
def police() -> Iterator[PoliceStandin]:
    with PoliceStandin(Records(HAND_MADE), rate=None) as standin:
        yield standin


def crimes(police: PoliceStandin, category: str = "all-crime", **parameters: str) -> list[dict[str, Any]]:
    form = {"poly": SQUARE, "date": "2024-02"} | parameters
    answer = requests.post(f"{police.url}/crimes-street/{category}", data=form, timeout=10)
    assert answer.status_code == 200
    records: list[dict[str, Any]] = answer.json()
    return records


def status(police: PoliceStandin, call: str = "crime-last-updated", **parameters: str) -> int:
    return requests.get(f"{police.url}/{call}", params=parameters, timeout=10).status_code


def csv_rows(path: Path, month: str, force: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as archive:
        text = archive.read(f"{month}/{month}-{force}-street.csv").decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_polygon_closes_itself_and_its_border_belongs_to_it(police: PoliceStandin) -> None:
    assert [each["category"] for each in crimes(police)] == ["burglary", "drugs", "robbery"]


def test_a_point_finds_what_lies_within_a_mile(police: PoliceStandin) -> None:
    def found(lat: str) -> int:
        place = {"lat": lat, "lng": "-1.35", "date": "2024-02"}
        return len(requests.get(f"{police.url}/crimes-street/all-crime", params=place, timeout=10).json())

    assert (found("50.9356"), found("50.9355")) == (2, 0)  # 1,601 m and 1,612 m to the south


def test_widening_is_silent(police: PoliceStandin) -> None:
    assert len(crimes(police, "drugs")) == 1
    assert len(crimes(police, "drugz")) == 3
    assert {each["month"] for each in crimes(police, date="2024-1")} == {"2024-02"}
    assert {each["month"] for each in crimes(police, date="", dat="2024-01")} == {"2024-02"}
    assert crimes(police, poly="10,10:10,11:11,11") == []


def test_a_json_body_and_an_overlong_get_are_400_where_a_form_is_answered(police: PoliceStandin) -> None:
    url = f"{police.url}/crimes-street/all-crime"
    long = {"poly": ":".join([SQUARE] * 120), "date": "2024-02"}
    assert requests.post(url, json={"poly": SQUARE, "date": "2024-02"}, timeout=10).status_code == 400
    assert requests.get(url, params=long, timeout=10).status_code == 400
    assert requests.post(url, data=long, timeout=10).status_code == 200


def test_a_month_older_than_the_window_is_404_and_one_not_yet_published_is_what_was_set(
    police: PoliceStandin,
) -> None:
    place = {"poly": SQUARE, "call": "crimes-street/all-crime"}
    assert status(police, **place, date="2023-12") == 404
    assert crimes(police, date="2024-03") == []
    for unpublished in (404, 500):
        police.settings.unpublished = unpublished
        assert status(police, **place, date="2024-03") == unpublished


def test_the_cap_counts_all_categories_and_answers_503_with_nothing(police: PoliceStandin) -> None:
    police.settings.cap = 2
    place = {"poly": SQUARE, "date": "2024-02"}
    answer = requests.get(f"{police.url}/crimes-street/drugs", params=place, timeout=10)
    assert (answer.status_code, answer.content) == (503, b"")
    assert status(police) == 200


def test_the_bucket_overflows_after_the_burst() -> None:
    with PoliceStandin(Records(HAND_MADE), rate=0.01, burst=3) as police:
        assert [status(police) for _ in range(5)] == [200, 200, 200, 429, 429]


def test_unplaced_crimes_come_by_force_alone(police: PoliceStandin) -> None:
    def unplaced(force: str) -> list[Any]:
        form = {"category": "all-crime", "force": force, "date": "2024-02"}
        found: list[Any] = requests.get(f"{police.url}/crimes-no-location", params=form, timeout=10).json()
        return found

    (one,) = unplaced("hampshire")
    assert (one["category"], one["location"], one["location_type"]) == ("drugs", None, None)
    assert unplaced("kent") == []


def test_a_release_brings_a_month_and_revises_an_old_one() -> None:
    with PoliceStandin(Records(HAND_MADE), published=["2024-01"], rate=None) as police:
        (old,) = crimes(police, date="2024-01")
        police.publish("2024-02")
        police.revise(
            "2024-01",
            change={old["id"]: {"latitude": 50.96, "longitude": -1.35}},
            add=[{"category": "drugs"}],
        )
        (moved,) = crimes(police, date="2024-01")
        assert (moved["id"], moved["location"]["latitude"]) == (old["id"], "50.960000")
        assert len(police.crimes("2024-01")) == 2
        police.revise("2024-01", remove=[old["id"]], renumber=True)
        assert crimes(police, date="2024-01") == []
        dates = requests.get(f"{police.url}/crimes-street-dates", timeout=10).json()
        assert [each["date"] for each in dates] == ["2024-02", "2024-01"]


def test_a_reset_is_a_reset_and_half_a_body_is_half_a_body(police: PoliceStandin) -> None:
    police.fault("reset", month="2024-02")
    police.fault("truncated", month="2024-02")
    assert len(crimes(police, date="2024-01")) == 1
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        crimes(police)
    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        crimes(police)
    assert len(crimes(police)) == 3
    assert [call.status for call in police.calls("crimes-street", "2024-02")] == [0, 200, 200]


def test_an_outage_takes_everything_until_it_is_cleared(police: PoliceStandin) -> None:
    police.fault("outage")
    assert {status(police, call) for call in ("crime-last-updated", "forces", "crimes-street-dates")} == {503}
    police.clear_faults()
    assert status(police) == 200


def test_faults_in_records_wait_for_an_answer_with_records(police: PoliceStandin) -> None:
    for kind in ("wrong-month", "unknown-category", "bad-record", "bad-record:month", "status:500"):
        police.fault(kind, path="" if kind.startswith("status") else None)
    assert crimes(police, poly="10,10:10,11:11,11") == []
    assert {each["month"] for each in crimes(police)} == {"2024-01"}
    assert crimes(police)[0]["category"] == "hoverboard-theft"
    assert crimes(police)[0]["location"]["latitude"] == "north"
    assert "month" not in crimes(police)[0]
    assert status(police, "forces") == 500
    assert len(crimes(police)) == 3


def test_the_control_endpoint_does_over_http_what_the_methods_do(police: PoliceStandin) -> None:
    def order(call: str, **what: Any) -> requests.Response:
        return requests.post(f"{police.control_url}/{call}", json=what, timeout=10)

    assert order("faults", kind="html", times=2).json()["faults"][0]["times"] == 2
    assert "DOCTYPE" in requests.get(f"{police.url}/forces", timeout=10).text
    assert requests.delete(f"{police.control_url}/faults", timeout=10).json()["faults"] == []
    assert order("published", month="2024-03").json()["published"][-1] == "2024-03"
    assert order("settings", cap=5).json()["settings"]["cap"] == 5
    assert order("revise", month="2024-03", add=[{"latitude": 50.95, "longitude": -1.35}]).status_code == 200
    assert len(crimes(police, date="2024-03")) == 1
    log = requests.get(f"{police.control_url}/log", timeout=10).json()
    assert [(call["path"], call["month"]) for call in log][1:] == [("/api/crimes-street/all-crime", "2024-03")]
    assert "earthquake" in order("faults", kind="earthquake").json()["error"]


def test_records_look_like_those_of_the_real_service() -> None:
    def shape(record: dict[str, Any]) -> dict[str, Any]:
        return {key: shape(value) if isinstance(value, dict) else type(value) for key, value in record.items()}

    recorded = json.loads(shared("api/crimes-street-2014-08.json").read_text())
    with PoliceStandin(Synthetic(1, "2024-02")) as police:
        ours = crimes(police, poly=SOUTHAMPTON)
    for has_outcome in (True, False):
        theirs, made = (
            next(each for each in records if (each["outcome_status"] is not None) == has_outcome)
            for records in (recorded, ours)
        )
        assert shape(made) == shape(theirs)


@pytest.mark.parametrize("month", ["2018-12", "2024-03"])
def test_southampton_has_the_crimes_of_the_archive(month: str) -> None:
    path = shared("hampshire.zip")
    rows = [
        row
        for row in csv_rows(path, month, "hampshire")
        if 50.86 <= float(row["Latitude"]) <= 50.96 and -1.48 <= float(row["Longitude"]) <= -1.32
    ]
    with PoliceStandin(path) as police:
        found = crimes(police, poly=SOUTHAMPTON, date=month)
    places = [(each["location"]["latitude"], each["location"]["longitude"], each["persistent_id"]) for each in found]
    assert places == [(row["Latitude"], row["Longitude"], row["Crime ID"]) for row in rows]
    assert len({each["id"] for each in found}) == len(rows) > 2_900


@pytest.mark.parametrize(("name", "force"), [("2024-02.zip", "staffordshire"), ("edge-cases.zip", "dyfed-powys")])
def test_a_forces_unplaced_crimes_are_those_of_the_archive(name: str, force: str) -> None:
    path = shared(name)
    expected = [row["Crime ID"] for row in csv_rows(path, "2024-02", force) if not row["Latitude"]]
    with PoliceStandin(path) as police:
        form = {"category": "all-crime", "force": force, "date": "2024-02"}
        found = requests.get(f"{police.url}/crimes-no-location", params=form, timeout=10).json()
    assert [each["persistent_id"] for each in found] == expected
    assert len(expected) > 20


def test_a_folder_in_the_layout_of_the_archive_serves_as_well(tmp_path: Path) -> None:
    header = "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type"
    row = ',2024-02,BTP,BTP,-1.35,50.95,"Eastleigh, (Station)",,,Public order'
    (tmp_path / "2024-02").mkdir()
    text = f"{header},Last outcome category,Context\r\n{row},,\r\n"
    (tmp_path / "2024-02" / "2024-02-btp-street.csv").write_text(text, newline="")
    with PoliceStandin(Archive(tmp_path)) as police:
        (one,) = crimes(police)
    assert (one["location_type"], one["location"]["street"]["name"]) == ("BTP", "Eastleigh, (Station)")
    assert (one["category"], one["persistent_id"], one["outcome_status"]) == ("public-order", "", None)


def test_synthetic_crimes_say_so_and_are_the_same_every_time() -> None:
    answers = []
    for months in (1, 12):
        with PoliceStandin(Synthetic(months, "2026-09")) as police:
            form = {"poly": SOUTHAMPTON, "date": "2026-09"}
            answers.append(requests.post(f"{police.url}/crimes-street/all-crime", data=form, timeout=10))
            forces = requests.get(f"{police.url}/forces", timeout=10).json()
            unplaced = sum(each["location"] is None for each in police.crimes("2026-09"))
    first, second = answers
    assert first.content == second.content
    assert first.headers["X-Safegrid-Data"] == "synthetic"
    assert 3_000 <= len(first.json()) <= 4_100
    assert 80 <= unplaced <= 110
    assert all("(synthetic)" in each["location"]["street"]["name"] for each in first.json())
    assert len(forces) == 44
    assert all(each["name"].endswith("(synthetic)") for each in forces)


def test_as_a_process_it_says_where_it_is_and_ends_with_its_parent_or_on_sigterm() -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    command = [sys.executable, "-m", "tests.standins.police", "--synthetic", "--months", "2"]
    command += ["--parent-pid", str(parent.pid)]
    root = Path(__file__).parents[2]
    standins = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
    try:
        for standin in standins:
            assert standin.stdout is not None
            url = standin.stdout.readline().removeprefix("police stand-in on ").strip()
            assert len(requests.get(f"{url}/crimes-street-dates", timeout=10).json()) == 2
        standins[0].send_signal(signal.SIGTERM)
        assert standins[0].wait(10) == 0
        assert standins[1].poll() is None
        parent.communicate(b"\n", timeout=10)
        assert standins[1].wait(10) == 0
    finally:
        parent.kill()
        for standin in standins:
            standin.kill()
            standin.communicate()
