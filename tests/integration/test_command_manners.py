"""How commands behave when they are called wrongly, read in part, or find something away."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest
from sqlalchemy import Connection

from jobs import catalogue
from tests.processes import REQUESTER, environment, run_command
from worker import ledger
from worker.cli import COMMANDS, cli
from worker.client import Client
from worker.settings import Settings


@pytest.mark.parametrize(
    "call",
    [
        ["nope"],
        ["runs", "--nope"],
        ["run", "nope"],
        ["run", "rebuild-grid", "--months", "x"],
        ["run", "rebuild-grid", "--months", "61"],
        ["run", "ingest-month", "--year", "2024"],
        ["runs", "00000000-0000-4000-8000-000000000000"],
        ["runs", "--job", "nope"],
        ["cancel", "00000000-0000-4000-8000-000000000000"],
        ["retry", "00000000-0000-4000-8000-000000000000"],
        ["pause", "nope"],
        ["resume", "ingest-month"],
        ["purge", "nope"],
        ["backfill", "--from", "2024-13"],
        ["backfill", "--from", "2024-05", "--to", "2024-04"],
        ["area", "remove", "nope"],
        ["weights", "--default", "nope"],
    ],
)
def test_a_wrong_call_ends_with_2_and_one_reason(settings: Settings, call: list[str]) -> None:
    done = run_command(settings, *call)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith(("safegrid: ", "Error: "))


def test_a_name_that_cannot_be_paused_is_refused_with_those_that_can(settings: Settings) -> None:
    said = run_command(settings, "pause", "nope").stderr
    with_cadence = [job.name for job in catalogue.load().values() if job.cron and job.function.__module__ != "tests"]
    assert all(name in said for name in (*catalogue.QUEUES, *with_cadence))


@pytest.mark.parametrize(("state", "code"), [("failed", 1), ("cancelled", 4)])
def test_a_run_that_was_waited_for_gives_the_exit_code_of_its_end(
    settings: Settings, connection: Connection, state: str, code: int
) -> None:
    job = catalogue.find("validate-grid-health")
    with Client(settings) as client:
        run_id = ledger.submit(connection, job, {}, REQUESTER).run_id
        waiting = subprocess.Popen(
            [sys.executable, "-m", "worker.cli", "run", job.name, "--wait"],
            env=environment(settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        # It joins the run that is open, and so ends as that does.
        assert waiting.stderr is not None
        assert waiting.stderr.readline()
        if state == "cancelled":
            client.cancel(run_id, "a test")
        else:
            for pushes in range(ledger.MAX_UNCLAIMED_PUSHES):
                ledger.pushed(connection, run_id, client.run(run_id).pushes if pushes else 0)
                ledger.count_unclaimed(connection, run_id)
        with waiting.stderr:
            said = waiting.stderr.read()
        assert waiting.wait(60) == code, said


def test_the_help_of_a_job_has_type_bounds_default_and_meaning(settings: Settings) -> None:
    said = " ".join(run_command(settings, "run", "rebuild-grid", "--help").stdout.split())
    assert (
        "--months N Calendar months to build, counted back from the newest. [a whole number from 1 to 60; default: 12]"
        in said
    )
    assert "--until YYYY-MM" in said
    assert "--force / --no-force Also rebuild months that have not changed. [default: no]" in said
    month = " ".join(run_command(settings, "run", "ingest-month", "--help").stdout.split())
    assert "--year N Year of the month. [a whole number from 2010 to 2100; required]" in month


def test_the_list_of_commands_says_what_each_command_says_itself() -> None:
    context = cli.make_context("safegrid", ["--help"], resilient_parsing=True)
    for name, (_, said) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert (command.help or "").splitlines()[0] == said


def test_a_reader_that_has_enough_is_no_error(settings: Settings) -> None:
    command = f"{sys.executable} -m worker.cli jobs --json | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=environment(settings), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"[", b"")


def test_doctor_prints_each_finding_as_it_knows_it_and_waits_little(settings: Settings) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/api"
        doctor = subprocess.Popen(
            [sys.executable, "-m", "worker.cli", "doctor"],
            env={**environment(settings, POLICE_API_BASE_URL=address), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert doctor.stdout is not None
        with doctor.stdout:
            first = doctor.stdout.readline()
            # What asks the source, which accepts and says nothing, comes later.
            assert first.startswith("ok  PostgreSQL")
            assert doctor.poll() is None
            rest = doctor.stdout.read()
    assert "Police API" in rest
    assert doctor.wait(60) == 1


def test_doctor_asks_once_for_what_is_away(settings: Settings) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        host = f"127.0.0.1:{deaf.getsockname()[1]}"
        away = {
            "DATABASE_URL": f"postgresql://nobody@{host}/nothing",
            "REDIS_URL": f"redis://{host}/0",
            "POLICE_API_BASE_URL": f"http://{host}/api",
        }
        started = time.monotonic()
        done = run_command(settings, "doctor", "--json", **away)
        took = time.monotonic() - started
    found = {one["what"]: one["fine"] for one in json.loads(done.stdout)}
    assert [found[name] for name in ("PostgreSQL", "Redis", "Police API")] == [False, False, False]
    # Three tries of three seconds; six tries of the source alone took over forty.
    assert took < 30, f"took {took:.0f} s"
    assert done.returncode == 1
    assert os.environ.get("DATABASE_URL") is None
