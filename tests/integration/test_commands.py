"""The command line: results on stdout, an error in one line on stderr, an exit code that says how it went."""

import datetime as dt
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.processes import environment, run_command, safegrid
from tests.standins.police import PoliceStandin, Records
from worker.cli import COMMANDS, cli
from worker.settings import Settings

SQUARE = {"type": "Polygon", "coordinates": [[[-1.1, 50.8], [-1.0, 50.8], [-1.0, 50.9], [-1.1, 50.9], [-1.1, 50.8]]]}


def answer(settings: Settings, *arguments: str, **extra: str) -> Any:
    """What a command that must succeed prints as JSON."""
    done = run_command(settings, *arguments, **extra)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def complaint(settings: Settings, *arguments: str, **extra: str) -> str:
    """The one line with which a command fails."""
    done = run_command(settings, *arguments, **extra)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_run_waits_shows_the_way_and_prints_the_result(settings: Settings, tmp_path: Path) -> None:
    with safegrid(settings, "worker", "maintenance", log=tmp_path / "log"):
        done = run_command(settings, "run", "cleanup-history", "--retention-days", "30", "--wait", "--timeout", "60")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["retention_days"] == 30
    assert "finished" in done.stderr


def test_run_ends_with_one_when_the_run_failed(settings: Settings, tmp_path: Path) -> None:
    with safegrid(settings, "worker", "maintenance", log=tmp_path / "log"):
        done = run_command(settings, "run", "fail", "--for-good", "--wait", "--timeout", "60")
    assert (done.returncode, done.stdout) == (1, "")
    assert "PermanentError: it broke" in done.stderr


def test_a_run_that_nobody_does_in_time_is_said(settings: Settings) -> None:
    assert "is still queued after 0.5 s" in complaint(settings, "run", "warm-cache", "--wait", "--timeout", "0.5")


def test_wrong_calls_are_one_line(settings: Settings) -> None:
    assert "There is no job nonsense" in complaint(settings, "run", "nonsense")
    assert "months: must be a whole number from 1 to 60 (given: 99)" in complaint(
        settings, "run", "rebuild-grid", "--months", "99"
    )
    assert "There is no run 123" in complaint(settings, "runs", "123")
    assert "There is no run 123" in complaint(settings, "cancel", "123")
    assert "Month 2024-13 is not a month (expected YYYY-MM)" in complaint(settings, "backfill", "--from", "2024-13")
    assert "neither a queue nor a job with a cadence" in complaint(settings, "pause", "ingest-month")


def test_settings_that_are_wrong_are_all_named(settings: Settings) -> None:
    done = run_command(settings, "runs", H3_RESOLUTION="99", LOG_LEVEL="LOUD")
    assert done.returncode == 1
    assert "H3_RESOLUTION" in done.stderr
    assert "LOG_LEVEL" in done.stderr


def test_engines_that_are_away_are_said_with_the_remedy(settings: Settings, tmp_path: Path) -> None:
    nowhere = {"DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/x", "REDIS_URL": settings.redis_url}
    said = complaint(settings, "runs", **nowhere)
    assert "PostgreSQL cannot be reached" in said
    assert "secret" not in said
    none = {"DATABASE_URL": "", "REDIS_URL": "", "SAFEGRID_HOME": str(tmp_path / "home")}
    assert "start them with `safegrid up`" in complaint(settings, "runs", **none)


def test_runs_can_be_listed_filtered_and_read_whole(settings: Settings) -> None:
    run_id = run_command(settings, "run", "rebuild-grid", "--months", "2").stdout.strip()
    run_command(settings, "run", "cleanup-history")
    assert [run["id"] for run in answer(settings, "runs", "--job", "rebuild-grid", "--json")] == [run_id]
    assert answer(settings, "runs", "--state", "failed", "--json") == []
    whole = answer(settings, "runs", run_id)
    assert (whole["job"], whole["parameters"]["months"], whole["attempts"]) == ("rebuild_safety_grid", 2, [])
    assert "rebuild_safety_grid" in run_command(settings, "runs").stdout


def test_a_run_is_cancelled_retried_and_run_with_changes(settings: Settings) -> None:
    run_id = run_command(settings, "run", "rebuild-grid", "--months", "2").stdout.strip()
    assert "cancelled" in run_command(settings, "cancel", run_id).stderr
    assert "it has ended" in complaint(settings, "cancel", run_id)
    assert run_command(settings, "retry", run_id).stdout.strip() == run_id
    changed = run_command(settings, "retry", run_id, "--param", "months=3").stdout.strip()
    assert answer(settings, "runs", changed)["parameters"]["months"] == 3
    assert answer(settings, "runs", changed)["parent_id"] == run_id


def test_the_catalogue_and_the_schedule_are_shown(settings: Settings) -> None:
    names = [job["name"] for job in answer(settings, "jobs", "--json")]
    assert names[:3] == ["backfill_crime_data", "ingest_archive", "ingest_latest_crime_data"]
    crons = {row["job"]: row["cron"] for row in answer(settings, "schedule", "--json")}
    assert crons["cleanup_old_route_history"] == "0 4 * * 0"


def test_a_queue_is_paused_purged_and_resumed(settings: Settings) -> None:
    run_command(settings, "pause", "ingestion")
    run_command(settings, "pause", "rebuild-grid")
    assert [row["paused"] for row in answer(settings, "schedule", "--json") if row["job"] == "rebuild_safety_grid"]
    run_command(settings, "run", "rebuild-grid")
    assert "1 runs cancelled" in run_command(settings, "purge", "ingestion", "--yes").stderr
    assert "is resumed" in run_command(settings, "resume", "ingestion").stderr
    assert "was not paused" in run_command(settings, "resume", "ingestion").stderr


def test_areas_are_added_listed_and_removed(settings: Settings, tmp_path: Path) -> None:
    polygon = tmp_path / "square.geojson"
    polygon.write_text(json.dumps(SQUARE))
    assert run_command(settings, "area", "add", "square", "--polygon", str(polygon), "--force", "kent").returncode == 0
    assert [area["slug"] for area in answer(settings, "area", "list", "--json")] == ["southampton-core", "square"]
    assert "--box: must be four numbers" in complaint(settings, "area", "add", "other", "--box", "1,2")
    assert "is neither GeoJSON nor KML" in complaint(settings, "area", "add", "other", "--polygon", __file__)
    assert run_command(settings, "area", "remove", "square", "--yes").returncode == 0
    assert "There is no area square" in complaint(settings, "area", "remove", "square", "--yes")


def test_areas_of_a_file_are_added_all_at_once_or_one_by_name(settings: Settings, tmp_path: Path) -> None:
    wards = tmp_path / "wards.kml"
    names = {"Old Town": "-2.2,53.0 -2.1,53.0 -2.1,53.1", "New Town": "-2.1,53.0 -2.0,53.0 -2.1,53.1"}
    ring = (
        "<Polygon><outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
    )
    placemarks = [f"<Placemark><name>{name}</name>{ring.format(at)}</Placemark>" for name, at in names.items()]
    wards.write_text(f"<kml><Document>{''.join(placemarks)}</Document></kml>")
    done = run_command(settings, "area", "add", "old-town", "--polygon", str(wards), "--name-property", "name")
    assert "wards.kml: area old-town: closed 1 ring whose last point was not the first" in done.stderr
    add = ["area", "add", "--polygon", str(wards)]
    assert "The area old-town exists already" in complaint(settings, *add, "--name-property", "name")
    run_command(settings, "area", "remove", "old-town", "--yes")
    assert run_command(settings, *add, "--name-property", "name").returncode == 0
    assert [(area["slug"], area["name"]) for area in answer(settings, "area", "list", "--json")][1:] == [
        ("new-town", "New Town"),
        ("old-town", "Old Town"),
    ]


def test_a_backfill_asks_for_every_month_that_is_not_held(settings: Settings) -> None:
    crimes = [{"month": month, "latitude": 50.9, "longitude": -1.4} for month in ("2024-01", "2024-02", "2024-03")]
    with PoliceStandin(Records(crimes)) as police:
        there = {"POLICE_API_BASE_URL": police.url}
        said = run_command(settings, "backfill", "--from", "2024-02", **there)
    assert "Months to ingest: 2024-03, 2024-02" in said.stderr
    assert [run["id"] for run in answer(settings, "runs", "--json")] == said.stdout.split()


def test_doctor_names_what_is_missing(settings: Settings) -> None:
    done = run_command(settings, "doctor", "--json", POLICE_API_BASE_URL="http://127.0.0.1:1/api")
    lines = {row["what"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 1
    assert lines["Tables"]["fine"]
    assert lines["Runs"]["words"] == "nothing is wrong"
    (missing,) = [row for row in json.loads(done.stdout) if row["kind"] == "no_workers"]
    assert "No worker is running. Start workers: `safegrid worker`." in missing["words"]
    assert not lines["Police API"]["fine"]


def test_a_port_in_use_is_named(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"Port {port} is in use by another program" in complaint(settings, "up", PORT=port)


def test_an_older_schema_stops_a_worker_with_the_remedy(settings: Settings, engine: Any) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert "run `safegrid migrate`" in complaint(settings, "worker")


def test_python_asks_for_runs_in_one_line(settings: Settings, tmp_path: Path) -> None:
    asking = (
        "import worker; print(worker.submit('cleanup_old_route_history', retention_days=9).wait(60)['retention_days'])"
    )
    with safegrid(settings, "worker", "maintenance", log=tmp_path / "log"):
        done = subprocess.run(
            [sys.executable, "-c", asking], env=environment(settings), capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout.strip()) == (0, "9"), done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = CliRunner().invoke(cli, [command, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output


def test_a_run_for_later_is_listed_with_its_time(settings: Settings) -> None:
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).replace(hour=3, minute=0)
    run_command(settings, "run", "cleanup_old_route_history", "--due-at", f"{later:%Y-%m-%dT%H:%M}")
    assert f"waiting until {later:%Y-%m-%d} 03:00" in run_command(settings, "runs").stdout
